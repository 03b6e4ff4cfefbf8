"""The course's recipe for decoding with a language model; validation chooses the weights."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from asr_helpers.beam_search import LanguageModelDecoder, characters
from asr_helpers.language_model import (
    CharacterModel,
    NGram,
    load_domain_text,
    load_english_words,
)
from asr_helpers.metrics import cer, wer
from asr_helpers.mixture import Mixture, fit_shares
from asr_helpers.profiles import Profile
from asr_helpers.word_model import WordModel


class Weights(NamedTuple):
    """The weights chosen on validation, and the scores of all weights that were tried."""

    alpha: float
    beta: float
    grid: dict[tuple[float, float], tuple[float, float]]  # {(alpha, beta): (WER, CER)}


def course_language_model(
    profile: Profile, processor, train: Sequence[str], validation: Sequence[str]
) -> NGram:
    """The course's language model: a mixture of word n-grams that can spell unknown words.

    The sources are the training transcripts and, for English, the sentences of the domain that
    ship with the course. Each source is counted and smoothed alone; the shares of a Mixture are
    those that predict the validation transcripts best. A word that is in no source is predicted by
    `english_words` for English, and spelled by character n-grams of the sources otherwise.

    Args:
        profile: its `decoding` holds the orders, its `language` chooses the sources.
        processor: the model can spell its letters, in addition to those of the texts.
        train, validation: normalised transcripts of the two splits.

    Raises:
        ValueError: a split has no transcript, or a transcript is not normalised.
    """
    settings = profile.decoding
    english = profile.language[:2].lower() == "en"
    sources = [train, load_domain_text()] if english else [train]
    letters = {c for c in characters(processor.tokenizer) if c is not None}
    alphabet = "".join(sorted(letters.union(*map("".join, [*sources, validation]))))
    spellers = [CharacterModel(settings.order, [(source, 1)], alphabet) for source in sources]
    speller = _mixed(spellers, validation)
    if english:
        speller = english_words(speller)
    words = [WordModel(settings.words, [(source, 1)], speller) for source in sources]
    return _mixed(words, validation)


def english_words(speller: NGram) -> WordModel:
    """English words, each as likely as it is frequent in WordNet, whatever stands before it.

    Args:
        speller: spells the words that are not in the list, such as names. A word of the list with a
            letter that `speller` lacks is left out.
    """
    alike = defaultdict(list)
    for word, count in load_english_words().items():
        if set(word) <= set(speller.symbols):
            alike[count].append(f"{word} {word}")  # counted within a sentence and at its end
    return WordModel(1, [(words, count) for count, words in alike.items()], speller)


def _mixed(models, validation):
    return Mixture(models, fit_shares(models, validation)) if len(models) > 1 else models[0]


def with_hot_words(profile: Profile, model: NGram, hot_words: Iterable[str]) -> NGram:
    """The language model with hot words, such as the names in an address book.

    In a Mixture, the hot words get the share `profile.decoding.hot_share`. All hot words are
    equally likely, anywhere in a sentence. `hot_word_alarms` counts hits and false alarms.

    Args:
        model: of `course_language_model`, or another one that predicts words.
        hot_words: normalised words; an empty list gives the unchanged model.

    Raises:
        ValueError: a word holds a character that the model's alphabet lacks.
    """
    words = sorted(set(hot_words))
    if not words:
        return model
    share = profile.decoding.hot_share
    # Each word is counted within a sentence and at its end, and so often that words which are not
    # hot words get almost no probability.
    hot = WordModel(1, [([f"{word} {word}" for word in words], 1e6)], model)
    return Mixture([model, hot], [1 - share, share])


def course_decoder(
    profile: Profile,
    processor,
    model: NGram | None,
    alpha: float,
    beta: float,
    beam: int | None = None,
) -> LanguageModelDecoder:
    """The course's beam search: the processor's tokens, the profile's floors.

    Args:
        profile: its `decoding` holds the floors and the beam.
        processor: of the fine-tuned model.
        model: of `course_language_model`, or None to search without one.
        alpha, beta: see LanguageModelDecoder; `choose_weights` finds them.
        beam: prefixes kept; the profile's by default.

    Raises:
        ValueError: see LanguageModelDecoder.
    """
    settings, tokenizer = profile.decoding, processor.tokenizer
    return LanguageModelDecoder(
        characters(tokenizer), tokenizer.pad_token_id, model, alpha=alpha, beta=beta,
        beam=beam or settings.beam, token_floor=settings.token_floor,
        prefix_floor=settings.prefix_floor,
    )  # fmt: skip


def choose_weights(
    profile: Profile,
    processor,
    model: NGram,
    logits: Sequence[np.ndarray],
    texts: Sequence[str],
) -> Weights:
    """alpha and beta with the lowest WER on validation; among equals, with the lowest CER.

    Args:
        logits: of each validation clip, shape (frames, vocab).
        texts: what was said in them.

    Raises:
        ValueError: see `wer` and LanguageModelDecoder.
    """
    settings, grid = profile.decoding, {}
    for alpha, beta in itertools.product(settings.alphas, settings.betas):
        search = course_decoder(profile, processor, model, alpha, beta, settings.grid_beam)
        written = search(logits)
        grid[alpha, beta] = (wer(texts, written), cer(texts, written))
    return Weights(*min(grid, key=grid.get), grid)
