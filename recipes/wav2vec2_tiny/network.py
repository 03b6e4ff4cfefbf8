"""A plain `transformers` Wav2Vec2 whose weights make it compute Whisper tiny.en's encoder.

Whisper reads a log-mel spectrogram, a Wav2Vec2 reads the waveform through convolutions. Here seven
convolutions compute that spectrogram and then Whisper's own two convolutions, a depthwise
positional convolution adds Whisper's sinusoids, and the four layers are copied weight by weight
(`transplant.py`). Nothing of it is trained. Behind it stands a small top, Wav2Vec2's own adapter with
the CTC head, which `top.py` trains. Each stage has a function of its own and a test:

| convolution | kernel, stride | what it computes |
|---|---|---|
| 0 | 1, 1 | the normalised waveform and its negative |
| 1 | 400, 160 | the short-time Fourier transform, in four phases |
| 2 | 1, 1 | the power of the 62 mel bands below 4 kHz, and its negative |
| 3 | 1, 1 | units that saturate, one after the other, as a band grows louder |
| 4 | 1, 1 | the sum of the units: the logarithm of the power |
| 5 | 3, 1 | Whisper's first convolution; the 18 bands above 4 kHz are in its bias |
| 6 | 3, 2 | Whisper's second convolution, and one constant channel |

Every convolution ends in a GELU, which three identities turn into what is needed:
GELU(x) - GELU(-x) = x (nothing changes), GELU(x) + GELU(-x) = x erf(x / sqrt 2), near a square for
small x, and GELU(x + c) = x + c for a large c.

What differs from Whisper: the first frame lies 520 samples in, since these convolutions do not pad;
the quietest level is fixed and not the utterance's loudest minus eight decades; nothing above 4 kHz is
heard, so that every recording sounds like a telephone call; the places are constant after `PLACES`
frames. The last two keep the model small.
"""

import math
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from recipes.wav2vec2_tiny import transplant

RATE = 16_000  # Hz
# The vocabulary of facebook/wav2vec2-base-960h, in its order.
CHARACTERS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]
BANDS = 62  # of Whisper's 80 mel bands: those below 4 kHz
WINDOW, HOP, BINS = 400, 160, 101  # samples, samples, and the bins of 40 Hz up to 4 kHz
UNITS = 27  # a band: they fit 8.5 decades of power with an error below 0.02 of a decade
GAIN = 1 / 300  # of the Fourier transform, so that a loud bin stays where GELU's sum is a square
POWER = 1e6  # of the mel bands, so that every weight fits half precision
# The power of a band before POWER is applied; whatever is quieter counts as QUIETEST.
QUIETEST, LOUDEST = 1e-10, 10**-1.5
CUT = 1.0  # where a unit saturates
LIFT = 8.0  # added to the log-mel spectrogram, so that GELU leaves it as it is
ANCHOR = 1000.0  # the constant channel: beside it, a layer norm divides by a constant
OFFSET = 500.0  # added to all channels of a frame: invisible to the layers, visible to the places
TOP = 224  # channels of the top
PLACES = 700  # frames of 20 ms with a position embedding of their own

CONFIG = dict(
    vocab_size=len(CHARACTERS),
    pad_token_id=0,
    ctc_loss_reduction="mean",
    conv_dim=(2, 4 * BINS, 2 * BANDS, UNITS * BANDS, BANDS, 384, 385),
    conv_kernel=(1, WINDOW, 1, 1, 1, 3, 3),
    conv_stride=(1, HOP, 1, 1, 1, 1, 2),
    num_feat_extract_layers=7,
    feat_extract_norm="group",  # the first convolution's alone: it normalises the waveform
    feat_extract_activation="gelu",
    conv_bias=True,
    do_stable_layer_norm=True,
    num_conv_pos_embeddings=2 * PLACES,
    max_frames=600,  # longer sound is read in chunks: see asr_helpers.chunks
    num_conv_pos_embedding_groups=384,
    hidden_size=384,
    num_hidden_layers=4,
    num_attention_heads=6,
    intermediate_size=1536,
    # The top: a projection and three gated convolutions over three frames each.
    add_adapter=True,
    output_hidden_size=TOP,
    num_adapter_layers=3,
    adapter_kernel_size=3,
    adapter_stride=1,
    # The frozen part must give the same frames each time.
    hidden_dropout=0.0,
    attention_dropout=0.0,
    activation_dropout=0.0,
    feat_proj_dropout=0.0,
    layerdrop=0.0,
    final_dropout=0.1,
    mask_time_prob=0.05,
    mask_time_length=10,
    mask_time_min_masks=0,
    mask_feature_prob=0.0,
)


