"""The packed lines of a game: a file made by hand is unpacked, a damaged one is refused."""

import struct

import pytest

from recipes.wav2vec2_tiny import sky


def packed(blocks_bits, plain=b"", size=0):
    """An RNC file whose bits come first, as 16-bit words, lowest bit first, then plain bytes."""
    bits = blocks_bits + "0" * (-len(blocks_bits) % 16)
    words = b"".join(
        int(bits[k : k + 16][::-1], 2).to_bytes(2, "little") for k in range(0, len(bits), 16)
    )
    return struct.pack(">4sIIHHBB", b"RNC\1", size, len(words + plain), 0, 0, 0, 1) + words + plain


def number(value, size):
    """`size` bits of a number, lowest first."""
    return f"{value:0{size}b}"[::-1]


def one_symbol(symbol):
    """A table that gives one code of one bit, 0, to `symbol`."""
    lengths = [0] * symbol + [1]
    return number(len(lengths), 5) + "".join(number(length, 4) for length in lengths)


def test_plain_bytes_come_out_as_they_are():
    # Two bits of a header; tables for plain runs, distances and lengths; one pair; the code of a run
    # of 5: the symbol 3 has two more bits, the lowest two of 5.
    bits = "00" + one_symbol(3) + number(0, 5) + number(0, 5) + number(1, 16) + "0" + number(1, 2)
    assert sky.unpack(packed(bits, b"HELLO", 5)) == b"HELLO"


def test_a_copy_repeats_what_came_before():
    # Two pairs: a run of 1 byte, a copy of 2 bytes from 1 byte back; then again a run of 1 byte.
    bits = (
        "00" + one_symbol(1) + one_symbol(0) + one_symbol(0) + number(2, 16) + "0" + "0" + "0" + "0"
    )
    content = packed(bits, b"", 4)
    words = len(bits) + (-len(bits) % 16)
    # The plain bytes stand behind the word that is being read; all bits lie before them here.
    assert words // 8 == len(content) - 18
    assert sky.unpack(content + b"AB") == b"AAAB"


def test_a_wrong_size_and_another_method_are_refused():
    bits = "00" + one_symbol(3) + number(0, 5) + number(0, 5) + number(1, 16) + "0" + number(1, 2)
    with pytest.raises(ValueError, match="it is damaged"):
        sky.unpack(packed(bits, b"HELLO", 6))
    with pytest.raises(ValueError, match="method 1"):
        sky.unpack(b"RNC\2" + bytes(40))


def test_only_speech_is_read_from_the_disk(tmp_path):
    bits = "00" + one_symbol(3) + number(0, 5) + number(0, 5) + number(1, 16) + "0" + number(1, 2)
    speech = bytes(sky.HEADER) + packed(bits, bytes([128, 255, 0, 64, 128]), 5)
    picture = bytes(40)
    (tmp_path / "sky.dsk").write_bytes(picture + bytes(8) + speech)
    entries = [(60_000, 0, len(picture)), (50_003, 48, len(speech))]
    table = struct.pack("<I", 2)
    for name, place, size in entries:
        table += struct.pack("<H", name) + place.to_bytes(3, "little") + size.to_bytes(3, "little")
    (tmp_path / "sky.dnr").write_bytes(table)
    ((samples, hz),) = sky.sky(tmp_path)
    assert hz == 11_025 and samples.tolist() == [0, 127 / 128, -1, -0.5, 0]
