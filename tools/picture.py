"""Draw the README's opening picture: a call, what the model hears in it, and what it writes.

    python -m tools.picture [ROW]

Reads the model that lesson 05 left with the profile `offline`; ROW is of the validation split.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
import torch
from transformers import AutoModelForCTC

from asr_helpers import plots
from asr_helpers.artifacts import require
from asr_helpers.corpus import load_corpus
from asr_helpers.processor import load_processor, prepare_dataset
from asr_helpers.profiles import ROOT, load_profile


def draw(values, probabilities, tokens, spoken, written, rate):
    """Spectrogram above, the likeliest letter of each frame below; returns the figure."""
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(10, 4.6), sharex=True, height_ratios=(3, 2), layout="constrained"
    )
    top.specgram(values, NFFT=400, Fs=rate, noverlap=240, cmap="viridis", vmin=-110)
    top.set(ylim=(0, 4000), ylabel="frequency (Hz)", title=f"spoken: “{spoken.lower()}”")
    top.grid(False)
    seconds = (np.arange(len(probabilities)) + 0.5) * len(values) / rate / len(probabilities)
    best = probabilities.argmax(axis=1)
    bottom.plot(seconds, probabilities[:, 0], color=plots.GREY, linewidth=0.8, label="blank")
    for frame, token in enumerate(best):
        if token:
            height = probabilities[frame, token]
            bottom.vlines(seconds[frame], 0, height, color=plots.BLUE, linewidth=2)
            if not frame or token != best[frame - 1]:
                name = tokens[token].replace("|", "␣")
                bottom.annotate(name, (seconds[frame], height), ha="center", va="bottom")
    bottom.set(ylim=(0, 1.5), yticks=(0, 0.5, 1), xlabel="time (s)", ylabel="probability")
    title = f"written by the model you train: “{written.lower()}”"
    bottom.set_title(title, fontsize="medium")  # long enough to be cut off otherwise
    bottom.legend(loc="upper right", fontsize="small")
    return figure


@torch.inference_mode()
def main(row="0"):
    profile = load_profile("offline")
    folder = require(profile.artifacts / "05_finetuned", "05")
    processor = load_processor(folder)
    model = AutoModelForCTC.from_pretrained(folder, dtype=torch.float32).eval()
    corpus = load_corpus(profile.corpus, profile.language, profile.revision, profile.seed)
    clip = corpus["validation"].select([int(row)])
    prepared = prepare_dataset(clip, processor, profile.language)[0]
    values = torch.tensor(prepared["input_values"])
    probabilities = model(values[None]).logits[0].softmax(-1).numpy()
    tokens = processor.tokenizer.convert_ids_to_tokens(range(len(processor.tokenizer)))
    written = processor.decode(probabilities.argmax(axis=1))
    print("spoken: ", prepared["text"])
    print("written:", written)
    figure = draw(
        values.numpy(), probabilities, tokens, prepared["text"], written, profile.sampling_rate
    )
    (ROOT / "docs").mkdir(exist_ok=True)
    figure.savefig(ROOT / "docs" / "opening.png", dpi=90)


if __name__ == "__main__":
    main(*sys.argv[1:])
