"""Put the trained top on the exact model, and write both as a model folder.

    python -m recipes.wav2vec2_whisper.export WORK FOLDER
    python -m recipes.wav2vec2_whisper.export recipes/wav2vec2_whisper/top.safetensors FOLDER

The first takes what `top.py` left in WORK. The second takes the top that is kept in this repository, so
that nothing has to be trained: the rest of the model is computed from Whisper's weights.

The encoder goes without its head, in half precision, so that fine-tuning starts with a new one as
it does with facebook/wav2vec2-base. The head that the top was trained with lies beside it, in
`pretraining_heads.safetensors`.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from recipes.wav2vec2_tiny.export import write_processor
from recipes.wav2vec2_whisper import network
from recipes.wav2vec2_whisper.top import Top


def whole(state: dict[str, torch.Tensor]):
    """`network.new_model` with a trained `Top` in its place."""
    model, top = network.new_model(), Top()
    top.load_state_dict(state)
    model.wav2vec2.encoder.layer_norm.load_state_dict(top.norm.state_dict())
    model.wav2vec2.adapter.load_state_dict(top.adapter.state_dict())
    model.lm_head.load_state_dict(top.head.state_dict())
    return model


def draw(history, folder):
    """WER against the speech trained on, of the prompts and of the game that is held out."""
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


def trained(source: Path) -> tuple[dict[str, torch.Tensor], list[dict]]:
    """(the weights of a `Top` in single precision, its history) of a WORK folder or a kept top."""
    if source.suffix != ".safetensors":
        saved = torch.load(source / "top.pt", weights_only=True)
        return saved["top"], saved["state"]["history"]
    with safe_open(source, "pt") as kept:
        history = json.loads(kept.metadata()["history"])
    return {name: weight.float() for name, weight in load_file(source).items()}, history


def keep(work: str | Path, path: str | Path) -> None:
    """Write the top of a WORK folder in half precision, with its history: 2 MB."""
    weights, history = trained(Path(work))
    halves = {name: weight.half() for name, weight in weights.items()}
    save_file(halves, path, {"format": "pt", "history": json.dumps(history)})


def main(source, folder):
    source, folder = Path(source), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights, history = trained(source)
    model = whole(weights)
    head = {f"model.lm_head.{n}": w.half() for n, w in model.lm_head.state_dict().items()}
    save_file(head, folder / "pretraining_heads.safetensors")
    model.wav2vec2.half().save_pretrained(folder)
    # The file holds half precision, to be small; whoever loads it computes in single.
    config = json.loads((folder / "config.json").read_text())
    config["dtype"] = "float32"
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    write_processor(folder)
    (folder / "pretraining.json").write_text(json.dumps(history, indent=1) + "\n")
    draw(history, folder)
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    print(f"{folder}: {size:.1f} MB, {history[-1]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
