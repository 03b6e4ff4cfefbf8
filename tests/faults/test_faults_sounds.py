"""Sounds with faults of their own: headers, channels, levels, chains, lengths, arrays."""

import io
import os
import struct
import tracemalloc

import datasets
import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from asr_helpers import audio
from asr_helpers.audio import Audio, AudioError, TooLong, as_waveform, read_audio
from asr_helpers.inference import transcribe
from asr_helpers.long_form import transcribe_long
from asr_helpers.processor import prepare_dataset

RATE = 16_000
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)).astype(np.float32)
NOISE = (0.1 * np.random.default_rng(0).standard_normal(8000)).astype(np.float32)


def sound(wave=TONE, rate=8000, container="WAV", codec=None):
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, rate, format=container, subtype=codec)
    return buffer.getvalue()


def data_size(encoded, size):
    at = encoded.index(b"data") + 4
    return encoded[:at] + struct.pack("<I", size) + encoded[at + 4 :]


def riff_size(encoded, size):
    return encoded[:4] + struct.pack("<I", size) + encoded[8:]


def long_size(encoded, size):
    return encoded[:28] + struct.pack("<Q", size) + encoded[36:]


PLAIN, REMARK = sound(), b"LIST" + struct.pack("<I", 4) + b"INFO"
HEADERS = {
    "data size 0": data_size(PLAIN, 0),
    "both sizes 0": riff_size(data_size(PLAIN, 0), 0),
    "both sizes unknown": riff_size(data_size(PLAIN, 0xFFFFFFFF), 0xFFFFFFFF),
    "data size beyond the end": data_size(PLAIN, 10**6),
    "data size of the first moment": data_size(PLAIN, 2000),
    "data size 1": data_size(PLAIN, 1),
    "an odd data size": data_size(PLAIN, 1999),
    "extensible, data size 0": data_size(sound(container="WAVEX"), 0),
    "24 bits, data size 0": data_size(sound(codec="PCM_24"), 0),
    "8 bits, data size 0": data_size(sound(codec="PCM_U8"), 0),
    "floats, data size 0": data_size(sound(codec="FLOAT"), 0),
    "doubles": sound(codec="DOUBLE"),
    "mu-law, data size 0": data_size(sound(codec="ULAW"), 0),
    "A-law, data size 0": data_size(sound(codec="ALAW"), 0),
    "RF64": sound(container="RF64"),
    "RF64, long size 0": long_size(sound(container="RF64"), 0),
    "a remark in front": PLAIN[:36] + REMARK + PLAIN[36:],
    "a remark in front, data size 0": data_size(PLAIN[:36] + REMARK + PLAIN[36:], 0),
    "big-endian": sound(codec="PCM_16", container="AIFF"),
    "one byte short of a sample": PLAIN[:-1],
}


@pytest.mark.parametrize("kind", HEADERS)
def test_samples_that_are_there_are_heard_whatever_the_header_counts(kind):
    array, _ = read_audio(HEADERS[kind], RATE)
    assert len(array) == pytest.approx(2 * len(TONE), abs=8)
    assert np.corrcoef(array[: 2 * 7990], read_audio(PLAIN, RATE)[0][: 2 * 7990])[0, 1] > 0.99


def streamed(wave):
    """A FLAC of unknown length, as a recorder writes it if it cannot go back to the header."""
    whole = sound(wave, container="FLAC")
    return whole[:21] + bytes([whole[21] & 0xF0]) + bytes(4) + whole[26:]


def test_a_flac_that_does_not_count_its_samples_is_heard():
    wave = np.tile(NOISE, 3)
    whole, _ = read_audio(sound(wave, container="FLAC"))
    assert np.array_equal(read_audio(streamed(wave))[0], whole)
    cut_off, _ = read_audio(streamed(wave)[:-3000])  # the recorder stopped within a frame
    assert len(whole) - 4096 <= len(cut_off) < len(whole)
    assert np.array_equal(cut_off, whole[: len(cut_off)])
    assert len(read_audio(streamed(wave) + streamed(wave))[0]) == 2 * len(wave)


