"""Samples to `input_values` and transcripts to label ids, checked before any training."""

import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from transformers import (
    AutoFeatureExtractor,
    AutoProcessor,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2Processor,
)

from asr_helpers.audio import Audio, AudioError
from asr_helpers.frames import label_fits
from asr_helpers.reach import hub_or_cache
from asr_helpers.text import alphabet, normalize

# The blank has id 0: in evaluation a Trainer pads logits such that their best token has id 0.
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "|"]
FAINTEST = 1e-14  # variance; a fainter signal (-140 dB) is a constant with rounding errors


def load_processor(
    name: str | Path,
    language: str = "en-US",
    transcripts: Iterable[str] | None = None,
    folder: str | Path | None = None,
) -> Wav2Vec2Processor:
    """The feature extractor and tokenizer for a base model, from a folder or the Hub.

    Without `transcripts`, both are the model's own. With `transcripts`, both are the model's own if
    its tokenizer has a token for every letter. If not, `processor_for` makes them.

    Args:
        name: the base model.
        language: chooses how the transcripts are normalised.
        transcripts: those of the training split.
        folder: where a tokenizer made from `transcripts` is saved.

    Raises:
        ValueError: the model has no tokenizer (models that are only pretrained have none), and
            there are no transcripts to make one from.
    """
    with hub_or_cache(name):
        try:
            processor = AutoProcessor.from_pretrained(name)
            tokenizer = getattr(processor, "tokenizer", None)
        except (OSError, ValueError, TypeError, KeyError):
            AutoFeatureExtractor.from_pretrained(name)  # raises where there is no model at all
            tokenizer = None
    if transcripts is None:
        if tokenizer is None:
            raise ValueError(
                f"{name} has no tokenizer: it was pretrained on sound alone. Make one from the "
                "training transcripts: load_processor(name, language, transcripts)."
            )
        return processor
    transcripts = list(transcripts)
    if tokenizer is not None:
        known = set(tokenizer.get_vocab())
        if set(build_vocabulary(transcripts, language)) <= known | set(SPECIAL):
            return processor
    return processor_for(name, transcripts, language, folder)


def build_vocabulary(transcripts: Iterable[str], language: str | None = None) -> dict[str, int]:
    """A token for each letter of the transcripts, and of the language's alphabet: {token: id}.

    The blank `<pad>` has id 0. Four more special tokens follow, of which `|` stands for the space
    between words, and then the letters in the order of Unicode: apostrophe first, then plain
    letters, then those with accents.

    Args:
        transcripts: of the training split.
        language: its rules normalise the transcripts first, and transcripts that they refuse are
            left out. The letters of its `alphabet` are added. None: the transcripts are normalised
            already, in any language.

    Raises:
        ValueError: the transcripts hold no letter, or the language has no rules.
    """
    letters = set()
    if language is not None:
        normalize("", language)  # raises for a language without rules
    for text in transcripts:
        if language is not None:
            try:
                text = normalize(text or "", language)
            except (TypeError, ValueError):
                continue  # later, `prepare_dataset` raises an error that names the row
        letters.update(text)
    letters = sorted(letter for letter in letters - set(SPECIAL) if not letter.isspace())
    if not letters:
        raise ValueError("These transcripts hold no letter: look at the column `transcription`.")
    if language is not None:
        letters = sorted({*letters, *alphabet(language)})
    return {token: number for number, token in enumerate([*SPECIAL, *letters])}


def processor_for(
    name: str | Path,
    transcripts: Iterable[str],
    language: str | None,
    folder: str | Path | None = None,
) -> Wav2Vec2Processor:
    """The feature extractor of a base model with a tokenizer of `transcripts`' own letters.

    Args:
        name: the base model, a folder or a Hub id.
        transcripts: of the training split.
        language: chooses the normalisation of the transcripts; None if they are normalised already.
        folder: where the processor is saved, so that `load_processor(folder)` finds it; None saves
            nothing.
    """
    with hub_or_cache(name):
        extractor = AutoFeatureExtractor.from_pretrained(name)
    vocabulary = build_vocabulary(transcripts, language)
    with tempfile.TemporaryDirectory() as made:
        file = Path(made) / "vocab.json"
        file.write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
        tokenizer = Wav2Vec2CTCTokenizer(
            str(file), bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>",
            word_delimiter_token="|", do_lower_case=False,
        )  # fmt: skip
        processor = Wav2Vec2Processor(feature_extractor=extractor, tokenizer=tokenizer)
        if folder is not None:
            Path(folder).mkdir(parents=True, exist_ok=True)
            processor.save_pretrained(str(folder))
    return processor


