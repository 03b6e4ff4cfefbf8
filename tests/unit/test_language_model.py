import math

import numpy as np
import pytest

from asr_helpers.corpus import load_corpus
from asr_helpers.language_model import (
    ALPHABET,
    EDGE,
    CharacterModel,
    load_domain_text,
    load_english_words,
)
from asr_helpers.text import normalize


@pytest.fixture(scope="module")
def model():
    return CharacterModel(3, [(["ABA", "AB"], 2.0), (["BA"], 1.0)], alphabet="AB")


def test_counts_by_hand(model):
    # ABA twice, AB twice, BA once: what follows each context, the edge in front never predicted.
    assert model.counts[""] == {"A": 7, "B": 5, EDGE: 5}
    assert model.counts[EDGE] == {"A": 4, "B": 1}
    assert model.counts["A"] == {"B": 4, EDGE: 3}
    assert model.counts["AB"] == {"A": 2, EDGE: 2}
    assert model.counts[EDGE + "B"] == {"A": 1}
    assert max(map(len, model.counts)) == 2


def test_witten_bell_by_hand(model):
    lowest = (7 + 3 * (1 / 3)) / (17 + 3)
    after_b = (3 + 2 * lowest) / (5 + 2)  # A follows B in ABA (2) and BA (1), the edge in AB (2)
    after_ab = (2 + 2 * after_b) / (4 + 2)
    assert model.distribution("")[0] == pytest.approx(lowest, abs=1e-12)
    assert model.distribution("AB")[0] == pytest.approx(after_ab, abs=1e-12)
    assert model.distribution("BBAB")[0] == pytest.approx(after_ab, abs=1e-12)


def test_an_unseen_context_falls_back(model):
    assert np.array_equal(model.distribution("BB"), model.distribution("B"))


@pytest.mark.parametrize("context", ["", "A", "AB", "BB", EDGE, EDGE + "A", "ABABAB"])
def test_every_distribution_sums_to_one(model, context):
    values = model.distribution(context)
    assert values.shape == (3,) and (values > 0).all()
    assert values.sum() == pytest.approx(1, abs=1e-12)


def test_score_is_the_chain_rule(model):
    steps = [(EDGE, 1), (EDGE + "B", 0), ("BA", 2)]
    by_hand = sum(math.log(model.distribution(context)[i]) for context, i in steps)
    assert model.score("BA") == pytest.approx(by_hand, abs=1e-12)
    assert model.score("BA", end=False) == pytest.approx(
        by_hand - math.log(model.distribution("BA")[2])
    )
    assert model.perplexity(["BA"]) == pytest.approx(math.exp(-by_hand / 3))


def test_all_texts_together_have_probability_one():
    model = CharacterModel(2, [(["A", "AA", ""], 1)], alphabet="A")
    assert sum(math.exp(model.score("A" * n)) for n in range(200)) == pytest.approx(1, abs=1e-6)


def test_a_lower_order_equals_a_model_of_that_order():
    texts = ["PRESS ONE", "PRESS TWO", "GOOD BYE"]
    large, small = CharacterModel(5, [(texts, 1)]), CharacterModel(2, [(texts, 1)])
    assert large.score("PRESS", order=2) == pytest.approx(small.score("PRESS"), abs=1e-12)


def test_weight_equals_repetition():
    one = CharacterModel(3, [(["AB"], 3), (["BA"], 1)], "AB")
    other = CharacterModel(3, [(["AB", "AB", "AB", "BA"], 1)], "AB")
    assert one.score("ABBA") == pytest.approx(other.score("ABBA"), abs=1e-12)


def test_no_knowledge_is_uniform():
    model = CharacterModel(1, [(["ABC"], 1e-9)], "ABC")
    assert model.perplexity(["CAB"]) == pytest.approx(4, abs=1e-6)


@pytest.mark.parametrize(
    "order, sources, message",
    [
        (0, [(["A"], 1)], "at least 1 character"),
        (2, [(["A"], 0)], "Weights are above 0"),
        (2, [(["A1"], 1)], "normalise"),
        (2, [], "No sentence"),
        (2, [([], 1)], "No sentence"),
    ],
)
def test_bad_input_is_named(order, sources, message):
    with pytest.raises(ValueError, match=message):
        CharacterModel(order, sources)


def test_a_strange_text_or_order_is_named(model):
    with pytest.raises(ValueError, match="'C'"):
        model.score("ABC")
    with pytest.raises(ValueError, match="holds 1 to 3"):
        model.score("AB", order=4)


def test_the_domain_text_is_normal_and_not_from_the_corpus():
    sentences = load_domain_text()
    assert len(sentences) > 1000 and len(set(sentences)) == len(sentences)
    assert set("".join(sentences)) <= set(ALPHABET)
    corpus = load_corpus()
    said = {normalize(text) for rows in corpus.values() for text in rows["transcription"]}
    assert not said & set(sentences)


def test_a_missing_domain_text_is_named(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_domain_text(tmp_path / "none.txt")


def test_the_english_words_are_single_words_with_a_count():
    words = load_english_words()
    assert len(words) > 30_000 and list(words) == sorted(words)
    assert all(normalize(word) == word for word in list(words)[::40])
    assert set("".join(words)) <= set(ALPHABET) - {" ", EDGE}
    assert min(words.values()) == 3 and words["THE"] > words["TELEPHONE"] > words["TELEPHONY"]


def test_a_missing_list_of_words_is_named(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_english_words(tmp_path / "none.txt")
