import matplotlib.pyplot as plt
import numpy as np
import pytest

from asr_helpers.plots import preprocess as plots_preprocess

WAVE = np.sin(np.arange(8000) / 5)
DRAWN = {
    "aliases": lambda: plots_preprocess.aliases(5000, 3000, 8000),
    "spectrograms": lambda: plots_preprocess.spectrograms(
        {"as it was": (WAVE, 8000), "halved": (WAVE[::2], 4000)}, "Two rates"
    ),
    "mel": lambda: plots_preprocess.mel(np.eye(9)[:, :4], 8000, np.ones((4, 7)), 1.0, "Mel bands"),
    "tightness": lambda: plots_preprocess.tightness([1.5, 2.0, 9.0], "how tight"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_each_figure_has_labels_and_alt_text(name, monkeypatch):
    figures = []
    monkeypatch.setattr(plt, "close", figures.append)
    html = DRAWN[name]().data
    assert 'alt="' in html and len(html.split('alt="')[1].split('"')[0]) > 20
    axes = figures[0].axes[0]
    assert axes.get_xlabel() and axes.get_ylabel() and axes.get_title()


@pytest.mark.parametrize("name", DRAWN)
def test_no_figure_is_left_open(name):
    plt.close("all")
    DRAWN[name]()
    assert not plt.get_fignums()


def test_panels_share_a_frequency_axis_up_to_the_highest_nyquist_frequency(monkeypatch):
    figures = []
    monkeypatch.setattr(plt, "close", figures.append)
    DRAWN["spectrograms"]()
    first, second, _colorbar = figures[0].axes
    assert first.get_ylim() == second.get_ylim() == (0, 4000)


def test_labels_that_do_not_fit_are_drawn_left_of_the_limit(monkeypatch):
    figures = []
    monkeypatch.setattr(plt, "close", figures.append)
    plots_preprocess.tightness([0.5, 3.0], "one too tight")
    assert figures[0].axes[0].get_xlim()[0] < 0.5
