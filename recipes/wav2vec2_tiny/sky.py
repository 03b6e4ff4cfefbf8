"""The recorded lines of Beneath a Steel Sky (Debian's package beneath-a-steel-sky), unpacked.

The game's `sky.dnr` is a table of what lies where in `sky.dsk`: the number of entries (4 bytes), then
entries of a file's number (2), its place (3) and its size (3), little-endian. Files 50000 to 59999 are
speech: a header of 22 bytes, then unsigned bytes at 11,025 Hz, packed with RNC ProPack's method 1.
"""

import struct

import numpy as np

from recipes.wav2vec2_tiny.recorded import GAMES

HEADER = 22  # bytes before a file's content
SPEECH = range(50_000, 60_000)
HZ = 11_025


class _Bits:
    """Bits of 16-bit little-endian words, lowest first; whole bytes may stand between two words."""

    def __init__(self, data, at):
        self.data, self.at, self.held, self.count = data, at, 0, 0

    def take(self, number):
        while self.count < number:
            word = self.data[self.at : self.at + 2]
            self.held |= int.from_bytes(word, "little") << self.count
            self.at, self.count = self.at + 2, self.count + 16
        value = self.held & ((1 << number) - 1)
        self.held, self.count = self.held >> number, self.count - number
        return value

    def bytes(self, number):
        self.at += number
        return self.data[self.at - number : self.at]


def _codes(bits):
    """{(length, code as it is read, its first bit lowest): symbol} of one canonical Huffman code."""
    lengths = [bits.take(4) for _ in range(bits.take(5))]
    codes, code = {}, 0
    for length in range(1, 16):
        for symbol, its_length in enumerate(lengths):
            if its_length == length:
                codes[length, int(f"{code:0{length}b}"[::-1], 2)] = symbol
                code += 1
        code <<= 1
    return codes


def _value(bits, codes):
    """A number: the symbol says how many bits it has, the highest of which is always 1."""
    code = 0
    for length in range(1, 17):
        code |= bits.take(1) << (length - 1)
        if (symbol := codes.get((length, code))) is not None:
            return symbol if symbol < 2 else bits.take(symbol - 1) | 1 << (symbol - 1)
    raise ValueError("a code that the file's own table does not hold: the file is damaged")


def unpack(data):
    """The bytes of an RNC file, method 1: runs of plain bytes, each followed by a copy of earlier ones."""
    magic, size, _, _, _, _, blocks = struct.unpack(">4sIIHHBB", data[:18])
    if magic != b"RNC\1":
        raise ValueError(f"{magic!r} does not begin a file of RNC's method 1")
    bits, out = _Bits(data, 18), bytearray()
    bits.take(2)
    for _ in range(blocks):
        plain, distances, lengths = _codes(bits), _codes(bits), _codes(bits)
        pairs = bits.take(16)
        for left in range(pairs, 0, -1):
            out += bits.bytes(_value(bits, plain))
            if left > 1:
                distance = _value(bits, distances) + 1
                for _ in range(_value(bits, lengths) + 2):
                    out.append(out[-distance])
    if len(out) != size:
        raise ValueError(f"{len(out)} bytes came out, and the file says {size}: it is damaged")
    return bytes(out)


def sky(folder=GAMES / "beneath-a-steel-sky"):
    """(samples, Hz) of every line that is spoken in the game."""
    table, disk = ((folder / f"sky.{name}").read_bytes() for name in ("dnr", "dsk"))
    for entry in range(4, 4 + 8 * struct.unpack("<I", table[:4])[0], 8):
        number, place, size = (
            int.from_bytes(table[entry + a : entry + b], "little")
            for a, b in ((0, 2), (2, 5), (5, 8))
        )
        place = (place & 0x7FFFFF) << (4 if place >> 23 else 0)
        content = disk[place + HEADER : place + (size & 0x3FFFFF)]
        if number in SPEECH and content[:4] == b"RNC\1":
            yield (np.frombuffer(unpack(content), np.uint8).astype(np.float32) - 128) / 128, HZ
