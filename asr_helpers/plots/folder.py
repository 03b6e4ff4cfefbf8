"""The report of a folder of recordings: a table and two figures."""

from html import escape

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML

from asr_helpers.plots import BLUE, GREY, ORANGE, show


def table(report) -> HTML:
    """The lines of a `Report` as a table: what, how many rows, which, and what to do."""
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td style="text-align:left">{escape(str(cell))}</td>'
            for cell in (line.what, line.count, _named(line), line.remedy)
        )
        + "</tr>"
        for line in report.lines
    )
    head = "".join(f"<th>{name}</th>" for name in ("what", "rows", "such as", "remedy"))
    summary = escape("\n".join(str(report).splitlines()[:3]))
    return HTML(f"<pre>{summary}</pre><table><tr>{head}</tr>{rows}</table>")


def _named(line):
    return "; ".join(line.rows) + ("; ..." if line.rows and line.count > len(line.rows) else "")


def durations(report, long: float = 30.0, short: float = 0.5) -> HTML:
    """How long the recordings of a `Report` are; usual durations lie between the bounds drawn."""
    seconds = report.seconds
    figure, axes = plt.subplots()
    axes.hist(seconds, bins=30, color=BLUE, rwidth=0.9)
    for bound in (short, long):
        if len(seconds) and seconds.min() / 2 < bound < 1.2 * seconds.max():
            axes.axvline(bound, color=ORANGE, linestyle="--", label=f"{bound:g} s")
    middle = float(np.median(seconds)) if len(seconds) else 0.0
    axes.axvline(middle, color=GREY, label=f"median {middle:.1f} s")
    axes.legend()
    axes.set(xlabel="duration (s)", ylabel="recordings", title="How long the recordings are")
    odd = int(np.sum((seconds < short) | (seconds > long)))
    return show(
        figure,
        f"Histogram of {len(seconds)} durations; the median is {middle:.1f} s, and {odd} are "
        f"shorter than {short:g} s or longer than {long:g} s.",
    )


def levels(report, silent: float = -45.0) -> HTML:
    """Each recording's level against its peak, in dB of full scale, and what counts as silent."""
    figure, axes = plt.subplots(figsize=(8, 4))
    axes.scatter(report.peaks, report.levels, s=12, color=BLUE, alpha=0.5)
    axes.axvspan(-0.2, 1, color=ORANGE, alpha=0.2, label="at full scale: perhaps clipped")
    low = min(silent - 15, report.peaks.min(initial=0.0) - 3)
    axes.axvspan(low, silent, color=GREY, alpha=0.2, label="almost silent")
    axes.set_xlim(low, 1)
    axes.legend(loc="upper left")
    axes.set(
        xlabel="peak (dB of full scale)", ylabel="level (dB of full scale)",
        title="How loud the recordings are",
    )  # fmt: skip
    quiet, full = int(np.sum(report.peaks < silent)), int(np.sum(report.peaks > -0.2))
    return show(
        figure,
        f"Level against peak of {len(report.peaks)} recordings in decibels; {full} reach full "
        f"scale, and {quiet} are almost silent.",
    )
