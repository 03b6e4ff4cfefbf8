"""A word n-gram that spells what it does not know: whole words are likely, new ones possible."""

import math
from collections import Counter
from functools import lru_cache

from asr_helpers.language_model import EDGE

KEPT = 50_000  # distributions, 20 MB: enough for minutes of speech, and a bound for hours


class WordModel:
    """P(next character | the words before it, the letters of the present one).

    A word is a token together with what ends it, a space or `EDGE`. Its probability after the words
    h is smoothed as a CharacterModel's is (Witten and Bell 1991), down to the CharacterModel, which
    spells it, so that no word is impossible:

        P(w | h) = (count(h w) + T(h) * P(w | h')) / (count(h) + T(h))

    with T(h) different words seen after h, and h' one word shorter. The next character follows by
    adding up: P(c | h, p) = P(words that begin with p c | h) / P(words that begin with p | h).

    Args:
        order: words in an n-gram, the predicted one included; 1 or more.
        sources: pairs (sentences, weight); each count of these sentences is multiplied by it.
        characters: the CharacterModel that spells.

    Attributes:
        symbols: those of `characters`; position i of a distribution belongs to symbols[i].

    Raises:
        ValueError: order or a weight is too small, a character is not in the alphabet, or there
            is no word.
    """

    def __init__(self, order, sources, characters):
        if order < 1:
            raise ValueError(f"An n-gram holds at least 1 word, not {order}.")
        self.order, self.characters = order, characters
        self.symbols, self.place = characters.symbols, characters.place
        # words before -> letters of a word so far -> {next character: weighted count}
        self.counts = {}
        self.seen, self.kinds = Counter(), Counter()  # count(h) and T(h)
        for sentences, weight in sources:
            if weight <= 0:
                raise ValueError(f"Weights are above 0, not {weight}: leave such a source out.")
            for sentence in sentences:
                self._count(characters.checked(sentence)[1:-1].split(), weight)
        if not self.counts:
            raise ValueError("No word to count: give at least one.")
        self._kept = lru_cache(KEPT)(self._computed)

    def _count(self, words, weight):
        before = [EDGE, *words]
        for at, word in enumerate(words):
            word += " " if at < len(words) - 1 else EDGE
            for n in range(min(self.order, at + 2)):
                history = tuple(before[at + 1 - n : at + 1])
                begun, new = self.counts.setdefault(history, {}), False
                for i, character in enumerate(word):
                    following = begun.setdefault(word[:i], {})
                    new = new or character not in following
                    following[character] = following.get(character, 0) + weight
                self.seen[history] += weight
                self.kinds[history] += new

    def context(self, text):
        """What of a text decides which character comes next: its last words and letters."""
        text = EDGE + text
        start = begun = text.rfind(" ")
        for _ in range(self.order - 1):
            start = text.rfind(" ", 0, max(start, 0))
        # As far as the words read, and as far as the letters before this word.
        return text[max(0, min(start + 1, begun + 2 - self.characters.order)) :]

    def distribution(self, context):
        """P(c | context) for each of `symbols`: an array (symbols,) that sums to 1.

        `context` is what `context` gives. The result is kept and shared: do not change it.
        """
        return self._kept(context)

    def _computed(self, context):
        *words, begun = context.replace(EDGE, EDGE + " ").split(" ")
        if begun not in self.counts[()]:  # no word that is known begins so
            return self.characters.distribution(context)
        history = tuple(words[max(0, len(words) - self.order + 1) :]) if self.order > 1 else ()
        mass = self._mass(history, begun, self._spelled(context, len(begun)))
        return mass / mass.sum()

    def _spelled(self, context, length):
        """P(a word begins with the last `length` letters and then c), for each c of `symbols`."""
        p = 1.0
        for at in range(len(context) - length, len(context)):
            p *= self.characters.distribution(context[:at])[self.place[context[at]]]
        return p * self.characters.distribution(context)

    def _mass(self, history, begun, spelled):
        """P(a word begins with `begun` and then c | history), for each c of `symbols`."""
        lower = self._mass(history[1:], begun, spelled) if history else spelled
        if history not in self.counts:
            return lower
        mass = self.kinds[history] * lower
        for character, count in self.counts[history].get(begun, {}).items():
            mass[self.place[character]] += count
        return mass / (self.seen[history] + self.kinds[history])

    def score(self, text, end=True):
        """ln P(text), with or without the end of the sentence.

        Raises:
            ValueError: a character is not in the alphabet.
        """
        whole = self.characters.checked(text)[1 : None if end else -1]
        return sum(
            math.log(self.distribution(self.context(whole[:i]))[self.place[whole[i]]])
            for i in range(len(whole))
        )

    def perplexity(self, texts):
        """exp of the mean -ln P of a character, as a CharacterModel's is."""
        return math.exp(-sum(map(self.score, texts)) / sum(len(text) + 1 for text in texts))
