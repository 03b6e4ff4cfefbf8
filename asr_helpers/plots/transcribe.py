"""Figures of transcribing: chunks of a recording, words over sound, right words by confidence."""

import matplotlib.pyplot as plt
import numpy as np

from asr_helpers.plots import BLUE, GREEN, GREY, ORANGE, show, styled

LETTER = 0.0135  # the width of a letter at size 9, as a share of the figure's axes


@styled
def chunks(spans, hop_seconds):
    """What each chunk of `chunk_spans` reads (grey), and what of it is kept (blue), in seconds."""
    figure, axes = plt.subplots(figsize=(8, 0.4 * len(spans) + 1.2))
    for row, (start, stop, keep_from, keep_to) in enumerate(spans):
        for left, right, colour in ((start, stop, GREY), (keep_from, keep_to, BLUE)):
            name = {GREY: "read", BLUE: "kept"}[colour] if row == 0 else None
            at, width = left * hop_seconds, (right - left) * hop_seconds
            axes.barh(row, width, left=at, color=colour, height=0.6, label=name)
    axes.invert_yaxis()
    axes.set_yticks(range(len(spans)), [f"chunk {row + 1}" for row in range(len(spans))])
    axes.set(xlabel="time (s)", xlim=(0, spans[-1][1] * hop_seconds))
    axes.set_title("Neighbours overlap, the kept parts do not")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    seconds = spans[-1][1] * hop_seconds
    return show(
        figure, f"{len(spans)} overlapping chunks over {seconds:.0f} seconds, and what is kept."
    )


def label_rows(words, seconds):
    """[(centre in seconds, row), ...]: the lowest row where each word's label meets no other."""
    ends, places = [], []
    for word in words:
        half = (len(word.text) + 1) / 2 * LETTER * seconds
        centre = min(max((word.start + word.end) / 2, half), max(seconds - half, half))
        row = next((k for k, end in enumerate(ends) if end <= centre - half), len(ends))
        ends[row : row + 1] = [centre + half]
        places.append((centre, row))
    return places


@styled
def timed_words(array, rate, words, title):
    """The waveform, each word (of `word_times`) shaded where its frames are and written above."""
    seconds, peak = len(array) / rate, float(np.abs(array).max()) or 1.0
    places = label_rows(words, seconds)
    rows = max((row for _, row in places), default=0) + 1
    figure, axes = plt.subplots(figsize=(8, 3 + 0.25 * rows))
    axes.plot(np.arange(len(array)) / rate, array, color=GREY, linewidth=0.6)
    for k, (word, (centre, row)) in enumerate(zip(words, places)):
        colour = (BLUE, ORANGE)[k % 2]
        axes.axvspan(word.start, word.end, color=colour, alpha=0.25, linewidth=0)
        height = peak * (1.12 + 0.2 * row)
        axes.text(centre, height, word.text, color=colour, size=9, ha="center", va="bottom")
    top = peak * (1.15 + 0.2 * rows)
    axes.set(xlabel="time (s)", ylabel="amplitude", xlim=(0, seconds), ylim=(-1.1 * peak, top))
    axes.set_title(title)
    told = ", ".join(f"{word.text} at {word.start:.2f} s" for word in words) or "no word written"
    return show(figure, f"Waveform of {seconds:.1f} seconds with its words: {told}.")


@styled
def shares(groups, label, title):
    """Bars {name: (share of right words, count)}, with the count above each bar."""
    figure, axes = plt.subplots(figsize=(6, 3))
    values = [share for share, _ in groups.values()]
    drawn = axes.bar(list(groups), values, color=GREEN, width=0.6)
    axes.bar_label(drawn, [f"{count} words" for _, count in groups.values()], padding=2)
    axes.grid(axis="x", visible=False)
    axes.set(xlabel=label, ylabel="share right (fraction)", ylim=(0, 1.1), title=title)
    told = ", ".join(f"{name.splitlines()[0]} {share:.2f}" for name, (share, _) in groups.items())
    return show(figure, f"Bars: {title}. {told}.")
