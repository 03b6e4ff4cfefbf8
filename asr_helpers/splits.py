"""Split rows into train, validation and test, so that test has new sentences and voices."""

import hashlib
import warnings
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

import datasets

from asr_helpers.text import normalize

SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}
FEW = 10  # rows of each transcript on average; from this number on, rows are split one by one
MOST_LEFT_OUT = 0.25  # at most this share is dropped to keep voices and transcripts apart


def spoken_or_written(text: object, language: str) -> str:
    """The normalised transcript, or the original text if it cannot be normalised.

    This is enough to split rows. `prepare_dataset` refuses such a row and names it.
    """
    try:
        return normalize(text or "", language)
    except (TypeError, ValueError, AttributeError):
        return str(text)


def share_out(
    groups: Sequence[Hashable], seed: int, shares: Mapping[str, float] = SHARES
) -> list[str]:
    """The split of each row, given each row's group: all rows of a group go to one split.

    The groups are ordered by a hash of the seed and the group. So renaming one group hardly moves
    another. A group of more than three tenths of all rows goes to the first split. No split stays
    empty if there are as many groups as splits.
    """
    rows = Counter(groups)
    shuffled = sorted(rows, key=lambda one: hashlib.sha256(f"{seed}:{one}".encode()).digest())
    shuffled.sort(key=lambda one: rows[one] <= 0.3 * len(groups))
    chosen = {}
    *_, last = left = list(shares)
    split, done = left.pop(0), 0
    limit = shares[split]
    for place, group in enumerate(shuffled):
        enough = done >= limit * len(groups)
        if (enough or len(shuffled) - place == len(left)) and split != last and place:
            split = left.pop(0)
            limit += shares[split]
        chosen[group] = split
        done += rows[group]
    return [chosen[group] for group in groups]


def split_by_transcript(
    corpus: datasets.Dataset, language: str, seed: int, shares: Mapping[str, float] = SHARES
) -> datasets.DatasetDict:
    """Split rows by normalised transcript, 70/10/20 by default.

    If a transcript occurs in ten rows or more on average, as with digits and commands, or one
    transcript occurs in more than half of the rows, the rows are split one by one. A test on words
    that training lacks completely would not be useful. A warning says so.

    Raises:
        ValueError: there are fewer rows than splits.
    """
    texts = [spoken_or_written(text, language) for text in corpus["transcription"]]
    names, note = share_transcripts(texts, seed, shares)
    if note:
        warnings.warn(note, stacklevel=2)
    return as_splits(corpus, names, shares)


def share_transcripts(
    texts: Sequence[str], seed: int, shares: Mapping[str, float] = SHARES
) -> tuple[list[str], str]:
    """(the split of each row by its transcript, a sentence if that was not possible).

    Raises:
        ValueError: there are fewer rows than splits.
    """
    _refuse_few(len(texts), shares)
    counts = Counter(texts)
    different = len(counts)
    common = max(counts.values()) > len(texts) / 2  # one split would hold only this transcript
    if (
        different >= len(shares)
        and len(texts) < FEW * different
        and not (common and len(texts) > FEW)
    ):
        return share_out(texts, seed, shares), ""
    times = Counter()
    groups = []
    for text in texts:
        times[text] += 1
        groups.append((text, times[text]))
    note = (
        f"{len(texts)} rows have only {different} different transcripts, so rows are shared out one "
        "by one: the same words are in all splits. The score tells how well these words are "
        "recognised. It does not tell how well new words are recognised."
    )
    return share_out(groups, seed, shares), note


def _refuse_few(rows, shares):
    if rows < len(shares):
        raise ValueError(
            f"{rows} rows cannot be shared out to {' and '.join(shares)}: add recordings."
        )


