"""Which words and letters are wrong: the only module that aligns two texts."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

import jiwer


class HotWords(NamedTuple):
    """How often hot words were spoken, written where spoken, and written where not spoken."""

    spoken: Counter
    right: Counter
    false_alarms: Counter


def checked_pairs(
    references: Sequence[str] | str, predictions: Sequence[str] | str
) -> tuple[list[str], list[str]]:
    """Both lists of texts, with single spaces between words; two strings are one pair.

    Any white space separates words, also a tab, a line break or a no-break space. A letter with an
    accent counts as the same letter, whichever way Unicode stores the accent. Characters without
    width are ignored.

    Raises:
        ValueError: there is no row, the lists differ in length, a reference is empty, or a row is
            not a string; the message names the rows.
    """
    if isinstance(references, str) and isinstance(predictions, str):
        references, predictions = [references], [predictions]
    lists = []
    for name, texts in (("references", references), ("predictions", predictions)):
        if isinstance(texts, str | bytes | Set | Mapping) or not isinstance(texts, Iterable):
            raise ValueError(f"The {name} are {texts!r:.80}: give a list of strings, one a clip.")
        if getattr(texts, "ndim", 1) != 1:  # a table would be read as the names of its columns
            raise ValueError(
                f"The {name} are a table of shape {texts.shape}: give one column of it, such as "
                "table['text']."
            )
        texts = list(texts)
        for row, text in enumerate(texts):
            if not isinstance(text, str):
                raise ValueError(
                    f'Row {row} of the {name} is {text!r} and not a string: write "" where '
                    "nothing was written, and drop rows without a reference."
                )
        lists.append([_plain(text) for text in texts])
    references, predictions = lists
    if len(references) != len(predictions):
        raise ValueError(
            f"{len(references)} references but {len(predictions)} predictions: score the rows of "
            "one split, in its order."
        )
    if not references:
        raise ValueError("There is no row to score: look at how the split was chosen.")
    empty = [row for row, text in enumerate(references) if not text]
    if empty:
        raise ValueError(f"References {empty[:5]} are empty: drop those rows before scoring.")
    return references, predictions


def _plain(text):
    """The words with single spaces between them, each letter stored in one way."""
    text = unicodedata.normalize("NFC", text)
    if not text.isascii():
        text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return " ".join(text.split())


def align(
    references: Sequence[str] | str, predictions: Sequence[str] | str, unit: str = "word"
) -> list[list[tuple[str, str, str]]]:
    """One best alignment of each pair: lists of (kind, spoken, written), from left to right.

    `kind` is "equal", "substitute", "delete" (nothing was written, `written` is "") or "insert"
    (nothing was spoken, `spoken` is ""). If several alignments have equally few errors, jiwer
    chooses one of them (Wagner and Fischer 1974, "The string-to-string correction problem").

    Args:
        references, predictions: what was said and what was written, pair by pair.
        unit: "word", or "character" (spaces count).

    Raises:
        ValueError: see `checked_pairs`.
    """
    references, predictions = checked_pairs(references, predictions)
    process = {"word": jiwer.process_words, "character": jiwer.process_characters}[unit]
    split = str.split if unit == "word" else list
    aligned = []
    for reference, prediction, parts in zip(
        references, predictions, process(references, predictions).alignments
    ):
        spoken, written, rows = split(reference), split(prediction), []
        for part in parts:
            above = spoken[part.ref_start_idx : part.ref_end_idx]
            below = written[part.hyp_start_idx : part.hyp_end_idx]
            above, below = above or [""] * len(below), below or [""] * len(above)
            rows += [(part.type, *pair) for pair in zip(above, below)]
        aligned.append(rows)
    return aligned


def align_words(reference: str, prediction: str) -> list[tuple[str, str, str]]:
    """`align` for one pair: [(kind, spoken word, written word), ...].

    Raises:
        ValueError: the reference is empty, or one of the two is not a string.
    """
    return align([reference], [prediction])[0]


def hot_word_alarms(
    references: Sequence[str], predictions: Sequence[str], hot_words: Iterable[str]
) -> HotWords:
    """Count hot words: how many were spoken, how many are right, how many are false alarms.

    A false alarm is a hot word that was written but not spoken there. It replaces another word or
    is inserted.

    Raises:
        ValueError: see `checked_pairs`; or a hot word is not one word.
    """
    if isinstance(hot_words, str):
        raise ValueError(
            f"Hot words are a list of words, not {hot_words!r}: write [{hot_words!r}]."
        )
    hot_words = list(hot_words) if isinstance(hot_words, Iterable) else [hot_words]
    if wrong := [word for word in hot_words if not isinstance(word, str)]:
        raise ValueError(f"Hot words are a list of words, and {wrong[0]!r} is no word.")
    hot_words = {_plain(word) for word in hot_words}
    if wrong := sorted(word for word in hot_words if len(word.split()) != 1):
        raise ValueError(f"Hot words are single words, not {wrong}.")
    found = HotWords(Counter(), Counter(), Counter())
    for rows in align(references, predictions):
        for kind, spoken, written in rows:
            if spoken in hot_words:
                found.spoken[spoken] += 1
                found.right[spoken] += kind == "equal"
            if written in hot_words and kind != "equal":
                found.false_alarms[written] += 1
    return found
