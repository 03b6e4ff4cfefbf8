"""Write the model where the course loads it: the encoder, its processor, and how training went.

    python -m recipes.wav2vec2_tiny.export WORK [FOLDER]

The encoder goes without its head, in half precision, so that fine-tuning starts with a new one as
it does with facebook/wav2vec2-base. The head that the top was trained with lies beside it, in
`pretraining_heads.safetensors`.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2Processor

from asr_helpers.corpus import FOLDER
from recipes.wav2vec2_tiny import network
from recipes.wav2vec2_tiny.top import Top


def write_processor(folder):
    """The vocabulary in wav2vec2-base-960h's order, and a feature extractor without attention masks.

    Padding is silence to this model. Under a mask the padded frames would be set to zero, and with
    them the constant that the places and the layer norms need. The top's convolutions would read
    these frames beside the last letters.
    """
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({c: i for i, c in enumerate(network.CHARACTERS)}))
    tokenizer = Wav2Vec2CTCTokenizer(str(vocabulary), word_delimiter_token="|")
    extractor = Wav2Vec2FeatureExtractor(sampling_rate=network.RATE, return_attention_mask=False)
    Wav2Vec2Processor(extractor, tokenizer).save_pretrained(folder)


def whole(state: dict[str, torch.Tensor]):
    """`network.new_model` with a trained `Top` in its place."""
    model, top = network.new_model(), Top()
    top.load_state_dict(state)
    model.wav2vec2.encoder.layer_norm.load_state_dict(top.norm.state_dict())
    model.wav2vec2.adapter.load_state_dict(top.adapter.state_dict())
    model.lm_head.load_state_dict(top.head.state_dict())
    return model


def draw(history, folder):
    """Error rates of the prompts and of the held-out game, against hours of speech trained on."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 3.5))
    hours = [row["hours"] for row in history]
    lines = {
        "prompts_wer": ("telephone prompts (validation), WER", "#D55E00", "-"),
        "prompts_cer": ("telephone prompts (validation), CER", "#D55E00", "--"),
        "drascula_wer": ("a game's actors, held out, WER", "#0072B2", "-"),
    }
    for name, (label, colour, style) in lines.items():
        axes.plot(hours, [row[name] for row in history], style, color=colour, label=label)
    axes.set(xlabel="hours of speech trained on", ylabel="error rate (fraction)", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(folder / "pretraining.png", dpi=100, bbox_inches="tight")


def main(work, folder=FOLDER / "wav2vec2-tiny"):
    work, folder = Path(work), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    saved = torch.load(work / "top.pt", weights_only=True)
    model = whole(saved["top"])
    head = {f"model.lm_head.{n}": w.half() for n, w in model.lm_head.state_dict().items()}
    save_file(head, folder / "pretraining_heads.safetensors")
    model.wav2vec2.half().save_pretrained(folder)
    # The file holds half precision, to be small; whoever loads it computes in single.
    config = json.loads((folder / "config.json").read_text())
    config["dtype"] = "float32"
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    write_processor(folder)
    history = saved["state"]["history"]
    (folder / "pretraining.json").write_text(json.dumps(history, indent=1) + "\n")
    draw(history, folder)
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    print(f"{folder}: {size:.1f} MB, {history[-1]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
