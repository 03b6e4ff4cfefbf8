"""Samples to `input_values` and transcripts to label ids, checked before any training."""

from typing import Any

from datasets import Dataset
from transformers import AutoProcessor

from asr_helpers.audio import Audio
from asr_helpers.frames import label_fits
from asr_helpers.reach import hub_or_cache
from asr_helpers.text import normalize


def load_processor(name):
    """The feature extractor and tokenizer of a base model, from a folder or the Hub."""
    with hub_or_cache(name):
        return AutoProcessor.from_pretrained(name)


def prepare_dataset(split, processor, language):
    """Turn a split's speech and transcripts into what training reads.

    Args:
        split: a Dataset with the columns audio, transcription and path.
        processor: the base model's.
        language: chooses how transcripts are normalised.

    Returns:
        A Dataset with input_values (samples at the processor's rate, zero mean, unit variance),
        input_length (samples), labels (token ids), text (the normalised transcript) and path.

    Raises:
        ValueError: a transcript is empty, or holds a letter the tokenizer does not know; the
            message names the row's path.
    """
    rate = processor.feature_extractor.sampling_rate
    unknown = processor.tokenizer.unk_token_id

    def prepare(row):
        values = processor(audio=row["audio"]["array"], sampling_rate=rate).input_values[0]
        text = normalize(row["transcription"] or "", language)
        labels = processor(text=text).input_ids
        if not labels or unknown in labels:
            what = f"has letters outside the vocabulary: {text!r}" if labels else "says nothing"
            raise ValueError(
                f"{row['path']}: its transcript {what}. Mend `transcription`, choose the right "
                "language, or drop the row with dataset.filter."
            )
        return {"input_values": values, "input_length": len(values), "labels": labels, "text": text}

    spoken = split.cast_column("audio", Audio(sampling_rate=rate))
    extra = [name for name in split.column_names if name != "path"]
    # Streamed through a temporary file, not held; and never what an earlier `normalize` made of it.
    return spoken.map(
        prepare,
        remove_columns=extra,
        writer_batch_size=64,
        load_from_cache_file=False,
        desc="Preparing",
    )


def keep_fitting(prepared: Dataset, model: Any) -> Dataset:
    """Drop rows whose label needs more frames than their audio has: CTC's loss is infinite there.

    Args:
        prepared: rows with labels and input_length (samples).
        model: its config tells how many frames it makes of them.
    """
    rows = enumerate(zip(prepared["labels"], prepared["input_length"]))
    fitting = [row for row, pair in rows if label_fits(model.config, *pair)]
    return prepared.select(fitting)
