import matplotlib.pyplot as plt
import numpy as np
import pytest

from asr_helpers.chunks import chunk_spans
from asr_helpers.long_form import Word
from asr_helpers.plots import transcribe as plots_transcribe

WORDS = [
    Word("PASSWORD", 0.1, 0.5, 0.9),
    Word("IS", 0.55, 0.6, 0.8),
    Word("INCORRECT", 0.62, 0.9, 0.7),
    Word("A", 2.9, 3.0, 0.7),
]


@pytest.fixture
def figures(monkeypatch):
    found = []
    monkeypatch.setattr(plt, "close", found.append)
    return found


def test_chunks_are_drawn_read_and_kept(figures):
    html = plots_transcribe.chunks(chunk_spans(1000, 400, 100), 0.03).data
    assert 'alt="3 overlapping chunks over 30 seconds' in html
    axes = figures[0].axes[0]
    assert axes.get_xlabel() and axes.get_title() and len(axes.patches) == 6
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["read", "kept"]


def test_labels_of_words_do_not_overlap(figures):
    wave = np.sin(np.arange(48_000) / 20)
    html = plots_transcribe.timed_words(wave, 16_000, WORDS, "Words").data
    assert "PASSWORD at 0.10 s, IS at 0.55 s" in html
    axes = figures[0].axes[0]
    figures[0].canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == len(WORDS)
    for k, one in enumerate(boxes):
        assert axes.bbox.x0 <= one.x0 and one.x1 <= axes.bbox.x1 and one.y1 <= axes.bbox.y1
        assert not any(one.overlaps(other) for other in boxes[:k])


def test_a_clip_without_a_word_is_drawn(figures):
    html = plots_transcribe.timed_words(np.zeros(16_000), 16_000, [], "Nothing").data
    assert "no word written" in html


def test_shares_tell_their_counts(figures):
    html = plots_transcribe.shares({"low": (0.2, 5), "high": (0.9, 6)}, "third", "Sure?").data
    assert "low 0.20, high 0.90" in html
    axes = figures[0].axes[0]
    assert [text.get_text() for text in axes.texts] == ["5 words", "6 words"]
    assert axes.get_xlabel() and axes.get_ylabel() and axes.get_title()
