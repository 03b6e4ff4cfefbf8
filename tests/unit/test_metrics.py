import numpy as np
import pytest

from asr_helpers.metrics import cer, wer, wer_interval


def test_wer_counts_substitutions_deletions_and_insertions():
    assert wer(["A B C D"], ["A X C D"]) == 0.25
    assert wer(["A B C D"], ["A C D"]) == 0.25
    assert wer(["A B C D"], ["A B C D E"]) == 0.25
    assert wer(["A"], ["B C D"]) == 3.0
    assert wer(["A B"], [""]) == 1.0


def test_wer_pools_words_rather_than_averaging_utterances():
    assert wer(["A", "B C D"], ["X", "B C D"]) == 0.25


def test_cer_counts_characters_and_spaces():
    assert cer(["AB CD"], ["ABCD"]) == pytest.approx(1 / 5)


def edit_distance(a, b):
    """Wagner and Fischer's table, the plainest way."""
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    table[:, 0], table[0, :] = range(len(a) + 1), range(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            change = table[i - 1, j - 1] + (a[i - 1] != b[j - 1])
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, change)
    return table[-1, -1]


def test_both_agree_with_a_table_by_hand():
    random = np.random.default_rng(0)
    truth = [" ".join(random.choice(list("ABC"), random.integers(1, 8))) for _ in range(200)]
    said = [" ".join(random.choice(list("ABC"), random.integers(0, 8))) for _ in range(200)]
    errors = sum(edit_distance(t.split(), s.split()) for t, s in zip(truth, said))
    assert wer(truth, said) == pytest.approx(errors / sum(len(t.split()) for t in truth))
    errors = sum(edit_distance(t, s) for t, s in zip(truth, said))
    assert cer(truth, said) == pytest.approx(errors / sum(len(t) for t in truth))


def test_the_interval_holds_the_rate_and_narrows_with_more_clips():
    random = np.random.default_rng(1)
    said = ["A B" if random.random() < 0.5 else "A X" for _ in range(400)]
    few = wer_interval(["A B"] * 40, said[:40], seed=0)
    many = wer_interval(["A B"] * 400, said, seed=0)
    assert many[0] < wer(["A B"] * 400, said) < many[1]
    assert many[1] - many[0] < (few[1] - few[0]) / 2
    assert many == wer_interval(["A B"] * 400, said, seed=0)


def test_the_interval_covers_as_often_as_it_says():
    """Of 200 samples with a true WER of 0.3, about 95 % of the intervals must hold 0.3."""
    random, covered = np.random.default_rng(2), 0
    for seed in range(200):
        wrong = random.random((80, 2)) < 0.3
        said = [" ".join("X" if w else t for w, t in zip(row, "AB")) for row in wrong]
        low, high = wer_interval(["A B"] * 80, said, seed=seed, resamples=400)
        covered += low <= 0.3 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_lists_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="2 references but 1 predictions"):
        wer(["A", "B"], ["A"])


def test_an_empty_reference_is_refused():
    with pytest.raises(ValueError, match=r"References \[1\] are empty"):
        cer(["A", " "], ["A", "B"])
