"""Figures with labelled axes, in colours of Okabe and Ito that the colour-blind can tell apart."""

from html import escape

import matplotlib.pyplot as plt
import numpy as np
import scipy.signal
from IPython.display import HTML

BLUE, ORANGE, GREEN, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#777777"
plt.rcParams.update(
    {"figure.figsize": (8, 3), "axes.grid": True, "grid.alpha": 0.3, "axes.axisbelow": True}
)


def show(figure, alt):
    """Lay out a figure, and give it with its text for those who do not see it."""
    import base64
    from io import BytesIO

    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=80, bbox_inches="tight")
    plt.close(figure)
    image = base64.b64encode(buffer.getvalue()).decode()
    return HTML(f'<img alt="{escape(alt)}" src="data:image/png;base64,{image}">')


def waveform(array, rate, title):
    """Amplitude against time in seconds."""
    figure, axes = plt.subplots()
    axes.plot(np.arange(len(array)) / rate, array, color=BLUE, linewidth=0.6)
    axes.set(xlabel="time (s)", ylabel="amplitude", title=title, xlim=(0, len(array) / rate))
    return show(figure, f"Waveform of “{title}”: amplitude over {len(array) / rate:.1f} seconds.")


def spectrogram(array, rate, title, window_seconds=0.025, hop_seconds=0.010):
    """Loudness in decibels by time in seconds and frequency in Hz, from windows of 25 ms."""
    width, hop = int(window_seconds * rate), int(hop_seconds * rate)
    bands, times, power = scipy.signal.spectrogram(
        array, rate, nperseg=width, noverlap=width - hop, nfft=512
    )
    decibels = 10 * np.log10(power + 1e-10)
    figure, axes = plt.subplots()
    low = decibels.max() - 70
    colours = plt.get_cmap("viridis", 14)  # steps of 5 dB: half the bytes of a smooth picture
    image = axes.pcolormesh(times, bands, decibels, vmin=low, cmap=colours, shading="nearest")
    axes.grid(False)
    axes.set(xlabel="time (s)", ylabel="frequency (Hz)", title=title)
    figure.colorbar(image, label="power (dB)")
    return show(figure, f"Spectrogram of “{title}”, 0 to {rate // 2} Hz, in decibels.")


def histogram(values, label, title, bins=30):
    """How often each value occurs."""
    figure, axes = plt.subplots()
    axes.hist(values, bins=bins, color=BLUE, rwidth=0.9)
    axes.set(xlabel=label, ylabel="utterances", title=title)
    middle = float(np.median(values))
    axes.axvline(middle, color=ORANGE, linestyle="--", label=f"median {middle:.2f}")
    axes.legend()
    return show(figure, f"Histogram: {title}; the median is {middle:.2f}.")


def bars(counts, label, title):
    """Horizontal bars, the largest on top."""
    names = sorted(counts, key=counts.get)
    figure, axes = plt.subplots(figsize=(8, 0.26 * len(names) + 1))
    axes.barh(names, [counts[name] for name in names], color=BLUE)
    axes.grid(axis="y", visible=False)
    axes.set(xlabel=label, title=title)
    return show(figure, f"Bars: {title}; {names[-1]} leads with {counts[names[-1]]}.")


def curves(lines, x, y, title, level=None):
    """Lines {name: (xs, ys)} in one figure; `level` is (height, its name), drawn dashed."""
    figure, axes = plt.subplots()
    for (name, (xs, ys)), colour in zip(lines.items(), (BLUE, ORANGE, GREEN, PINK)):
        axes.plot(
            xs, ys, color=colour, label=name, marker="o" if len(xs) < 30 else None, markersize=4
        )
    if level:
        axes.axhline(level[0], color=GREY, linestyle="--", label=level[1])
    axes.set(xlabel=x, ylabel=y, title=title)
    axes.legend()
    ends = "; ".join(f"{name} ends at {ys[-1]:.2f}" for name, (_, ys) in lines.items() if len(ys))
    return show(figure, f"Curves: {title}. {ends}.")


def alignment(reference, prediction, words_a_line=12):
    """One pair, word for word, coloured: what is right, substituted, deleted, inserted."""
    import jiwer

    rows, colours = (
        [[], []],
        {"equal": "inherit", "substitute": ORANGE, "delete": BLUE, "insert": PINK},
    )
    spoken, written = reference.split(), prediction.split()
    for part in jiwer.process_words(reference, prediction).alignments[0]:
        above = spoken[part.ref_start_idx : part.ref_end_idx]
        below = written[part.hyp_start_idx : part.hyp_end_idx]
        for k in range(max(len(above), len(below))):
            style = f'style="color:{colours[part.type]};padding:0 .4em;text-align:left"'
            for row, words in zip(rows, (above, below)):
                row.append(f"<td {style}>{words[k] if k < len(words) else '∅'}</td>")
    names = ("spoken", "written")
    body = "".join(
        f"<tr><th>{name}</th>{''.join(row[start : start + words_a_line])}</tr>"
        for start in range(0, len(rows[0]), words_a_line)
        for name, row in zip(names, rows)
    )
    return HTML(f"<table>{body}</table>")