def fourier() -> torch.Tensor:
    """(404, 2, 400): windowed cosines and sines and their negatives, of the waveform and -waveform."""
    n = torch.arange(WINDOW, dtype=torch.float64)
    window = torch.hann_window(WINDOW, dtype=torch.float64)
    turns = 2 * math.pi * torch.arange(BINS, dtype=torch.float64)[:, None] * n / WINDOW
    cosines, sines = window * torch.cos(turns), window * torch.sin(turns)
    phases = GAIN * torch.cat([cosines, -cosines, sines, -sines])
    return torch.stack([phases, -phases], 1).float()


def mel() -> torch.Tensor:
    """(124, 404): sums of each band's rectified phases, times POWER; and their negatives."""
    bands = POWER * torch.tensor(np.tile(transplant.MEL[:BANDS, :BINS], 4), dtype=torch.float32)
    return torch.cat([bands, -bands])


@cache
def logarithm() -> tuple[np.ndarray, np.ndarray, float]:
    """(a, d, c) with log10(y) near c + sum of d GELU(CUT - a y), for y from QUIETEST to LOUDEST.

    Least squares over 2,000 values of y on a logarithmic scale.
    """
    y = np.logspace(np.log10(QUIETEST), np.log10(LOUDEST), 2000)
    a = np.logspace(-np.log10(QUIETEST) - 0.2, -np.log10(LOUDEST) - 0.1, UNITS)
    units = F.gelu(torch.tensor(CUT - a[None] * y[:, None])).numpy()
    columns = np.hstack([units, np.ones((len(y), 1))])
    ridge = 1e-3 * np.eye(UNITS + 1)
    wanted = np.concatenate([np.log10(y), np.zeros(UNITS + 1)])
    solved = np.linalg.lstsq(np.vstack([columns, ridge]), wanted, rcond=None)[0]
    return a, solved[:-1], float(solved[-1])


def saturating() -> torch.Tensor:
    """(UNITS * 62, 124): how strongly each unit of a band hears that band's power."""
    a, _, _ = logarithm()
    weight = torch.zeros(BANDS, UNITS, 2, BANDS)
    for band in range(BANDS):
        weight[band, :, 0, band] = torch.tensor(-a / POWER)
        weight[band, :, 1, band] = torch.tensor(a / POWER)
    return weight.view(BANDS * UNITS, 2 * BANDS)


def log_mel() -> tuple[torch.Tensor, float]:
    """(62, UNITS * 62) and the bias: Whisper's (log10 + 4) / 4 of each band, plus LIFT."""
    _, d, constant = logarithm()
    weight = torch.zeros(BANDS, BANDS, UNITS)
    for band in range(BANDS):
        weight[band, band] = torch.tensor(d / 4)
    # x erf(x / sqrt 2) is near sqrt(2 / pi) x^2 for small x. The input has variance 1,
    # Whisper's input has the level LOUDNESS.
    shift = math.log10(transplant.LOUDNESS**2 / (math.sqrt(2 / math.pi) * GAIN**2))
    return weight.view(BANDS, -1), (constant + shift + 4) / 4 + LIFT


