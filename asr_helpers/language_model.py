"""A character n-gram with Witten-Bell smoothing: how likely is a text, before anything is heard?"""

import math
from collections import Counter
from pathlib import Path

import numpy as np

DOMAIN_TEXT = Path(__file__).parent / "data" / "domain_text.txt"
EDGE = "\n"  # stands before each sentence and after it
ALPHABET = " 'ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def load_domain_text(path=DOMAIN_TEXT):
    """Sentences of the domain, normalised, a list of them; none is in the corpus.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return Path(path).read_text(encoding="utf-8").splitlines()


class CharacterModel:
    """P(next character | the `order` - 1 before it), counted in texts and smoothed.

    Witten-Bell smoothing, interpolated (Witten and Bell 1991, "The zero-frequency problem", as in
    Chen and Goodman 1998, "An empirical study of smoothing techniques", section 2.4):

        P(c | h) = (count(h c) + T(h) * P(c | h')) / (count(h) + T(h))

    with T(h) different characters seen after the context h, and h' one character shorter. Below
    the empty context lies the uniform distribution, so that no character has probability 0.

    Args:
        order: characters in an n-gram, the predicted one included; 1 or more.
        sources: pairs (sentences, weight); each count of these sentences is multiplied by it.
        alphabet: the characters of a sentence.

    Attributes:
        symbols: the alphabet and `EDGE`; position i of a distribution belongs to symbols[i].

    Raises:
        ValueError: order or a weight is too small, a character is not in the alphabet, or there
            is no sentence.
    """

    def __init__(self, order, sources, alphabet=ALPHABET):
        if order < 1:
            raise ValueError(f"An n-gram holds at least 1 character, not {order}.")
        self.order, self.symbols = order, alphabet + EDGE
        self.place = {symbol: i for i, symbol in enumerate(self.symbols)}
        self.counts = {}  # context -> {next character: weighted count}
        for sentences, weight in sources:
            if weight <= 0:
                raise ValueError(f"Weights are above 0, not {weight}: leave such a source out.")
            self._count([self.checked(sentence) for sentence in sentences], weight)
        if not self.counts:
            raise ValueError("No sentence to count: give at least one.")
        self._kept = {}

    def checked(self, sentence):
        """The sentence between its edges.

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

    def context(self, text):
        """What of a text decides which character comes next: its end, as far as `order` reads."""
        return (EDGE + text)[-self.order + 1 :] if self.order > 1 else ""

    def distribution(self, context):
        """P(c | the end of `context`) for each of `symbols`: an array (symbols,) that sums to 1.

        A context shorter than `order` - 1 gives the distribution of a lower order; the start of
        a sentence is `EDGE`. The result is kept and shared: do not change it.
        """
        context = context[max(0, len(context) - self.order + 1) :]
        found = self._kept.get(context)
        if found is None:
            found = self._kept[context] = self._smooth(context)
        return found

    def _smooth(self, context):
        if context:
            shorter = self.distribution(context[1:])
        else:
            shorter = np.full(len(self.symbols), 1 / len(self.symbols))
        following = self.counts.get(context)
        if following is None:  # never seen: the shorter context alone knows something
            return shorter
        found = len(following) * shorter
        for symbol, count in following.items():
            found[self.place[symbol]] += count
        return found / (sum(following.values()) + len(following))

    def score(self, text, end=True, order=None):
        """ln P(text), with or without the end of the sentence, by n-grams up to `order` long.

        Raises:
            ValueError: a character is not in the alphabet, or the model holds no such order.
        """
        order = order or self.order
        if not 1 <= order <= self.order:
            raise ValueError(f"Order {order}: this model holds 1 to {self.order}.")
        text = self.checked(text)[: None if end else -1]
        return sum(
            math.log(self.distribution(text[max(0, i - order + 1) : i])[self.place[text[i]]])
            for i in range(1, len(text))
        )

    def perplexity(self, texts, order=None):
        """exp of the mean -ln P of a character, the ends of sentences counted as one each."""
        total = sum(self.score(text, order=order) for text in texts)
        return math.exp(-total / sum(len(text) + 1 for text in texts))
