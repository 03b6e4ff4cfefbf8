"""Speech to text with a trained model."""

import torch

LONGEST = 6000  # frames, two minutes of Wav2Vec2: attention's memory grows with their square


@torch.inference_mode()
def transcribe(model, processor, waveforms, batch_size=1):
    """Greedy CTC transcripts of `waveforms`, float arrays of shape (samples,) at the model's rate.

    The best token of each frame is taken, repeats are collapsed, blanks dropped. Batches of one
    are the default: then no padding can change a result.

    Raises:
        ValueError: a waveform is shorter than one frame needs, or longer than `LONGEST` frames.
    """
    model.eval()
    rate = processor.feature_extractor.sampling_rate
    for number, waveform in enumerate(waveforms):
        frames = int(model._get_feat_extract_output_lengths(torch.tensor(len(waveform))))
        if not 1 <= frames <= LONGEST:
            what = "cut it with transcribe_long" if frames > LONGEST else "leave it out"
            raise ValueError(
                f"Waveform {number} lasts {len(waveform) / rate:.2f} s: too "
                f"{'long' if frames > LONGEST else 'short'} for this model at once; {what}."
            )
    texts = []
    for start in range(0, len(waveforms), batch_size):
        batch = processor(
            audio=list(waveforms[start : start + batch_size]),
            sampling_rate=rate, padding=True, return_tensors="pt",
        ).to(model.device)  # fmt: skip
        ids = model(**batch).logits.argmax(dim=-1)
        if "attention_mask" in batch:  # what is read into padding is not said
            frames = model._get_feat_extract_output_lengths(batch.attention_mask.sum(dim=1))
            blank = processor.tokenizer.pad_token_id
            inside = torch.arange(ids.shape[1], device=ids.device)[None] < frames[:, None]
            ids = ids.masked_fill(~inside, blank)
        texts += processor.batch_decode(ids)
    return texts
