"""Several n-grams as one: each source is counted and smoothed alone, and the results are mixed."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from asr_helpers.language_model import NGram, perplexity_of

KEPT = 50_000  # distributions in memory: minutes of speech need fewer, hours need more


class Mixture:
    """Linear interpolation of n-grams (Jelinek and Mercer 1980). Itself an `NGram`.

        P(w | h) = share_1 * P_1(w | h) + share_2 * P_2(w | h) + ...

    for a unit w: a character of CharacterModels, a word of WordModels. Within a word, a model that
    gave more probability to the letters so far has a larger weight; this follows from the formula.

    Multiplying the counts of a source instead would change its smoothing. Witten-Bell compares
    counts with the number of different followers, and this number is not multiplied.

    Args:
        models: n-grams over the same units and the same symbols.
        shares: one for each, 0 or more, adding up to 1; see `fit_shares`.

    Raises:
        ValueError: the shares do not fit the models, or the models do not fit each other.
    """

    def __init__(self, models: Sequence[NGram], shares: Sequence[float]) -> None:
        if not models or len(models) != len(shares):
            raise ValueError(f"{len(models)} models and {len(shares)} shares: give one for each.")
        if min(shares) < 0 or not math.isclose(sum(shares), 1, abs_tol=1e-6):
            raise ValueError(f"Shares are 0 or more and add up to 1: not {list(shares)}.")
        if len({model.symbols for model in models}) > 1:
            raise ValueError("The models have different alphabets: make them with the same one.")
        letter = models[0].symbols.replace(" ", "")[0]
        if len({len(model.units(letter)) for model in models}) > 1:
            raise ValueError("The models predict different units: mix words or characters alone.")
        self.models, self.shares = list(models), list(shares)
        self.order = max(model.order for model in models)
        self.symbols, self.place = models[0].symbols, models[0].place
        self._kept = lru_cache(KEPT)(self._computed)

    def checked(self, sentence: str) -> str:
        """The sentence with `EDGE` at both ends; ValueError if the alphabet lacks a character."""
        return self.models[0].checked(sentence)

    def context(self, text: str) -> str:
        """The last part of a text, which decides what follows: the models' longest context."""
        return max((model.context(text) for model in self.models), key=len)

    def distribution(self, context: str) -> np.ndarray:
        """P(c | context) for each of `symbols`: an array (symbols,) that sums to 1.

        The result is kept and shared: do not change it.
        """
        return self._kept(context)

    def _computed(self, context):
        mass = self.mass(context)
        total = mass.sum()
        if total > 1e-250:
            return mass / total
        # A word so long and unlikely that its probability is too small for a float.
        parts = zip(self.shares, self.models)
        return sum(share * model.distribution(context) for share, model in parts)

    def mass(self, context: str) -> np.ndarray:
        """P(the present unit so far, and then c), for each c of `symbols`."""
        parts = zip(self.shares, self.models)
        return sum(share * model.mass(context) for share, model in parts)

    def units(self, text: str) -> list[float]:
        """ln P of each unit under the mixture."""
        parts = np.array([model.units(text) for model in self.models])  # (models, units)
        with np.errstate(divide="ignore"):
            return list(np.logaddexp.reduce(parts + np.log(self.shares)[:, None], axis=0))

    def score(self, text: str, end: bool = True) -> float:
        """ln P(text), with or without the end of the sentence.

        Raises:
            ValueError: a character is not in the alphabet.
        """
        whole = self.checked(text)[1 : None if end else -1]
        return sum(
            math.log(self.distribution(self.context(whole[:i]))[self.place[whole[i]]])
            for i in range(len(whole))
        )

    def perplexity(self, texts: Sequence[str]) -> float:
        """exp of the mean -ln P of a character, as a CharacterModel's is.

        Raises:
            ValueError: there is no text; see `score`.
        """
        return perplexity_of([self.score(text) for text in texts], texts)


def fit_shares(models: Sequence[NGram], texts: Sequence[str], rounds: int = 100) -> list[float]:
    """The shares with which a Mixture of `models` predicts `texts` best.

    Expectation maximisation: the new share of a model is its mean contribution to the probability
    of each unit (Dempster et al. 1977, "Maximum likelihood from incomplete data"). The texts must
    be new to all models, such as the validation texts. Otherwise a model that has seen the texts
    gets the whole share.

    Raises:
        ValueError: there is no model or no text, or a character is not in the alphabet.
    """
    if not models or not texts:
        raise ValueError("Wanted: one model or more, and texts that they have not seen.")
    parts = [[value for text in texts for value in model.units(text)] for model in models]
    values = np.array(parts)  # (models, units)
    likely = np.exp(values - values.max(axis=0))
    shares = np.full(len(models), 1 / len(models))
    for _ in range(rounds):
        part = shares[:, None] * likely
        shares = (part / part.sum(axis=0)).mean(axis=1)
    return (shares / shares.sum()).tolist()
