"""Utterances, and how each is varied: another tempo, room, handset and line."""

from dataclasses import dataclass

import numpy as np
import soxr
from scipy.fft import next_fast_len

from recipes.wav2vec2_tiny.network import RATE

STORED_RATE = 8000
PAD = 0.05  # seconds of silence behind each utterance, and before it where nothing is random


@dataclass(frozen=True)
class Utterance:
    audio: np.ndarray  # int16, 8 kHz
    text: str
    source: str  # a voice


def repeated(text):
    """Whether a transcript says everything twice, as Whisper may of a short clip."""
    words = text.split()
    half = len(words) // 2
    return half > 0 and words[:half] == words[half:]


def distort(audio, rng):
    """Another room, handset and line: a random equaliser, noise, and now and then clipping."""
    length, size = len(audio), next_fast_len(len(audio), real=True)
    spectrum = np.fft.rfft(audio, size)
    points = np.linspace(0, len(spectrum) - 1, 9)
    gains = np.interp(np.arange(len(spectrum)), points, rng.normal(0, 4, 9))
    audio = np.fft.irfft(spectrum * 10 ** (gains / 20), size)[:length]
    level = audio.std() + 1e-6
    if rng.random() < 0.3:
        audio = audio + rng.normal(0, level * 10 ** -rng.uniform(0.75, 2), len(audio))
    if rng.random() < 0.05:
        audio = np.clip(audio, -rng.uniform(1.5, 4) * level, rng.uniform(1.5, 4) * level)
    return audio


def waveform(utterance, rng):
    """float32 samples at 16 kHz, mean 0 and variance 1; `rng` None leaves the sound as it is."""
    audio, tempo, before = utterance.audio / np.float32(32768), 1.0, PAD
    if rng is not None:
        tempo = rng.uniform(0.86, 1.16)
        before = rng.uniform(0, 0.3)
        audio = distort(audio, rng)
    audio = soxr.resample(audio.astype(np.float32), STORED_RATE * tempo, RATE, quality="MQ")
    silence = [np.zeros(int(s * RATE), np.float32) for s in (before, PAD)]
    audio = np.concatenate([silence[0], audio, silence[1]])
    return (audio - audio.mean()) / (audio.std() + 1e-5)
