"""Forced alignment against all paths that there are, and subtitles to the letter."""

from itertools import pairwise, product

import numpy as np
import pytest

from asr_helpers.alignment import aligned_words, force_align, margin, stamp, subtitles
from asr_helpers.long_form import Word


def merged(path):
    """What a path of tokens writes: repeats merged, blanks (0) dropped."""
    return [a for a, b in pairwise((*path, None)) if a != b and a]


def random_scores(frames, vocab, seed=0):
    return np.log(np.random.default_rng(seed).dirichlet(np.ones(vocab), size=frames))


def sure_of(processor, marks, probability=0.9):
    """(frames, vocab) log probabilities: each frame is sure of one mark; "_" is the blank."""
    tokenizer = processor.tokenizer
    size = len(tokenizer)
    scores = np.full((len(marks), size), np.log((1 - probability) / (size - 1)))
    for frame, mark in enumerate(marks):
        token = tokenizer.pad_token if mark == "_" else mark
        scores[frame, tokenizer.convert_tokens_to_ids(token)] = np.log(probability)
    return scores


@pytest.mark.parametrize("target", [[1, 2], [1, 1], [2], [1, 2, 1]])
@pytest.mark.parametrize("seed", range(3))
def test_the_path_is_the_best_of_all_that_write_the_text(target, seed):
    scores = random_scores(5, 3, seed)
    score, states = force_align(scores, target, 0)
    paths = [p for p in product(range(3), repeat=5) if merged(p) == target]
    assert score == pytest.approx(max(scores[range(5), list(p)].sum() for p in paths))
    tokens = [target[s // 2] if s % 2 else 0 for s in states]
    assert merged(tokens) == target
    assert scores[range(5), tokens].sum() == pytest.approx(score)


def test_a_text_that_does_not_fit_has_no_path():
    assert force_align(random_scores(2, 3), [1, 1], 0) == (-np.inf, [])


def test_words_have_the_times_of_their_letters(processor):
    score, words = aligned_words(sure_of(processor, "_HHI_||_YOU_"), "HI YOU", processor, 0.02)
    assert [(w.text, round(w.start, 2), round(w.end, 2)) for w in words] == [
        ("HI", 0.02, 0.08), ("YOU", 0.16, 0.22)
    ]  # fmt: skip
    assert score == pytest.approx(12 * np.log(0.9) / 6)
    assert all(w.confidence == pytest.approx(0.9) for w in words)


def test_words_that_were_not_said_are_less_sure(processor):
    _, words = aligned_words(sure_of(processor, "_HHI_||_YOU_"), "HI YON", processor, 0.02)
    assert words[0].confidence > 0.5 > words[1].confidence


def test_the_margin_is_zero_for_what_is_written_and_negative_for_another_text(processor):
    scores = sure_of(processor, "_HHI_||_YOU_")
    assert margin(scores, "HI YOU", processor) == pytest.approx(0)
    assert margin(scores, "HI YON", processor) < -0.5
    assert margin(scores, "A TEXT OF FAR TOO MANY LETTERS", processor) == -np.inf


@pytest.mark.parametrize(("text", "names"), [("HI €5", "'5', '€'"), ("", "no word")])
def test_a_text_that_cannot_be_aligned_is_refused_by_name(text, names, processor):
    with pytest.raises(ValueError, match=names):
        aligned_words(sure_of(processor, "_HI_"), text, processor, 0.02)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "00:00:00,000"), (61.2345, "00:01:01,234"), (3599.9996, "01:00:00,000")],
)
def test_a_time_is_written_as_srt_does(seconds, written):
    assert stamp(seconds) == written


def test_a_subtitle_ends_after_its_words_or_before_a_pause():
    times = [(0, 1), (1, 2), (2, 3), (5, 6)]
    words = [Word(text, a, b, 1.0) for text, (a, b) in zip("ABCD", times)]
    assert subtitles(words, most=2, gap=1.0) == (
        "1\n00:00:00,000 --> 00:00:02,000\nA B\n\n"
        "2\n00:00:02,000 --> 00:00:03,000\nC\n\n"
        "3\n00:00:05,000 --> 00:00:06,000\nD\n"
    )
    assert subtitles([]) == ""
