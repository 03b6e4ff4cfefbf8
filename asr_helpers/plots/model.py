"""Drawings of a recogniser: the whole from waveform to text, and how an encoder is pretrained."""

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import HTML
from matplotlib.patches import FancyBboxPatch
from transformers import (
    AutoModelForCTC,
    AutoModelForSpeechSeq2Seq,
    Wav2Vec2Config,
    WhisperConfig,
)

from asr_helpers.frames import frame_geometry
from asr_helpers.plots import BLUE, GREEN, GREY, ORANGE, PINK, SKY, WIDTH, YELLOW, show, styled


def _canvas(width, height, inches):
    """An empty figure with coordinates from 0 to `width` and 0 to `height`."""
    figure, axes = plt.subplots(figsize=(WIDTH, inches))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    return figure, axes


def _box(axes, x, y, width, height, colour, text="", size=12, alpha=0.35):
    """A rounded box with text in its middle."""
    style = "round,pad=0,rounding_size=0.12"
    axes.add_patch(
        FancyBboxPatch(
            (x, y), width, height, boxstyle=style, facecolor=(colour, alpha), edgecolor=colour
        )
    )
    axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", size=size)


def _arrow(axes, start, end, colour="black", style="-|>"):
    arrow = {"arrowstyle": style, "color": colour, "linewidth": 1.6, "shrinkA": 2, "shrinkB": 2}
    axes.annotate("", end, start, arrowprops=arrow)


