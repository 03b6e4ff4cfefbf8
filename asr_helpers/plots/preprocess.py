"""Figures about sound and labels: aliases, spectrograms side by side, mel bands, room for letters."""

import matplotlib.pyplot as plt
import numpy as np

from asr_helpers.plots import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    WIDTH,
    decibels,
    draw_spectrogram,
    show,
    styled,
)


@styled
def aliases(frequency, alias, rate, seconds=0.001):
    """Two cosines, given in Hz, and the samples that both share at `rate` Hz."""
    fine = np.linspace(0, seconds, 1000)
    times = np.arange(int(seconds * rate) + 1) / rate
    figure, axes = plt.subplots()
    for hertz, colour, style in ((frequency, BLUE, "-"), (alias, ORANGE, "--")):
        wave = np.cos(2 * np.pi * hertz * fine)
        axes.plot(fine * 1000, wave, color=colour, linestyle=style, label=f"{hertz:.0f} Hz")
    samples = np.cos(2 * np.pi * frequency * times)
    axes.plot(times * 1000, samples, "o", color="black", label=f"samples at {rate:.0f} Hz")
    title = f"{rate:.0f} samples a second cannot tell {frequency:.0f} Hz from {alias:.0f} Hz"
    axes.set(xlabel="time (ms)", ylabel="amplitude", title=title)
    figure.legend(loc="outside lower center", ncols=3)
    return show(
        figure,
        f"Cosines of {frequency:.0f} Hz and {alias:.0f} Hz cross at every sample of {rate:.0f} Hz.",
    )


@styled
def spectrograms(clips, title):
    """Spectrograms {name: (array, rate)} side by side, on one frequency axis and one scale of dB.

    Each panel is coloured up to half its own rate; above, there is nothing to draw.
    """
    top = max(rate for _, rate in clips.values()) / 2
    high = max(decibels(array, rate)[2].max() for array, rate in clips.values())
    figure, panels = plt.subplots(1, len(clips), sharey=True, squeeze=False)
    for axes, (name, (array, rate)) in zip(panels[0], clips.items()):
        image = draw_spectrogram(axes, array, rate, high)
        axes.set(xlabel="time (s)", ylim=(0, top))
        axes.set_title(name, size=13, weight="normal")
    panels[0][0].set_ylabel("frequency (Hz)")
    figure.suptitle(title)
    figure.colorbar(image, ax=panels[0], label="power (dB)")
    names = "; ".join(f"{name}, up to {rate // 2} Hz" for name, (_, rate) in clips.items())
    return show(figure, f"Spectrograms side by side: {title}. {names}.")


@styled
def mel(filters, rate, mel_power, seconds, title):
    """Mel filters over frequency (left), and the mel spectrogram that they make (right).

    Args:
        filters: of shape (frequencies, bands), the frequencies from 0 to half of `rate`.
        rate: in Hz.
        mel_power: in decibels, of shape (bands, windows).
        seconds: the clip's duration.
        title: of the figure.
    """
    figure, (left, right) = plt.subplots(1, 2, width_ratios=(2, 3))
    hertz = np.linspace(0, rate / 2, len(filters))
    bands = filters.shape[1]
    for band in range(0, bands, max(1, bands // 16)):  # only a few, so that one can tell them apart
        left.plot(hertz, filters[:, band] / filters[:, band].max(), linewidth=1.5)
    left.set(xlabel="frequency (Hz)", ylabel="weight", xlim=(0, rate / 2))
    left.set_title(f"some of the {bands} filters", size=13, weight="normal")
    high = mel_power.max()
    image = right.imshow(
        mel_power, origin="lower", aspect="auto", interpolation="nearest",
        extent=(0, seconds, 0, bands), vmin=high - 70, vmax=high, cmap=plt.get_cmap("viridis", 14),
    )  # fmt: skip
    right.grid(False)
    right.set(xlabel="time (s)", ylabel="mel band")
    right.set_title("mel spectrogram", size=13, weight="normal")
    figure.colorbar(image, ax=right, label="power (dB)")
    figure.suptitle(title)
    return show(figure, f"Triangular filters, and a mel spectrogram of {bands} bands: {title}.")


@styled
def tightness(ratios, title):
    """How many frames utterances have for each letter of their labels, and the limit of one."""
    lowest, highest = min(*ratios, 1.0), max(*ratios, 2.0)
    figure, axes = plt.subplots(figsize=(WIDTH, 3.6))
    axes.hist(ratios, np.geomspace(lowest, highest, 30), color=BLUE, edgecolor="white")
    middle = float(np.median(ratios))
    axes.axvspan(lowest * 0.8, 1, color=GREY, alpha=0.2)
    labels = ((1, ORANGE, "limit: 1 "), (middle, GREEN, f" median {middle:.2f}"))
    for place, colour, text in labels:
        axes.axvline(place, color=colour, linestyle="--")
        axes.text(
            place, 1.0, text, color=colour, transform=axes.get_xaxis_transform(), va="bottom",
            ha="right" if place == 1 else "left",
        )  # fmt: skip
    axes.set_xscale("log")
    ticks = [tick for tick in (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64) if lowest <= tick <= highest]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(plt.NullLocator())
    axes.set(xlabel="frames for each letter (log scale)", ylabel="utterances")
    axes.set_title(title, pad=22)
    axes.set_xlim(lowest * 0.8, highest * 1.1)
    return show(
        figure, f"Histogram: {title}; the lowest is {min(ratios):.2f}, the median {middle:.2f}."
    )