def levelled(waveform: np.ndarray) -> np.ndarray:
    """The waveform with mean 0 and variance 1, float32 of shape (samples,).

    A feature extractor does nearly the same: it adds 1e-7 to the variance, to avoid a division by
    zero. This is more than the variance of a caller whose peaks lie below -60 dB of full scale. So
    very quiet speech would still be quieter than loud speech after the scaling. Silence stays
    silence.
    """
    waveform = np.asarray(waveform, dtype=np.float32)
    mean = waveform.mean(dtype=np.float64) if len(waveform) else 0.0
    centred = waveform - np.float32(mean)
    variance = np.square(centred, dtype=np.float64).mean() if len(waveform) else 0.0
    return (centred / np.sqrt(variance + FAINTEST)).astype(np.float32)


def prepare_dataset(
    split: datasets.Dataset, processor: Wav2Vec2Processor, language: str
) -> datasets.Dataset:
    """Turn the speech and transcripts of a split into the inputs and labels of training.

    Args:
        split: a Dataset with the columns audio and transcription, and path where rows have names.
        processor: the base model's.
        language: chooses how transcripts are normalised.

    Returns:
        A Dataset with input_values (samples at the processor's rate, zero mean, unit variance),
        input_length (samples), labels (token ids), text (the normalised transcript) and path.

    Raises:
        ValueError: there is no row, or a column is missing; or a transcript is empty, is no text,
            cannot be said, or holds a letter the tokenizer does not know: the message names the
            row's path.
    """
    if isinstance(split, dict):
        raise ValueError(
            f"This holds the splits {', '.join(split)}: pass one, such as corpus['train']."
        )
    if not len(split):
        raise ValueError("There is no row to prepare: look at how the split was chosen.")
    for column in ("audio", "transcription"):
        if column not in split.column_names:
            raise ValueError(
                f"There is no column {column!r} among {', '.join(split.column_names)}: name it "
                f"with dataset.rename_column(..., {column!r})."
            )
    rate = processor.feature_extractor.sampling_rate

    def prepare(row, number):
        return prepare_row(row, f"Row {number}", processor, language)

    spoken = split.cast_column("audio", Audio(sampling_rate=rate))
    extra = [name for name in split.column_names if name != "path"]
    # The rows go through a temporary file, not through memory. The cache of `map` is not used: an
    # earlier version of `normalize` may have made its rows.
    return spoken.map(
        prepare,
        with_indices=True,
        remove_columns=extra,
        writer_batch_size=64,
        load_from_cache_file=False,
        desc="Preparing",
    )


def prepare_row(
    row: Mapping[str, Any], name: str, processor: Wav2Vec2Processor, language: str
) -> dict[str, Any]:
    """One row as `prepare_dataset` returns it; see there for the errors.

    Args:
        row: audio, decoded at the processor's rate, transcription, and path if the row has one.
        name: what messages call a row without a path.
        processor, language: as for `prepare_dataset`.
    """
    unknown = processor.tokenizer.unk_token_id
    sound = row["audio"] or {}
    name = row.get("path") or sound.get("path") or name
    if not sound:
        raise AudioError(f"{name}: has no sound. Drop the row with dataset.filter.")
    text = _spoken(row["transcription"], language, name)
    labels = processor(text=text).input_ids
    if not labels or unknown in labels:
        what = f"has letters outside the vocabulary: {text!r}" if labels else "says nothing"
        small = processor(text=text.lower()).input_ids
        remedy = LOWER if labels and unknown not in small else MEND
        raise ValueError(f"{name}: its transcript {what}. {remedy}")
    values = sound["array"]
    if processor.feature_extractor.do_normalize:
        values = levelled(values)
    rate = processor.feature_extractor.sampling_rate
    values = processor(audio=values, sampling_rate=rate).input_values[0]
    return {
        "input_values": values, "input_length": len(values), "labels": labels, "text": text,
        "path": name,
    }  # fmt: skip


MEND = "Mend `transcription`, choose the right language, or drop the row with dataset.filter."
LOWER = (
    "The tokenizer has only lower-case letters, and the course writes capitals: make a tokenizer of the "
    "training transcripts with load_processor(name, language, transcripts)."
)


def _spoken(text, language, name):
    """The normalised transcript; errors name the row."""
    if text is None:
        return ""
    if not isinstance(text, str):
        number = isinstance(text, int | float) and not isinstance(text, bool)
        what = "is a number" if number else "is no text"
        raise ValueError(
            f"{name}: its transcript {what} ({text!r}). Read the column as text, for example with "
            "dtype=str in pandas, or drop the row with dataset.filter."
        )
    try:
        return normalize(text, language)
    except ValueError as error:
        raise ValueError(f"{name}: {error} {MEND}") from error


def keep_fitting(prepared: datasets.Dataset, model: Any) -> datasets.Dataset:
    """Drop rows whose label needs more frames than their audio has: CTC's loss is infinite there.

    Args:
        prepared: rows with labels and input_length (samples).
        model: its config tells how many frames the model makes of these samples.
    """
    rows = enumerate(zip(prepared["labels"], prepared["input_length"]))
    fitting = [row for row, pair in rows if label_fits(model.config, *pair)]
    return prepared.select(fitting)