def split_off_the_end(corpus: datasets.Dataset, language: str, seed: int) -> datasets.DatasetDict:
    """Keep the last fifth for test, and share out the rest 7 to 1 as train and validation.

    Rows of the rest with a transcript of test are left out. If these are more than half of the
    rest, they stay, and a warning says so.

    Raises:
        ValueError: there are fewer rows than splits.
    """
    _refuse_few(len(corpus), SHARES)
    first = round((1 - SHARES["test"]) * len(corpus))
    test = corpus.select(range(first, len(corpus)))
    texts = [spoken_or_written(text, language) for text in corpus["transcription"]]
    tested = set(texts[first:])
    kept = [row for row in range(first) if texts[row] not in tested]
    if len(kept) < first / 2:
        warnings.warn(
            f"{first - len(kept)} of the first {first} rows have the transcript of a test row; "
            "they stay in training, so the same words are in all splits.",
            stacklevel=2,
        )
        kept = range(first)
    shares = {"train": 7 / 8, "validation": 1 / 8}
    rest = split_by_transcript(corpus.select(kept), language, seed, shares)
    return datasets.DatasetDict({**rest, "test": test})


def keep_own_splits(
    splits: Mapping[str, datasets.Dataset], language: str, seed: int
) -> datasets.DatasetDict:
    """The corpus's own splits; a missing validation or test split is taken from train.

    Training rows with a transcript of validation or test are left out, and a warning says how many.
    If these are more than half, they stay.
    """
    names = {"dev": "validation", "valid": "validation", "eval": "validation"}
    own = {names.get(name, name): split for name, split in splits.items()}
    for wanted, share in (("test", 0.2), ("validation", 0.125)):
        if wanted not in own:
            shares = {"train": 1 - share, wanted: share}
            own |= split_by_transcript(own["train"], language, seed, shares)
    texts = {
        name: [spoken_or_written(text, language) for text in own[name]["transcription"]]
        for name in SHARES
    }
    held = {*texts["validation"], *texts["test"]}
    kept = [row for row, text in enumerate(texts["train"]) if text not in held]
    shared = len(texts["train"]) - len(kept)
    if shared:
        stay = len(kept) < len(texts["train"]) / 2
        warnings.warn(
            f"{shared} training rows have the transcript of a row of validation or test: they "
            + ("stay, and the same words are in all splits." if stay else "are left out."),
            stacklevel=2,
        )
        if not stay:
            own["train"] = own["train"].select(kept)
    return datasets.DatasetDict({name: own[name] for name in SHARES})


def share_speakers(
    texts: Sequence[str], speakers: Sequence[str], seed: int, shares: Mapping[str, float] = SHARES
) -> tuple[list[str | None], list[str]]:
    """(the split of each row, sentences): no voice in two splits, and no transcript either.

    Speakers are split first. If a transcript is then in several splits, only the rows in the last
    of these splits are kept; the others get None. If this would drop more than a quarter of all
    rows, for example because everyone reads the same sentences, the rows are split by transcript,
    and voices are in all splits. If there are few transcripts, the rows are split by speaker, and
    words are in all splits.

    Raises:
        ValueError: there are fewer rows than splits.
    """
    known = {speaker for speaker in speakers if speaker}
    by_text, note = share_transcripts(texts, seed, shares)
    notes = [note] if note else []
    if len(known) < len(shares) or not all(speakers):
        if known:
            what = f"{len(known)} speakers are" if all(speakers) else "not every row's speaker is"
            notes.append(f"The same voices are in all splits: {what} known.")
        return by_text, notes
    by_voice = share_out(speakers, seed, shares)
    if note:
        return by_voice, [note.replace("rows are shared out one by one", "speakers are shared out")]
    order = {name: place for place, name in enumerate(shares)}
    last = {}
    for text, name in zip(texts, by_voice):
        last[text] = max(last.get(text, name), name, key=order.get)
    kept = [name if last[text] == name else None for text, name in zip(texts, by_voice)]
    sizes = Counter(kept)
    if sizes[None] > MOST_LEFT_OUT * len(texts) or any(
        sizes[name] < share * len(texts) / 3 for name, share in shares.items()
    ):
        return by_text, [
            "The same voices are in all splits: most speakers say the same sentences, and "
            "sentences, not speakers, are kept apart."
        ]
    if sizes[None]:
        notes.append(
            f"{sizes[None]} rows are left out: their speakers are in one split, and their words in "
            "another."
        )
    return kept, notes


def as_splits(
    corpus: datasets.Dataset, names: Sequence[str | None], shares: Mapping[str, float] = SHARES
) -> datasets.DatasetDict:
    """A DatasetDict of the rows by the names of their splits; rows of None are left out."""
    return datasets.DatasetDict(
        {
            split: corpus.select([row for row, name in enumerate(names) if name == split])
            for split in shares
        }
    )
