"""From samples to the model's frames: how far apart they are, how many there are, how many a label needs."""

from collections.abc import Sequence
from typing import Any


def frame_geometry(config: Any) -> tuple[int, int]:
    """(hop, window) in samples: frame k is computed from `window` samples, from `k * hop` on.

    Strides multiply. Each layer widens the window by its kernel minus one, times the product of the
    strides before this layer (Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep
    learning").

    Args:
        config: a model's, with `conv_kernel` and `conv_stride`.
    """
    hop, window = 1, 1
    for kernel, stride in zip(config.conv_kernel, config.conv_stride):
        window += (kernel - 1) * hop
        hop *= stride
    return hop, window


def frame_count(config: Any, samples: int) -> int:
    """How many frames the model makes of `samples` samples; 0 if they are fewer than one window."""
    hop, window = frame_geometry(config)
    return max(0, (samples - window) // hop + 1)


def max_frames(config: Any) -> int | None:
    """The most frames that the model reads at once, or None where its architecture sets no limit.

    The offline model gives each frame a position, counted from the beginning of the clip. It has 700
    positions (14 s). Its config says `max_frames`: 600 (12 s). Longer clips are read in chunks.
    """
    return getattr(config, "max_frames", None)


def samples_needed(config: Any, frames: int) -> int:
    """The fewest samples that the model makes `frames` frames of (`frames` is at least 1)."""
    hop, window = frame_geometry(config)
    return (frames - 1) * hop + window


def frames_needed(labels: Sequence[int]) -> int:
    """The fewest frames CTC can write `labels` in: one each, and a blank between equal neighbours."""
    return len(labels) + sum(a == b for a, b in zip(labels, labels[1:]))


def label_fits(config: Any, labels: Sequence[int], samples: int) -> bool:
    """Whether CTC can write `labels` in the frames of `samples` samples; else its loss is infinite."""
    return frames_needed(labels) <= frame_count(config, samples)