@pytest.mark.parametrize("container", ["AU", "CAF"])
def test_a_length_that_a_header_leaves_open_is_filled_in(container):
    whole = sound(container=container)
    at = whole.index(b"data") + 4 if container == "CAF" else 8
    for mark in {"CAF": (b"\xff" * 8, bytes(8)), "AU": (b"\xff" * 4, bytes(4))}[container]:
        array, _ = read_audio(whole[:at] + mark + whole[at + len(mark) :])
        assert len(array) == pytest.approx(8000, abs=4)


@pytest.mark.parametrize("container", ["WAV", "AIFF", "AU", "CAF", "W64", "RF64"])
def test_what_is_there_of_a_file_that_was_cut_off_is_heard(container):
    whole = sound(np.tile(NOISE, 4), container=container)
    for share in (0.9, 0.5, 0.3):
        array, _ = read_audio(whole[: int(share * len(whole))])
        assert len(array) == pytest.approx(share * 32_000, abs=2100)


def test_a_wav_of_no_samples_with_a_remark_holds_none():
    with pytest.raises(AudioError, match="no samples"):
        read_audio(sound(TONE[:0]) + REMARK)


def test_the_repair_works_from_a_path_too(tmp_path):
    path = tmp_path / "cut off.wav"
    path.write_bytes(HEADERS["data size 0"])
    assert len(read_audio(path)[0]) == 8000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioError, match="pipe.wav: cannot be read .*no ordinary file"):
        read_audio(tmp_path / "pipe.wav")


def stereo(left, right):
    return np.stack([left, right], axis=1)


CHANNELS = {
    "equal": (stereo(TONE, TONE), 0.5),
    "of opposite sign": (stereo(TONE, -TONE), 0.5),
    "nearly of opposite sign": (stereo(TONE, -0.8 * TONE), 0.5),
    "the second dead": (stereo(TONE, 0 * TONE), 0.5),
    "the first dead": (stereo(0 * TONE, TONE), 0.5),
    "the second hums at -70 dB": (stereo(TONE, 1e-4 * NOISE), 0.5),
    "one of eight alive": (np.stack([0 * TONE] * 5 + [TONE] + [0 * TONE] * 2, axis=1), 0.5),
    "four against four": (np.stack([TONE, -TONE] * 4, axis=1), 0.5),
    "the second a constant": (stereo(TONE, 0.9 + 0 * TONE), 0.5),
}


@pytest.mark.parametrize("kind", CHANNELS)
def test_a_voice_is_heard_whichever_channels_hold_it(kind):
    wave, height = CHANNELS[kind]
    array, _ = read_audio(sound(wave, codec="FLOAT"))
    array = array - array.mean()
    assert np.abs(array).max() == pytest.approx(height, abs=0.06)
    assert abs(np.corrcoef(array, TONE)[0, 1]) > 0.99


def test_two_speakers_in_two_channels_are_both_heard():
    array, _ = read_audio(sound(stereo(TONE, 3 * NOISE), codec="FLOAT"))
    assert np.allclose(array, (TONE + 3 * NOISE) / 2, atol=1e-6)


def test_long_stereo_sound_is_mixed_alike_from_end_to_end(monkeypatch):
    monkeypatch.setattr(audio, "BLOCK", 1000)
    wave = stereo(TONE, -TONE)
    wave[:2000] = 0  # what cancels begins after the first blocks
    assert np.abs(read_audio(sound(wave))[0]).max() > 0.45


CHAINS = {
    "WAV": {}, "FLAC": {"container": "FLAC"}, "MP3": {"container": "MP3"},
    "Ogg": {"container": "OGG", "codec": "VORBIS"}, "Opus": {"container": "OGG", "codec": "OPUS"},
}  # fmt: skip


