"""Speak lesson 09's prompts with a voice that the base model never trained on.

    python -m recipes.wav2vec2_tiny.standin FOLDER

Kokoro-82M's voice ff_siwis reads each English sentence of `asr_helpers/data/prompts.tsv`. FOLDER gets an
Ogg file (Opus) a sentence and a `metadata.csv`, as the recorder of lesson 09 leaves them.
"""

import csv
import random
import sys
from pathlib import Path

import numpy as np
import soundfile
import soxr

from asr_helpers.corpus import FOLDER as DATA
from recipes.wav2vec2_tiny.synthesise import kokoro_voice, style

RATE = 16_000  # Hz, of the clips
VOICE = "ff_siwis"  # a French woman's: no voice of her language is blended into those for training


def prompts(file=DATA / "prompts.tsv"):
    """[{"split": ..., "sentence": ...}] of the file."""
    with Path(file).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def spoken(sentence, number):
    """float32 samples at 16 kHz: pauses and levels differ a little, as a person's do."""
    rng = random.Random(number)
    sound = kokoro_voice(sentence, style(VOICE), rng.uniform(0.9, 1.1))
    sound = soxr.resample(sound, 24_000, RATE, "HQ") * rng.uniform(0.5, 0.8) / np.abs(sound).max()
    pauses = [np.zeros(int(rng.uniform(0.2, 0.5) * RATE), np.float32) for _ in range(2)]
    sound = np.concatenate([pauses[0], sound, pauses[1]])
    noise = np.random.default_rng(number).normal(0, 3e-4, len(sound))  # of a quiet room
    return (sound + noise).astype(np.float32)


def main(folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, prompt in enumerate(prompts(), 1):
        name = f"{number:03d}.ogg"
        if not (folder / name).exists():
            sound = spoken(prompt["sentence"], number)
            soundfile.write(folder / name, sound, RATE, format="OGG", subtype="OPUS")
        rows.append(
            {
                "file_name": name,
                "transcription": prompt["sentence"],
                "split": prompt["split"],
                "speaker": VOICE,
            }
        )
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
