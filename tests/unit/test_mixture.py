import math

import numpy as np
import pytest

from asr_helpers.beam_search import LanguageModelDecoder
from asr_helpers.language_model import EDGE, CharacterModel
from asr_helpers.mixture import Mixture, fit_shares
from asr_helpers.word_model import WordModel

FIRST, SECOND = ["AB BA AB", "BA", "AB"], ["BB A", "A BB BB"]


@pytest.fixture(scope="module")
def letters():
    return [CharacterModel(3, [(source, 1)], alphabet=" AB") for source in (FIRST, SECOND)]


@pytest.fixture(scope="module")
def words(letters):
    speller = Mixture(letters, [0.5, 0.5])
    return [WordModel(2, [(source, 1)], speller) for source in (FIRST, SECOND)]


@pytest.fixture(scope="module", params=["letters", "words"])
def models(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("text", ["", "A", "AB ", "AB BA B", "BBB", " ", "A" * 400])
def test_every_distribution_sums_to_one_and_needs_no_more_than_its_context(models, text):
    mixture = Mixture(models, [0.3, 0.7])
    values = mixture.distribution(mixture.context(text))
    assert values.shape == (4,) and (values > 0).all()
    assert values.sum() == pytest.approx(1, abs=1e-12)
    assert np.allclose(values, mixture.distribution(EDGE + text), atol=1e-9)


def test_letters_are_mixed_letter_by_letter(letters):
    mixture = Mixture(letters, [0.3, 0.7])
    parts = [model.distribution("AB") for model in letters]
    assert np.allclose(mixture.distribution("AB"), 0.3 * parts[0] + 0.7 * parts[1])


def test_words_are_mixed_word_by_word(words):
    """P(BA and AB) by hand: each word's probability is mixed, not each letter's."""
    mixture = Mixture(words, [0.3, 0.7])
    units = [model.units("BA AB") for model in words]
    by_hand = [math.log(0.3 * math.exp(a) + 0.7 * math.exp(b)) for a, b in zip(*units)]
    assert mixture.units("BA AB") == pytest.approx(by_hand)
    assert mixture.score("BA AB") == pytest.approx(sum(by_hand))
    assert mixture.score("BA ", end=False) == pytest.approx(by_hand[0])


def test_all_texts_together_have_probability_one():
    models = [CharacterModel(2, [(source, 1)], alphabet="A") for source in (["A"], ["AAA", ""])]
    mixture = Mixture(models, [0.4, 0.6])
    assert sum(math.exp(mixture.score("A" * n)) for n in range(200)) == pytest.approx(1, abs=1e-6)


def test_a_share_of_one_is_that_model(models):
    alone = Mixture(models, [1.0, 0.0])
    assert alone.score("AB BB") == pytest.approx(models[0].score("AB BB"))
    assert alone.perplexity(["AB"]) == pytest.approx(models[0].perplexity(["AB"]))


def test_the_fitted_shares_are_the_best_there_are(models):
    texts = ["AB BB", "BA A", "AB"]
    shares = fit_shares(models, texts)
    best = Mixture(models, shares).perplexity(texts)
    assert sum(shares) == pytest.approx(1)
    for share in np.linspace(0, 1, 41):
        assert best <= Mixture(models, [share, 1 - share]).perplexity(texts) + 1e-9


def test_the_source_that_knows_takes_the_share(models):
    assert fit_shares(models, FIRST)[0] > 0.9 > 0.1 > fit_shares(models, SECOND)[0]
    assert fit_shares(models[:1], FIRST) == [1.0]


def test_the_search_takes_it(words):
    logits = np.random.default_rng(0).normal(0, 1.5, (6, 4))
    mixture = Mixture(words, [0.3, 0.7])
    decoder = LanguageModelDecoder(
        [None, "A", "B", " "], model=mixture, alpha=0.6, beta=0.5, beam=10**6
    )
    best = decoder.n_best(logits)[0]
    assert best.language == pytest.approx(mixture.score(best.text))
    assert best.score == pytest.approx(best.acoustic + 0.6 * best.language + 0.5 * len(best.text))


def test_what_does_not_fit_is_named(letters, words):
    with pytest.raises(ValueError, match="2 models and 1 shares"):
        Mixture(letters, [1.0])
    with pytest.raises(ValueError, match="add up to 1"):
        Mixture(letters, [0.5, 0.6])
    with pytest.raises(ValueError, match="add up to 1"):
        Mixture(letters, [1.5, -0.5])
    with pytest.raises(ValueError, match="0 models"):
        Mixture([], [])
    with pytest.raises(ValueError, match="different units"):
        Mixture([letters[0], words[0]], [0.5, 0.5])
    with pytest.raises(ValueError, match="different alphabets"):
        Mixture([letters[0], CharacterModel(1, [(["C"], 1)], "C")], [0.5, 0.5])
    with pytest.raises(ValueError, match="Wanted"):
        fit_shares(letters, [])
    with pytest.raises(ValueError, match="Wanted"):
        fit_shares([], ["A"])
    with pytest.raises(ValueError, match="'C'"):
        fit_shares(letters, ["C"])
