import numpy as np
import pandas as pd
import pytest

from asr_helpers.errors import align, align_words, checked_pairs, hot_word_alarms
from asr_helpers.metrics import wer


def test_each_kind_of_error_is_named():
    assert align_words("A B C D E F", "A X C E F G") == [
        ("equal", "A", "A"),
        ("substitute", "B", "X"),
        ("equal", "C", "C"),
        ("delete", "D", ""),
        ("equal", "E", "E"),
        ("equal", "F", "F"),
        ("insert", "", "G"),
    ]


def test_nothing_written_is_all_deletions():
    assert align_words("A B", "") == [("delete", "A", ""), ("delete", "B", "")]


def test_both_texts_can_be_read_off_and_errors_add_up():
    random = np.random.default_rng(0)
    for _ in range(100):
        said = [" ".join(random.choice(list("ABC"), random.integers(1, 9))) for _ in range(2)]
        pairs = align_words(*said)
        assert " ".join(spoken for _, spoken, _ in pairs if spoken) == said[0]
        assert " ".join(written for *_, written in pairs if written) == said[1]
        errors = sum(kind != "equal" for kind, *_ in pairs)
        assert errors / len(said[0].split()) == pytest.approx(wer([said[0]], [said[1]]))


def test_an_empty_reference_is_refused():
    with pytest.raises(ValueError, match=r"References \[0\] are empty"):
        align_words(" ", "A")


def test_a_no_break_space_parts_words_in_the_alignment_as_in_the_count():
    pairs = align_words("A\u00a0B", "A\tB C")
    assert pairs == [("equal", "A", "A"), ("equal", "B", "B"), ("insert", "", "C")]


def test_letters_are_aligned_as_words_are():
    assert align("AB", "AXB", "character") == [
        [("equal", "A", "A"), ("insert", "", "X"), ("equal", "B", "B")]
    ]
    assert align("A B", "AB", "character") == [
        [("equal", "A", "A"), ("delete", " ", ""), ("equal", "B", "B")]
    ]


def test_hot_words_are_counted_where_they_help_and_where_they_harm():
    found = hot_word_alarms(
        ["CALL ZORA NOW", "CALL ZERO NOW", "GOODBYE", "ZORA"],
        ["CALL ZORA NOW", "CALL ZORA NOW", "ZORA GOODBYE", "SORROW"],
        ["ZORA", "WEASELS"],
    )
    assert found.spoken == {"ZORA": 2} and found.right == {"ZORA": 1}
    assert found.false_alarms == {"ZORA": 2}


def test_hot_words_of_two_words_are_refused():
    with pytest.raises(ValueError, match="single words"):
        hot_word_alarms(["A"], ["A"], ["NEW YORK"])


@pytest.mark.parametrize(
    ("spoken", "written"),
    [("café", "cafe\u0301"), ("a\u200bb", "ab"), ("\ufeffone", "one"), ("soft\u00adly", "softly")],
)
def test_a_letter_counts_the_same_however_it_is_stored(spoken, written):
    assert checked_pairs([spoken], [written])[0] == checked_pairs([written], [spoken])[0]
    assert align_words(spoken, written)[0][0] == "equal"


@pytest.mark.parametrize("texts", [{"one"}, {"one": 1}, frozenset(["one"])])
def test_texts_without_an_order_are_refused(texts):
    with pytest.raises(ValueError, match="give a list of strings"):
        checked_pairs(texts, texts)


def test_hot_words_as_one_string_are_refused():
    with pytest.raises(ValueError, match=r"a list of words, not 'ONE': write \['ONE'\]"):
        hot_word_alarms(["ONE"], ["ONE"], "ONE")


def test_a_table_is_refused_and_not_scored_by_the_names_of_its_columns():
    table = pd.DataFrame({"text": ["a", "b"]})
    for texts in (table, np.array([["a", "b"]])):
        with pytest.raises(ValueError, match="references.*one column.*text"):
            align(texts, ["a", "b"])
    assert align(table["text"], ["a", "b"])


@pytest.mark.parametrize("words", [None, 5, [None], [5], [b"a"]])
def test_hot_words_that_are_no_words_are_refused(words):
    with pytest.raises(ValueError, match="[Hh]ot words"):
        hot_word_alarms(["a b"], ["a c"], words)
