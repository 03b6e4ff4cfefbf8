"""Decode sound files to samples with pip packages only: no FFmpeg, no torchcodec."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute
import soundfile
import soxr
from datasets.features.features import _FEATURE_TYPES
from datasets.packaged_modules.audiofolder.audiofolder import AudioFolder

from asr_helpers import foreign
from asr_helpers.containers import foreign_kind, sounds_in

REMEDY = "Replace the file, or drop the row with dataset.filter or dataset.select."
RATES = (1000, 1_000_000)  # Hz; a header that says another is damaged
MAX_SECONDS = 3600.0  # an hour; nothing longer is decoded unless it is asked for
MAX_SAMPLES = 2**29  # 2 GiB of float32, at most, of a sound that is kept at its own rate
BLOCK = 2**18  # values read at once; the header's length is not used, since it can be wrong
DEAD = 1e-3  # of the loudest channel's energy (-30 dB): a channel below it holds no voice


class AudioError(ValueError):
    """Sound that cannot be used; the message names the row's path and what to do."""


class TooLong(AudioError):
    """Sound that lasts longer than the limit; nothing beyond the limit was decoded."""


def read_audio(
    source: str | Path | bytes | bytearray | memoryview,
    sampling_rate: int | None = None,
    name: str | None = None,
    max_seconds: float = MAX_SECONDS,
) -> tuple[np.ndarray, int]:
    """Decode a sound, mix it to mono, resample.

    WAV, FLAC, Ogg Vorbis, Opus and MP3 need nothing else. M4A, AAC, WebM, AMR, WMA and other kinds
    are decoded where PyAV or the program ffmpeg is installed. Several sounds in one file, such as
    the links of a chained Ogg, are heard one after another.

    Channels are averaged. A channel without sound is left out. If the channels cancel each other,
    as two channels of opposite sign do, only the loudest channel is used.

    Args:
        source: a path, or the encoded bytes.
        sampling_rate: the wanted rate in Hz; None keeps the file's own.
        name: what to call the sound in an error, if not its path.
        max_seconds: the longest sound allowed. Decoding stops there, so that a small file that
            holds many hours does not fill the memory.

    Returns:
        (array, rate): float32 samples of shape (samples,) in about -1 to 1, and their rate in Hz.

    Raises:
        TooLong: the sound lasts longer than `max_seconds`.
        AudioError: the sound is missing, unreadable, empty, of an impossible rate, holds NaN or
            infinity, or needs more memory than there is; or `source` is neither a path nor bytes.
    """
    if isinstance(source, bytearray | memoryview):
        source = bytes(source)
    if not isinstance(source, str | Path | bytes):
        raise AudioError(
            f"{name or 'A sound'} is {source!r:.80}: pass its path or the encoded bytes. {REMEDY}"
        )
    name = name or ("<bytes>" if isinstance(source, bytes) else str(source))
    try:
        with ExitStack() as stack:
            # Only the bytes tell the kind: libsndfile would decode any file named .raw as samples.
            file = stack.enter_context(_opened(source))
            sounds = _sounds(file, name, max_seconds, stack)
            array, rate = _joined(sounds, sampling_rate, name, max_seconds)
    except MemoryError as error:
        raise AudioError(
            f"{name}: needs more memory than there is. Cut it into shorter files, or lower "
            f"max_seconds. {REMEDY}"
        ) from error
    except AudioError:
        raise
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        # The system's or libsndfile's own words, without the memory address of an object.
        why = getattr(error, "error_string", None) or getattr(error, "strerror", None) or error
        raise AudioError(
            f"{name}: cannot be read as WAV, FLAC, Ogg, Opus or MP3 ({why}). "
            f"It may be missing, cut off, or another kind of file. {REMEDY}"
        ) from error
    if not len(array):
        raise AudioError(f"{name}: holds no samples at all. {REMEDY}")
    if not _all_finite(array):
        raise AudioError(f"{name}: holds NaN or infinite samples. {REMEDY}")
    return array, rate


