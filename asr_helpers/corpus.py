"""Labelled speech: the prompts inside this package, or a dataset of the Hugging Face Hub."""

import hashlib
from pathlib import Path

import datasets
import pyarrow.parquet
from huggingface_hub import constants

from asr_helpers.audio import Audio
from asr_helpers.reach import hub_or_cache
from asr_helpers.text import normalize

EMBEDDED = "telephone-prompts"
FOLDER = Path(__file__).parent / "data"
SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}


def languages():
    """The languages inside the package, such as "en-US"."""
    return sorted(path.stem for path in FOLDER.glob("*.parquet"))


def load_corpus(name=EMBEDDED, language="en-US", revision=None, seed=42):
    """Load labelled speech as train, validation and test splits that share no transcript.

    The embedded prompts are shared out 70/10/20 by transcript. Of a Hub dataset the last fifth, in
    its own order, is test: so the Hugging Face audio course cuts MInDS-14's 563 English calls, 450
    to train and 113 to test, and scores on the two can be set side by side. Validation is cut from
    the first part.

    Args:
        name: `EMBEDDED`, or a Hub id whose columns are those of "PolyAI/minds14".
        language: the part of the corpus, such as "en-US".
        revision: the commit of a Hub dataset.
        seed: shuffles the transcripts before they are shared out.

    Returns:
        A DatasetDict with the columns path, audio, transcription, english_transcription,
        intent_class and lang_id. `audio` decodes at its own rate, 8 kHz in both corpora.

    Raises:
        ValueError: the package has no such language.
        ConnectionError: the Hub does not answer, and the cache lacks the dataset.
    """
    if name == EMBEDDED:
        if language not in languages():
            raise ValueError(f"No prompts in {language!r}: choose from {', '.join(languages())}.")
        table = pyarrow.parquet.read_table(FOLDER / f"{language}.parquet")
        corpus = datasets.Dataset(table)
    else:
        with hub_or_cache(name):
            corpus = datasets.load_dataset(name, name=language, split="train", revision=revision)
            # Without the Hub, `datasets` takes the newest in its cache, whatever was asked for.
            stored = corpus.cache_files[0]["filename"] if constants.HF_HUB_OFFLINE else ""
            if stored and revision and revision not in stored:
                raise OSError(f"{stored} is another revision than {revision}.")
        return split_off_the_end(corpus.cast_column("audio", Audio()), language, seed)
    return split_by_transcript(corpus.cast_column("audio", Audio()), language, seed)


def split_off_the_end(corpus, language, seed):
    """Keep the last fifth for test, and share out the rest 7 to 1 as train and validation.

    Rows of the rest that say what a row of test says are left out.
    """
    first = round((1 - SHARES["test"]) * len(corpus))
    test = corpus.select(range(first, len(corpus)))
    tested = {normalize(text, language) for text in test["transcription"]}
    spoken = enumerate(corpus["transcription"][:first])
    rest = corpus.select([row for row, text in spoken if normalize(text, language) not in tested])
    shares = {"train": 7 / 8, "validation": 1 / 8}
    return datasets.DatasetDict({**split_by_transcript(rest, language, seed, shares), "test": test})


def split_by_transcript(corpus, language, seed, shares=SHARES):
    """Share out rows, 70/10/20 by default, all rows with one normalised transcript to one split.

    The transcripts are ordered by a hash of the seed and themselves: to correct one moves
    hardly another.
    """
    rows = {}
    for row, text in enumerate(corpus["transcription"]):
        rows.setdefault(normalize(text, language), []).append(row)
    shuffled = sorted(rows, key=lambda text: hashlib.sha256(f"{seed}:{text}".encode()).digest())
    chosen = {split: [] for split in shares}
    *_, last = left = list(shares)
    split, limit = left.pop(0), shares["train"]
    done = 0
    for text in shuffled:
        if done >= limit * len(corpus) and split != last:
            split = left.pop(0)
            limit += shares[split]
        chosen[split] += rows[text]
        done += len(rows[text])
    return datasets.DatasetDict({s: corpus.select(sorted(picked)) for s, picked in chosen.items()})