def silence() -> float:
    """Whisper's (log10 + 4) / 4 of a band without any power, as `log_mel` gives it."""
    weight, bias = log_mel()
    return bias - LIFT + weight[0].sum().item() * F.gelu(torch.tensor(CUT)).item()


def places(sinusoids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(length, direction) of a weight-normed kernel (384, 1, 2 PLACES) that adds up to `sinusoids`.

    `sinusoids` is (frames, 384). The kernel holds the differences between neighbouring sinusoids.
    Over a constant input OFFSET that begins at frame 0, it gives frame t the sum of the differences
    up to t, which is `sinusoids[t]`.
    """
    steps = torch.diff(sinusoids[:PLACES], dim=0, prepend=torch.zeros(1, sinusoids.shape[1]))
    kernel = torch.zeros(sinusoids.shape[1], 1, 2 * PLACES)
    kernel[:, 0, 1 : PLACES + 1] = steps.flip(0).T / OFFSET
    length = kernel.norm(dim=(0, 1), keepdim=True)
    # Where the kernel is zero its direction does not matter, but has to have a length.
    direction = torch.where(length > 0, kernel / length.clamp(min=1e-20), 1.0)
    return length, direction


def _front_end(convolutions, weights) -> None:
    """Fill the seven convolutions; Whisper's two come from `weights`."""
    kernels = [c.conv for c in convolutions]
    for kernel in kernels:
        kernel.weight.zero_()
        kernel.bias.zero_()
    kernels[0].weight.copy_(torch.tensor([1.0, -1.0])[:, None, None])
    kernels[1].weight.copy_(fourier())
    kernels[2].weight.copy_(mel()[..., None])
    kernels[3].weight.copy_(saturating()[..., None])
    kernels[3].bias.fill_(CUT)
    weight, bias = log_mel()
    kernels[4].weight.copy_(weight[..., None])
    kernels[4].bias.fill_(bias)
    first = weights["conv1/weight"]
    low, high = first[:, :BANDS], first[:, BANDS:]
    kernels[5].weight.copy_(low)
    lifted = LIFT * low.sum((1, 2)) - silence() * high.sum((1, 2))
    kernels[5].bias.copy_(weights["conv1/bias"] - lifted)
    kernels[6].weight[:384].copy_(weights["conv2/weight"])
    kernels[6].bias[:384].copy_(weights["conv2/bias"])
    kernels[6].bias[384] = ANCHOR


@torch.no_grad()
def new_model(**changes) -> Wav2Vec2ForCTC:
    """The model, its head at random; `changes` are fields of the configuration."""
    config = Wav2Vec2Config(**{**CONFIG, **changes})
    # On a CPU, the backward pass of eager attention is several times faster than sdpa's.
    model = Wav2Vec2ForCTC._from_config(config, attn_implementation="eager").eval()
    encoder, weights = model.wav2vec2.encoder, transplant.encoder()
    _front_end(model.wav2vec2.feature_extractor.conv_layers, weights)
    projection = model.wav2vec2.feature_projection.projection
    projection.weight.zero_()
    projection.weight[:, :384] = ANCHOR * math.sqrt(384) / 385 * torch.eye(384)
    projection.bias.fill_(OFFSET)
    length, direction = places(weights["position_encodings/encodings"])
    norm = encoder.pos_conv_embed.conv.parametrizations.weight
    norm.original0.copy_(length)
    norm.original1.copy_(direction)
    encoder.pos_conv_embed.conv.bias.fill_(16.0)  # GELU leaves a place plus 16 as it is
    transplant.transplant(model.wav2vec2)
    # A masked frame is a frame of silence, so it keeps the OFFSET that the places need.
    quiet = model.wav2vec2.feature_extractor(torch.zeros(1, RATE)).transpose(1, 2)
    model.wav2vec2.masked_spec_embed.copy_(model.wav2vec2.feature_projection(quiet)[0][0, 0])
    return model
