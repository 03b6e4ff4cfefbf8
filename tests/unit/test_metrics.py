import jiwer
import numpy as np
import pytest

from asr_helpers.metrics import (
    calibration,
    cer,
    cer_interval,
    paired_bootstrap,
    wer,
    wer_by_group,
    wer_interval,
)


def test_wer_counts_substitutions_deletions_and_insertions():
    assert wer(["A B C D"], ["A X C D"]) == 0.25
    assert wer(["A B C D"], ["A C D"]) == 0.25
    assert wer(["A B C D"], ["A B C D E"]) == 0.25
    assert wer(["A"], ["B C D"]) == 3.0
    assert wer(["A B"], [""]) == 1.0


def test_wer_pools_words_rather_than_averaging_utterances():
    assert wer(["A", "B C D"], ["X", "B C D"]) == 0.25


def test_the_interval_of_letters_is_that_of_words_where_each_word_is_a_letter():
    random = np.random.default_rng(0)
    words = ["ABCDEFGH"[k] for k in random.integers(8, size=60)]
    said = ["X" if wrong else word for word, wrong in zip(words, random.random(60) < 0.3)]
    low, high = cer_interval(words, said, seed=0)
    assert (low, high) == wer_interval(words, said, seed=0) and low < cer(words, said) < high
    longer = cer_interval(["AB CD"] * 20, ["AB CX"] * 20, seed=0)
    assert longer == pytest.approx((1 / 5, 1 / 5))  # each clip is alike
    with pytest.raises(ValueError, match="between 0 and 1"):
        cer_interval(words, said, seed=0, level=95)


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


def test_two_strings_are_one_pair():
    assert wer("PRESS", "PRESA") == 1.0
    assert wer("PRESS ONE", "PRESS") == 0.5
    assert cer("PRESS", "PRESA") == 0.2


@pytest.mark.parametrize(
    "references, predictions, says",
    [
        ([], [], "no row to score"),
        (["A"], "A", "list of strings"),
        ("A", ["A"], "list of strings"),
        (None, ["A"], "list of strings"),
        (["A", None], ["A", "B"], "Row 1 of the references is None"),
        (["A", "B"], ["A", float("nan")], "Row 1 of the predictions is nan"),
        ([["A"]], ["A"], "Row 0 of the references"),
        (["A"], [b"A"], "Row 0 of the predictions"),
        (["\u00a0"], ["A"], r"References \[0\] are empty"),
    ],
)
def test_what_cannot_be_scored_is_named(references, predictions, says):
    for score in (wer, cer):
        with pytest.raises(ValueError, match=says):
            score(references, predictions)
    with pytest.raises(ValueError, match=says):
        wer_interval(references, predictions, seed=0)


@pytest.mark.parametrize("space", ["\t", "\n", "\u00a0", "  ", "\u2003", "\r\n", " \u202f "])
def test_any_white_space_parts_words(space):
    assert wer([f"A{space}B"], ["A B"]) == wer(["A B"], [f" A{space}B{space}"]) == 0
    assert cer([f"A{space}B"], ["A B"]) == 0


def test_counts_are_those_of_jiwer():
    random = np.random.default_rng(3)
    truth = [" ".join(random.choice(list("ABC"), random.integers(1, 8))) for _ in range(50)]
    said = [" ".join(random.choice(list("ABC"), random.integers(0, 8))) for _ in range(50)]
    assert wer(truth, said) == pytest.approx(jiwer.wer(truth, said))
    assert cer(truth, said) == pytest.approx(jiwer.cer(truth, said))


def uneven(clips, seed):
    """Clips with error rates of their own, read by two systems: the second mends a tenth."""
    random = np.random.default_rng(seed)
    truth, first, second = [], [], []
    for _ in range(clips):
        words, rate = random.integers(1, 13), random.beta(0.6, 1.4)
        wrong = random.random(words) < rate
        mended = wrong & (random.random(words) < 0.9)
        truth.append(" ".join(["A"] * words))
        first.append(" ".join("X" if w else "A" for w in wrong))
        second.append(" ".join("X" if w else "A" for w in mended))
    return truth, first, second


def test_pairs_are_told_apart_where_intervals_overlap():
    truth, first, second = uneven(110, seed=0)
    found = paired_bootstrap(truth, first, second, seed=0)
    assert found.difference == pytest.approx(wer(truth, second) - wer(truth, first))
    assert found.low < found.difference < found.high < 0 and found.better > 0.99
    assert wer_interval(truth, second, 0)[1] > wer_interval(truth, first, 0)[0]  # they overlap
    back = paired_bootstrap(truth, second, first, seed=0)
    assert back.low == pytest.approx(-found.high) and back.better < 0.01
    same = paired_bootstrap(truth, first, first, seed=0)
    assert same == (0.0, 0.0, 0.0, 0.0)


