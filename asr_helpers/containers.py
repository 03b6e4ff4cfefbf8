"""Recognise the kind of a sound file, and find where the sounds in it begin and end."""

import io
import re
import struct
from dataclasses import dataclass

BLOCK = 2**20  # bytes searched at once
LAST_FRAMES = 2**18  # bytes at the end of a FLAC; the largest common frame is smaller


@dataclass(frozen=True)
class Kind:
    """A kind of file that libsndfile does not decode.

    `demuxer` is FFmpeg's name of the container; "" where FFmpeg cannot help. `remedy` says what to
    do in that case.
    """

    name: str
    demuxer: str = ""
    remedy: str = ""


ASF = bytes.fromhex("3026b2758e66cf11")
# Kinds that telephones and browsers record, and files that often stand in the place of a sound.
FIRST_BYTES = [
    (0, b"\x1a\x45\xdf\xa3", Kind("WebM or Matroska", "matroska")),
    (0, b"#!AMR", Kind("AMR", "amr")),
    (0, b"ADIF", Kind("AAC", "aac")),
    (0, ASF, Kind("WMA", "asf")),
    (0, b"wvpk", Kind("WavPack", "wv")),
    (0, b"MAC ", Kind("Monkey's Audio", "ape")),
    (0, b"TTA1", Kind("TTA", "tta")),
    (0, b"FLV\x01", Kind("Flash video", "flv")),
    (0, b".RMF", Kind("RealAudio", "rm")),
    (0, b"DSD ", Kind("DSD", "dsf")),
    (0, b"\x0b\x77", Kind("AC-3", "ac3")),
    (8, b"AVI ", Kind("AVI", "avi")),
    (0, b"\x02#!SILK", Kind("SILK", "", "Record anew in another program.")),
    (0, b"#!SILK", Kind("SILK", "", "Record anew in another program.")),
    (0, b"MThd", Kind("MIDI", "", "It holds notes, and no sound.")),
    (0, b"PK\x03\x04", Kind("a ZIP archive", "", "Unpack it first.")),
    (0, b"\x1f\x8b", Kind("a gzip archive", "", "Unpack it first.")),
    (0, b"Rar!", Kind("a RAR archive", "", "Unpack it first.")),
    (0, b"%PDF", Kind("a PDF document", "", "Look for the sound where this file came from.")),
    (
        0,
        b"version https://git-lfs",
        Kind("a Git LFS pointer", "", "Fetch the sound itself with git lfs pull."),
    ),
]
WEB_PAGE = Kind("a web page", "", "The download failed: fetch the sound itself.")
# WAV format tags that libsndfile decodes: PCM, ADPCM, float, A-law, mu-law, IMA, GSM, G.721, ...
WAV_TAGS = {1, 2, 3, 6, 7, 0x11, 0x14, 0x31, 0x40, 0x45, 0x55, 0x64, 0xFFFE}


def foreign_kind(file):
    """The `Kind` of an open binary file that libsndfile does not decode, else None."""
    file.seek(_after_id3(file))
    head = file.read(2**12)
    for place, mark, kind in FIRST_BYTES:
        if head[place : place + len(mark)] == mark:
            return kind
    if head[4:8] == b"ftyp":
        return Kind("3GP" if head[8:10] == b"3g" else "M4A or MP4", "mov")
    if len(head) > 6 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return Kind("AAC", "aac")
    if head[:4] == b"OggS" and b"Speex   " in head[:128]:
        return Kind("Ogg Speex", "ogg")
    if re.match(rb"\s*<(!doctype html|html)", head, re.IGNORECASE):
        return WEB_PAGE
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        return _foreign_wav(head)
    if (
        head[:4] == b"caff"
        and head[20:24] == b"desc"
        and head[36:40] in (b"aac ", b"ilbc", b"opus")
    ):
        return Kind("CAF with a compressed sound", "caf")
    return None


