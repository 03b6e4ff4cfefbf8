"""The network of wav2vec2-tiny: a plain `transformers` Wav2Vec2 whose first layers begin as ears.

Three convolutions make one frame of 30 ms. The first begins as 64 mel-spaced windowed cosines in
four phases each, the second begins by adding up the rectified phases of each band, which stands in
for the magnitude of a spectrogram. Only the initial values differ from a random start: every weight
is trained.
"""

import numpy as np
import torch
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

RATE = 16_000
BANDS, PHASES = 64, 4
# The vocabulary of facebook/wav2vec2-base-960h, in its order.
CHARACTERS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]

CONFIG = dict(
    vocab_size=len(CHARACTERS),
    pad_token_id=0,
    ctc_loss_reduction="mean",
    conv_dim=(256, 128, 256),
    conv_kernel=(400, 4, 5),
    conv_stride=(80, 2, 3),
    num_feat_extract_layers=3,
    feat_extract_norm="layer",
    conv_bias=True,
    feat_extract_activation="relu",  # what the four phases want, and cheaper than gelu
    do_stable_layer_norm=True,
    num_conv_pos_embeddings=16,
    num_conv_pos_embedding_groups=16,
    # The four layers of Whisper tiny.en's encoder fit in: see transplant.py.
    hidden_size=384,
    num_hidden_layers=4,
    num_attention_heads=6,
    intermediate_size=1536,
    # With masks and hundreds of hours, dropout buys nothing and costs a quarter of the time.
    hidden_dropout=0.0,
    attention_dropout=0.0,
    activation_dropout=0.0,
    feat_proj_dropout=0.0,
    final_dropout=0.0,
    layerdrop=0.0,
    mask_time_prob=0.06,
    mask_time_length=4,
    mask_feature_prob=0.0,
)


def _mel(hertz):
    return 2595 * np.log10(1 + np.asarray(hertz) / 700)


def _hertz(mel):
    return 700 * (10 ** (np.asarray(mel) / 2595) - 1)


def filterbank(width, low=80, high=3900):
    """Windowed cosines, one per band and phase, as (bands * phases, 1, width) unit-norm filters.

    Mel scale: O'Shaughnessy's 2595 log10(1 + f / 700). The window is Gaussian, its length the
    inverse of the band's width, so that low bands hear long and high bands hear short.
    """
    edges = _hertz(np.linspace(_mel(low), _mel(high), BANDS + 2))
    seconds = (np.arange(width) - (width - 1) / 2) / RATE
    filters = []
    for below, centre, above in zip(edges, edges[1:], edges[2:]):
        spread = 0.6 / max(above - below, 70.0)
        window = np.exp(-0.5 * (seconds / spread) ** 2) * np.hanning(width) ** 0.25
        for phase in np.arange(PHASES) * 2 * np.pi / PHASES:
            wave = window * np.cos(2 * np.pi * centre * seconds + phase)
            wave -= wave.mean()
            filters.append(wave / np.linalg.norm(wave))
    return torch.tensor(np.array(filters), dtype=torch.float32)[:, None]


def new_model():
    """wav2vec2-tiny before any training."""
    # On a CPU, the backward pass of eager attention is some times faster than sdpa's.
    model = Wav2Vec2ForCTC._from_config(Wav2Vec2Config(**CONFIG), attn_implementation="eager")
    first, second = model.wav2vec2.feature_extractor.conv_layers[:2]
    with torch.no_grad():
        first.conv.weight.copy_(filterbank(first.conv.kernel_size[0]))
        first.conv.bias.zero_()
        first.layer_norm.weight.fill_(3.0)
        second.conv.weight[:BANDS] = 0.0
        second.conv.weight[BANDS:] *= 0.5
        for band in range(BANDS):
            second.conv.weight[band, band * PHASES : (band + 1) * PHASES] = 1 / 16
    return model


def frame_geometry(config):
    """(receptive field, hop) of one frame, in samples at 16 kHz."""
    field, hop = 1, 1
    for kernel, stride in zip(config.conv_kernel, config.conv_stride):
        field += (kernel - 1) * hop
        hop *= stride
    return field, hop
