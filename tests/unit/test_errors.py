import numpy as np
import pytest

from asr_helpers.errors import align_words
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
    with pytest.raises(ValueError, match="reference is empty"):
        align_words(" ", "A")
