import matplotlib.pyplot as plt
import pytest

from asr_helpers.plots import adapt as plots_adapt

POINTS = {"one": [(10, 0.5, 0.4, 0.6), (20, 0.4, 0.3, 0.5)], "two": [(10, 0.9, 0.8, 1.0)]}
DRAWN = {
    "by_amount": lambda: plots_adapt.by_amount(
        POINTS, "sentences", "WER (fraction)", "more", (0.7, "before")
    ),
    "letters": lambda: plots_adapt.letters(
        {"A": (0.9, 20), "B": (0.1, 5)}, "letters that are right"
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_each_figure_has_labels_and_alt_text(name, monkeypatch):
    figures = []
    monkeypatch.setattr(plt, "close", figures.append)
    html = DRAWN[name]().data
    assert len(html.split('alt="')[1].split('"')[0]) > 20
    axes = figures[0].axes[0]
    assert axes.get_xlabel() and axes.get_ylabel() and axes.get_title()


def test_letters_stand_from_best_to_worst_with_their_number(monkeypatch):
    figures = []
    monkeypatch.setattr(plt, "close", figures.append)
    plots_adapt.letters({"B": (0.1, 5), "A": (0.9, 20)}, "letters")
    labels = [label.get_text() for label in figures[0].axes[0].get_xticklabels()]
    assert labels == ["A\n20", "B\n5"]


def test_numbers_below_many_letters_do_not_touch(monkeypatch):
    figures = []
    monkeypatch.setattr(plt, "close", figures.append)
    many = {chr(0x410 + k): (0.5, 100 + k) for k in range(32)}
    plots_adapt.letters(many, "letters")
    figures[0].canvas.draw()
    boxes = [label.get_window_extent() for label in figures[0].axes[0].get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in zip(boxes, boxes[1:]))


def test_a_table_escapes_its_cells_and_rounds():
    html = plots_adapt.table(["kind", "WER", "weights"], [["<b>", 0.12345, 1234567]]).data
    assert "&lt;b&gt;" in html and "0.123" in html and "1 234 567" in html