@pytest.mark.parametrize("kind", CHAINS)
def test_both_of_two_sounds_in_one_file_are_heard(kind):
    low, high = (
        0.5 * np.sin(2 * np.pi * hertz * np.arange(16_000) / 8000) for hertz in (300, 1000)
    )
    array, _ = read_audio(sound(low, **CHAINS[kind]) + sound(high, **CHAINS[kind]), 8000)
    assert len(array) == pytest.approx(32_000, rel=0.1)
    for part, hertz in ((array[2000:14_000], 300), (array[-12_000:-2000], 1000)):
        strongest = np.abs(np.fft.rfft(part)).argmax() * 8000 / len(part)
        assert strongest == pytest.approx(hertz, abs=5)


def test_a_chain_of_two_rates_is_heard_at_one():
    both = sound(TONE, 8000, "FLAC") + sound(np.repeat(TONE, 2), 16_000, "FLAC")
    array, rate = read_audio(both)
    assert rate == 8000 and len(array) == pytest.approx(16_000, abs=4)


def test_tags_between_two_mp3s_do_not_hide_the_second():
    mp3 = sound(np.tile(TONE, 2), container="MP3")
    tagged = mp3 + b"TAG" + bytes(125) + b"ID3\4\0\0\0\0\1\0" + bytes(128) + mp3
    assert len(read_audio(tagged, 8000)[0]) == pytest.approx(32_000, rel=0.1)


@pytest.mark.parametrize("container", ["FLAC", "MP3", "WAV"])
def test_nothing_is_decoded_past_the_limit(container):
    hours = sound(np.zeros(8000 * 1800, dtype=np.int16), container=container)
    tracemalloc.start()
    with pytest.raises(TooLong, match="lasts longer than 60 s, the limit here. Cut it"):
        read_audio(hours, 8000, max_seconds=60)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6  # half an hour in float32 is 58 MB


def test_the_limit_counts_all_sounds_of_a_chain():
    part = sound(np.tile(TONE, 4), container="FLAC")
    assert len(read_audio(part * 2, 8000, max_seconds=9)[0]) == 64_000
    with pytest.raises(TooLong):
        read_audio(part * 3, 8000, max_seconds=9)


def test_a_row_of_a_corpus_has_a_limit_too(monkeypatch):
    assert audio.MAX_SECONDS == 3600
    monkeypatch.setattr(audio.read_audio, "__defaults__", (None, None, 2.0))
    rows = datasets.Dataset.from_dict({"audio": [{"bytes": sound(np.tile(TONE, 3)), "path": "a"}]})
    with pytest.raises(TooLong, match="drop the row"):
        rows.cast_column("audio", Audio())[0]


