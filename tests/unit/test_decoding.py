from dataclasses import replace

import numpy as np
import pytest

from asr_helpers.beam_search import characters
from asr_helpers.decoding import (
    choose_weights,
    course_decoder,
    course_language_model,
    english_words,
    with_hot_words,
)
from asr_helpers.errors import hot_word_alarms
from asr_helpers.language_model import CharacterModel
from asr_helpers.metrics import wer
from asr_helpers.mixture import Mixture

TRAIN = ["PRESS ONE TO CALL ZERO", "PRESS TWO TO GO BACK", "CALL ZERO NOW", "GOODBYE"]
VALIDATION = ["PRESS ONE TO GO BACK", "CALL ZERO"]


@pytest.fixture(scope="module")
def small(profile):
    settings = replace(profile.decoding, order=4, alphas=(0.0, 0.8), betas=(0.0, 0.8), grid_beam=4)
    return replace(profile, decoding=settings)


@pytest.fixture(scope="module")
def model(small, processor):
    return course_language_model(small, processor, TRAIN, VALIDATION)


@pytest.fixture(scope="module")
def logits(processor):
    """Frames that write each text, some letters of which have a rival that is nearly as likely."""
    tokens, random = characters(processor.tokenizer), np.random.default_rng(0)
    written = []
    for text in VALIDATION:
        frames = random.normal(0, 0.3, (2 * len(text), len(tokens)))
        frames[1::2, processor.tokenizer.pad_token_id] += 8
        for at, letter in enumerate(text):
            frames[2 * at, tokens.index(letter)] += 6
            if at % 3 == 1 and letter != " ":
                frames[2 * at, tokens.index("X")] += 6.3
        written.append(frames)
    return written


def test_the_sources_are_mixed_and_the_domain_counts(model, small, processor):
    assert isinstance(model, Mixture) and len(model.models) == 2
    assert sum(model.shares) == pytest.approx(1)
    foreign = course_language_model(
        replace(small, language="de-DE"), processor, ["ÜBER ALLES"], ["ÜBER"]
    )
    assert not isinstance(foreign, Mixture) and "Ü" in foreign.symbols
    assert model.perplexity(VALIDATION) < course_language_model(
        replace(small, language="de-DE"), processor, TRAIN, VALIDATION
    ).perplexity(["PLEASE ENTER THE NUMBER"])


def test_an_unknown_word_is_likelier_if_it_is_english(model, small, processor, monkeypatch):
    assert model.score("CALL RIVERS") > model.score("CALL RIVZRS") + 3
    assert np.isfinite(model.score("CALL RIVZRS"))  # any name can be spelled
    monkeypatch.setattr("asr_helpers.decoding.english_words", lambda speller: speller)
    without = course_language_model(small, processor, TRAIN, VALIDATION)
    assert model.score("CALL RIVERS") > without.score("CALL RIVERS")
    assert model.score("RIVERS CALL") > without.score("RIVERS CALL")  # within a sentence, too


def test_english_words_are_as_likely_as_they_are_frequent():
    speller = CharacterModel(2, [(["ABC"], 1)], " ABCDEFGHIJKLMNOPQRSTUVW")  # no X, Y, Z
    model = english_words(speller)
    assert model.score("THE") > model.score("RIVER") > model.score("RIVERBANK")
    assert model.score("THE RIVER") == pytest.approx(model.score("RIVER THE"))
    with pytest.raises(ValueError, match="XYLOPHONE"):
        model.score("XYLOPHONE")


def test_it_predicts_validation_better_than_weighted_counts(small, processor):
    """The reason for the mixture, on the course's own corpus."""
    from asr_helpers.corpus import load_corpus
    from asr_helpers.language_model import CharacterModel, load_domain_text
    from asr_helpers.text import normalize
    from asr_helpers.word_model import WordModel

    corpus = load_corpus()
    train, validation = (
        [normalize(text) for text in corpus[split]["transcription"]]
        for split in ("train", "validation")
    )
    settings = small.decoding
    sources = [(train, settings.train_weight), (load_domain_text(), 1)]
    weighted = WordModel(settings.words, sources, CharacterModel(settings.order, sources))
    mixed = course_language_model(small, processor, train, validation)
    assert mixed.perplexity(validation) < weighted.perplexity(validation)


def test_the_decoder_is_the_profiles(small, processor, model, logits):
    search = course_decoder(small, processor, model, 0.8, 0.8)
    assert search.beam == small.decoding.beam and search.model is model
    assert search.token_floor == small.decoding.token_floor
    assert search.prefix_floor == small.decoding.prefix_floor
    assert search.blank == processor.tokenizer.pad_token_id
    assert course_decoder(small, processor, None, 0, 0, beam=1).beam == 1
    assert search(logits) == VALIDATION
    assert course_decoder(small, processor, None, 0, 0)(logits) != VALIDATION


def test_validation_chooses_the_weights(small, processor, model, logits):
    weights = choose_weights(small, processor, model, logits, VALIDATION)
    assert set(weights.grid) == {(a, b) for a in (0.0, 0.8) for b in (0.0, 0.8)}
    assert weights.grid[weights.alpha, weights.beta] == min(weights.grid.values())
    assert weights.alpha == 0.8
    search = course_decoder(small, processor, model, *weights[:2], small.decoding.grid_beam)
    assert wer(VALIDATION, search(logits)) == weights.grid[weights[:2]][0]


def test_hot_words_become_likely_everywhere_and_too_likely_at_last(small, processor, model):
    hot = with_hot_words(small, model, ["ZORA", "ZORA"])
    for text in ("ZORA", "CALL ZORA", "CALL ZORA NOW"):
        assert hot.score(text) > model.score(text) + 3
    assert with_hot_words(small, model, []) is model
    # The letters of ZERO are heard, those of ZORA are nearly as likely.
    tokens = characters(processor.tokenizer)
    frames = np.full((18, len(tokens)), -6.0)
    frames[1::2, processor.tokenizer.pad_token_id] = 3
    for at, (letter, rival) in enumerate(zip("CALL ZERO", "CALL ZORA")):
        frames[2 * at, tokens.index(rival)] = 2
        frames[2 * at, tokens.index(letter)] = 3
    alarms = []
    for share in (0.01, 0.99):
        loud = replace(small, decoding=replace(small.decoding, hot_share=share))
        search = course_decoder(loud, processor, with_hot_words(loud, model, ["ZORA"]), 0.8, 0.8)
        alarms.append(hot_word_alarms(["CALL ZERO"], search([frames]), ["ZORA"]).false_alarms)
    assert not alarms[0] and alarms[1] == {"ZORA": 1}


def test_bad_input_is_named(small, processor, model):
    with pytest.raises(ValueError, match="alphabet"):
        with_hot_words(small, model, ["zora"])
    with pytest.raises(ValueError, match="Wanted"):
        course_language_model(small, processor, TRAIN, [])
    with pytest.raises(ValueError, match="No sentence"):
        course_language_model(small, processor, [], VALIDATION)
