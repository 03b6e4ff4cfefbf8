"""Speech to text with a trained model."""

from collections.abc import Sequence

import torch
from tqdm.auto import tqdm

from asr_helpers.audio import as_waveform
from asr_helpers.chunks import clip_logits, is_too_long, memory_for
from asr_helpers.processor import levelled

LONGEST = 6000  # frames, two minutes of Wav2Vec2: attention's memory grows with their square


@torch.inference_mode()
def transcribe(model, processor, waveforms: Sequence, batch_size: int = 1) -> list[str]:
    """Greedy CTC transcripts of `waveforms`, arrays of shape (samples,) at the model's rate.

    The best token of each frame is taken, repeats are collapsed, blanks dropped. Batches of one
    are the default: then no padding can change a result. A waveform that is too long for the model
    to read at once is read in chunks (`clip_logits`). Arrays of other kinds, such as int16, torch's
    or stereo, are taken as `as_waveform` takes them.

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
                f"{'long' if frames > LONGEST else 'short'} for this model; {what}."
            )
        arrays.append(array)
    texts = [""] * len(arrays)
    parts = [k for k, array in enumerate(arrays) if not is_too_long(model.config, len(array))]
    groups = [parts[start : start + batch_size] for start in range(0, len(parts), batch_size)]
    groups += [[k] for k in range(len(arrays)) if k not in set(parts)]
    for group in tqdm(groups, desc="Transcribing", unit="batch", disable=len(groups) < 20):
        with memory_for("Take a smaller batch_size, or shorter waveforms."):
            ids = _best_tokens(model, processor, [arrays[k] for k in group])
        for k, text in zip(group, processor.batch_decode(ids)):
            texts[k] = text
    return texts


def _best_tokens(model, processor, arrays):
    """The best token of each frame, (batch, frames); behind a waveform's end it is the blank."""
    if len(arrays) == 1 and is_too_long(model.config, len(arrays[0])):
        return clip_logits(model, processor, arrays[0]).argmax(dim=-1)[None]
    if processor.feature_extractor.do_normalize:
        arrays = [levelled(array) for array in arrays]
    rate = processor.feature_extractor.sampling_rate
    batch = processor(audio=arrays, sampling_rate=rate, padding=True, return_tensors="pt").to(
        model.device
    )
    ids = model(**batch).logits.argmax(dim=-1)
    if "attention_mask" in batch:  # tokens in the padding become blanks
        frames = model._get_feat_extract_output_lengths(batch.attention_mask.sum(dim=1))
        blank = processor.tokenizer.pad_token_id
        inside = torch.arange(ids.shape[1], device=ids.device)[None] < frames[:, None]
        ids = ids.masked_fill(~inside, blank)
    return ids
