"""Figures of lessons 09 and 10: rates against how much was trained on, letters, adapters."""

from collections.abc import Mapping, Sequence
from html import escape

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML

from asr_helpers.plots import BLUE, GREEN, GREY, ORANGE, PINK, show, styled

Point = tuple[float, float, float, float]  # amount, rate, low, high


@styled
def by_amount(
    lines: Mapping[str, Sequence[Point]], x: str, y: str, title: str, level: tuple | None = None
) -> HTML:
    """Rates against an amount, each with its interval as a whisker.

    Args:
        lines: {name: [(amount, rate, low, high)]}.
        level: (rate, its name), drawn dashed.
    """
    figure, axes = plt.subplots()
    for place, ((name, points), colour) in enumerate(
        zip(lines.items(), (BLUE, ORANGE, GREEN, PINK))
    ):
        amounts, rates, low, high = np.array(points, dtype=float).T
        # A little to the side, so that whiskers do not hide each other.
        amounts = amounts * (1 + 0.015 * (place - (len(lines) - 1) / 2))
        reach = np.abs([rates - low, high - rates])
        axes.errorbar(amounts, rates, yerr=reach, color=colour, marker="o", capsize=4, label=name)
    if level:
        axes.axhline(level[0], color=GREY, linestyle="--", label=level[1])
    axes.set(xlabel=x, ylabel=y, title=title)
    axes.set_ylim(bottom=0)
    axes.legend()
    ends = "; ".join(f"{name} ends at {points[-1][1]:.2f}" for name, points in lines.items())
    return show(figure, f"Curves with intervals: {title}. {ends}.")


@styled
def letters(recall: Mapping[str, tuple[float, int]], title: str) -> HTML:
    """The share of each letter that is right, {letter: (share, how often it was spoken)}."""
    names = sorted(recall, key=lambda letter: -recall[letter][0])
    figure, axes = plt.subplots(figsize=(10, 3.5))
    axes.bar(range(len(names)), [recall[name][0] for name in names], color=BLUE)
    labels = [f"{name}\n{recall[name][1]}" for name in names]
    # Numbers of three digits would touch each other under an alphabet of more than 24 letters.
    axes.set_xticks(range(len(names)), labels, fontsize=9 if len(names) > 24 else None)
    axes.grid(axis="x", visible=False)
    axes.set(ylabel="share that is right", ylim=(0, 1), title=title)
    axes.set_xlabel("letter, and how often it was spoken")
    return show(figure, f"Bars: {title}. Best {names[0]}, worst {names[-1]}.")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> HTML:
    """A table; numbers stand to the right."""

    def cell(value, tag="td"):
        side = "left" if isinstance(value, str) else "right"
        return f'<{tag} style="text-align:{side}">{escape(_written(value))}</{tag}>'

    body = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in rows)
    top = "".join(cell(name, "th") for name in head)
    return HTML(f"<table><tr>{top}</tr>{body}</table>")


def _written(value):
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else str(value)
