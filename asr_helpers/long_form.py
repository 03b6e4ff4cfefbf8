"""Long recordings in overlapping chunks, and the words in them with times and confidences."""

from dataclasses import dataclass

import numpy as np
import torch

from asr_helpers.audio import as_waveform
from asr_helpers.frames import frame_geometry
from asr_helpers.inference import memory_for
from asr_helpers.processor import FAINTEST


@dataclass(frozen=True)
class Word:
    """A word as written, where its frames start and end (seconds), and 0 to 1 how sure it is."""

    text: str
    start: float
    end: float
    confidence: float


def chunk_spans(frames, chunk, overlap):
    """Cover frames 0 to `frames` with chunks: [(start, stop, keep_from, keep_to), ...].

    All are frame numbers of the whole recording. A chunk reads start to stop, `chunk` frames or
    fewer, and its neighbours share `overlap` frames. Of these each keeps the half that is farther
    from its own edge, so the parts kept follow each other without a gap.

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
def long_logits(
    model, processor, waveform, chunk_seconds: float = 20.0, overlap_seconds: float = 4.0
) -> torch.Tensor:
    """The logits of a recording of any length, computed chunk by chunk.

    The waveform is normalised by the whole's mean and deviation. Chunks start at multiples of the
    frame hop, so that frame k means the same samples in a chunk as in the whole.

    Args:
        model: a CTC model such as Wav2Vec2's, whose config tells its convolutions.
        processor: the model's.
        waveform: array of shape (samples,), at the model's rate; see `as_waveform` for others.
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
    waveform = as_waveform(waveform)
    rate = processor.feature_extractor.sampling_rate
    hop, window = frame_geometry(model.config)
    frames = (len(waveform) - window) // hop + 1
    chunk, overlap = (round(s * rate / hop) for s in (chunk_seconds, overlap_seconds))
    spans = chunk_spans(frames, chunk, overlap)
    mean, deviation = 0.0, 1.0
    if processor.feature_extractor.do_normalize:  # as `levelled` does, without copies of the whole
        mean, parts = waveform.mean(dtype=np.float64), np.array_split(waveform, frames // 2000 + 1)
        squares = sum(np.square(part - mean).sum() for part in parts)
        deviation = np.sqrt(squares / len(waveform) + FAINTEST)
    # One place for all of them: pieces kept between the chunks' buffers would hold on to those.
    logits = None
    for start, stop, keep_from, keep_to in spans:
        # The last chunk takes the samples behind the last frame, too: a group norm hears them.
        end = None if stop == frames else (stop - 1) * hop + window
        samples = (waveform[start * hop : end] - mean) / deviation
        samples = torch.tensor(samples, dtype=torch.float32, device=model.device)[None]
        with memory_for("Take a smaller chunk_seconds, or cut the recording into several files."):
            chunk_logits = model(samples).logits[0]
            if logits is None:
                logits = chunk_logits.new_empty(frames, chunk_logits.shape[1])
        logits[keep_from:keep_to] = chunk_logits[keep_from - start : keep_to - start]
    return logits


def transcribe_long(
    model, processor, waveform, chunk_seconds: float = 12.0, overlap_seconds: float = 4.0
) -> str:
    """The greedy CTC transcript of a recording of any length; see `long_logits`.

    The chunks are shorter than the 14 seconds whose places the offline model knows.
    """
    logits = long_logits(model, processor, waveform, chunk_seconds, overlap_seconds)
    return processor.batch_decode(logits.argmax(dim=-1)[None])[0]


def word_times(logits, processor, hop_seconds):
    """The words of the best CTC path, each with its time and confidence.

    A word reaches from the first frame of its first letter to the last frame of its last letter.
    Its confidence is the smallest, over these frames, of the best token's probability: a word is
    as sure as its least sure frame. CTC puts a letter into few frames, often late in its sound,
    so times are good to about a tenth of a second.

    Args:
        logits: of one utterance, shape (frames, vocab).
        processor: tells the letters, the blank (its pad token) and the word delimiter.
        hop_seconds: the time from one frame to the next.

    Returns:
        A list of `Word`, from left to right; their texts are the words of the transcript.
    """
    tokenizer = processor.tokenizer
    best = logits.softmax(dim=-1).max(dim=-1)
    probabilities, ids = best.values.tolist(), best.indices.tolist()
    words, letters, first, last = [], "", 0, 0

    def close():
        if letters:
            sure = min(probabilities[first : last + 1])
            words.append(Word(letters, first * hop_seconds, (last + 1) * hop_seconds, sure))

    before = None
    for frame, token in enumerate(ids):
        letter = tokenizer.convert_ids_to_tokens(token)
        if letter == tokenizer.word_delimiter_token:
            close()
            letters = ""
        elif token != tokenizer.pad_token_id:
            if not letters:
                first = frame
            if token != before:
                letters += letter
            last = frame
        before = token
    close()
    return words
