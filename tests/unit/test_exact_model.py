"""The Wav2Vec2 that computes Whisper's encoder, stage by stage, with an encoder of random weights."""

import numpy as np
import pytest
import soxr
import torch
from test_recipes import WHISPER, whisper_weights
from torch.nn.functional import cosine_similarity
from transformers import WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from recipes.wav2vec2_tiny import encoder, network, transplant

FIRST = 520  # samples: where Whisper begins for its frames to lie where the convolutions' lie


@pytest.fixture(scope="module")
def whisper():
    torch.manual_seed(0)
    model = WhisperEncoder(WHISPER).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "embed_positions" not in name:
                weight.add_(torch.randn_like(weight) * 0.02)
    return model


@pytest.fixture(scope="module")
def weights(whisper):
    return whisper_weights(whisper)


@pytest.fixture(autouse=True)
def random_whisper(monkeypatch, weights):
    monkeypatch.setattr(transplant, "encoder", lambda: weights)


@pytest.fixture(scope="module")
def model(weights):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transplant, "encoder", lambda: weights)
        return network.new_model()


def voice(seconds, seed=0):
    """(1, samples) of unit variance: a buzz whose pitch and loudness change, with noise, 16 kHz."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * 16_000)) / 16_000
    pitch = 120 + 40 * np.sin(2 * np.pi * 1.3 * t + seed)
    buzz = np.sign(np.sin(2 * np.pi * np.cumsum(pitch) / 16_000)) * (1 + np.sin(2 * np.pi * 3 * t))
    wave = buzz + 0.01 * rng.normal(size=len(t))
    wave = soxr.resample(soxr.resample(wave, 16_000, 8_000), 8_000, 16_000)  # a telephone's band
    return torch.tensor((wave - wave.mean()) / wave.std(), dtype=torch.float32)[None]


def stages(model, waves):
    """The output of each of the seven convolutions: (batch, channels, frames)."""
    hidden, found = waves[:, None], []
    with torch.no_grad():
        for convolution in model.wav2vec2.feature_extractor.conv_layers:
            hidden = convolution(hidden)
            found.append(hidden)
    return found


def frames(model, waves):
    """What the model makes of the waves below its top, as Whisper's encoder ends."""
    with torch.no_grad():
        return before_the_top(model, model.wav2vec2(waves, output_hidden_states=True))


def before_the_top(model, given):
    return model.wav2vec2.encoder.layer_norm(given.hidden_states[-1])


@torch.no_grad()
def test_the_frames_written_out_are_whispers(whisper):
    wave = voice(30)
    mel = WhisperFeatureExtractor()(wave[0].numpy() * transplant.LOUDNESS, sampling_rate=16_000)
    wanted = whisper(torch.tensor(np.array(mel["input_features"]))).last_hidden_state
    assert torch.allclose(encoder.frames(wave), wanted, atol=2e-3)


def test_the_first_convolution_keeps_the_waveform(model):
    positive, negative = stages(model, voice(1))[0][0]
    assert torch.allclose(positive - negative, voice(1)[0], atol=1e-5)


def test_the_second_is_a_fourier_transform(model):
    first, second = stages(model, voice(1))[:2]
    waveform = (first[:, 0] - first[:, 1]).double()
    spectrum = torch.stft(
        waveform, 400, 160, window=torch.hann_window(400).double(), center=False, return_complex=True
    )  # fmt: skip
    power = (spectrum.abs() ** 2 * network.GAIN**2 * np.sqrt(2 / np.pi))[0, : network.BINS]
    ours = second[0].view(4, network.BINS, -1).sum(0).double()
    quiet = power < 0.01
    assert torch.allclose(ours[quiet], power[quiet], rtol=0.02, atol=1e-9)
    assert torch.allclose(ours, power, rtol=0.35)  # the loudest bins leave the square


def test_the_units_add_up_to_a_logarithm():
    a, d, constant = network.logarithm()
    power = np.logspace(np.log10(network.QUIETEST), np.log10(network.LOUDEST), 777)
    units = torch.nn.functional.gelu(torch.tensor(network.CUT - a[None] * power[:, None])).numpy()
    assert np.abs(units @ d + constant - np.log10(power)).max() < 0.02


def test_five_convolutions_are_whispers_spectrogram(model):
    wave = voice(2)
    ours, whispers = stages(model, wave)[4] - network.LIFT, transplant.log_mel(wave[:, 200:])
    ours = ours[..., : whispers.shape[-1] - 3]  # Whisper's last frames look at its padding
    difference = (ours - whispers[:, : network.BANDS, : ours.shape[-1]]).abs()
    assert difference.mean() < 0.02


@pytest.mark.parametrize("seconds", [0.7, 3, 9])
def test_the_frames_are_whispers(model, seconds):
    wave = voice(seconds)
    ours, whispers = frames(model, wave), encoder.frames(wave[:, FIRST:])
    length = min(ours.shape[1], whispers.shape[1])
    inner = slice(2, length - 2)
    assert cosine_similarity(ours[:, inner], whispers[:, inner], dim=-1).min() > 0.98


def test_each_frame_hears_its_place(model, weights):
    hidden = torch.full((1, 60, 384), network.OFFSET)
    with torch.no_grad():
        heard = model.wav2vec2.encoder.pos_conv_embed(hidden)[0]
    places = weights["position_encodings/encodings"][:60]
    assert torch.allclose(heard - heard.mean(1, keepdim=True), places - places.mean(1, keepdim=True), atol=1e-3)  # fmt: skip


def test_places_are_constant_after_the_last(model, weights):
    hidden = torch.full((1, network.PLACES + 20, 384), network.OFFSET)
    with torch.no_grad():
        heard = model.wav2vec2.encoder.pos_conv_embed(hidden)[0]
    assert torch.allclose(heard[network.PLACES], heard[-1], atol=1e-3)


def test_half_precision_holds_every_weight(model, weights):
    halved = network.new_model().half()
    assert all(weight.isfinite().all() for weight in halved.parameters())
    wave = voice(2)
    assert cosine_similarity(frames(halved.float(), wave), frames(model, wave), dim=-1).min() > 0.99


def test_single_precision_is_enough_even_for_one_frame(model):
    exact = network.new_model().double()
    for wave in (voice(0.066), voice(1), torch.zeros(1, 1100)):
        ours, wanted = frames(model, wave), frames(exact, wave.double())
        assert (ours - wanted).abs().max() < 0.02 * wanted.abs().max()


def test_a_masked_frame_is_silence_and_keeps_the_places(model):
    silence = frames(model, torch.zeros(1, 16_000))
    with torch.no_grad():
        masked = torch.ones(silence.shape[:2], dtype=torch.bool)
        given = model.wav2vec2(voice(1), mask_time_indices=masked, output_hidden_states=True)
        given = before_the_top(model, given)
    assert torch.allclose(given, silence, atol=0.05)


def test_a_batch_of_one_length_is_its_clips(model):
    waves = torch.cat([voice(1, seed) for seed in range(3)])
    alone = torch.cat([frames(model, wave[None]) for wave in waves])
    assert torch.allclose(frames(model, waves), alone, atol=1e-3)
