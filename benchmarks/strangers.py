"""Digits by strangers: what a recogniser writes for voices that it never heard.

    python -m benchmarks.strangers FOLDER [MODEL ...]

FOLDER holds recordings named as in the Free Spoken Digit Dataset, `7_jackson_32.wav`: digit, speaker,
take. A clone of that public dataset (Zohar Jackson and others, CC BY-SA 4.0) serves; a folder with
some of its files does, too. MODEL is a folder; without one it is your own model of lesson 05, or else
the one that comes with the course.
The recordings are cut tight, so each gets a quarter of a second of silence before and after it.
"""

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from asr_helpers.audio import read_audio
from asr_helpers.finished import finished_model
from asr_helpers.inference import transcribe
from asr_helpers.metrics import cer, wer, wer_interval
from asr_helpers.model import load_model
from asr_helpers.processor import load_processor
from asr_helpers.profiles import load_profile

NAME = re.compile(r"(\d)_(\w+)_(\d+)\.wav")
WORDS = "ZERO ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE".split()
SILENCE = 0.25  # seconds
RATE = 16_000  # Hz


def recordings(folder: str | Path) -> list[tuple[str, str, np.ndarray]]:
    """[(speaker, word, samples at 16 kHz)] of a folder, in the order of the names.

    Raises:
        ValueError: the folder holds no such recording.
    """
    found = [(NAME.fullmatch(path.name), path) for path in sorted(Path(folder).glob("*.wav"))]
    silence = np.zeros(int(SILENCE * RATE), np.float32)
    rows = [
        (
            name[2],
            WORDS[int(name[1])],
            np.concatenate([silence, read_audio(path, RATE)[0], silence]),
        )
        for name, path in found
        if name
    ]
    if not rows:
        raise ValueError(
            f"{folder} holds no recording named as 7_jackson_32.wav (digit, speaker, take): name the "
            "folder `recordings` of a clone of the Free Spoken Digit Dataset."
        )
    return rows


def scores(rows: list[tuple[str, str, str]], seed: int = 0) -> dict[str, dict[str, float]]:
    """{speaker or "all": {"wer", "low", "high", "cer", "clips"}} of [(speaker, word, written)]."""
    groups = defaultdict(list)
    for speaker, *pair in rows:
        groups[speaker].append(pair)
        groups["all"].append(pair)
    found = {}
    for name, pairs in groups.items():
        truth, written = map(list, zip(*pairs))
        low, high = wer_interval(truth, written, seed)
        found[name] = {
            "wer": wer(truth, written), "low": low, "high": high, "cer": cer(truth, written),
            "clips": len(pairs),
        }  # fmt: skip
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each model."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.strangers", description=main.__doc__)
    made.add_argument("folder", help="recordings such as 7_jackson_32.wav")
    made.add_argument("models", nargs="*", help="folders of fine-tuned models")
    options = made.parse_args(arguments)
    try:
        rows = recordings(options.folder)
    except ValueError as error:
        sys.exit(str(error))
    for name in options.models or [finished_model(load_profile("offline")).place]:
        model, processor = load_model(name), load_processor(name)
        written = transcribe(model, processor, [samples for *_, samples in rows])
        print(name)
        spoken = [(speaker, word, text) for (speaker, word, _), text in zip(rows, written)]
        for speaker, row in sorted(scores(spoken).items()):
            print(
                f"{speaker:<12} {row['clips']:>4} clips: WER {row['wer']:.3f} "
                f"({row['low']:.3f} to {row['high']:.3f}), CER {row['cer']:.3f}"
            )


if __name__ == "__main__":
    main()
