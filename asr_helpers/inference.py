"""Speech to text with a trained model."""

import re
from collections.abc import Sequence
from contextlib import contextmanager

import torch

from asr_helpers.audio import as_waveform
from asr_helpers.processor import levelled

LONGEST = 6000  # frames, two minutes of Wav2Vec2: attention's memory grows with their square


@contextmanager
def memory_for(remedy: str):
    """Say in a sentence that memory ran out, and what to do.

    Raises:
        MemoryError: the machine's memory, or the GPU's, ran out; other errors pass as they are.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch's own is one of the latter
        if isinstance(error, RuntimeError) and not re.search(
            "out of memory|can't allocate memory|not enough memory", str(error)
        ):
            raise
        raise MemoryError(f"This needs more memory than there is. {remedy}") from error


@torch.inference_mode()
def transcribe(model, processor, waveforms: Sequence, batch_size: int = 1) -> list[str]:
    """Greedy CTC transcripts of `waveforms`, arrays of shape (samples,) at the model's rate.

    The best token of each frame is taken, repeats are collapsed, blanks dropped. Batches of one
    are the default: then no padding can change a result. Arrays of other kinds, such as int16,
    torch's or stereo, are taken as `as_waveform` takes them.

    Raises:
        ValueError: a waveform is shorter than one frame needs, longer than `LONGEST` frames, or no
            sound; the message gives its number.
        MemoryError: the batch does not fit the memory.
    """
    model.eval()
    rate = processor.feature_extractor.sampling_rate
    arrays = []
    for number, waveform in enumerate(waveforms):
        array = as_waveform(waveform, f"Waveform {number}")
        frames = int(model._get_feat_extract_output_lengths(torch.tensor(len(array))))
        if not 1 <= frames <= LONGEST:
            what = "cut it with transcribe_long" if frames > LONGEST else "leave it out"
            raise ValueError(
                f"Waveform {number} lasts {len(array) / rate:.2f} s: too "
                f"{'long' if frames > LONGEST else 'short'} for this model at once; {what}."
            )
        arrays.append(array)
    texts = []
    for start in range(0, len(arrays), batch_size):
        part = arrays[start : start + batch_size]
        if processor.feature_extractor.do_normalize:
            part = [levelled(array) for array in part]
        with memory_for("Take a smaller batch_size, or shorter waveforms."):
            batch = processor(audio=part, sampling_rate=rate, padding=True, return_tensors="pt").to(
                model.device
            )
            ids = model(**batch).logits.argmax(dim=-1)
        if "attention_mask" in batch:  # what is read into padding is not said
            frames = model._get_feat_extract_output_lengths(batch.attention_mask.sum(dim=1))
            blank = processor.tokenizer.pad_token_id
            inside = torch.arange(ids.shape[1], device=ids.device)[None] < frames[:, None]
            ids = ids.masked_fill(~inside, blank)
        texts += processor.batch_decode(ids)
    return texts
