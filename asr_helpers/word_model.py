"""A word n-gram that can spell unknown words with a character n-gram."""

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from asr_helpers.language_model import EDGE, NGram, Sources, checked_weight, perplexity_of

KEPT = 50_000  # distributions in memory, 20 MB: minutes of speech need fewer, hours need more


class WordModel:
    """P(next character | the words before, the letters of the present word). An `NGram`.

    A word is a token together with what ends it, a space or `EDGE`. Its probability after the words
    h is smoothed as a CharacterModel's is (Witten and Bell 1991), down to `speller`, so that no
    word is impossible:

        P(w | h) = (count(h w) + T(h) * P(w | h')) / (count(h) + T(h))

    with T(h) different words seen after h, and h' one word shorter. The next character follows by
    adding up: P(c | h, p) = P(words that begin with p c | h) / P(words that begin with p | h).

    Two things make the code harder than that formula. The beam search writes letter by letter, so
    the sums over words must be ready for every beginning of a word: `counts` therefore holds, for
    each history, a dictionary of beginnings. When a history is shortened, one word at a time, the
    speller's probability of the beginning stays the same. So `mass` computes this probability once
    and passes it on.

    Args:
        order: words in an n-gram, the predicted one included; 1 or more.
        sources: pairs (sentences, weight); each count of these sentences is multiplied by it.
        speller: the n-gram that predicts a word that was not counted, such as a CharacterModel that
            spells it, or a WordModel of a list of words.

    Attributes:
        symbols: those of `speller`; position i of a distribution belongs to symbols[i].
        counts: {words before: {letters so far: {next character: weighted count}}}.
        seen, kinds: {words before: count(h)} and {words before: T(h)}.

    Raises:
        ValueError: order or a weight is too small, a character is not in the alphabet, or there
            is no word.
    """

    def __init__(self, order: int, sources: Sources, speller: NGram) -> None:
        if order < 1:
            raise ValueError(f"An n-gram holds at least 1 word, not {order}.")
        self.order, self.speller = order, speller
        self.symbols, self.place = speller.symbols, speller.place
        self.counts = {}
        self.seen, self.kinds = Counter(), Counter()
        for sentences, weight in sources:
            checked_weight(weight)
            for sentence in sentences:
                self._count(speller.checked(sentence)[1:-1].split(), weight)
        if not self.counts:
            raise ValueError("No word to count: give at least one.")
        self._kept = lru_cache(KEPT)(self._computed)

    def checked(self, sentence: str) -> str:
        """The sentence with `EDGE` at both ends; ValueError if the alphabet lacks a character."""
        return self.speller.checked(sentence)

    def _count(self, words, weight):
        before = [EDGE, *words]
        for at, word in enumerate(words):
            word += " " if at < len(words) - 1 else EDGE
            for n in range(min(self.order, at + 2)):
                history = tuple(before[at + 1 - n : at + 1])
                beginnings, new = self.counts.setdefault(history, {}), False
                for i, character in enumerate(word):
                    following = beginnings.setdefault(word[:i], {})
                    new = new or character not in following
                    following[character] = following.get(character, 0) + weight
                self.seen[history] += weight
                self.kinds[history] += new

    def context(self, text: str) -> str:
        """The last words and letters of a text, on which the next character depends."""
        before = text.rpartition(" ")[0] + " " if " " in text else ""  # the present word
        whole = EDGE + text
        start = whole.rfind(" ")
        for _ in range(self.order - 1):
            start = whole.rfind(" ", 0, max(start, 0))
        # The context has all words that the n-gram reads, and all letters that the speller reads.
        letters = len(before) + 1 - len(self.speller.context(before)) if before else 0
        return whole[max(0, min(start + 1, letters)) :]

    def distribution(self, context: str) -> np.ndarray:
        """P(c | context) for each of `symbols`: an array (symbols,) that sums to 1.

        `context` is what the method `context` returns, or longer. The result is kept and shared:
        do not change it.
        """
        return self._kept(context)

    def _computed(self, context):
        begun = self._split(context)[1]
        if begun not in self.counts[()]:  # no known word begins with these letters
            return self.speller.distribution(context)
        mass = self.mass(context)
        return mass / mass.sum()

    def _split(self, context):
        """(the words that the n-gram reads, the letters of the present word)."""
        *words, begun = context.replace(EDGE, EDGE + " ").split(" ")
        reads = words[max(0, len(words) - self.order + 1) :] if self.order > 1 else []
        return tuple(reads), begun

    def mass(self, context: str) -> np.ndarray:
        """P(a word begins with the letters so far and then c | the words before), for each c."""
        history, begun = self._split(context)
        return self._mass(history, begun, self._spelled(context, len(begun)))

    def _spelled(self, context, length):
        """P(a word begins with the last `length` letters and then c), for each c of `symbols`."""
        p = 1.0
        for at in range(len(context) - length, len(context)):
            p *= self.speller.distribution(context[:at])[self.place[context[at]]]
        return p * self.speller.distribution(context)

    def _mass(self, history, begun, spelled):
        """P(a word begins with `begun` and then c | history), for each c of `symbols`."""
        lower = self._mass(history[1:], begun, spelled) if history else spelled
        if history not in self.counts:
            return lower
        mass = self.kinds[history] * lower
        for character, count in self.counts[history].get(begun, {}).items():
            mass[self.place[character]] += count
        return mass / (self.seen[history] + self.kinds[history])

    def units(self, text: str) -> list[float]:
        """ln P of each word of a text, with the space or the end of the sentence after it."""
        words = [0.0]
        for character, value in zip(self.checked(text)[1:], self._characters(text)):
            words[-1] += value
            if character == " ":
                words.append(0.0)
        return words

    def _characters(self, text, end=True):
        whole = self.checked(text)[1 : None if end else -1]
        return [
            math.log(self.distribution(self.context(whole[:i]))[self.place[whole[i]]])
            for i in range(len(whole))
        ]

    def score(self, text: str, end: bool = True) -> float:
        """ln P(text), with or without the end of the sentence.

        Raises:
            ValueError: a character is not in the alphabet.
        """
        return sum(self._characters(text, end))

    def perplexity(self, texts: Sequence[str]) -> float:
        """exp of the mean -ln P of a character, as a CharacterModel's is.

        Raises:
            ValueError: there is no text; see `score`.
        """
        return perplexity_of([self.score(text) for text in texts], texts)
