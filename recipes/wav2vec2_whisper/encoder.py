"""What Whisper tiny.en's encoder computes, written out: the yardstick of `network.py`.

`frames` takes the clip as it is, where Whisper appends silence up to 30 seconds.
"""

import torch
import torch.nn.functional as F

from recipes.wav2vec2_tiny import transplant
from recipes.wav2vec2_tiny.transplant import LOUDNESS, MEL


@torch.no_grad()
def log_mel(waves: torch.Tensor) -> torch.Tensor:
    """(batch, 80, frames of 10 ms): Whisper's log-mel spectrogram (Radford et al. 2022, section 2.2).

    `waves` is (batch, samples) at 16 kHz, of unit variance.
    """
    spectrum = torch.stft(
        waves * LOUDNESS, 400, 160, window=torch.hann_window(400), return_complex=True
    )
    mel = torch.tensor(MEL, dtype=torch.float32) @ spectrum[..., :-1].abs() ** 2
    mel = mel.clamp(min=1e-10).log10()
    return (torch.maximum(mel, mel.amax((1, 2), keepdim=True) - 8) + 4) / 4


@torch.no_grad()
def frames(waves: torch.Tensor) -> torch.Tensor:
    """(batch, frames of 20 ms, 384): what Whisper's encoder makes of (batch, samples) at 16 kHz.

    The clip as it is: no silence is appended up to 30 seconds.
    """
    weights = transplant.encoder()
    heard = log_mel(waves)
    heard = F.gelu(F.conv1d(heard, weights["conv1/weight"], weights["conv1/bias"], padding=1))
    heard = F.gelu(F.conv1d(heard, weights["conv2/weight"], weights["conv2/bias"], 2, padding=1))
    hidden = heard.transpose(1, 2)
    hidden = hidden + weights["position_encodings/encodings"][: hidden.shape[1]]

    def normed(x, name):
        return F.layer_norm(x, x.shape[-1:], weights[f"{name}/gamma"], weights[f"{name}/beta"])

    def linear(x, name):
        return F.linear(x, weights[f"{name}/weight"], weights[f"{name}/bias"])

    for number in range(4):
        of, (batch, length, width) = f"layer_{number}", hidden.shape
        query_key_value = linear(
            normed(hidden, f"{of}/self_attention/layer_norm"), f"{of}/self_attention/linear_0"
        )
        heads = (x.view(batch, length, 6, 64).transpose(1, 2) for x in query_key_value.chunk(3, -1))
        attended = F.scaled_dot_product_attention(*heads).transpose(1, 2)
        hidden = hidden + linear(
            attended.reshape(batch, length, width), f"{of}/self_attention/linear_1"
        )
        inner = F.gelu(linear(normed(hidden, f"{of}/ffn/layer_norm"), f"{of}/ffn/linear_0"))
        hidden = hidden + linear(inner, f"{of}/ffn/linear_1")
    return normed(hidden, "layer_norm")
