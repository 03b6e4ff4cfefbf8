"""Figures for a projector, and players of sound.

Colours are those of Okabe and Ito, which the colour-blind can tell apart. A title states what the
figure shows, and every picture has a text for those who do not see it.
"""

import base64
from functools import wraps
from html import escape
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import soundfile
import soxr
from IPython.display import HTML
from matplotlib.ticker import MaxNLocator
from PIL import Image

from asr_helpers.errors import align_words

BLUE, ORANGE, GREEN, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#777777"
SKY, YELLOW = "#56B4E9", "#F0E442"
WIDTH = 9  # inches, of every figure: 1440 pixels, shown 900 wide
STYLE = {
    "figure.figsize": (WIDTH, 3.4),
    "figure.constrained_layout.use": True,
    "font.size": 13,
    "axes.titlesize": 15,
    "axes.titleweight": "bold",
    "figure.titlesize": 15,
    "figure.titleweight": "bold",
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, PINK, SKY, "#E69F00"]),
    "legend.frameon": False,
    # Texts come from models, corpora and files: a "$" in one begins no formula.
    "text.parse_math": False,
    "legend.fontsize": 12,
}
DPI = 160
COLOURS = 128  # of a stored picture: a third of the bytes of one with millions of colours

PLAYER_RATE = 16_000  # Hz; browsers play MP3 at this rate everywhere
KEPT_BYTES = 20_000  # the sound of a larger clip does not stay in a stored notebook

CELLS = {  # of an alignment: the name and the shade of each kind
    "equal": ("right", None),
    "substitute": ("another word", "#F6CDB2"),
    "delete": ("missing", "#B3D5E8"),
    "insert": ("too much", "#EFD6E4"),
}


def styled(draw):
    """Make a function draw in the course's style, and leave matplotlib's own settings as they are."""

    @wraps(draw)
    def drawn(*args, **kwargs):
        with plt.rc_context(STYLE):
            return draw(*args, **kwargs)

    return drawn


def show(figure, alt):
    """The figure as a picture of a set width, with `alt`, its text for those who do not see it."""
    drawn, stored = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI)
    plt.close(figure)
    picture = Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(stored, format="png", optimize=True)
    image = base64.b64encode(stored.getvalue()).decode()
    width = round(100 * figure.get_figwidth())
    return HTML(f'<img alt="{escape(alt)}" width="{width}" src="data:image/png;base64,{image}">')


def player(array, rate, label, keep=False, peak=0.9):
    """A player of sound with its label above it.

    Args:
        array: samples of shape (samples,).
        rate: in Hz.
        label: what is heard.
        keep: with True a stored notebook keeps the sound as a small MP3, if the sound is no longer
            than about 5 seconds (`KEPT_BYTES`). Stored notebooks lose the sound of other players.
        peak: the largest sample as it is played; 1 is the loudest there is.
    """
    array = np.asarray(array, dtype=np.float64)
    array = array * peak / (np.abs(array).max() or 1.0)
    if rate != PLAYER_RATE:
        array = soxr.resample(array, rate, PLAYER_RATE)
    kept, whole = BytesIO(), BytesIO()
    if keep:
        soundfile.write(
            kept, array, PLAYER_RATE, format="MP3", bitrate_mode="VARIABLE", compression_level=0.5
        )
    keep = 0 < kept.tell() <= KEPT_BYTES
    if not keep:
        soundfile.write(whole, array, PLAYER_RATE, format="WAV", subtype="PCM_16")
    kind, mark, encoded = ("mpeg", " data-kept", kept) if keep else ("wav", "", whole)
    sound = base64.b64encode(encoded.getvalue()).decode()
    return HTML(
        f'<div>{escape(label)}</div><audio controls{mark} aria-label="{escape(label)}" '
        f'src="data:audio/{kind};base64,{sound}"></audio>'
    )


def decibels(array, rate, window_seconds=0.025, hop_seconds=0.010, size=512):
    """The power of each window of 25 ms at each frequency, a window every 10 ms.

    Returns:
        (times, frequencies, power): the windows' middles in seconds, the frequencies in Hz, and an
        array of shape (frequencies, windows) in decibels.
    """
    width, hop = int(window_seconds * rate), int(hop_seconds * rate)
    windows = np.lib.stride_tricks.sliding_window_view(array, width)[::hop] * np.hanning(width)
    power = np.abs(np.fft.rfft(windows, n=max(size, width))).T ** 2
    times = (np.arange(len(windows)) * hop + width / 2) / rate
    frequencies = np.linspace(0, rate / 2, len(power))
    return times, frequencies, 10 * np.log10(power + 1e-10)


def draw_spectrogram(axes, array, rate, high=None):
    """Draw a spectrogram into `axes`, bright where it is loud; returns the image.

    `high` is the loudest decibel of the scale, by default the clip's own; 70 dB are shown.
    """
    times, frequencies, power = decibels(array, rate)
    high = power.max() if high is None else high
    image = axes.imshow(
        power, origin="lower", aspect="auto", interpolation="nearest", vmin=high - 70, vmax=high,
        extent=(0, len(array) / rate, 0, frequencies[-1]),
        cmap=plt.get_cmap("viridis", 14),  # steps of 5 dB: as easy to read, half the bytes
    )  # fmt: skip
    axes.grid(False)
    return image