def as_waveform(values: object, name: str = "This waveform") -> np.ndarray:
    """Samples of any common form as the float32 mono array, shape (samples,), that models take.

    Takes arrays of numpy and torch, and lists. Whole numbers are divided by the range of their
    type, so that -32768 as int16 becomes -1; uint8 is centred first, as in WAV files. Plain lists
    of whole numbers count as int16. In a two-dimensional array the shorter dimension holds the
    channels; they are mixed as in `read_audio`.

    Raises:
        AudioError: the values are no numbers, have another shape, or hold NaN or infinity.
    """
    if isinstance(values, str | Path | bytes | bytearray | dict):
        what = (
            "its array, row['array']" if isinstance(values, dict) else "read_audio(path, rate)[0]"
        )
        raise AudioError(f"{name} is a {type(values).__name__}: pass the samples, {what}.")
    if hasattr(values, "detach"):  # torch, whose bfloat16 numpy does not have
        try:
            values = values.detach().cpu()
            values = (values.float() if values.is_floating_point() else values).numpy()
        except (TypeError, RuntimeError) as error:  # sparse, quantized, or without any data
            raise AudioError(
                f"{name} is a tensor without plain samples ({error}): pass a dense one of numbers."
            ) from error
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise AudioError(
            f"{name} is a list of unequal parts: pass one array of samples."
        ) from error
    if array.dtype.kind not in "iuf":
        raise AudioError(f"{name} holds {array.dtype} values: pass numbers, one a sample.")
    if array.ndim == 0:
        raise AudioError(f"{name} is a single number: pass a list of waveforms, such as [array].")
    if not array.size:
        return np.zeros(0, dtype=np.float32)
    if array.ndim > 1:
        array = array.reshape([size for size in array.shape if size != 1] or [1])
    if array.dtype.kind in "iu":
        array = _whole_numbers(array)
    array = array.astype(np.float32, copy=False)
    if array.ndim > 2 or (array.ndim == 2 and min(array.shape) > 64):
        raise AudioError(
            f"{name} has the shape {array.shape}: pass samples of shape (samples,), or "
            "(samples, channels)."
        )
    if array.ndim == 2:
        array = array if array.shape[0] > array.shape[1] else array.T
        array = array @ _weights(lambda: iter([array]), array.shape[1])
    if not _all_finite(array):
        raise AudioError(f"{name} holds NaN or infinite samples: leave it out.")
    return array


def _all_finite(array):
    """Whether no value is NaN or infinite; no array of the same length is made for it."""
    return not len(array) or bool(np.isfinite(array.min()) and np.isfinite(array.max()))


def _whole_numbers(array):
    if array.dtype.kind == "u":
        middle = 2 ** (8 * array.dtype.itemsize - 1)
        return (array.astype(np.float64) - middle) / middle
    bits = 8 * array.dtype.itemsize
    if bits == 64:  # numpy's type for lists and mixed types; the samples had fewer bits
        bits = 16 if np.abs(array).max(initial=0) <= 2**15 else 32
    return array.astype(np.float64) / 2 ** (bits - 1)


@contextmanager
def _opened(source: str | Path | bytes) -> Iterator[BinaryIO]:
    if isinstance(source, bytes):
        yield BytesIO(source)
        return
    path = Path(source)
    if path.exists() and not path.is_file():
        raise OSError("it is a directory" if path.is_dir() else "it is no ordinary file")
    with path.open("rb") as file:
        yield file


