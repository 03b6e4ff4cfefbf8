"""Labelled speech: the embedded prompts, your own folder, or a dataset of the Hub."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import datasets
import pyarrow.parquet
from huggingface_hub import constants

from asr_helpers.audio import Audio
from asr_helpers.folder import load_folder
from asr_helpers.reach import hub_or_cache
from asr_helpers.splits import keep_own_splits, split_by_transcript, split_off_the_end
from asr_helpers.tables import NAMES
from asr_helpers.text import LANGUAGES, PLAIN, is_plain, normalize

EMBEDDED = "telephone-prompts"
PART = "telephone-prompts-part"  # every third of them, for a quick look
FOLDER = Path(__file__).parent / "data"
SHOWN = 5  # rows that a warning names


def languages() -> list[str]:
    """The languages inside the package, such as "en-US"."""
    return sorted(path.stem for path in FOLDER.glob("*.parquet"))


def load_corpus(
    name: str | Path = EMBEDDED,
    language: str = "en-US",
    revision: str | None = None,
    seed: int = 42,
    columns: Mapping[str, str] | None = None,
) -> datasets.DatasetDict:
    """Load labelled speech as train, validation and test splits that share no transcript.

    The embedded prompts are split 70/10/20 by transcript. If a Hub dataset has only one split, its
    last fifth, in its own order, becomes test. The Hugging Face audio course splits MInDS-14's 563
    English calls in the same way, into 450 for train and 113 for test, so the scores can be
    compared. Validation is taken from the other rows. A Hub dataset with a test split keeps this
    split. Then rows with an empty or unspeakable transcript are left out, and a warning names them.

    Args:
        name: `EMBEDDED` or `PART`; a folder or a table, which `load_folder` reads; or a Hub id.
        language: the part of the corpus, such as "en-US".
        revision: the commit of a Hub dataset.
        seed: shuffles the transcripts before the split.
        columns: what the corpus calls "audio" and "transcription", where its names are not common
            ones, such as {"transcription": "orthography"}.

    Returns:
        A DatasetDict with the columns path, audio, transcription, english_transcription,
        intent_class and lang_id. `audio` decodes at its own rate, 8 kHz in the embedded prompts
        and in MInDS-14.

    Raises:
        ValueError: the package, or the Hub dataset, has no such language; a column is not found; a
            folder cannot be read; or a split of a Hub dataset has no transcript that can be said.
        ConnectionError: the Hub does not answer, and the cache lacks the dataset.
    """
    if name in (EMBEDDED, PART):
        if language not in languages():
            raise ValueError(f"No prompts in {language!r}: choose from {', '.join(languages())}.")
        table = _read_parquet(FOLDER / f"{language}.parquet")
        corpus = datasets.Dataset(table)
        if name == PART:
            corpus = corpus.select(range(0, len(corpus), 3))
        return split_by_transcript(corpus.cast_column("audio", Audio()), language, seed)
    if Path(name).expanduser().exists() or str(name).startswith((".", "/", "~")):
        return load_folder(name, language, columns, seed)
    splits = _load_from_hub(str(name), language.removesuffix(PLAIN), revision)
    splits = {split: _named(rows, language, columns, name) for split, rows in splits.items()}
    if len(splits) == 1:
        corpus = split_off_the_end(*splits.values(), language, seed)
    elif "train" not in splits:
        together = datasets.concatenate_datasets(list(splits.values()))
        corpus = split_by_transcript(together, language, seed)
    else:
        corpus = keep_own_splits(splits, language, seed)
    return _without_unsaid(corpus, language, name)


def _without_unsaid(corpus, language, name):
    """The splits without rows that have an empty or unspeakable transcript; a warning names them.

    This comes after the corpus was split, so that the other rows stay in their splits.
    """
    if language[:2].lower() not in LANGUAGES and not is_plain(language):
        return corpus  # `normalize` has no rules for it, and raises an error when it is called
    kept, left_out = {}, []
    for split, rows in corpus.items():
        said = [_why_unsaid(text, language) for text in rows["transcription"]]
        left_out += [f"{path} {why}" for path, why in zip(rows["path"], said) if why]
        numbers = [row for row, why in enumerate(said) if not why]
        if rows and not numbers:
            raise ValueError(
                f"{name}: no row of {split} has a transcript that can be said in {language!r}: "
                f"{left_out[-1]}. Choose the right language, or name the right column."
            )
        kept[split] = rows.select(numbers) if len(numbers) < len(rows) else rows
    if left_out:
        more = "" if len(left_out) <= SHOWN else f"; and {len(left_out) - SHOWN} more"
        warnings.warn(
            f"{name}: {len(left_out)} rows are left out, since nobody can say their transcripts: "
            f"{'; '.join(left_out[:SHOWN])}{more}. To use these rows, mend their transcripts.",
            stacklevel=3,
        )
    return datasets.DatasetDict(kept)


def _why_unsaid(text, language):
    """Why a transcript cannot be used, or "" if it can."""
    try:
        return "" if normalize("" if text is None else text, language) else "(says nothing)"
    except (TypeError, ValueError) as error:
        return f"({str(error).rstrip('.')})"


def _read_parquet(path):
    try:
        return pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise ValueError(
            f"{path} cannot be read as Parquet ({error}): it may be cut off. Fetch the course anew."
        ) from error


def _load_from_hub(name, language, revision):
    with hub_or_cache(name):
        try:
            splits = datasets.load_dataset(name, name=language, revision=revision)
        except ValueError as error:
            if "BuilderConfig" not in str(error):
                raise
            parts = datasets.get_dataset_config_names(name, revision=revision)
            short = language[:2].lower()
            chosen = [one for one in parts if one.lower() in (language.lower(), short)]
            if len(parts) > 1 and len(chosen) != 1:
                raise ValueError(
                    f"{name} has no part {language!r}: set language to one of {', '.join(parts)}."
                ) from error
            part = (chosen or parts)[0]
            splits = datasets.load_dataset(name, name=part, revision=revision)
        # Without the Hub, `datasets` takes the newest revision in its cache, and ignores `revision`.
        first = next(iter(splits.values()))
        stored = first.cache_files[0]["filename"] if constants.HF_HUB_OFFLINE else ""
        if stored and revision and revision not in stored:
            raise OSError(f"{stored} is another revision than {revision}.")
    return splits


def _named(rows, language, columns, name):
    """The rows with the column names that the lessons use."""
    columns, names = dict(columns or {}), ", ".join(rows.column_names)
    for purpose in ("audio", "transcription"):
        wanted = columns.get(purpose)
        if wanted is not None and wanted not in rows.column_names:
            raise ValueError(f"{name} has no column {wanted!r}: choose one of {names}.")
        if wanted is None and purpose not in rows.column_names:
            if purpose == "audio":
                kinds = rows.features.items()
                found = [column for column, kind in kinds if isinstance(kind, datasets.Audio)]
            else:
                found = [one for one in NAMES[purpose].split() if one in rows.column_names]
            if not found:
                raise ValueError(
                    f"{name}: which of its columns ({names}) is the "
                    f'{purpose}? Name it: load_corpus(..., columns={{"{purpose}": "..."}}).'
                )
            wanted = found[0]
        if wanted not in (None, purpose):
            if purpose in rows.column_names:
                rows = rows.remove_columns(purpose)
            rows = rows.rename_column(wanted, purpose)
    rows = rows.cast_column("audio", Audio())
    count = len(rows)
    if "path" not in rows.column_names:
        stored = rows.cast_column("audio", Audio(decode=False)).select_columns("audio")
        paths = [(one["audio"] or {}).get("path") for one in stored]
        named = [path or f"row {number}" for number, path in enumerate(paths)]
        rows = rows.add_column("path", named)
    if "english_transcription" not in rows.column_names:
        english = rows["transcription"] if language[:2].lower() == "en" else [""] * count
        rows = rows.add_column("english_transcription", list(english))
    for column, label in (("intent_class", "speech"), ("lang_id", language)):
        if not isinstance(rows.features.get(column), datasets.ClassLabel):
            if column in rows.column_names:
                rows = rows.remove_columns(column)
            rows = rows.add_column(column, [0] * count)
            rows = rows.cast_column(column, datasets.ClassLabel(names=[label]))
    return rows