@styled
def waveform(array, rate, title):
    """Amplitude against time in seconds."""
    seconds = len(array) / rate
    figure, axes = plt.subplots()
    axes.plot(np.arange(len(array)) / rate, array, color=BLUE, linewidth=0.6)
    axes.set(xlabel="time (s)", ylabel="amplitude", title=title, xlim=(0, seconds))
    return show(figure, f"Waveform: {title}. Amplitude over {seconds:.1f} seconds.")


@styled
def spectrogram(array, rate, title):
    """Power in decibels by time in seconds and frequency in Hz."""
    figure, axes = plt.subplots()
    image = draw_spectrogram(axes, array, rate)
    axes.set(xlabel="time (s)", ylabel="frequency (Hz)", title=title)
    figure.colorbar(image, label="power (dB)")
    return show(figure, f"Spectrogram: {title}. 0 to {rate // 2} Hz, in decibels.")


@styled
def histograms(panels, title, bins=30):
    """How often each value occurs, in panels {label of the axis: values} side by side."""
    figure, drawn = plt.subplots(1, len(panels), squeeze=False)
    medians = []
    for axes, (label, values) in zip(drawn[0], panels.items()):
        axes.hist(values, bins=bins, color=BLUE, rwidth=0.9)
        axes.set(xlabel=label)
        middle = float(np.median(values))
        axes.axvline(middle, color=ORANGE, linestyle="--")
        axes.set_title(f"median {middle:.1f}", size=13, weight="normal", color=ORANGE)
        medians.append(f"{label}, median {middle:.2f}")
    drawn[0][0].set_ylabel("utterances")
    figure.suptitle(title)
    return show(figure, f"Histograms: {title}. {'; '.join(medians)}.")


@styled
def bars(counts, label, title):
    """Horizontal bars, the largest on top, each with its value."""
    names = sorted(counts, key=counts.get)
    figure, axes = plt.subplots(figsize=(WIDTH, 0.36 * len(names) + 1.2))
    values = [counts[name] for name in names]
    drawn = axes.barh(names, values, color=BLUE)
    shown = [f"{v:.3g}" if v % 1 and abs(v) < 1000 else f"{v:.0f}" for v in values]
    axes.bar_label(drawn, shown, padding=4)
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.08, y=0.02)
    axes.set(xlabel=label, title=title)
    return show(figure, f"Bars: {title}. {names[-1]} leads with {shown[-1]}.")


@styled
def curves(lines, x, y, title, level=None):
    """Lines {name: (xs, ys)} in one figure, each named at its end.

    `level` is (height, its name), drawn dashed. A line that is alone needs no name in the figure.
    """
    figure, axes = plt.subplots()
    ends = []
    for (name, (xs, ys)), colour in zip(lines.items(), (BLUE, ORANGE, GREEN, PINK, SKY)):
        axes.plot(xs, ys, color=colour, marker="o" if len(xs) < 30 else None, markersize=4)
        if len(ys) and len(lines) > 1:
            ends.append((ys[-1], name, colour))
    if level:
        axes.axhline(level[0], color=GREY, linestyle="--")
        ends.append((level[0], level[1], GREY))
    axes.set(xlabel=x, ylabel=y, title=title)
    if not any(value % 1 for xs, _ in lines.values() for value in xs):  # whole numbers on the axis
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for place, (height, name, colour) in zip(_apart([end for end, *_ in ends], axes), ends):
        axes.annotate(
            name, (1, height), xycoords=axes.get_yaxis_transform(),
            xytext=(1.03, place), textcoords=axes.get_yaxis_transform(), color=colour, va="center",
        )  # fmt: skip
    told = "; ".join(f"{name} ends at {ys[-1]:.2f}" for name, (_, ys) in lines.items() if len(ys))
    return show(figure, f"Curves: {title}. {told}.")


def _apart(heights, axes, least=0.09):
    """Heights for labels; labels that would overlap are moved to `least` of the axis apart."""
    low, high = axes.get_ylim()
    order = np.argsort(heights)
    places = np.array(heights, dtype=float)
    for below, above in zip(order, order[1:]):
        places[above] = max(places[above], places[below] + least * (high - low))
    return places


def alignment(reference, prediction, words_a_line=8):
    """What was spoken above what was written, word by word, each error shaded, with a legend.

    Long texts go on below, `words_a_line` words at a time.
    """
    pairs = align_words(reference, prediction)
    lines = []
    for start in range(0, len(pairs), words_a_line):
        part = pairs[start : start + words_a_line]
        for name, place in (("spoken", 1), ("written", 2)):
            cells = "".join(_cell(pair[0], pair[place] or "∅") for pair in part)
            lines.append(f'<tr><th style="text-align:left">{name}</th>{cells}</tr>')
    kinds = [kind for kind in CELLS if any(pair[0] == kind for pair in pairs)]
    legend = "".join(_cell(kind, CELLS[kind][0]) for kind in kinds if kind != "equal")
    if legend:
        lines.append(f'<tr><th style="text-align:left">legend</th>{legend}</tr>')
    return HTML(f'<table style="font-size:110%">{"".join(lines)}</table>')


def _cell(kind, text):
    shade = CELLS[kind][1]
    style = f"background:{shade};color:#000;" if shade else ""
    return f'<td style="{style}padding:.2em .5em;text-align:left">{escape(text)}</td>'
