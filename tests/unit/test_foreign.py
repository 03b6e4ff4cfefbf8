import io
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from asr_helpers import foreign
from asr_helpers.audio import AudioError, TooLong, read_audio

RATE = 16_000
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)).astype(np.float32)
# name of the file: how ffmpeg writes it
KINDS = {
    "memo.m4a": ["-c:a", "aac"],
    "memo.aac": ["-c:a", "aac"],
    "memo.webm": ["-c:a", "libopus"],
    "memo.mka": ["-c:a", "libvorbis"],
    "memo.wma": ["-c:a", "wmav2"],
    "memo.wv": ["-c:a", "wavpack"],
    "memo.mov": ["-c:a", "alac"],
    "memo.3gp": ["-c:a", "aac", "-f", "3gp"],
}
needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg makes the sounds")


def made(folder, name, wave=TONE):
    wav, path = folder / "tone.wav", folder / name
    soundfile.write(wav, wave, RATE)
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", wav, *KINDS[name], path]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        pytest.skip(f"this ffmpeg does not write it: {result.stderr.strip()[-80:]}")
    return path


@pytest.fixture(params=["PyAV", "ffmpeg"])
def decoder(request, monkeypatch):
    """One of the two decoders alone."""
    if request.param == "PyAV":
        pytest.importorskip("av")
        monkeypatch.setattr(foreign, "ffmpeg", lambda: None)
    else:
        monkeypatch.setattr(foreign, "has_pyav", lambda: False)
    return request.param


def loudest(array):
    return np.fft.rfftfreq(len(array), 1 / RATE)[np.abs(np.fft.rfft(array)).argmax()]


@needs_ffmpeg
@pytest.mark.parametrize("name", KINDS)
def test_what_phones_and_browsers_record_is_heard(name, tmp_path, decoder):
    path = made(tmp_path, name)
    for source in (path, path.read_bytes()):
        array, rate = read_audio(source, RATE)
        assert rate == RATE and array.dtype == np.float32 and array.ndim == 1
        assert len(array) == pytest.approx(len(TONE), rel=0.1)
        assert loudest(array) == pytest.approx(440, abs=2)
        assert np.abs(array).max() == pytest.approx(0.5, abs=0.1)


@needs_ffmpeg
def test_channels_that_cancel_are_heard_there_too(tmp_path, decoder):
    path = made(tmp_path, "memo.wv", np.stack([TONE, -TONE], axis=1))
    assert np.abs(read_audio(path, RATE)[0]).max() > 0.4


@needs_ffmpeg
def test_nothing_is_decoded_past_the_limit(tmp_path, decoder):
    path = made(tmp_path, "memo.webm", np.tile(TONE, 30))
    with pytest.raises(TooLong, match="longer than 5 s.*Cut it"):
        read_audio(path, RATE, max_seconds=5)


@needs_ffmpeg
@pytest.mark.parametrize("name", ["memo.m4a", "memo.webm"])
def test_without_a_decoder_the_kind_and_a_command_are_named(name, tmp_path, monkeypatch):
    path = made(tmp_path, name)
    monkeypatch.setattr(foreign, "has_pyav", lambda: False)
    monkeypatch.setattr(foreign, "ffmpeg", lambda: None)
    with pytest.raises(AudioError, match="memo.*(M4A|WebM).*no decoder") as error:
        read_audio(path, RATE)
    assert f'ffmpeg -i "{path}" "memo.wav"' in str(error.value)


@needs_ffmpeg
def test_a_damaged_one_is_named(tmp_path, decoder):
    path = made(tmp_path, "memo.m4a")
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(AudioError, match="memo.m4a: cannot be read as M4A"):
        read_audio(path, RATE)


def test_a_video_without_sound_is_named(tmp_path, decoder):
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg makes the video")
    path = tmp_path / "mute.mp4"
    command = "ffmpeg -nostdin -v error -f lavfi -i color=black:s=16x16:d=1 -c:v mpeg4".split()
    if subprocess.run([*command, path], capture_output=True).returncode:
        pytest.skip("this ffmpeg does not write it")
    with pytest.raises(AudioError, match="mute.mp4: cannot be read as M4A or MP4"):
        read_audio(path, RATE)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<!DOCTYPE html><html>404</html>", "it is a web page. The download failed"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"PK\x03\x04" + bytes(100), "Unpack it first"),
        (b"MThd" + bytes(100), "It holds notes"),
    ],
)
def test_what_is_no_sound_at_all_is_named(data, says):
    with pytest.raises(AudioError, match=says):
        read_audio(io.BytesIO(data).getvalue(), RATE)