def _foreign_wav(head):
    found = head.find(b"fmt ", 12)
    order = ">" if head[:4] == b"RIFX" else "<"
    if found < 0 or len(head) < found + 10:
        return None
    (tag,) = struct.unpack(order + "H", head[found + 8 : found + 10])
    return None if tag in WAV_TAGS else Kind(f"WAV with the codec {tag:#06x}", "wav")


class Part(io.RawIOBase):
    """Bytes `start` to `stop` of an open file, as a file; `header` replaces its first bytes."""

    def __init__(self, file, start, stop, header=b""):
        self.file, self.start, self.size, self.header = file, start, stop - start, header
        self.place = 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self.place

    def seek(self, offset, whence=io.SEEK_SET):
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.place, io.SEEK_END: self.size}[whence]
        self.place = max(0, base + offset)
        return self.place

    def readinto(self, buffer):
        view = memoryview(buffer)
        count = max(0, min(len(view), self.size - self.place))
        if self.place < len(self.header):
            found = self.header[self.place : self.place + count]
        else:
            self.file.seek(self.start + self.place)
            found = self.file.read(count)
        view[: len(found)] = found
        self.place += len(found)
        return len(found)


def sounds_in(file):
    """The sounds of an open binary file, one after another: a list of `Part`, at least one.

    Most files hold one sound. A file may also hold several sounds one after another (a chained Ogg,
    files joined with `cat`), and a decoder reads only the first. If a recorder was interrupted, its
    WAV header counts too few bytes; this function corrects the header.
    """
    size = file.seek(0, io.SEEK_END)
    start = _after_id3(file)
    file.seek(start)
    head = file.read(12)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:] == b"WAVE":
        return _wav_parts(file, start, size)
    if head[:4] == b"OggS":
        starts = _ogg_starts(file, size)
    elif head[:4] == b"fLaC":
        starts = _flac_starts(file, start, size)
        return [_flac_part(file, *ends) for ends in zip(starts, [*starts[1:], size])]
    elif head[:4] in (b".snd", b"caff"):
        return [_with_length(file, size)]
    elif _mp3_frame(head[:4]):
        starts = [0, *_mp3_starts(file, start, size)[1:]]
    else:
        starts = [0]
    return [Part(file, *ends) for ends in zip(starts, [*starts[1:], size])]


def _after_id3(file):
    """Where an ID3 tag at the start of a file ends; 0 without one."""
    file.seek(0)
    head = file.read(10)
    if head[:3] != b"ID3" or len(head) < 10 or any(byte > 127 for byte in head[6:]):
        return 0
    return 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])


def _wav_parts(file, start, size):
    parts = []
    while start is not None:
        part, start = _wav_part(file, start, size)
        parts.append(part)
    return parts


def _wav_part(file, start, size):
    """(the Part of the WAV that begins at `start`, where the next one begins or None)."""
    file.seek(start)
    order = ">" if file.read(4) == b"RIFX" else "<"
    place, long_size = start + 12, None
    while True:
        file.seek(place)
        chunk = file.read(8)
        if len(chunk) < 8:
            return Part(file, start, size), None
        name, length = struct.unpack(order + "4sI", chunk)
        if name == b"data":
            break
        if name == b"ds64":
            (long_size,) = struct.unpack("<8xQ", file.read(16).ljust(16, b"\0"))
            long_place = place + 16
        place += 8 + length + length % 2
    begin = place + 8
    said = long_size if length == 0xFFFFFFFF and long_size is not None else length
    end = begin + said
    follows = next((p for p in (end, end + 1) if _chunk_at(file, p, size)), None)
    if said and end <= size and (follows is not None or size - end < 2**12):
        if follows is not None and _wav_at(file, follows):
            return Part(file, start, follows), follows
        return Part(file, start, size), None
    if not said and follows is not None:  # a WAV without samples, but with chunks after them
        return Part(file, start, size), (follows if _wav_at(file, follows) else None)
    file.seek(start)
    header = bytearray(file.read(begin - start))
    length = size - begin
    header[-4:] = struct.pack(order + "I", min(length, 0xFFFFFFFF))
    if long_size is not None:
        at = long_place - start
        header[at : at + 8] = struct.pack("<Q", length)
    return Part(file, start, size, bytes(header)), None


