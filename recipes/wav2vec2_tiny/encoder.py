"""What Whisper tiny.en's encoder computes, written out: the yardstick of `network.py`.

`frames` takes the clip as it is, where Whisper appends silence up to 30 seconds. `heard` computes
what the network computes, several times faster than the network: `bank.py` computes hours with it.
"""

import torch
import torch.nn.functional as F

from recipes.wav2vec2_tiny import network, transplant


def _layers(hidden: torch.Tensor) -> torch.Tensor:
    """(batch, frames, 384) through Whisper's four layers, without its last normalisation."""
    weights = transplant.encoder()

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
    return hidden


@torch.no_grad()
def frames(waves: torch.Tensor) -> torch.Tensor:
    """(batch, frames of 20 ms, 384): what Whisper's encoder makes of (batch, samples) at 16 kHz.

    The clip as it is: no silence is appended up to 30 seconds.
    """
    weights = transplant.encoder()
    hidden = transplant.convolved(transplant.log_mel(waves))
    hidden = _layers(hidden + weights["position_encodings/encodings"][: hidden.shape[1]])
    gamma, beta = weights["layer_norm/gamma"], weights["layer_norm/beta"]
    return F.layer_norm(hidden, hidden.shape[-1:], gamma, beta)


@torch.no_grad()
def heard(waves: torch.Tensor) -> torch.Tensor:
    """(batch, frames of 20 ms, 384): what `network.py` makes of (batch, samples) below its top.

    Without the encoder's last normalisation: it is trained, as a part of the top. `waves` have unit
    variance.
    """
    quietest = network.silence()
    mel = transplant.log_mel(waves, padded=False).clamp(min=quietest)
    mel[:, network.BANDS :] = quietest
    hidden = transplant.convolved(mel, padding=0)
    places = torch.arange(hidden.shape[1]).clamp(max=network.PLACES - 1)
    return _layers(hidden + transplant.encoder()["position_encodings/encodings"][places])
