"""N-grams: the probability of a text without audio. This module has the character n-gram."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

DOMAIN_TEXT = Path(__file__).parent / "data" / "domain_text.txt"
ENGLISH_WORDS = Path(__file__).parent / "data" / "english_words.txt"
EDGE = "\n"  # stands before each sentence and after it
ALPHABET = " 'ABCDEFGHIJKLMNOPQRSTUVWXYZ"
Sources = Iterable[tuple[Iterable[str], float]]  # (sentences, how often each of them counts)


class NGram(Protocol):
    """The interface that the beam search needs: CharacterModel, WordModel and Mixture have it.

    Attributes:
        order: how many characters, or words, the n-gram reads, the predicted one included.
        symbols: the alphabet and `EDGE`; position i of a distribution belongs to symbols[i].
        place: {symbol: its position}.
    """

    order: int
    symbols: str
    place: dict[str, int]

    def checked(self, sentence: str) -> str:
        """EDGE + sentence + EDGE; ValueError if the alphabet lacks a character."""

    def context(self, text: str) -> str:
        """The last characters of `EDGE + text`: those that decide which character comes next."""

    def distribution(self, context: str) -> np.ndarray:
        """P(c | context) for each of `symbols`: an array (symbols,) that sums to 1.

        The argument is what the method `context` gives, or longer. The result is shared: do not
        change it.
        """

    def mass(self, context: str) -> np.ndarray:
        """For each c of `symbols`: P(a unit begins with what the unfinished unit has, then c).

        A unit is a character (CharacterModel) or a word (WordModel).
        """

    def units(self, text: str) -> list[float]:
        """ln P of each predicted character, or of each word with what ends it."""

    def score(self, text: str, end: bool = True) -> float:
        """ln P(text), with or without the end of the sentence."""

    def perplexity(self, texts: Iterable[str]) -> float:
        """exp of the mean -ln P of a character; each sentence's end counts as a character."""


