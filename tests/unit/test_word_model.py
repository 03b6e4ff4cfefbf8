import itertools
import math

import numpy as np
import pytest

from asr_helpers.beam_search import LanguageModelDecoder
from asr_helpers.language_model import EDGE, CharacterModel
from asr_helpers.word_model import WordModel

SOURCES = [(["AB BA AB", "BA"], 2.0), (["AB AB"], 1.0)]


@pytest.fixture(scope="module")
def letters():
    return CharacterModel(3, SOURCES, alphabet=" AB")


@pytest.fixture(scope="module")
def model(letters):
    return WordModel(3, SOURCES, letters)


def chance(model, word, before):
    """P(word and what ends it | the text before), as a product of its characters'."""
    p = 1.0
    for at, character in enumerate(word):
        p *= model.distribution(model.context(before + word[:at]))[model.place[character]]
    return p


def spelled(letters, word, before):
    whole = EDGE + before + word
    start = len(whole) - len(word)
    return math.prod(
        letters.distribution(whole[:i])[letters.place[whole[i]]] for i in range(start, len(whole))
    )


def test_counts_by_hand(model):
    # "AB BA AB" twice, "BA" twice, "AB AB" once.
    assert model.seen[()] == 6 + 2 + 2 and model.kinds[()] == 4  # "AB ", "BA ", "AB\n", "BA\n"
    assert model.counts[()][""] == {"A": 6, "B": 4}
    assert model.counts[(EDGE,)]["AB"] == {" ": 3}
    assert model.counts[("AB", "BA")]["AB"] == {EDGE: 2}
    assert max(map(len, model.counts)) == 2


def test_witten_bell_by_hand(model, letters):
    # "BA " after the start and "AB": count 2 of 3 after (start, AB), where two kinds were seen.
    once = (2 + 4 * spelled(letters, "BA ", "AB ")) / (10 + 4)
    after_ab = (2 + 2 * once) / (3 + 2)
    after_both = (2 + 2 * after_ab) / (3 + 2)
    assert chance(model, "BA ", "AB ") == pytest.approx(after_both, abs=1e-12)


def test_an_unknown_word_is_spelled(model, letters):
    p = 4 * spelled(letters, "BBB" + EDGE, "") / (10 + 4)
    at_start = 2 * p / (5 + 2)  # five sentences begin, with "AB " or "BA\n"
    assert chance(model, "BBB" + EDGE, "") == pytest.approx(at_start, abs=1e-12)


@pytest.mark.parametrize(
    "text", ["", "A", "AB", "AB ", "AB BA A", " ", "BBB", "AB  BA ", "BA BBB A"]
)
def test_every_distribution_sums_to_one(model, text):
    values = model.distribution(model.context(text))
    assert values.shape == (4,) and (values > 0).all()
    assert values.sum() == pytest.approx(1, abs=1e-12)


def test_no_mass_is_lost_before_it_is_scaled(model):
    # The words that go on from "A" are those that begin with it, no more and no fewer.
    whole = model._mass(("AB",), "", model._spelled("AB ", 0))[model.place["A"]]
    parts = model._mass(("AB",), "A", model._spelled("AB A", 1)).sum()
    assert parts == pytest.approx(whole, abs=1e-12)


def test_the_context_is_all_that_matters(model):
    for words in itertools.product(["AB", "BA", "B"], repeat=4):
        text = " ".join(words)
        short, long = model.context(text), EDGE + text
        assert long.endswith(short)
        assert np.allclose(model.distribution(short), model.distribution(long), atol=1e-12)


def test_one_word_reads_no_words_before(letters):
    single = WordModel(1, SOURCES, letters)
    once = (3 + 4 * spelled(letters, "AB ", "BA ")) / (10 + 4)
    assert single.context("AB BA A") == "A A"  # the letters before it: its speller reads two
    assert chance(single, "AB ", "BA ") == pytest.approx(once, abs=1e-12)


