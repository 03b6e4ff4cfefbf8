import matplotlib.pyplot as plt
import numpy as np
import pytest

from asr_helpers.plots import evaluate as plots_evaluate

TABLE = np.array([[0, 1, 2], [1, 0, 1], [2, 1, 1]])
DRAWN = {
    "edit_table": lambda: plots_evaluate.edit_table(
        TABLE, ["A", "B"], ["A", "C"], [(0, 0), (1, 1), (2, 2)]
    ),
    "rates": lambda: plots_evaluate.rates(
        {"one": (0.5, 0.4, 0.6), "two": (1, 1, 1)}, "WER (fraction)", "by class"
    ),
    "bootstrap": lambda: plots_evaluate.bootstrap([0.4, 0.5], 0.45, 0.4, 0.5, "drawn again"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_each_figure_has_labels_and_alt_text(name, monkeypatch):
    figures = []
    monkeypatch.setattr(plt, "close", figures.append)
    html = DRAWN[name]().data
    assert 'alt="' in html and len(html.split('alt="')[1].split('"')[0]) > 20
    axes = figures[0].axes[0]
    assert axes.get_xlabel() and (axes.get_ylabel() or name == "rates")
    assert axes.get_title() or name == "edit_table"


def test_the_table_shows_every_number_inside_the_axes(monkeypatch):
    figures = []
    monkeypatch.setattr(plt, "close", figures.append)
    DRAWN["edit_table"]()
    axes = figures[0].axes[0]
    assert [int(text.get_text()) for text in axes.texts] == TABLE.ravel().tolist()
    assert all(axes.bbox.contains(*axes.transData.transform(t.get_position())) for t in axes.texts)


def test_rates_are_drawn_where_all_are_zero_or_one_clip():
    assert "nothing 0.00" in plots_evaluate.rates({"nothing": (0, 0, 0)}, "WER", "t").data
    # A percentile interval of few clips may leave out the rate itself.
    assert plots_evaluate.rates({"odd": (0.5, 0.6, 0.7)}, "WER", "t").data