def load_domain_text(path: str | Path = DOMAIN_TEXT) -> list[str]:
    """Sentences of the domain, normalised, a list of them; none is in the corpus.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return Path(path).read_text(encoding="utf-8").splitlines()


def load_english_words(path: str | Path = ENGLISH_WORDS) -> dict[str, int]:
    """How often each English word stands in WordNet, normalised: {word: count}.

    Raises:
        FileNotFoundError: there is no such file.
    """
    rows = (line.split() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return {word: int(count) for word, count in rows}


class CharacterModel:
    """P(next character | the `order` - 1 before it), counted in texts and smoothed. An `NGram`.

    Witten-Bell smoothing, interpolated (Witten and Bell 1991, "The zero-frequency problem", as in
    Chen and Goodman 1998, "An empirical study of smoothing techniques", section 2.4):

        P(c | h) = (count(h c) + T(h) * P(c | h')) / (count(h) + T(h))

    with T(h) different characters seen after the context h, and h' one character shorter. The empty
    context is smoothed with the uniform distribution, so that no character has probability 0.

    T(h) is compared with count(h), so a weight other than 1 changes the probability of unseen
    characters. `Mixture` combines sources without this effect.

    Args:
        order: characters in an n-gram, the predicted one included; 1 or more.
        sources: pairs (sentences, weight); each count of these sentences is multiplied by it.
        alphabet: the characters of a sentence.

    Attributes:
        symbols: the alphabet and `EDGE`; position i of a distribution belongs to symbols[i].
        counts: {context: {next character: weighted count}}.

    Raises:
        ValueError: order or a weight is too small, a character is not in the alphabet, or there
            is no sentence.
    """

    def __init__(self, order: int, sources: Sources, alphabet: str = ALPHABET) -> None:
        if order < 1:
            raise ValueError(f"An n-gram holds at least 1 character, not {order}.")
        self.order, self.symbols = order, alphabet + EDGE
        self.place = {symbol: i for i, symbol in enumerate(self.symbols)}
        self.counts = {}
        for sentences, weight in sources:
            self._count([self.checked(sentence) for sentence in sentences], checked_weight(weight))
        if not self.counts:
            raise ValueError("No sentence to count: give at least one.")
        self._kept = {}

    def checked(self, sentence: str) -> str:
        """The sentence with `EDGE` before it and after it.

        Raises:
            ValueError: it holds a character that is not in the alphabet.
        """
        strange = sorted(set(sentence) - set(self.symbols[:-1]))
        if strange:
            raise ValueError(
                f"{sentence!r} holds {strange}, which the alphabet does not: normalise the text, or "
                "give another alphabet."
            )
        return EDGE + sentence + EDGE

    def _count(self, texts, weight):
        for n in range(1, self.order + 1):
            first = 1 if n == 1 else 0  # the edge in front is given, never predicted
            grams = Counter(t[i : i + n] for t in texts for i in range(first, len(t) - n + 1))
            for gram, times in grams.items():
                following = self.counts.setdefault(gram[:-1], {})
                following[gram[-1]] = following.get(gram[-1], 0) + weight * times

    def context(self, text: str) -> str:
        """The end of a text that decides the next character: the last `order` - 1 characters."""
        return (EDGE + text)[-self.order + 1 :] if self.order > 1 else ""

    def distribution(self, context: str) -> np.ndarray:
        """P(c | the end of `context`) for each of `symbols`: an array (symbols,) that sums to 1.

        A context shorter than `order` - 1 gives the distribution of a lower order; the start of
        a sentence is `EDGE`. The result is kept and shared: do not change it.
        """
        context = context[max(0, len(context) - self.order + 1) :]
        smoothed = self._kept.get(context)
        if smoothed is None:
            smoothed = self._kept[context] = self._smooth(context)
        return smoothed

    mass = distribution  # a character has no parts, so nothing of the present one is written yet

    def _smooth(self, context):
        if context:
            shorter = self.distribution(context[1:])
        else:
            shorter = np.full(len(self.symbols), 1 / len(self.symbols))
        following = self.counts.get(context)
        if following is None:  # never seen: only the shorter context has counts
            return shorter
        smoothed = len(following) * shorter
        for symbol, count in following.items():
            smoothed[self.place[symbol]] += count
        return smoothed / (sum(following.values()) + len(following))

    def units(self, text: str, end: bool = True, order: int | None = None) -> list[float]:
        """ln P of each character of a text, and of its end.

        Raises:
            ValueError: a character is not in the alphabet, or the model holds no such order.
        """
        order = order or self.order
        if not 1 <= order <= self.order:
            raise ValueError(f"Order {order}: this model holds 1 to {self.order}.")
        text = self.checked(text)[: None if end else -1]
        return [
            math.log(self.distribution(text[max(0, i - order + 1) : i])[self.place[text[i]]])
            for i in range(1, len(text))
        ]

    def score(self, text: str, end: bool = True, order: int | None = None) -> float:
        """ln P(text), with or without the end of the sentence, by n-grams up to `order` long.

        Raises:
            ValueError: a character is not in the alphabet, or the model holds no such order.
        """
        return sum(self.units(text, end, order))

    def perplexity(self, texts: Sequence[str], order: int | None = None) -> float:
        """exp of the mean -ln P of a character; each sentence's end counts as a character.

        Raises:
            ValueError: there is no text; see `score`.
        """
        return perplexity_of([self.score(text, order=order) for text in texts], texts)


def checked_weight(weight: float) -> float:
    """The weight of a source.

    Raises:
        ValueError: it is not above 0.
    """
    if not weight > 0:
        raise ValueError(f"Weights are above 0, not {weight}: leave such a source out.")
    return weight


def perplexity_of(scores: Sequence[float], texts: Sequence[str]) -> float:
    """exp of the mean -ln P of a character, given ln P of each text.

    Raises:
        ValueError: there is no text.
    """
    if not texts:
        raise ValueError("No text to predict: perplexity is a mean over its characters.")
    return math.exp(-sum(scores) / sum(len(text) + 1 for text in texts))