def test_score_is_the_chain_rule(model):
    by_hand = math.log(chance(model, "BA ", "")) + math.log(chance(model, "AB" + EDGE, "BA "))
    assert model.score("BA AB") == pytest.approx(by_hand, abs=1e-12)
    assert model.score("BA ", end=False) == pytest.approx(math.log(chance(model, "BA ", "")))
    assert model.perplexity(["BA AB"]) == pytest.approx(math.exp(-by_hand / 6))


def test_the_longest_nonsense_is_spelled_on(model, letters):
    nonsense = "ABBB" * 250
    assert math.exp(letters.score(nonsense)) == 0  # too small for a float
    assert -10 < model.score(nonsense) - letters.score(nonsense) < 0
    last = model.distribution(model.context(nonsense))
    assert np.array_equal(last, letters.distribution(nonsense))


def test_what_is_kept_has_a_bound_and_changes_nothing(model, letters, monkeypatch):
    monkeypatch.setattr("asr_helpers.word_model.KEPT", 2)
    bounded = WordModel(3, SOURCES, letters)
    assert bounded.score("AB BA AB") == bounded.score("AB BA AB") == model.score("AB BA AB")
    assert bounded._kept.cache_info().currsize <= 2


def test_known_words_in_a_known_order_are_likelier(model, letters):
    assert model.score("AB BA AB") > model.score("AB BB AB")
    assert model.score("AB BA AB") > letters.score("AB BA AB")


def test_the_search_takes_it(model):
    logits = np.random.default_rng(0).normal(0, 1.5, (6, 4))
    decoder = LanguageModelDecoder(
        [None, "A", "B", " "], model=model, alpha=0.6, beta=0.5, beam=10**6
    )
    best = decoder.n_best(logits)[0]
    assert best.language == pytest.approx(model.score(best.text))
    assert best.score == pytest.approx(best.acoustic + 0.6 * best.language + 0.5 * len(best.text))


def test_bad_input_is_named(letters):
    with pytest.raises(ValueError, match="at least 1 word"):
        WordModel(0, SOURCES, letters)
    with pytest.raises(ValueError, match="Weights"):
        WordModel(2, [(["A"], 0)], letters)
    with pytest.raises(ValueError, match="'A!'"):
        WordModel(2, SOURCES, letters).score("A!")
    with pytest.raises(ValueError, match="'B!'"):
        WordModel(2, [(["B!"], 1)], letters)
    with pytest.raises(ValueError, match="No word"):
        WordModel(2, [([" "], 1)], letters)


def test_units_are_words_and_add_up(model):
    units = model.units("BA AB")
    assert units == pytest.approx(
        [math.log(chance(model, "BA ", "")), math.log(chance(model, "AB" + EDGE, "BA "))]
    )
    assert sum(model.units("AB BA")) == pytest.approx(model.score("AB BA"))


def test_mass_is_that_of_the_whole_word(model):
    begun = model.mass(EDGE + "BA A")
    assert begun.sum() == pytest.approx(chance(model, "A", "BA "))
    assert np.allclose(begun / begun.sum(), model.distribution(model.context("BA A")))


def test_a_word_model_may_spell_for_another(letters):
    """Words of a list below the words of sentences: the chain of shorter contexts goes on."""
    listed = WordModel(1, [(["BB BB"], 1)], letters)
    model = WordModel(2, SOURCES, listed)
    for text in ("", "B", "BB ", "AB BA B", "BBB"):
        short, long = model.context(text), EDGE + text
        values = model.distribution(short)
        assert values.sum() == pytest.approx(1) and long.endswith(short)
        assert np.allclose(values, model.distribution(long), atol=1e-12)
    by_hand = (10 * 0 + 4 * chance(listed, "BB ", "")) / (10 + 4)
    assert chance(WordModel(1, SOURCES, listed), "BB ", "") == pytest.approx(by_hand)
    assert model.score("AB BB") > WordModel(2, SOURCES, letters).score("AB BB")


def test_no_text_has_no_perplexity(model, letters):
    for ngram in (model, letters):
        with pytest.raises(ValueError, match="No text"):
            ngram.perplexity([])