@styled
def pipeline(array, rate, config, text):
    """The whole recogniser: waveform, convolutions, transformer, head, CTC, text, with all shapes.

    Args:
        array, rate: a clip, samples of shape (samples,) at the model's rate in Hz.
        config: a Wav2Vec2's.
        text: what the model writes for the clip.
    """
    hop, window = frame_geometry(config)
    frames = (len(array) - window) // hop + 1
    per_second = rate / hop
    with_top = getattr(config, "add_adapter", False)
    stages = [
        ("waveform", SKY, f"({len(array)},)", f"{rate} samples/s"),
        (f"{len(config.conv_kernel)} convolutions", GREEN, f"({frames}, {config.conv_dim[-1]})",
         f"{per_second:.0f} frames/s"),
        (f"transformer\n{config.num_hidden_layers} layers", GREEN,
         f"({frames}, {config.hidden_size})", f"{per_second:.0f} frames/s"),
        *([(f"top\n{config.num_adapter_layers} convolutions", GREEN,
            f"({frames}, {config.output_hidden_size})", f"{per_second:.0f} frames/s")]
          if with_top else []),
        ("head\n1 linear layer", ORANGE, f"({frames}, {config.vocab_size})",
         f"{per_second:.0f} frames/s"),
        ("CTC\nmerge repeats,\ndrop blanks", YELLOW, f"({len(text)},)", "letters"),
    ]  # fmt: skip
    top = f", {config.num_adapter_layers} convolutions on top" if with_top else ""
    figure, axes = _canvas(2 * len(stages), 4, 4.0)
    for k, (name, colour, shape, per) in enumerate(stages):
        x = 0.05 + 2 * k
        size = 12 if len(stages) < 6 else 10  # six boxes are narrower
        _box(axes, x, 1.9, 1.65, 1.0, colour, "" if k == 0 else name, size)
        axes.text(x + 0.82, 1.62, shape, ha="center", va="top", family="monospace", size=12)
        axes.text(x + 0.82, 1.22, per, ha="center", va="top", size=12, color=GREY)
        if k < len(stages) - 1:
            _arrow(axes, (x + 1.66, 2.4), (x + 1.99, 2.4))
    shown = array[:: max(1, len(array) // 700)]
    wave = shown / (np.abs(shown).max() or 1.0)
    axes.plot(np.linspace(0.12, 1.63, len(wave)), 2.4 + 0.42 * wave, color=BLUE, linewidth=0.5)
    axes.text(0.87, 3.0, "waveform", ha="center", va="bottom")
    head = 2 * len(stages) - 4  # where the column of the head begins
    axes.annotate(
        "", (2.05, 3.25), (head - 0.3, 3.25),
        arrowprops={"arrowstyle": "|-|,widthA=0.3,widthB=0.3"},
    )  # fmt: skip
    axes.text(
        head / 2 + 0.9, 3.35, "encoder: from the base model", ha="center", va="bottom", color=GREEN
    )
    axes.text(
        head + 0.87, 3.1, "new, random before\nfine-tuning", ha="center", va="bottom", color=ORANGE
    )
    written = text if len(text) < 72 else f"{text[:70]}…"
    end = head + 3.75
    axes.text(end, 0.35, f"“{written}”", ha="right", va="bottom", size=13, family="monospace")
    _arrow(axes, (head + 2.87, 0.95), (head + 2.87, 0.68))
    milliseconds = 1000 * hop / rate, 1000 * window / rate
    axes.set_title(
        f"From {len(array) / rate:.1f} seconds of sound to text: a frame every "
        f"{milliseconds[0]:.0f} ms, each sees {milliseconds[1]:.0f} ms"
    )
    return show(
        figure,
        f"A waveform of {len(array)} samples goes through {len(config.conv_kernel)} convolutions, "
        f"{config.num_hidden_layers} transformer layers"
        f"{top} and a "
        f"linear head: {frames} frames of "
        f"{config.vocab_size} scores. CTC makes of them the text “{text}”.",
    )


def parameters(config):
    """How many weights a model of this configuration has; none of them is made."""
    kind = AutoModelForSpeechSeq2Seq if config.model_type == "whisper" else AutoModelForCTC
    with torch.device("meta"):
        return sum(weight.numel() for weight in kind.from_config(config).parameters())


def architectures(config, rate=16_000):
    """A table of three recognisers: the model of `config`, wav2vec2-base and Whisper tiny.

    The latter two are the defaults of `transformers`' configurations.
    """
    base, whisper = Wav2Vec2Config(), WhisperConfig()
    rows = {
        "": ["this model", "wav2vec2-base", "Whisper tiny"],
        "reads": ["the waveform", "the waveform", "a log-mel spectrogram"],
        "convolutions": [len(config.conv_kernel), len(base.conv_kernel), 2],
    }
    # Whisper: windows of 400 samples, a step of 160, then two kernels of 3 with strides 1 and 2.
    geometry = [frame_geometry(config), frame_geometry(base), (320, 400 + 4 * 160)]
    rows["a frame every"] = [f"{1000 * hop / rate:.0f} ms" for hop, _ in geometry]
    rows["a frame sees"] = [f"{1000 * window / rate:.0f} ms" for _, window in geometry]
    rows["transformer layers × width"] = [
        f"{config.num_hidden_layers} × {config.hidden_size}",
        f"{base.num_hidden_layers} × {base.hidden_size}",
        f"{whisper.encoder_layers} + {whisper.decoder_layers} × {whisper.d_model}",
    ]
    rows["parameters"] = [f"{parameters(one) / 1e6:.1f} million" for one in (config, base, whisper)]
    rows["writes"] = ["letters, by CTC", "letters, by CTC", "pieces of words, by a decoder"]
    body = "".join(
        f'<tr><th style="text-align:left">{name}</th>'
        + "".join(f'<td style="text-align:left">{value}</td>' for value in values)
        + "</tr>"
        for name, values in rows.items()
    )
    return HTML(f'<table style="font-size:110%">{body}</table>')


@styled
def pretraining(array):
    """How wav2vec 2.0 learns from speech without text: masks, quantiser, contrast.

    Source: Baevski et al. 2020, figure 1. `array` is a clip, drawn as the waveform at the bottom.
    """
    figure, axes = _canvas(14, 8.4, 5.8)
    frames, hidden, asked = 10, (3, 4, 5, 8), 4
    shown = array[:: max(1, len(array) // 1200)]
    wave = 0.45 * shown / (np.abs(shown).max() or 1.0)
    axes.plot(np.linspace(0.5, 8.3, len(wave)), 0.55 + wave, color=BLUE, linewidth=0.5)
    for k in range(frames):
        x = 0.5 + 0.79 * k
        for low, high in ((1.05, 1.65), (2.4, 3.0), (3.75, 4.15), (5.1, 5.5)):
            _arrow(axes, (x + 0.33, low), (x + 0.33, high), GREY)
        _box(axes, x, 1.7, 0.66, 0.66, SKY)
        face, mark, alpha = (GREY, "?", 0.8) if k in hidden else (SKY, "", 0.35)
        _box(axes, x, 3.05, 0.66, 0.66, face, mark, 14, alpha)
        _box(axes, x, 5.55, 0.66, 0.66, ORANGE if k == asked else GREEN)
    _box(axes, 0.4, 4.2, 8.0, 0.9, GREEN, "transformer", size=14)
    notes = {
        0.55: "waveform", 2.03: "frames of the convolutions", 3.38: "1. mask: hide some frames",
        5.88: "the transformer's outputs", 7.38: "3. contrast: the true entry\namong others",
    }  # fmt: skip
    for height, note in notes.items():
        weight = "bold" if note[0].isdigit() else "normal"
        axes.text(8.6, height, note, va="center", weight=weight)
    x = 0.5 + 0.79 * asked + 0.33
    _arrow(axes, (x, 6.25), (x, 7.0), ORANGE)
    axes.text(x - 0.2, 6.65, "which entry belongs here?", ha="right", va="center", color=ORANGE)
    for k, (colour, mark) in enumerate(((PINK, "✗"), (YELLOW, "✓"), (SKY, "✗"), (GREEN, "✗"))):
        _box(axes, x + 0.9 * (k - 1) - 0.33, 7.05, 0.66, 0.66, colour, mark, 14, 0.7)
    axes.plot([12.7, 13.6, 13.6, x], [2.03, 2.03, 8.1, 8.1], color=GREY, linewidth=1.6)
    _arrow(axes, (x, 8.15), (x, 7.7), GREY)
    axes.text(
        13.4, 4.65, "2. quantise: each frame\nbecomes one entry\nof a codebook",
        ha="right", va="center", weight="bold",
    )  # fmt: skip
    axes.set_title("wav2vec 2.0: hide frames of sound, then recognise them")
    return show(
        figure,
        "Self-supervised pretraining. Convolutions make frames of the waveform; some frames are "
        "masked; a transformer gives an output for each. At a masked place its output must pick the "
        "true entry of the codebook out of the entries of other masked frames.",
    )


@styled
def masked(features, mask, frame_seconds, title):
    """Features over time; grey is what SpecAugment hides.

    Args:
        features: of shape (frames, channels).
        mask: booleans of the same shape, True where hidden.
        frame_seconds: the time from one frame to the next.
        title: of the figure.
    """
    figure, axes = plt.subplots()
    low, high = np.quantile(features, (0.02, 0.98))
    colours = plt.get_cmap("viridis", 14).with_extremes(bad="#bbbbbb")
    image = axes.imshow(
        np.ma.array(features, mask=mask).T, aspect="auto", origin="lower", cmap=colours, vmin=low,
        vmax=high, interpolation="nearest",
        extent=(0, len(features) * frame_seconds, 0, features.shape[1]),
    )  # fmt: skip
    axes.grid(False)
    axes.set(xlabel="time (s)", ylabel="channel", title=title)
    figure.colorbar(image, label="value (grey: masked)")
    return show(figure, f"Features over time: {title}. {mask.mean():.0%} of the values are masked.")


@styled
def stages(outputs, seconds):
    """What each convolution makes of a clip, one below the other, with its number of channels.

    The median of each channel is subtracted, and the colours reach from the 2nd to the 98th
    percentile of a panel.

    Args:
        outputs: {name: array of shape (frames, channels)}, in the order of the layers.
        seconds: the length of the clip.
    """
    figure, panels = plt.subplots(
        len(outputs), 1, figsize=(WIDTH, 1.15 * len(outputs) + 0.8), sharex=True, squeeze=False
    )
    for axes, (name, values) in zip(panels[:, 0], outputs.items()):
        frames, channels = values.shape
        if channels == 1:
            axes.plot(np.linspace(0, seconds, frames), values[:, 0], color=BLUE, linewidth=0.5)
        else:
            shown = values - np.median(values, axis=0)
            low, high = np.quantile(shown, (0.02, 0.98))
            axes.imshow(
                shown.T, aspect="auto", origin="lower", interpolation="nearest", vmin=low,
                vmax=high, extent=(0, seconds, 0, channels), cmap=plt.get_cmap("viridis", 14),
            )  # fmt: skip
        axes.grid(False)
        axes.set_yticks([])
        plural = "" if channels == 1 else "s"
        label = f"{name}\n{channels} channel{plural}"
        axes.set_ylabel(label, rotation=0, ha="right", va="center", size=12)
    axes.set(xlabel="time (s)", xlim=(0, seconds))
    figure.suptitle("From the waveform to frames, convolution by convolution")
    named = ", ".join(f"{name} {values.shape[1]}" for name, values in outputs.items())
    return show(figure, f"Output of each convolution over {seconds:.1f} s, with channels: {named}.")
