"""Live captions: what is committed, when, and that it never changes."""

import numpy as np
import pytest

from asr_helpers.captions import caption_windows, commit
from asr_helpers.long_form import Word, transcribe_long


def word(text, start, end):
    return Word(text, start, end, 1.0)


def shown(committed):
    return [(w.text, now) for w, now in committed]


def test_a_word_waits_until_two_windows_agree():
    windows = [
        (1.0, [word("HEL", 0.2, 0.6)]),
        (2.0, [word("HELLO", 0.2, 0.8)]),
        (3.0, [word("HELLO", 0.2, 0.8), word("YOU", 2.1, 2.6)]),
        (4.0, [word("HELLO", 0.2, 0.8), word("YOU", 2.1, 2.6)]),
    ]
    assert shown(commit(windows, 0.0)) == [("HELLO", 3.0), ("YOU", 4.0)]


def test_a_word_waits_for_the_look_ahead():
    windows = [(k / 2, [word("HI", 0.1, 0.4)]) for k in range(1, 9)]
    assert shown(commit(windows, 0.0)) == [("HI", 1.0)]
    assert shown(commit(windows, 2.0)) == [("HI", 2.5)]


def test_the_same_word_elsewhere_is_another_word():
    windows = [(1.0, [word("NO", 0.1, 0.3)]), (2.0, [word("NO", 0.6, 0.8)]), (3.0, [])]
    assert commit(windows, 0.0) == []


def test_the_last_window_commits_all_and_nothing_twice():
    windows = [(1.0, [word("A", 0.1, 0.3)]), (2.0, [word("A", 0.1, 0.3), word("B", 1.2, 1.6)])]
    assert shown(commit(windows, 5.0)) == [("A", 2.0), ("B", 2.0)]
    assert commit([], 1.0) == []


def test_windows_reach_to_the_end_and_keep_the_recordings_time(model, processor):
    wave = np.random.default_rng(0).normal(size=3 * 16_000).astype(np.float32)
    windows = caption_windows(model, processor, wave, 1.5, 0.7)
    assert [round(end, 2) for end, _ in windows] == [1.4, 2.1, 2.8, 3.0]
    for end, words in windows:
        assert all(end - 1.501 <= w.start < w.end <= end + 0.1 for w in words)
    last = transcribe_long(model, processor, wave[-24_000:], 2.5, 0.5)
    assert [w.text for w in windows[-1][1]] == last.split()


@pytest.mark.parametrize(("context", "step"), [(0.0, 1.0), (2.0, 0.0), (2.0, -1.0)])
def test_lengths_have_to_be_above_zero(context, step, model, processor):
    with pytest.raises(ValueError, match="above 0"):
        caption_windows(model, processor, np.zeros(16_000), context, step)
