"""Figures about errors: a table of edit distances, rates with their intervals, a bootstrap."""

import matplotlib.pyplot as plt
import numpy as np

from asr_helpers.plots import BLUE, GREY, ORANGE, show, styled


@styled
def edit_table(table, spoken, written, path):
    """The table of Wagner and Fischer, (spoken + 1, written + 1), with one best path through it."""
    rows, columns = np.shape(table)
    figure, axes = plt.subplots(figsize=(1.05 * columns + 1.4, 0.48 * rows + 1.2))
    axes.imshow(table, cmap="Greys", vmin=0, vmax=2.2 * np.max(table), aspect="auto")
    down, across = zip(*path)
    axes.plot(across, down, color=ORANGE, linewidth=14, alpha=0.45, solid_capstyle="round")
    for i in range(rows):
        for j in range(columns):
            weight = "bold" if (i, j) in path else "normal"
            axes.text(j, i, str(table[i][j]), ha="center", va="center", weight=weight, size=12)
    axes.set_xticks(range(columns), ["(nothing)", *written])
    axes.set_yticks(range(rows), ["(nothing)", *spoken])
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.grid(False)
    axes.set_xlabel("written", labelpad=8)
    axes.set_ylabel("spoken")
    alt = f"Table of edit distances from {len(spoken)} spoken to {len(written)} written words; "
    return show(figure, alt + f"a marked path leads from 0 to {table[-1][-1]} errors.")


@styled
def rates(found, label, title):
    """Bars {name: (rate, low, high)}, the first on top, each with its interval as a whisker."""
    names = list(found)
    figure, axes = plt.subplots(figsize=(8, 0.42 * len(names) + 1.2))
    values = np.array([found[name] for name in names], dtype=float)
    reach = np.abs(values[:, [1, 2]] - values[:, :1]).T
    axes.barh(names, values[:, 0], color=BLUE, height=0.6)
    wide = reach.any(axis=0)  # an interval of no width gets no whisker
    style = dict(fmt="none", ecolor=ORANGE, elinewidth=2, capsize=4)
    axes.errorbar(values[wide, 0], np.flatnonzero(wide), xerr=reach[:, wide], **style)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set(xlabel=label, title=title, xlim=(0, max(1.05 * values.max(), 0.1)))
    told = ", ".join(f"{name} {value[0]:.2f}" for name, value in found.items())
    return show(figure, f"Bars with intervals: {title}. {told}.")


@styled
def bootstrap(drawn, rate, low, high, title):
    """How often each WER came out of the bootstrap, with the observed one and the interval."""
    figure, axes = plt.subplots()
    axes.hist(drawn, bins=40, color=BLUE, edgecolor="white")
    axes.axvline(rate, color=ORANGE, linewidth=2, label=f"observed {rate:.3f}")
    for edge, name in ((low, f"interval {low:.3f} to {high:.3f}"), (high, None)):
        axes.axvline(edge, color=GREY, linestyle="--", linewidth=2, label=name)
    axes.set(xlabel="WER (fraction)", ylabel="resamples", title=title)
    axes.legend()
    return show(figure, f"Histogram: {title}; observed {rate:.3f}, {low:.3f} to {high:.3f}.")
