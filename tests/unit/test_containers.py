import io
import struct

import numpy as np
import pytest
import soundfile

from asr_helpers.containers import Part, foreign_kind, sounds_in

WAVE = np.random.default_rng(0).uniform(-0.5, 0.5, 4000)


def encoded(container="WAV", codec=None, wave=WAVE):
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, 8000, format=container, subtype=codec)
    return buffer.getvalue()


def starts(data):
    return [part.start for part in sounds_in(io.BytesIO(data))]


WHOLE = {
    "WAV": encoded(),
    "WAV of odd length": encoded(codec="PCM_U8", wave=WAVE[:3999]),
    "RF64": encoded("RF64"),
    "FLAC": encoded("FLAC"),
    "Ogg": encoded("OGG", "VORBIS"),
    "Opus": encoded("OGG", "OPUS"),
    "MP3": encoded("MP3"),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_one_sound_is_one_part_and_two_are_two(kind):
    data = WHOLE[kind]
    assert starts(data) == [0]
    assert starts(data + data)[0] == 0 and len(starts(data + data)) == 2
    assert starts(data + data)[1] == pytest.approx(len(data), abs=1)
    assert len(starts(data + data + data)) == 3


def test_a_part_is_a_file_of_its_own():
    part = Part(io.BytesIO(b"0123456789"), 2, 8, header=b"ab")
    assert part.read() == b"ab4567"
    assert part.seek(-2, io.SEEK_END) == 4 and part.read(9) == b"67" and part.read() == b""
    assert part.seek(1) == 1 and part.read(1) == b"b" and part.read(1) == b"4" and part.tell() == 3


def test_a_remark_behind_the_sound_is_no_sound():
    remark = b"LIST" + struct.pack("<I", 8000) + b"INFO" + bytes(7996)
    (part,) = sounds_in(io.BytesIO(WHOLE["WAV"] + remark))
    assert not part.header


def test_a_small_remainder_does_not_become_sound():
    (part,) = sounds_in(io.BytesIO(WHOLE["WAV"] + b"\1\2\3\4" * 30))
    assert not part.header


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x20ftypM4A \0\0\0\0", "M4A or MP4"), (b"\0\0\0\x20ftyp3gp5", "3GP"),
        (b"\xff\xf1\x50\x80\x02\x1f\xfc", "AAC"), (b"\x1a\x45\xdf\xa3\x9f", "WebM or Matroska"),
        (b"#!AMR\n\x3c", "AMR"), (b"#!AMR-WB\n", "AMR"), (b"PK\x03\x04", "a ZIP archive"),
        (bytes.fromhex("3026b2758e66cf11a6d9"), "WMA"), (b"wvpk", "WavPack"),
        (b"\n<!DOCTYPE html><html>", "a web page"), (b"%PDF-1.7", "a PDF document"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"ID3\4\0\0\0\0\0\5xxxxx\xff\xf1\x50\x80\x02\x1f\xfc", "AAC"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x61\1", "WAV with the codec 0x0161"),
    ],
)  # fmt: skip
def test_what_libsndfile_does_not_decode_is_known_by_its_first_bytes(head, name):
    assert foreign_kind(io.BytesIO(head + bytes(50))).name == name


@pytest.mark.parametrize("kind", WHOLE)
def test_what_libsndfile_decodes_is_not_foreign(kind):
    assert foreign_kind(io.BytesIO(WHOLE[kind])) is None
    assert foreign_kind(io.BytesIO(b"")) is None and foreign_kind(io.BytesIO(b"\xff")) is None
