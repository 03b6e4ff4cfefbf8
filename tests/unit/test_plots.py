import matplotlib.pyplot as plt
import numpy as np
import pytest

from asr_helpers import plots

WAVE = np.sin(np.arange(8000) / 5)
DRAWN = {
    "waveform": lambda: plots.waveform(WAVE, 8000, "hello"),
    "spectrogram": lambda: plots.spectrogram(WAVE, 8000, "hello"),
    "histogram": lambda: plots.histogram([1, 2, 2, 3], "seconds", "durations"),
    "bars": lambda: plots.bars({"A": 3, "B": 1}, "times", "letters"),
    "curves": lambda: plots.curves(
        {"loss": ([1, 2], [3, 1])}, "step", "loss", "learning", (2.9, "x")
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_each_figure_has_labels_and_alt_text(name, monkeypatch):
    figures = []
    monkeypatch.setattr(plt, "close", figures.append)
    html = DRAWN[name]().data
    assert 'alt="' in html and len(html.split('alt="')[1].split('"')[0]) > 20
    axes = figures[0].axes[0]
    assert axes.get_xlabel() and axes.get_title()
    assert axes.get_ylabel() or name == "bars"


def test_no_figure_is_left_open():
    plt.close("all")
    DRAWN["waveform"]()
    assert not plt.get_fignums()


def test_quotes_in_a_title_do_not_end_the_alt_text():
    html = plots.waveform(WAVE, 8000, 'say "one"').data
    assert "&quot;one&quot;" in html


def test_the_alignment_colours_each_kind_of_error():
    html = plots.alignment("A B C", "A X C D").data
    assert html.count(plots.ORANGE) == 2 and html.count(plots.PINK) == 2
    assert plots.BLUE in plots.alignment("A B", "A").data
    assert "∅" in plots.alignment("A B", "A").data


def test_a_long_alignment_goes_on_below():
    rows = plots.alignment("A " * 25, "A " * 25).data.split("<tr>")[1:]
    assert [row.count("<td") for row in rows] == [12, 12, 12, 12, 1, 1]
    assert ["spoken" in row for row in rows] == [True, False] * 3
