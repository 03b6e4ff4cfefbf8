from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import pytest

from asr_helpers.folder import Line, Report
from asr_helpers.plots import folder as plots_folder


def report(**changes):
    lines = [
        Line("clipped", 7, ("a.csv, line 2 (<b>.wav)", "x"), "Record anew."),
        Line("y", 1, (), "z"),
    ]
    values = dict(
        path="here", layout="a table", rows=3, speakers=0, seconds=np.array([0.2, 2.0, 40.0]),
        peaks=np.array([-60.0, -6.0, 0.0]), levels=np.array([-70.0, -20.0, -8.0]),
        rates=Counter({16_000: 3}), lines=lines,
    )  # fmt: skip
    return Report(**values | changes)


EMPTY = dict(seconds=np.zeros(0), peaks=np.zeros(0), levels=np.zeros(0), rates=Counter())
DRAWN = {"durations": plots_folder.durations, "levels": plots_folder.levels}


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("changes", [{}, EMPTY])
def test_each_figure_has_labels_and_alt_text(name, changes, monkeypatch):
    figures = []
    monkeypatch.setattr(plt, "close", figures.append)
    html = DRAWN[name](report(**changes)).data
    assert 'alt="' in html and len(html.split('alt="')[1].split('"')[0]) > 20
    axes = figures[0].axes[0]
    assert axes.get_xlabel() and axes.get_ylabel() and axes.get_title()


def test_the_text_of_a_figure_counts_what_it_shows():
    assert "median is 2.0 s, and 2 are" in plots_folder.durations(report()).data
    assert "1 reach full scale, and 1 are almost silent" in plots_folder.levels(report()).data


def test_no_figure_is_left_open():
    plt.close("all")
    for draw in DRAWN.values():
        draw(report())
    assert not plt.get_fignums()


def test_the_table_names_rows_and_remedies_and_escapes_them():
    html = plots_folder.table(report()).data
    assert html.count("<tr>") == 3 and "Record anew." in html
    assert "&lt;b&gt;.wav" in html and "<b>" not in html
    assert "x; ...<" in html and "3 rows, 3 sounds read, 0.7 minutes, speakers: unknown" in html