class _Sound:
    """One sound that libsndfile decodes: `rate`, `channels`, and `blocks()` as often as wanted."""

    def __init__(self, file):
        self.file = file
        with self._open() as sound:
            self.rate, self.channels = sound.samplerate, sound.channels

    def _open(self):
        self.file.seek(0)
        return soundfile.SoundFile(self.file)

    def blocks(self):
        """Float32 arrays of shape (frames, channels), one after another."""
        with self._open() as sound:
            size = max(1, BLOCK // sound.channels)
            while len(block := sound.read(size, dtype="float32", always_2d=True)):
                yield block


def _sounds(file, name, max_seconds, stack):
    """The sounds of an open file, each with `rate`, `channels` and `blocks`."""
    kind = foreign_kind(file)
    if kind is None:
        return [_Sound(part) for part in sounds_in(file)]
    article = kind.name if kind.name.startswith("a ") else f"{kind.name} sound"
    if not kind.demuxer:
        raise AudioError(f"{name}: cannot be read: it is {article}. {kind.remedy} {REMEDY}")
    try:
        if foreign.has_pyav():
            return [foreign.PyavSound(file, kind)]
        if foreign.ffmpeg():
            wave = stack.enter_context(foreign.by_ffmpeg(file, kind, max_seconds + 1))
            return [_Sound(stack.enter_context(wave.open("rb")))]
    except ValueError as error:
        raise AudioError(f"{name}: cannot be read as {article} ({error}). {REMEDY}") from error
    raise AudioError(
        f"{name}: cannot be read: it is {article}, for which this machine has no decoder. Convert "
        f'it with: ffmpeg -i "{name}" "{Path(name).stem}.wav" (or install one with: pip install '
        f"av). {REMEDY}"
    )


def _joined(sounds, sampling_rate, name, max_seconds):
    """(samples, rate) of sounds one after another, mono, none decoded past the limit."""
    for sound in sounds:
        if not RATES[0] <= sound.rate <= RATES[1]:
            raise AudioError(
                f"{name}: its header says {sound.rate} samples a second, and no sound has this "
                f"rate. {REMEDY}"
            )
    rate = sampling_rate or sounds[0].rate
    left, kept = max_seconds, [np.zeros(0, dtype=np.float32)]
    if not sampling_rate:
        left = min(left, MAX_SAMPLES / rate)
    for sound in sounds:
        limited = _limited(sound, left, name)
        weights = _weights(limited, sound.channels)
        resample = soxr.ResampleStream(sound.rate, rate, 1, dtype="float32")
        for block in limited():
            left -= len(block) / sound.rate
            with np.errstate(over="ignore", invalid="ignore"):  # `read_audio` refuses NaN later
                mono = block[:, 0] if sound.channels == 1 else block @ weights
            kept.append(mono.copy() if sound.rate == rate else resample.resample_chunk(mono))
        if sound.rate != rate:
            kept.append(resample.resample_chunk(kept[0], last=True))
    return np.concatenate(kept), rate


def _limited(sound, seconds, name) -> Callable[[], Iterator[np.ndarray]]:
    """The sound's `blocks`, which refuse to go on when the limit is passed."""

    def blocks():
        frames, most = 0, seconds * sound.rate
        for block in sound.blocks():
            frames += len(block)
            if frames > most:
                raise TooLong(
                    f"{name}: lasts longer than {seconds:.0f} s, the limit here. Cut it into "
                    f"shorter files, or read it with a larger max_seconds. {REMEDY}"
                )
            yield block

    return blocks


def _weights(blocks: Callable[[], Iterator[np.ndarray]], channels: int) -> np.ndarray:
    """The weight of each channel in the mono mix: float32 of shape (channels,), with a sum of 1.

    Channels 30 dB below the loudest are left out, and the others averaged. If the average has less
    than half of the energy that the average of independent channels would have, the channels cancel
    each other, and only the loudest one is used.
    """
    if channels == 1:
        return np.ones(1, dtype=np.float32)
    products, sums, frames = np.zeros((channels, channels)), np.zeros(channels), 0
    with np.errstate(over="ignore", invalid="ignore"):
        for block in blocks():
            block = block.astype(np.float64)
            products += block.T @ block
            sums += block.sum(axis=0)
            frames += len(block)
        # Without a constant offset, which is no sound.
        covariance = products / max(frames, 1) - np.outer(sums, sums) / max(frames, 1) ** 2
    energy = np.diag(covariance)
    if not np.isfinite(covariance).all() or energy.max() <= 1e-14:
        return np.full(channels, 1 / channels, dtype=np.float32)
    live = energy > DEAD * energy.max()
    weights = live / live.sum()
    if weights @ covariance @ weights < 0.5 * energy[live].sum() / live.sum() ** 2:
        weights = np.eye(channels)[energy.argmax()]
    return weights.astype(np.float32)


@dataclass
class Audio(datasets.Audio):
    """`datasets.Audio` that decodes with soundfile and resamples with soxr.

    `dataset.cast_column("audio", Audio(sampling_rate=16_000))`, and `dataset[0]["audio"]` is
    `{"path", "array", "sampling_rate"}`: `array` holds float32 mono samples of shape (samples,).
    As soon as this module is imported, `datasets` builds this class for a stored audio column and
    for `load_dataset("audiofolder")`, so that data loaded from Parquet, from disk, from a folder or
    from the Hub decodes the same way.

    Raises (when a row is read):
        AudioError: see `read_audio`; the message names the row's path.
    """

    def encode_example(self, value: object) -> dict:
        """A path, encoded bytes, or {"array", "sampling_rate"} as what Arrow stores.

        Raises:
            AudioError: the value is none of these; see also `as_waveform`.
        """
        if isinstance(value, dict) and value.get("array") is not None:
            path = value.get("path")
            name = str(path or "An array")
            rate = value.get("sampling_rate") or self.sampling_rate
            if not isinstance(rate, int | float | np.number) or not RATES[0] <= rate <= RATES[1]:
                raise AudioError(
                    f"{name}: its sampling_rate is {rate!r}: give the samples a second, such as "
                    '{"array": array, "sampling_rate": 16000}.'
                )
            array = as_waveform(value["array"], name)
            if not len(array):
                raise AudioError(f"{name}: holds no samples at all. {REMEDY}")
            buffer = BytesIO()
            soundfile.write(buffer, array, round(rate), format="WAV", subtype="FLOAT")
            return {"bytes": buffer.getvalue(), "path": path}
        if isinstance(value, str | Path):
            return {"bytes": None, "path": str(value)}
        if isinstance(value, bytes | bytearray):
            return {"bytes": bytes(value), "path": None}
        if isinstance(value, dict) and (value.get("bytes") or value.get("path")):
            path, encoded = value.get("path"), value.get("bytes")
            known = (
                isinstance(path, str | Path | None),
                isinstance(encoded, bytes | bytearray | None),
            )
            if all(known):
                return {"bytes": encoded, "path": None if path is None else str(path)}
        if hasattr(value, "dtype") or isinstance(value, list | tuple):
            raise AudioError(
                "An array of samples does not tell its rate: pass "
                '{"array": array, "sampling_rate": 16000}, with the rate that it has.'
            )
        raise AudioError(
            f"Audio needs a path, bytes, or an array with its rate, not {value!r:.80}."
        )

    def cast_storage(self, storage: pa.Array) -> pa.Array:
        """An Arrow array of paths, bytes or structs as the type of this feature."""
        kind = storage.type
        if isinstance(kind, pa.DictionaryType):
            storage = pyarrow.compute.dictionary_decode(storage)
            kind = storage.type
        if pa.types.is_null(kind):
            return pa.nulls(len(storage), self.pa_type)
        # pandas stores text as large_string, polars as string_view.
        if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            storage = storage.cast(pa.string())
        elif pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind):
            storage = storage.cast(pa.binary())
        elif pa.types.is_struct(kind) and kind.get_field_index("array") >= 0:
            # `map` hands decoded rows back here; their samples are kept exactly, as WAV.
            rows = [row and self.encode_example(row) for row in storage.to_pylist()]
            return pa.array(rows, type=self.pa_type)
        elif not pa.types.is_struct(kind) and not (
            pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
        ):
            raise AudioError(
                f"A column of {kind} is no sound: cast one of paths, of encoded bytes, or of "
                '{"array", "sampling_rate"}.'
            )
        return super().cast_storage(storage)

    def decode_example(self, value: dict, token_per_repo_id: dict | None = None) -> dict:
        """The stored row as {"path", "array", "sampling_rate"}."""
        path, encoded = value.get("path"), value.get("bytes")
        if encoded is None and path is None:
            raise AudioError(f"A row has neither a path nor bytes of audio. {REMEDY}")
        source = path if encoded is None else encoded
        array, rate = read_audio(source, self.sampling_rate, name=path)
        return {"path": path, "array": array, "sampling_rate": rate}


# `datasets.features.register_feature` does just this, with two warnings at every import.
_FEATURE_TYPES["Audio"] = Audio
AudioFolder.BASE_FEATURE = Audio