def _chunk_at(file, place, size):
    """Whether a chunk of a WAV, rather than sound, begins at `place`."""
    file.seek(place)
    head = file.read(8)
    if len(head) < 8 or not re.fullmatch(rb"[A-Za-z0-9_ ]{4}", head[:4]):
        return False
    length = struct.unpack("<I", head[4:])[0]
    return head[:4] in (b"RIFF", b"RIFX", b"RF64") or place + 8 + length <= size + 1


def _wav_at(file, place):
    file.seek(place)
    head = file.read(12)
    return head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:] == b"WAVE"


def _ogg_starts(file, size):
    """Where the links of a chained Ogg begin.

    An Ogg file consists of pages. A chained Ogg holds one sound after another, and each sound is a
    link. A link begins at a page that begins a stream. If several such pages follow each other, the
    link begins at the first of them.
    """
    starts, place, inside = [0], 0, False
    while place + 27 <= size:
        file.seek(place)
        page = file.read(27)
        if page[:4] != b"OggS":
            found = _find(file, re.compile(b"OggS"), place, size)
            if found is None:
                break
            place = found
            continue
        lacing = file.read(page[26])
        if not page[5] & 2:
            inside = True
        elif inside:
            starts.append(place)
            inside = False
        place += 27 + len(lacing) + sum(lacing)
    return starts


FLAC_START = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")


def _flac_starts(file, start, size):
    starts = [start]
    while (found := _find(file, FLAC_START, starts[-1] + 8, size)) is not None:
        starts.append(found)
    return starts


def _flac_part(file, start, stop):
    """The Part of a FLAC; if its header lacks the number of samples, the samples are counted.

    A recorder writes this number at the end of a recording. Without the number, libsndfile refuses
    the file. The position in the last complete frame gives the number of samples.
    """
    file.seek(start)
    header = bytearray(file.read(26))
    if len(header) < 26 or header[21] & 15 or any(header[22:26]):
        return Part(file, start, stop)
    (size,) = struct.unpack(">H", header[8:10])
    begin = max(start, stop - LAST_FRAMES)
    file.seek(begin)
    block = file.read(stop - begin)
    frames = []
    for found in re.finditer(rb"(?=\xff[\xf8\xf9])", block):
        frame = _flac_frame(block[found.start() : found.start() + 16], size)
        if frame is not None:
            frames.append((found.start(), *frame))
    if not frames:
        return Part(file, start, stop)
    at, first, length = frames[-1]
    if _crc(block[at:], 16, 0x8005):
        stop = begin + at
    else:
        first += length
    header[21] = header[21] & 0xF0 | first >> 32 & 15
    header[22:26] = struct.pack(">I", first & 0xFFFFFFFF)
    return Part(file, start, stop, bytes(header))


def _flac_frame(head, size):
    """(number of the first sample, count of samples) of a FLAC frame; None if `head` is no header.

    `size` is the number of samples in each frame of a stream whose frames are of one size. The
    format is that of RFC 9639, section 9.1.
    """
    if len(head) < 6 or head[3] & 1:
        return None
    blocks, rates = head[2] >> 4, head[2] & 15
    lead = head[4]
    more = 0 if lead < 0x80 else next((n for n in range(1, 7) if not lead << n & 0x40), 7)
    end = 5 + more
    extra = {6: 1, 7: 2}.get(blocks, 0)
    check = end + extra + {12: 1, 13: 2, 14: 2}.get(rates, 0)
    if (
        not blocks
        or rates == 15
        or len(head) <= check
        or _crc(head[:check], 8, 0x07) != head[check]
    ):
        return None
    number = lead if not more else lead & (0x3F >> more)
    for byte in head[5:end]:
        number = number << 6 | byte & 0x3F
    if extra:
        length = int.from_bytes(head[end : end + extra], "big") + 1
    else:
        length = 192 if blocks == 1 else 576 << blocks - 2 if blocks < 6 else 256 << blocks - 8
    return (number if head[1] & 1 else number * size), length