def test_too_little_memory_is_told(monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr(audio.np, "concatenate", full)
    with pytest.raises(AudioError, match="calls/1.wav: needs more memory than there is. Cut it"):
        read_audio(PLAIN, name="calls/1.wav")


LEVELS = [0, -20, -40, -60, -80, -90]


@pytest.mark.parametrize("level", LEVELS)
def test_a_quiet_caller_and_a_loud_one_look_alike(level, processor, model, few):
    from asr_helpers.chunks import long_logits
    from asr_helpers.processor import levelled

    loud = np.repeat(few[3]["audio"]["array"], 2)
    loud = loud / np.abs(loud).max()
    quiet = loud * np.float32(10 ** (level / 20))
    assert np.allclose(levelled(quiet), levelled(loud), atol=1e-2)
    logits = [long_logits(model, processor, wave) for wave in (loud, quiet)]
    assert torch.allclose(*logits, atol=0.02)
    rows = [
        {"audio": {"array": wave, "sampling_rate": RATE}, "path": "a", "transcription": "one"}
        for wave in (loud, quiet)
    ]
    features = few.select_columns(["path", "audio", "transcription"]).features
    split = datasets.Dataset.from_list(rows, features=features)
    first, second = prepare_dataset(split, processor, "en-US")["input_values"]
    assert np.allclose(first, second, atol=1e-2) and np.std(second) == pytest.approx(1, abs=1e-3)


def test_silence_and_a_constant_stay_silent(processor):
    from asr_helpers.processor import levelled

    for wave in (np.zeros(RATE), np.full(RATE, 0.5)):
        assert np.abs(levelled(wave.astype(np.float32))).max() < 1e-2


FORMS = {
    "float64": TONE.astype(np.float64),
    "float16": TONE.astype(np.float16),
    "int16": (TONE * 32767).astype(np.int16),
    "int32": (TONE * (2**31 - 1)).astype(np.int32),
    "uint8": ((TONE + 1) * 127.5).astype(np.uint8),
    "int8": (TONE * 127).astype(np.int8),
    "big-endian": (TONE * 32767).astype(">i2"),
    "a list": TONE.tolist(),
    "a list of whole numbers": (TONE * 32767).astype(int).tolist(),
    "torch": torch.tensor(TONE),
    "torch with a gradient": torch.tensor(TONE, requires_grad=True),
    "torch bfloat16": torch.tensor(TONE).bfloat16(),
    "torch int16": torch.tensor((TONE * 32767).astype(np.int16)),
    "(n, 2)": stereo(TONE, TONE),
    "(2, n)": stereo(TONE, TONE).T,
    "(1, n)": TONE[None],
    "(n, 1)": TONE[:, None],
    "(2, n) of opposite sign": stereo(TONE, -TONE).T,
    "int16 (n, 2)": (stereo(TONE, TONE) * 32767).astype(np.int16),
    "not in a row in memory": np.repeat(TONE, 2)[::2],
}


@pytest.mark.parametrize("form", FORMS)
def test_samples_of_any_form_are_heard(form, processor, model):
    array = as_waveform(FORMS[form])
    assert array.dtype == np.float32 and array.shape == TONE.shape
    assert np.abs(array - TONE).max() < 0.02
    stored = Audio().encode_example({"array": FORMS[form], "sampling_rate": 8000})
    assert np.allclose(Audio().decode_example(stored)["array"], array, atol=1e-6)
    by_short = transcribe(model, processor, [FORMS[form]])
    assert isinstance(by_short[0], str)
    assert isinstance(transcribe_long(model, processor, FORMS[form]), str)


WRONG = {
    "NaN": (np.full(8000, np.nan), "NaN or infinite"),
    "words": (["a", "b"], "pass numbers"),
    "complex": (np.zeros(8000, complex), "pass numbers"),
    "yes and no": (np.zeros(8000, bool), "pass numbers"),
    "a path": ("a.wav", "is a str: pass the samples, read_audio"),
    "a row": ({"array": TONE}, "is a dict: pass the samples, its array"),
    "nothing": (None, "pass numbers"),
    "encoded": (bytearray(b"RIFF"), "is a bytearray: pass the samples, read_audio"),
    "a picture": (np.zeros((80, 90)), r"shape \(80, 90\)"),
    "three dimensions": (np.zeros((3, 4, 5)), r"shape \(3, 4, 5\)"),
    "unequal lists": ([[1.0], [1.0, 2.0]], "unequal parts|pass numbers"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_waveform_is_named_with_what_to_pass(kind, processor, model):
    values, says = WRONG[kind]
    for way in (
        lambda: transcribe(model, processor, [TONE, values]),
        lambda: transcribe_long(model, processor, values),
    ):
        with pytest.raises(AudioError, match=says):
            way()
    with pytest.raises(AudioError, match="Waveform 1"):
        transcribe(model, processor, [TONE, values])


@pytest.mark.parametrize("shape", [(0,), (0, 2), (2, 0)])
def test_no_samples_of_any_shape_are_too_short(shape, processor, model):
    with pytest.raises(ValueError, match="Waveform 0 lasts 0.00 s: too short"):
        transcribe(model, processor, [np.zeros(shape)])


def test_one_array_in_place_of_a_list_is_told(processor, model):
    with pytest.raises(AudioError, match=r"Waveform 0 is a single number.*\[array\]"):
        transcribe(model, processor, TONE)


@pytest.mark.parametrize("rate", [None, 0, -8000, float("nan"), "8000", 2**40])
def test_an_array_with_a_rate_that_no_sound_has_is_told(rate):
    with pytest.raises(AudioError, match="sampling_rate"):
        Audio().encode_example({"array": TONE, "sampling_rate": rate})


def test_an_array_without_its_rate_is_told():
    with pytest.raises(AudioError, match="does not tell its rate"):
        Audio().encode_example(TONE)
    with pytest.raises(AudioError, match="sampling_rate is None"):
        Audio().encode_example({"array": TONE})
    with pytest.raises(AudioError, match="no samples"):
        Audio().encode_example({"array": [], "sampling_rate": 8000})


@pytest.mark.parametrize("rate", [7999, 44_100, 192_000, np.int64(8000), 22_050.0])
def test_odd_rates_are_kept(rate):
    stored = Audio().encode_example({"array": TONE, "sampling_rate": rate})
    assert Audio().decode_example(stored)["sampling_rate"] == rate
    wave = Audio(sampling_rate=RATE).decode_example(stored)
    assert len(wave["array"]) == pytest.approx(8000 * RATE / rate, abs=2)


@pytest.fixture
def folder(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.wav").write_bytes(PLAIN)
    table = pd.DataFrame({"file_name": ["a.wav", "b.wav"], "transcription": ["one", "two"]})
    table.to_csv(tmp_path / "metadata.csv", index=False)
    return tmp_path


def test_the_audiofolder_of_datasets_decodes(folder):
    rows = datasets.load_dataset("audiofolder", data_dir=str(folder), split="train")
    assert len(rows[0]["audio"]["array"]) == 8000 and rows["transcription"][:] == ["one", "two"]


def test_paths_from_pandas_parquet_and_csv_are_cast(folder):
    table = pd.DataFrame({"audio": [str(folder / "a.wav"), None], "transcription": ["one", "two"]})
    table.to_csv(folder / "table.csv", index=False)
    table.to_parquet(folder / "table.parquet")
    for rows in (
        datasets.Dataset.from_pandas(table),
        datasets.Dataset.from_csv(str(folder / "table.csv")),
        datasets.Dataset.from_parquet(str(folder / "table.parquet")),
        datasets.Dataset.from_pandas(table.astype({"audio": "category"})),
    ):
        cast = rows.cast_column("audio", Audio(sampling_rate=RATE))
        assert len(cast[0]["audio"]["array"]) == 16_000 and cast[1]["audio"] is None


def test_a_column_that_is_no_sound_is_told():
    rows = datasets.Dataset.from_dict({"audio": [1, 2]})
    with pytest.raises(AudioError, match="column of int64 is no sound"):
        rows.cast_column("audio", Audio())


@pytest.mark.parametrize(
    ("text", "says"),
    [(None, "says nothing"), (7, "is a number"), (7.5, "is a number"), (True, "is no text")],
)
def test_a_transcript_that_is_no_text_is_named(text, says, processor):
    rows = {"audio": [{"bytes": PLAIN, "path": "calls/1.wav"}], "transcription": [text]}
    split = datasets.Dataset.from_dict(rows).cast_column("audio", Audio())
    with pytest.raises(ValueError, match=f"calls/1.wav.*{says}"):
        prepare_dataset(split, processor, "en-US")


def test_a_row_without_path_or_sound_is_named_by_its_number(processor):
    rows = {"audio": [{"bytes": PLAIN, "path": None}] * 2, "transcription": ["one", "?"]}
    split = datasets.Dataset.from_dict(rows).cast_column("audio", Audio())
    with pytest.raises(ValueError, match="Row 1: its transcript says nothing"):
        prepare_dataset(split, processor, "en-US")
    for column in ("audio", "transcription"):
        with pytest.raises(ValueError, match=f"no column {column!r}.*rename_column"):
            prepare_dataset(split.remove_columns(column), processor, "en-US")