def test_equal_systems_are_told_apart_as_seldom_as_the_level_says():
    random, apart = np.random.default_rng(5), 0
    for seed in range(200):
        said = [
            [
                " ".join("X" if wrong else "A" for wrong in row)
                for row in random.random((60, 3)) < 0.3
            ]
            for _ in range(2)
        ]
        found = paired_bootstrap(["A A A"] * 60, *said, seed=seed, resamples=400)
        apart += not found.low <= 0 <= found.high
    assert apart / 200 <= 0.12


def test_the_interval_of_few_clips_is_too_narrow():
    """The docstring says how much: of 5 clips about 80 %, of 110 about 94 %."""
    for clips, least, most in ((5, 0.70, 0.88), (110, 0.88, 0.99)):
        covered = 0
        for seed in range(200):
            truth, said, _ = uneven(clips, seed)
            low, high = wer_interval(truth, said, seed=seed, resamples=400)
            covered += low <= 0.3 <= high
        assert least <= covered / 200 <= most


@pytest.mark.parametrize("level", [0, 1, 95, -0.1])
def test_a_level_that_is_none_is_named(level):
    with pytest.raises(ValueError, match="level lies between 0 and 1"):
        wer_interval(["A"], ["A"], seed=0, level=level)
    with pytest.raises(ValueError, match="level lies between 0 and 1"):
        paired_bootstrap(["A"], ["A"], ["A"], seed=0, level=level)


def test_groups_hold_every_clip_and_their_counts_add_up():
    truth, said = ["A", "A", "A B C", "A B C D"], ["A", "X", "A B C", "A X X D"]
    groups = wer_by_group(truth, said, [len(t.split()) for t in truth], [1, 2, 3, 10])
    assert groups == [(1, 2, 2, 2, 0.5), (3, 10, 2, 7, pytest.approx(2 / 7))]
    assert sum(g.wer * g.words for g in groups) / sum(g.words for g in groups) == pytest.approx(
        wer(truth, said)
    )


@pytest.mark.parametrize(
    "values, edges, says",
    [([1], [0, 2], "1 values for 2 clips"), ([1, 1], [2, 0], "Edges rise"), ([1, 1], [1], "Edges"),
     ([1, 5], [0, 5], "outside the edges"), ([1, float("nan")], [0, 5], "outside the edges")],
)  # fmt: skip
def test_groups_that_cannot_be_made_are_named(values, edges, says):
    with pytest.raises(ValueError, match=says):
        wer_by_group(["A", "B"], ["A", "B"], values, edges)


def test_calibration_by_hand():
    bins, error = calibration([0.9, 0.5, 0.7, 0.6], [True, False, True, True], bins=2)
    assert bins == [(pytest.approx(0.55), 0.5, 2), (pytest.approx(0.8), 1.0, 2)]
    assert error == pytest.approx((0.05 * 2 + 0.2 * 2) / 4)


def test_honest_confidences_are_calibrated_and_boasting_ones_are_not():
    random = np.random.default_rng(0)
    sure = random.random(5000)
    right = random.random(5000) < sure
    assert calibration(sure, right, 10)[1] < 0.03 < calibration(np.sqrt(sure), right, 10)[1]
    assert len(calibration([0.5], [True], 10)[0]) == 1


@pytest.mark.parametrize(
    "sure, right", [([], []), ([0.5], []), ([1.5], [True]), ([float("nan")], [True])]
)
def test_confidences_that_are_none_are_named(sure, right):
    with pytest.raises(ValueError, match="[Ww]anted"):
        calibration(sure, right)


def test_no_clip_gets_lost_between_edges_that_are_no_numbers():
    with pytest.raises(ValueError, match="Edges rise"):
        wer_by_group(["a"], ["a"], [1], [0, float("nan"), 2])


@pytest.mark.parametrize("resamples", [0, -1])
def test_an_interval_needs_resamples(resamples):
    with pytest.raises(ValueError, match="resamples"):
        wer_interval(["a b"], ["a c"], seed=0, resamples=resamples)
    with pytest.raises(ValueError, match="resamples"):
        paired_bootstrap(["a b"], ["a c"], ["a b"], seed=0, resamples=resamples)
