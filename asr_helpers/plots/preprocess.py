"""Figures of lesson 02: aliases, spectrograms side by side, how tightly labels fit."""

import matplotlib.pyplot as plt
import numpy as np
import scipy.signal

from asr_helpers.plots import BLUE, GREEN, GREY, ORANGE, show


def aliases(frequency, alias, rate, seconds=0.001):
    """Two cosines, given in Hz, and the samples that they share at `rate` Hz."""
    fine = np.linspace(0, seconds, 1000)
    times = np.arange(int(seconds * rate) + 1) / rate
    figure, axes = plt.subplots()
    for hertz, colour, style in ((frequency, BLUE, "-"), (alias, ORANGE, "--")):
        wave = np.cos(2 * np.pi * hertz * fine)
        axes.plot(fine * 1000, wave, color=colour, linestyle=style, label=f"{hertz:.0f} Hz")
    samples = np.cos(2 * np.pi * frequency * times)
    axes.plot(times * 1000, samples, "o", color="black", label=f"samples at {rate:.0f} Hz")
    axes.set(xlabel="time (ms)", ylabel="amplitude", title="One row of samples, two tones")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=3)
    return show(
        figure,
        f"Cosines of {frequency:.0f} Hz and {alias:.0f} Hz cross at every sample of {rate:.0f} Hz.",
    )


def spectrograms(clips, window_seconds=0.025, hop_seconds=0.010):
    """Panels {title: (array, rate)} side by side, on one frequency axis and one scale of decibels.

    Each panel is coloured up to half its own rate; above, there is nothing to draw.
    """
    top = max(rate for _, rate in clips.values()) / 2
    drawn = {}
    for title, (array, rate) in clips.items():
        width, hop = int(window_seconds * rate), int(hop_seconds * rate)
        bands, times, power = scipy.signal.spectrogram(
            array, rate, nperseg=width, noverlap=width - hop, nfft=max(512, width)
        )
        drawn[title] = (times, bands, 10 * np.log10(power + 1e-10))
    high = max(decibels.max() for _, _, decibels in drawn.values())
    # Steps of 5 dB are as easy to read as a smooth scale, and the picture takes half the space.
    colours = plt.get_cmap("viridis", 14)
    figure, panels = plt.subplots(
        1, len(clips), figsize=(8, 3), sharey=True, layout="constrained", squeeze=False
    )
    for axes, (title, (times, bands, decibels)) in zip(panels[0], drawn.items()):
        image = axes.pcolormesh(
            times, bands, decibels, vmin=high - 70, vmax=high, cmap=colours, shading="nearest"
        )
        axes.grid(False)
        axes.set(xlabel="time (s)", title=title, ylim=(0, top))
    panels[0][0].set_ylabel("frequency (Hz)")
    figure.colorbar(image, ax=panels[0], label="power (dB)")
    names = "; ".join(f"{title}, up to {rate // 2} Hz" for title, (_, rate) in clips.items())
    return show(figure, f"Spectrograms side by side: {names}.")


def tightness(ratios, title):
    """How many frames utterances have for each letter of their labels, and the limit of one."""
    lowest, highest = min(*ratios, 1.0), max(*ratios, 2.0)
    figure, axes = plt.subplots()
    axes.hist(ratios, np.geomspace(lowest, highest, 30), color=BLUE, edgecolor="white")
    middle = float(np.median(ratios))
    axes.axvline(1, color=ORANGE, label="limit of CTC: 1")
    axes.axvline(middle, color=GREEN, linestyle="--", label=f"median {middle:.2f}")
    axes.set_xscale("log")
    ticks = [tick for tick in (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64) if lowest <= tick <= highest]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(plt.NullLocator())
    axes.set(xlabel="frames per label letter (log scale)", ylabel="utterances", title=title)
    axes.axvspan(lowest * 0.9, 1, color=GREY, alpha=0.2, label="does not fit")
    axes.set_xlim(lowest * 0.9, highest * 1.1)
    axes.legend()
    return show(
        figure, f"Histogram: {title}; the lowest is {min(ratios):.2f}, the median {middle:.2f}."
    )
