"""Write the pretrained encoder where the course loads it, with its processor and its card's figure.

    python -m recipes.wav2vec2_tiny.export WORK [FOLDER]

The encoder goes without its head, in half precision, so that fine-tuning starts with a new one as
it does with facebook/wav2vec2-base. The heads it was pretrained with lie beside it, in
`pretraining_heads.safetensors`: for comparison, and for `pretrain.py` to go on from.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2Processor

from asr_helpers.corpus import FOLDER
from recipes.wav2vec2_tiny.network import CHARACTERS, RATE, new_model


def write_processor(folder):
    """The vocabulary in wav2vec2-base-960h's order, and a feature extractor with attention masks."""
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({c: i for i, c in enumerate(CHARACTERS)}))
    tokenizer = Wav2Vec2CTCTokenizer(str(vocabulary), word_delimiter_token="|")
    extractor = Wav2Vec2FeatureExtractor(sampling_rate=RATE, return_attention_mask=True)
    Wav2Vec2Processor(extractor, tokenizer).save_pretrained(folder)


def draw(history, folder):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 3.5))
    rows = [row for row in history if row["phase"] == "characters"]
    lines = {
        "wer": ("held-out speech of the voices, WER", "#0072B2", "-"),
        "real_wer": ("real prompts (validation), WER", "#D55E00", "-"),
        "real_cer": ("real prompts (validation), CER", "#D55E00", "--"),
    }
    for name, (label, colour, style) in lines.items():
        axes.plot(
            [r["hours"] for r in rows], [r[name] for r in rows], style, color=colour, label=label
        )
    axes.set(xlabel="hours of audio trained on", ylabel="error rate (fraction)", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(folder / "pretraining.png", dpi=100, bbox_inches="tight")


def main(work, folder=FOLDER / "wav2vec2-tiny"):
    work, folder = Path(work), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    saved = torch.load(work / "checkpoint.pt", weights_only=True)
    model = new_model()
    prefix = "model."
    weights = {
        n.removeprefix(prefix): w for n, w in saved["network"].items() if n.startswith(prefix)
    }
    model.load_state_dict(weights)
    model.wav2vec2.half().save_pretrained(folder)
    # The file holds half precision, to be small; whoever loads it computes in single.
    config = json.loads((folder / "config.json").read_text())
    config["dtype"] = "float32"
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    # Its heads: `model.lm_head` for English characters, `phone_head`, and one for each language.
    network = saved["network"].items()
    heads = {n: w.half() for n, w in network if not n.startswith("model.wav2vec2.")}
    save_file(heads, folder / "pretraining_heads.safetensors")
    write_processor(folder)
    history = saved["state"]["history"]
    (folder / "pretraining.json").write_text(json.dumps(history, indent=1) + "\n")
    draw(history, folder)
    print(
        f"{folder}: {sum(f.stat().st_size for f in folder.iterdir()) / 1e6:.1f} MB, {history[-1]}"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
