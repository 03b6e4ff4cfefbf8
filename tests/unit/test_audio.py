import io
import subprocess
import sys

import datasets
import numpy as np
import pytest
import soundfile
import torch

from asr_helpers.audio import Audio, AudioError, as_waveform, read_audio

TONE = 440.0


def tone(seconds=0.5, rate=8000, channels=1):
    wave = 0.5 * np.sin(2 * np.pi * TONE * np.arange(int(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def encoded(wave, rate, container="WAV", codec=None):
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, rate, format=container, subtype=codec)
    return buffer.getvalue()


def loudest_frequency(array, rate):
    return np.fft.rfftfreq(len(array), 1 / rate)[np.abs(np.fft.rfft(array)).argmax()]


@pytest.mark.parametrize(
    ("container", "codec", "rate", "channels"),
    [
        ("WAV", "PCM_16", 8000, 1), ("WAV", "PCM_24", 48_000, 2), ("WAV", "PCM_U8", 11_025, 1),
        ("WAV", "FLOAT", 192_000, 8), ("WAV", "ULAW", 8000, 1), ("FLAC", "PCM_16", 44_100, 2),
        ("OGG", "VORBIS", 22_050, 1), ("OGG", "OPUS", 48_000, 2), ("MP3", None, 44_100, 2),
    ],
)  # fmt: skip
def test_every_format_becomes_mono_at_the_wanted_rate(container, codec, rate, channels):
    sound = encoded(tone(0.5, rate, channels), rate, container, codec)
    array, got = read_audio(sound, 16_000)
    assert got == 16_000
    assert array.ndim == 1 and array.dtype == np.float32
    assert len(array) == pytest.approx(8000, rel=0.15)  # MP3 pads with silence
    assert loudest_frequency(array, got) == pytest.approx(TONE, abs=4)
    assert np.abs(array).max() == pytest.approx(0.5, abs=0.12)


def test_without_a_wanted_rate_the_own_is_kept():
    array, rate = read_audio(encoded(tone(rate=11_025), 11_025))
    assert rate == 11_025 and len(array) == 5512


def test_downsampling_removes_what_would_alias():
    high = np.sin(2 * np.pi * 7000 * np.arange(16_000) / 16_000)
    array, _ = read_audio(encoded(high, 16_000), 8000)
    assert np.abs(array[100:-100]).max() < 0.01  # the abrupt start and end are no tone


def good():
    return encoded(tone(), 8000)


@pytest.mark.parametrize(
    ("sound", "says"),
    [
        (b"", "cannot be read"),
        (b"This is no sound.", "cannot be read"),
        (good()[:20], "cannot be read"),
        (encoded(tone()[:0], 8000), "no samples"),
        (encoded(np.array([0.1, np.nan, 0.2]), 8000, codec="FLOAT"), "NaN"),
        (encoded(np.array([0.1, np.inf, 0.2]), 8000, codec="FLOAT"), "NaN or infinite"),
    ],
    ids=["empty", "text", "cut off", "no samples", "NaN", "infinite"],  # a WAV holds the time
)
def test_bad_sound_is_named_with_its_remedy(sound, says):
    rows = datasets.Dataset.from_dict({"audio": [{"bytes": sound, "path": "calls/17.wav"}]})
    rows = rows.cast_column("audio", Audio(sampling_rate=16_000))
    with pytest.raises(AudioError, match="calls/17.wav") as error:
        rows[0]
    assert says in str(error.value) and "drop the row" in str(error.value)
    assert "0x" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(AudioError, match="gone.wav"):
        read_audio(tmp_path / "gone.wav")


def test_a_row_without_audio_is_refused():
    rows = datasets.Dataset.from_dict({"audio": [{"bytes": None, "path": None}]})
    with pytest.raises(AudioError, match="neither a path nor bytes"):
        rows.cast_column("audio", Audio())[0]


def test_it_has_the_interface_of_datasets_audio(tmp_path):
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(), 8000)
    rows = datasets.Dataset.from_dict({"audio": [str(path)]})
    found = rows.cast_column("audio", Audio(sampling_rate=16_000))[0]["audio"]
    assert set(found) == {"path", "array", "sampling_rate"}
    assert found["path"] == str(path) and found["sampling_rate"] == 16_000


def test_arrays_bytes_and_paths_can_be_put_in(tmp_path):
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(), 8000)
    values = [{"array": tone()[:, 0], "sampling_rate": 8000}, good(), path]
    stored = [Audio().encode_example(value) for value in values]
    arrays = [Audio().decode_example(value)["array"] for value in stored]
    for array in arrays:
        assert array == pytest.approx(tone()[:, 0], abs=1e-4)
    with pytest.raises(AudioError, match="path, bytes, or an array"):
        Audio().encode_example(42)


def test_data_saved_and_loaded_again_still_decodes(tmp_path):
    rows = datasets.Dataset.from_dict({"audio": [{"bytes": good(), "path": "a.wav"}]})
    rows.cast_column("audio", Audio()).save_to_disk(tmp_path / "saved")
    again = datasets.load_from_disk(tmp_path / "saved")
    assert len(again[0]["audio"]["array"]) == 4000
    mapped = again.map(lambda row: {"samples": len(row["audio"]["array"])})
    assert mapped["samples"] == [4000]
    assert mapped[0]["audio"]["path"] == "a.wav"
    assert np.array_equal(mapped[0]["audio"]["array"], again[0]["audio"]["array"])


def test_several_processes_can_read():
    rows = datasets.Dataset.from_dict({"audio": [{"bytes": good(), "path": "a.wav"}] * 4})
    rows = rows.cast_column("audio", Audio(sampling_rate=16_000))
    count = lambda row: {"samples": len(row["audio"]["array"])}  # noqa: E731
    assert rows.map(count, num_proc=2, remove_columns="audio")["samples"] == [8000] * 4


def test_neither_ffmpeg_nor_torchcodec_is_used():
    code = (
        "import sys, os; os.environ['PATH'] = ''; sys.modules['torchcodec'] = None\n"
        "from asr_helpers.corpus import load_corpus\n"
        "row = load_corpus()['test'][0]['audio']\n"
        "print(row['sampling_rate'], len(row['array']) > 1000)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.split() == ["8000", "True"], result.stderr


@pytest.mark.parametrize("source", [None, 5, ["a.wav"], io.BytesIO(b"RIFF")])
def test_what_is_neither_a_path_nor_bytes_is_refused_with_a_sentence(source):
    with pytest.raises(AudioError, match="path or the encoded bytes"):
        read_audio(source)


def test_bytes_of_any_kind_are_read():
    wave = encoded(tone(), 8000)
    for source in (bytearray(wave), memoryview(wave)):
        np.testing.assert_array_equal(read_audio(source)[0], read_audio(wave)[0])


def test_a_path_inside_a_row_may_be_any_path(tmp_path):
    feature = Audio(sampling_rate=16_000)
    stored = feature.encode_example({"path": tmp_path / "a.wav", "bytes": None})
    assert stored == {"path": str(tmp_path / "a.wav"), "bytes": None}
    for row in ({"path": 5}, {"bytes": io.BytesIO(b"x")}, {"path": "a.wav", "bytes": "text"}):
        with pytest.raises(AudioError, match="needs a path, bytes"):
            feature.encode_example(row)


@pytest.mark.parametrize(
    "values", [torch.zeros(9).to_sparse(), torch.empty(9, device="meta")], ids=["sparse", "meta"]
)
def test_tensors_that_hold_no_plain_samples_are_refused(values):
    with pytest.raises(AudioError, match="Waveform 3.*tensor"):
        as_waveform(values, "Waveform 3")