def _crc(data, bits, polynomial):
    """The cyclic redundancy check (CRC) of FLAC; it is 0 for data that end with their own CRC."""
    value, top, mask = 0, 1 << bits - 1, (1 << bits) - 1
    for byte in data:
        value ^= byte << bits - 8
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
    return value


def _with_length(file, size):
    """The Part of an AU or CAF file; a length that its header leaves open is filled in."""
    file.seek(0)
    head = bytearray(file.read(2**16))
    if head[:4] == b".snd" and not any(head[8:12]):
        head[8:12] = b"\xff" * 4
    elif head[:4] == b"caff":
        at = head.find(b"data", 8)
        length = struct.unpack(">q", head[at + 4 : at + 12])[0] if 0 < at <= len(head) - 12 else 1
        if length <= 0 or length > size - at - 12:  # left open, or longer than the file
            head[at + 4 : at + 12] = struct.pack(">q", size - at - 12)
    return Part(file, 0, size, bytes(head))


def _find(file, pattern, place, size):
    """Where a pattern of 8 bytes or fewer is next found from `place` on, or None."""
    while place < size:
        file.seek(place)
        block = file.read(BLOCK)
        if found := pattern.search(block):
            return place + found.start()
        if len(block) < BLOCK:
            return None
        place += len(block) - 8
    return None


# Tables of MP3 (Layer III): kilobits a second, for MPEG 1 (True) and for MPEG 2 and 2.5 (False),
# and samples a second by the number of the version.
MP3_BITS = {
    True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
MP3_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def _mp3_frame(head):
    """(bytes, samples a second, where a Xing header would stand) of a Layer III frame, or None."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, bits, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or not 1 <= bits <= 14 or rate == 3:
        return None
    first, mono = version == 3, head[3] >> 6 == 3
    hertz = MP3_RATES[version][rate]
    length = (144 if first else 72) * MP3_BITS[first][bits - 1] * 1000 // hertz
    side = (17 if mono else 32) if first else (9 if mono else 17)
    return length + (head[2] >> 1 & 1), hertz, 4 + side


def _mp3_starts(file, start, size):
    """Where each MP3 of several in a row begins.

    A new MP3 begins with a Xing or VBRI header, after a tag, where the sampling rate changes, or
    after the number of frames that the header of the first MP3 gives.
    """
    starts, place, before, tagged = [start], start, None, False
    frames, promised, over = 0, None, None

    def ends():
        if promised is not None and over is not None and frames > promised + 8:
            starts.append(over)

    while place + 4 <= size:
        file.seek(place)
        head = file.read(200)
        if head[:3] in (b"ID3", b"TAG") or head[:8] == b"APETAGEX":
            tagged = True
            if head[:3] == b"ID3" and len(head) > 10:
                sizes = [byte & 127 for byte in head[6:10]]
                place += 10 + (sizes[0] << 21 | sizes[1] << 14 | sizes[2] << 7 | sizes[3])
            else:
                place += 128 if head[:3] == b"TAG" else 32
            continue
        frame = _mp3_frame(head)
        if frame is None:
            file.seek(place + 1)
            found = re.search(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]|ID3", file.read(2**16))
            if found is None:
                break
            place += 1 + found.start()
            continue
        length, hertz, at = frame
        counts = head[at : at + 4] in (b"Xing", b"Info") or head[36:40] == b"VBRI"
        if frames and (counts or tagged or hertz != before):
            ends()
            starts.append(place)
            frames, promised, over = 0, None, None
        if counts and head[36:40] != b"VBRI" and head[at + 7] & 1:
            promised = int.from_bytes(head[at + 8 : at + 12], "big")
        if promised is not None and frames == promised + 1:
            over = place
        frames, before, tagged, place = frames + 1, hertz, False, place + length
    ends()
    return starts
