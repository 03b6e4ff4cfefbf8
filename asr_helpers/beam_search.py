"""Prefix beam search: the text with the best sum of CTC's score and a language model's."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from heapq import nlargest
from math import exp, log
from typing import NamedTuple

import numpy as np

from asr_helpers.language_model import NGram

KEPT = 20_000  # contexts, 40 MB, however long the speech


class Hypothesis(NamedTuple):
    """A text and its score, with the parts of the score. All are natural logarithms."""

    text: str
    score: float  # acoustic + alpha * language + beta * characters
    acoustic: float  # ln P(text | audio), over all its paths that the beam kept
    language: float  # ln P(text) by the language model; 0 without one


class LanguageModelDecoder:
    """CTC prefix beam search with a language model in it (Hannun et al. 2014, "First-pass large
    vocabulary continuous speech recognition using bi-directional recurrent DNNs", algorithm 1).

    Among all texts it looks for the largest

        ln P(text | audio) + alpha * ln P(text) + beta * characters
    and keeps the `beam` best prefixes after each frame. Probabilities are scaled to a largest of
    1 after each frame (Rabiner 1989, "A tutorial on hidden Markov models", section V.A).

    Args:
        tokens: a character for each logit, in order; None for a token that is never written.
        blank: the id of the blank.
        model: an n-gram, or None.
        alpha, beta: the model's weight, 0 or more; a character's bonus in nats.
        beam: how many prefixes are kept after each frame.
        token_floor: tokens with less probability in a frame are not tried there.
        prefix_floor: prefixes with less than this share of the best one's probability are
            dropped. With 0, either floor drops nothing.

    Raises:
        ValueError: a number is out of range, or the model's alphabet lacks a token.
    """

    def __init__(
        self,
        tokens: Sequence[str | None],
        blank: int = 0,
        model: NGram | None = None,
        *,
        alpha: float = 0.0,
        beta: float = 0.0,
        beam: int = 32,
        token_floor: float = 0.0,
        prefix_floor: float = 0.0,
    ) -> None:
        if beam < 1 or alpha < 0 or not (0 <= token_floor < 1 and 0 <= prefix_floor < 1):
            raise ValueError(
                f"Wanted: a beam of 1 or more, not {beam}; alpha of 0 or more, not {alpha}; and "
                f"floors from 0 to below 1, not {token_floor} and {prefix_floor}."
            )
        if not 0 <= blank < len(tokens):
            raise ValueError(
                f"Blank {blank} is not the id of a token: choose one from 0 to {len(tokens) - 1}."
            )
        self.letters = [(i, c) for i, c in enumerate(tokens) if c is not None and i != blank]
        if missing := [c for _, c in self.letters if model and c not in model.symbols[:-1]]:
            raise ValueError(f"The model's alphabet lacks {missing}: give it a larger one.")
        self.size, self.blank, self.model = len(tokens), blank, model
        self.alpha, self.beta, self.beam = alpha, beta, beam
        self.token_floor, self.prefix_floor = token_floor, prefix_floor
        self._factors = lru_cache(KEPT)(self._multiplied)
        self._bonus = {c: exp(beta) for _, c in self.letters}

    def factors(self, prefix: str) -> dict[str, float]:
        """{character: the factor by which the probability changes when it follows `prefix`}."""
        if self.model is None:
            return self._bonus
        return self._factors(self.model.context(prefix))

    def _multiplied(self, context):
        values = self.model.distribution(context) ** self.alpha * exp(self.beta)
        return dict(zip(self.model.symbols, values.tolist()))

    def n_best(self, logits: np.ndarray, n: int = 1) -> list[Hypothesis]:
        """The n best texts of `logits` (frames, vocab), best first: a list of Hypothesis.

        Raises:
            ValueError: another shape, or a number that is not finite.
        """
        logits = np.asarray(logits, dtype=float)
        if logits.ndim != 2 or logits.shape[1] != self.size:
            raise ValueError(f"Wanted logits (frames, {self.size}), got {logits.shape}.")
        if not np.isfinite(logits).all():
            raise ValueError("Logits hold NaN or infinity: look for padding or a broken model.")
        frames = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
        frames = np.maximum(frames / frames.sum(axis=1, keepdims=True), 1e-30)
        # prefix -> [share of its paths that end in blank, share that end in its last character]
        beams, scale = {"": [1.0, 0.0]}, 0.0
        for frame in frames.tolist():
            beams, best = self._prune(self._step(beams, frame))
            scale += log(best)
        texts = [self._finish(prefix, log(sum(mass)) + scale) for prefix, mass in beams.items()]
        return nlargest(n, texts, key=lambda hypothesis: hypothesis.score)

    def _step(self, beams, frame):
        """All prefixes after one more frame, and their mass: {prefix: [in blank, in letter]}."""
        tried = [(c, frame[i]) for i, c in self.letters if frame[i] > self.token_floor]
        letters, blank, after = dict(tried), frame[self.blank], {}
        for prefix, (in_blank, in_letter) in beams.items():
            both, last = in_blank + in_letter, prefix[-1:]
            mass = after.setdefault(prefix, [0.0, 0.0])
            mass[0] += both * blank
            mass[1] += in_letter * letters.get(last, 0.0)  # the same letter, held on
            factors = self.factors(prefix) if tried else None
            for c, p in tried:
                # A letter twice in a row needs a blank in between.
                p *= factors[c] * (in_blank if c == last else both)
                longer = prefix + c
                if longer in after:
                    after[longer][1] += p
                elif p:
                    after[longer] = [0.0, p]
        return after

    def _prune(self, after):
        """The best prefixes, scaled to a largest mass of 1, and the largest mass before scaling."""
        ranked = [(sum(mass), prefix) for prefix, mass in after.items()]
        best = max(ranked)[0]
        ranked = nlargest(self.beam, [r for r in ranked if r[0] > best * self.prefix_floor])
        return {prefix: [m / best for m in after[prefix]] for _, prefix in ranked}, best

    def _finish(self, text, score):
        """The Hypothesis of a prefix at whose end the sentence ends, too."""
        language = unfinished = 0.0  # ln P of the text with its end, and without
        if self.model is not None:
            language, unfinished = self.model.score(text), self.model.score(text, end=False)
        acoustic = score - self.alpha * unfinished - self.beta * len(text)
        return Hypothesis(text, score + self.alpha * (language - unfinished), acoustic, language)

    def __call__(self, batch: Iterable[np.ndarray]) -> list[str]:
        """The best text of each utterance; `batch` is a list of logits (frames, vocab)."""
        return [" ".join(self.n_best(logits)[0].text.split()) for logits in batch]


def characters(tokenizer) -> list[str | None]:
    """`tokens` for LanguageModelDecoder: "|" is a space, and special tokens are never written."""
    space = tokenizer.word_delimiter_token
    names = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    return [" " if name == space else name if len(name) == 1 else None for name in names]
