"""The logits of sound that is longer than the model reads at once, in overlapping chunks."""

import re
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from asr_helpers.audio import as_waveform
from asr_helpers.frames import frame_count, frame_geometry, max_frames
from asr_helpers.processor import FAINTEST

CHUNK_SECONDS = 12.0  # the longest clip that the offline model reads at once
OVERLAP_SECONDS = 4.0
RATE = 16_000  # samples a second


@contextmanager
def memory_for(remedy: str):
    """Say in a sentence that memory ran out, and what to do.

    Raises:
        MemoryError: the machine's memory, or the GPU's, ran out; other errors pass as they are.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch raises a RuntimeError
        if isinstance(error, RuntimeError) and not re.search(
            "out of memory|can't allocate memory|not enough memory", str(error)
        ):
            raise
        raise MemoryError(f"This needs more memory than there is. {remedy}") from error


def chunk_spans(frames, chunk, overlap):
    """Cover frames 0 to `frames` with chunks: [(start, stop, keep_from, keep_to), ...].

    All are frame numbers of the whole recording. A chunk reads start to stop, `chunk` frames or
    fewer. Two neighbouring chunks share `overlap` frames. Each of the two chunks keeps the half of
    these frames that is farther from its own edge. So the kept parts follow each other without a
    gap.

    Raises:
        ValueError: there is no frame, or the overlap is negative or no shorter than the chunk.
    """
    if frames < 1:
        raise ValueError("There is no frame to cover: the sound is shorter than one frame needs.")
    if not 0 <= overlap < chunk:
        raise ValueError(
            f"An overlap of {overlap} frames does not fit a chunk of {chunk}: choose "
            "overlap_seconds at least 0 and below chunk_seconds."
        )
    spans, start, keep_from = [], 0, 0
    while True:
        stop = min(start + chunk, frames)
        keep_to = frames if stop == frames else stop - overlap // 2
        spans.append((start, stop, keep_from, keep_to))
        if stop == frames:
            return spans
        start, keep_from = stop - overlap, keep_to


@torch.inference_mode()
def chunked_logits(
    read: Callable[[np.ndarray], torch.Tensor],
    config: Any,
    processor,
    waveform,
    chunk_seconds: float = CHUNK_SECONDS,
    overlap_seconds: float = OVERLAP_SECONDS,
) -> torch.Tensor:
    """What `long_logits` does, for a model in any form, such as an ONNX file.

    Args:
        read: the model; it takes normalised float32 samples of shape (samples,), and gives logits of
            shape (frames, vocab).
        config: the model's; it describes the convolutions.
        processor, waveform, chunk_seconds, overlap_seconds: as for `long_logits`, which names the
            errors, too.
    """
    waveform = as_waveform(waveform)
    rate = processor.feature_extractor.sampling_rate
    hop, window = frame_geometry(config)
    frames = (len(waveform) - window) // hop + 1
    chunk, overlap = (round(s * rate / hop) for s in (chunk_seconds, overlap_seconds))
    spans = chunk_spans(frames, chunk, overlap)
    mean, deviation = 0.0, 1.0
    if processor.feature_extractor.do_normalize:  # as `levelled` does, without copies of the whole
        mean, parts = waveform.mean(dtype=np.float64), np.array_split(waveform, frames // 2000 + 1)
        squares = sum(np.square(part - mean).sum() for part in parts)
        deviation = np.sqrt(squares / len(waveform) + FAINTEST)

    def level(samples):
        return read(np.asarray((samples - mean) / deviation, dtype=np.float32))

    return joined(level, config, waveform, spans)


def joined(
    read: Callable[[np.ndarray], torch.Tensor],
    config: Any,
    waveform: np.ndarray,
    spans: list[tuple[int, int, int, int]],
) -> torch.Tensor:
    """Apply `read` to each chunk of a waveform, and join the kept parts.

    Args:
        read: takes the samples of a chunk, and gives a tensor of shape (frames, channels).
        config: the model's; it describes the convolutions.
        waveform: shape (samples,).
        spans: of `chunk_spans`.

    Returns:
        A tensor of shape (frames of the whole, channels).

    Raises:
        MemoryError: a chunk, or all frames together, do not fit the memory.
    """
    hop, window = frame_geometry(config)
    # All kept parts go into one tensor. Small tensors of their own would lie in memory between the
    # large buffers of the chunks, and the memory of these buffers would stay in use.
    rows, frames = None, spans[-1][1]
    for start, stop, keep_from, keep_to in spans:
        # The last chunk takes the samples behind the last frame, too: a group norm hears them.
        end = None if stop == frames else (stop - 1) * hop + window
        with memory_for("Take a smaller chunk_seconds, or cut the recording into several files."):
            chunk = read(waveform[start * hop : end])
            if rows is None:
                rows = chunk.new_empty(frames, chunk.shape[1])
        rows[keep_from:keep_to] = chunk[keep_from - start : keep_to - start]
    return rows


def clip_spans(config: Any, frames: int) -> list[tuple[int, int, int, int]]:
    """The `chunk_spans` of a clip at 16 kHz: one span, unless it is too long to read at once."""
    limit = max_frames(config)
    if limit is None or frames <= limit:
        return [(0, frames, 0, frames)]
    hop, _ = frame_geometry(config)
    chunk, overlap = (round(s * RATE / hop) for s in (CHUNK_SECONDS, OVERLAP_SECONDS))
    return chunk_spans(frames, chunk, overlap)


def long_logits(
    model,
    processor,
    waveform,
    chunk_seconds: float = CHUNK_SECONDS,
    overlap_seconds: float = OVERLAP_SECONDS,
) -> torch.Tensor:
    """The logits of a recording of any length, computed chunk by chunk.

    Every chunk is normalised by the mean and deviation of the whole waveform. Chunks start at
    multiples of the frame hop, so that each frame of a chunk covers the same samples as a frame of
    the whole recording.

    Args:
        model: a CTC model such as Wav2Vec2's, whose config describes its convolutions.
        processor: the model's.
        waveform: array of shape (samples,), at the model's rate; `as_waveform` lists other forms.
        chunk_seconds: what the model sees at once.
        overlap_seconds: what two neighbouring chunks share; a quarter second or more is wise.

    Returns:
        A tensor of shape (frames, vocab).

    Raises:
        ValueError: the sound is shorter than one frame needs, is no sound, or the overlap does not
            fit.
        MemoryError: a chunk, or the logits of all, do not fit the memory.
    """
    model.eval()

    def read(samples):
        return model(torch.from_numpy(samples)[None].to(model.device)).logits[0]

    return chunked_logits(read, model.config, processor, waveform, chunk_seconds, overlap_seconds)


def is_too_long(config: Any, samples: int) -> bool:
    """Whether `samples` samples make more frames than the model reads at once; see `max_frames`."""
    limit = max_frames(config)
    return limit is not None and frame_count(config, samples) > limit


def clip_logits(model, processor, waveform) -> torch.Tensor:
    """The logits of one clip, as `transcribe` reads it: a tensor of shape (frames, vocab).

    A clip that is too long for the model to read at once is read in chunks, any other as a whole.
    Arguments and errors are those of `long_logits`.
    """
    waveform = as_waveform(waveform)
    seconds = len(waveform) / processor.feature_extractor.sampling_rate
    whole = not is_too_long(model.config, len(waveform))
    return long_logits(
        model, processor, waveform, seconds + OVERLAP_SECONDS if whole else CHUNK_SECONDS
    )
