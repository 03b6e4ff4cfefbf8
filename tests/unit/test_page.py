"""The page, spoken to over loopback as a browser would."""

import sys

import numpy as np
import pytest
import soundfile

from asr_helpers import page
from asr_helpers.inference import transcribe
from asr_helpers.page import ask_page, make_page, open_page

RATE = 16_000
LIMIT = 3.0  # seconds


@pytest.fixture(scope="module")
def parts(processor, profile):
    from asr_helpers.model import load_base_model

    model = load_base_model(profile.base_model, processor, seed=0)
    page = make_page(model, processor, max_seconds=LIMIT)
    address = open_page(page)
    yield model, page, address
    page.close()


def noise(seconds, rate=RATE):
    return np.random.default_rng(0).normal(0, 0.1, int(seconds * rate)).astype(np.float32)


def test_it_opens_on_this_machine_alone(parts):
    _, page, address = parts
    assert address.startswith("http://127.0.0.1:")
    assert not page.share and not page.analytics_enabled and page.enable_queue
    assert page.max_file_size == 20 * 1024 * 1024


def test_it_writes_what_transcribe_writes(parts, processor, tmp_path):
    model, _, address = parts
    soundfile.write(tmp_path / "a.wav", noise(2), RATE, subtype="FLOAT")
    said = ask_page(address, tmp_path / "a.wav")
    assert said == transcribe(model, processor, [noise(2)])[0] and said


def test_a_file_of_text_is_refused_with_what_to_do(parts, tmp_path):
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(RuntimeError, match="cannot be read as WAV, FLAC, Ogg, Opus or MP3"):
        ask_page(parts[2], tmp_path / "a.wav")


@pytest.mark.parametrize(
    "seconds,message",
    [(LIMIT + 2, "takes 3 s at most: cut it"), (0.03, "shorter than one frame needs")],
)
def test_sound_too_long_or_too_short_is_refused(parts, tmp_path, seconds, message):
    soundfile.write(tmp_path / "a.wav", noise(seconds), RATE)
    with pytest.raises(RuntimeError, match=message):
        ask_page(parts[2], tmp_path / "a.wav")


def test_nothing_is_refused_too(parts):
    import gradio

    with pytest.raises(gradio.Error, match="no sound yet"):
        parts[1].fn(None)


def test_gradio_is_imported_only_when_needed():
    import subprocess

    code = "import asr_helpers.page, sys; sys.exit('gradio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("name", ["²-1-x", "a-b-c", "1-" + "9" * 20 + "-x"])
def test_a_folder_that_only_looks_like_recordings_stays(tmp_path, monkeypatch, name):
    monkeypatch.setattr(page.tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"{page.PREFIX}{name}").mkdir()
    (tmp_path / f"{page.PREFIX}1-1-x").mkdir()  # of a process that is no longer there
    page._remove_left()
    assert [path.name for path in tmp_path.iterdir()] == [f"{page.PREFIX}{name}"]


def test_on_colab_the_machine_is_googles(monkeypatch):
    assert page.this_machine() == "this machine"
    monkeypatch.setitem(sys.modules, "google.colab", object())
    assert "Google" in page.this_machine()
