"""Live captions with a window that slides over the sound; the model is not a streaming model."""

from collections.abc import Sequence
from typing import Any

from asr_helpers.audio import as_waveform
from asr_helpers.chunks import long_logits
from asr_helpers.frames import frame_geometry
from asr_helpers.long_form import Word, word_times

SAME = 0.2  # seconds between the same word's places in two windows, at most


def caption_windows(
    model: Any, processor: Any, waveform: Any, context_seconds: float, step_seconds: float
) -> list[tuple[float, list[Word]]]:
    """Transcribe the last `context_seconds`, every `step_seconds`.

    Each window is read as a clip of its own, as if nothing came before it.

    Args:
        model, processor: as for `long_logits`.
        waveform: of shape (samples,), at the model's rate.
        context_seconds: the length of a window.
        step_seconds: the time from one window to the next; the first window ends after two steps.

    Returns:
        [(where the window ends, in seconds, its words)]; the words' times count from the start of
        the waveform. The last window ends where the waveform does.

    Raises:
        ValueError: a length is not above 0, or the sound is shorter than one frame needs.
    """
    if step_seconds <= 0 or context_seconds <= 0:
        raise ValueError(
            f"A window of {context_seconds} s every {step_seconds} s: both have to be above 0."
        )
    waveform = as_waveform(waveform)
    rate = processor.feature_extractor.sampling_rate
    hop_seconds = frame_geometry(model.config)[0] / rate
    windows, now = [], 2 * step_seconds
    while not windows or windows[-1][0] < len(waveform) / rate:
        end = min(round(now * rate), len(waveform))
        start = max(0, end - round(context_seconds * rate))
        logits = long_logits(model, processor, waveform[start:end], context_seconds + 1, 0.5)
        words = word_times(logits, processor, hop_seconds)
        shift = start / rate
        moved = [Word(w.text, w.start + shift, w.end + shift, w.confidence) for w in words]
        windows.append((end / rate, moved))
        now += step_seconds
    return windows


def commit(
    windows: Sequence[tuple[float, Sequence[Word]]], look_ahead: float
) -> list[tuple[Word, float]]:
    """The words that are shown, each with the time at which it is committed; no word changes later.

    A word is committed when it ended at least `look_ahead` seconds ago and the previous window has
    the same word within SAME seconds. All words of the last window are committed.

    Args:
        windows: of `caption_windows`.
        look_ahead: seconds.
    """
    committed, until, before = [], 0.0, []
    for now, words in windows:
        last = now == windows[-1][0]
        for word in words:
            if (word.start + word.end) / 2 < until:
                continue  # committed already
            same = any(w.text == word.text and abs(w.start - word.start) < SAME for w in before)
            if not last and (word.end > now - look_ahead or not same):
                break
            committed.append((word, now))
            until = word.end
        before = words
    return committed
