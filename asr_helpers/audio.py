"""Encoded sound to samples, with wheels alone: no FFmpeg, no torchcodec."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import soundfile
import soxr
from datasets.features.features import _FEATURE_TYPES

REMEDY = "Replace the file, or drop the row with dataset.filter or dataset.select."
RATES = (1000, 1_000_000)  # Hz; a header that says another is damaged
BLOCK = 2**18  # frames read at once: what a damaged header says of the length is never believed


class AudioError(ValueError):
    """Sound that cannot be used; the message names the row's path and what to do."""


def read_audio(source, sampling_rate=None, name=None):
    """Decode WAV, FLAC, Ogg Vorbis, Opus or MP3, mix to mono, resample.

    Args:
        source: a path, or the encoded bytes.
        sampling_rate: the wanted rate in Hz; None keeps the file's own.
        name: what to call the sound in an error, if not its path.

    Returns:
        (array, rate): float32 samples of shape (samples,) in about -1 to 1, and their rate in Hz.

    Raises:
        AudioError: the sound is missing, unreadable, empty, of a rate that no sound has, or holds
            NaN or infinity.
    """
    name = name or ("<bytes>" if isinstance(source, bytes) else str(source))
    try:
        # The bytes alone are looked at: libsndfile would take a name that ends in .raw at its word.
        encoded = source if isinstance(source, bytes) else Path(source).read_bytes()
        with soundfile.SoundFile(BytesIO(encoded)) as sound:
            rate, array = sound.samplerate, _mono(sound)
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        # The system's or libsndfile's own words, without an address.
        why = getattr(error, "error_string", None) or getattr(error, "strerror", None) or error
        raise AudioError(
            f"{name}: cannot be read as WAV, FLAC, Ogg, Opus or MP3 ({why}). "
            f"It may be missing, cut off, or another kind of file. {REMEDY}"
        ) from error
    if not RATES[0] <= rate <= RATES[1]:
        raise AudioError(f"{name}: its header says {rate} samples a second. {REMEDY}")
    if sampling_rate and sampling_rate != rate and len(array):
        array, rate = soxr.resample(array, rate, sampling_rate), sampling_rate
    if not len(array):
        raise AudioError(f"{name}: holds no samples at all. {REMEDY}")
    if not np.isfinite(array).all():
        raise AudioError(f"{name}: holds NaN or infinite samples. {REMEDY}")
    return array, rate


def _mono(sound):
    """The samples of an open SoundFile, channels averaged: float32 of shape (samples,)."""
    blocks = [np.zeros(0, dtype=np.float32)]
    while len(block := sound.read(BLOCK, dtype="float32", always_2d=True)):
        with np.errstate(over="ignore"):  # found as infinity, in a sentence, later
            blocks.append(block.mean(axis=1))
    return np.concatenate(blocks)


@dataclass
class Audio(datasets.Audio):
    """`datasets.Audio` that decodes with soundfile and resamples with soxr.

    `dataset.cast_column("audio", Audio(sampling_rate=16_000))`, and `dataset[0]["audio"]` is
    `{"path", "array", "sampling_rate"}`: `array` holds float32 mono samples of shape (samples,).
    Importing this module also makes it what `datasets` builds for a stored audio column, so that
    data loaded from Parquet, from disk or from the Hub decodes the same way.

    Raises (when a row is read):
        AudioError: see `read_audio`; the message names the row's path.
    """

    def encode_example(self, value):
        if isinstance(value, dict) and value.get("array") is not None:
            buffer = BytesIO()
            array = np.asarray(value["array"], dtype=np.float32)
            soundfile.write(buffer, array, value["sampling_rate"], format="WAV", subtype="FLOAT")
            return {"bytes": buffer.getvalue(), "path": value.get("path")}
        if isinstance(value, str | Path):
            return {"bytes": None, "path": str(value)}
        if isinstance(value, bytes | bytearray):
            return {"bytes": bytes(value), "path": None}
        if isinstance(value, dict) and (value.get("bytes") or value.get("path")):
            return {"bytes": value.get("bytes"), "path": value.get("path")}
        raise AudioError(
            f"Audio needs a path, bytes, or an array with its rate, not {value!r:.80}."
        )

    def cast_storage(self, storage):
        # `map` hands decoded rows back here; their samples are kept exactly, as WAV.
        if pa.types.is_struct(storage.type) and storage.type.get_field_index("array") >= 0:
            rows = [row and self.encode_example(row) for row in storage.to_pylist()]
            return pa.array(rows, type=self.pa_type)
        return super().cast_storage(storage)

    def decode_example(self, value, token_per_repo_id=None):
        path, encoded = value.get("path"), value.get("bytes")
        if encoded is None and path is None:
            raise AudioError(f"A row has neither a path nor bytes of audio. {REMEDY}")
        source = path if encoded is None else encoded
        array, rate = read_audio(source, self.sampling_rate, name=path)
        return {"path": path, "array": array, "sampling_rate": rate}


# `datasets.features.register_feature` does just this, with two warnings at every import.
_FEATURE_TYPES["Audio"] = Audio
