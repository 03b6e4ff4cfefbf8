"""Rows of sound and text from a folder of recordings, in any common layout."""

import csv
import json
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from asr_helpers.audio import Audio

SOUNDS = set(
    ".wav .flac .ogg .oga .opus .mp3 .m4a .mp4 .aac .webm .mka .mkv .amr .wma .3gp .aif .aiff "
    ".aifc .au .snd .caf .w64 .rf64 .mov .wv .ape".split()
)
TABLES = set(".csv .tsv .psv .jsonl .ndjson .json .parquet .txt".split())
SHEETS = {".xlsx", ".xls", ".ods", ".numbers"}
SPLITS = {
    "train": "train", "training": "train", "dev": "validation", "valid": "validation",
    "val": "validation", "validation": "validation", "eval": "validation", "test": "test",
    "testing": "test",
}  # fmt: skip
# Names of columns, as they are in common corpora; the first that a table has is taken.
NAMES = {
    "audio": "audio file_name filename file path audio_path audio_filepath audio_file audio_filename "
    "wav wav_path wav_file wav_filename sound sound_file recording clip clip_path mp3 flac id",
    "transcription": "transcription transcript sentence normalized_text normalized_transcription "
    "raw_transcription text utterance words content transcripcion trascrizione label",
    "speaker": "speaker speaker_id client_id spk speaker_name spk_id user user_id voice reader",
    "split": "split subset partition set",
}
# The eight-bit encodings that spreadsheets use where text is not UTF-8.
OLD_ENCODINGS = {"ru": "cp1251", "pl": "cp1250"}


class FolderError(ValueError):
    """A folder or table that cannot be read; the message names it and what to do."""


@dataclass(frozen=True)
class Row:
    """A recording and its transcript, as a table gives them."""

    where: str  # such as "metadata.csv, line 17"
    written: str  # the sound, as the table names it
    path: Path | None  # where the sound is; None if it is not there, or inside the table
    text: str | None
    speaker: str = ""
    split: str = ""


@dataclass
class Rows:
    """All rows of a folder, their sounds, and notes about the layout.

    `sounds` is a Dataset with one column, audio, that is not decoded: {"path", "bytes"}.
    `notes` are (what, names of rows or files, remedy).
    """

    layout: str
    rows: list[Row]
    sounds: datasets.Dataset | None = None
    notes: list[tuple[str, list[str], str]] = field(default_factory=list)


class SoundIndex:
    """The sounds below a folder, found by path, by name, or by name without ending."""

    def __init__(self, root: Path):
        self.root, self.files, self.others = root, [], []
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(n for n in folders if not n.startswith((".", "__MACOSX")))
            for name in sorted(names):
                if not name.startswith("."):  # macOS leaves ._a.wav beside a.wav
                    path = Path(folder) / name
                    sound = path.suffix.lower() in SOUNDS
                    (self.files if sound else self.others).append(path)
        self.by_key = {}
        for path in self.files:
            inside = path.relative_to(root).as_posix()
            for key in {inside, inside.rpartition(".")[0], path.name, path.stem}:
                self.by_key.setdefault(_key(key), []).append(path)

    def find(self, written: str, base: Path) -> Path | None:
        """The sound that a table in the folder `base` calls `written`; None if there is none."""
        written = written.strip().removeprefix("file://").replace("\\", "/")
        if not written or "\0" in written:
            return None
        for start in (base, self.root):
            try:
                path = Path(os.path.normpath(start / written))  # an absolute path stays as it is
                if path.is_file():
                    return path
            except (OSError, ValueError):
                return None
        inside = written.lstrip("./")
        parts = inside.split("/")
        keys = ["/".join(parts[start:]) for start in range(len(parts))]
        for key in keys:
            found = self.by_key.get(_key(key), [])
            if len(found) == 1:
                return found[0]
        return None


def _key(name):
    """A name in a form that is the same on macOS, Windows and Linux."""
    return unicodedata.normalize("NFC", name).casefold()


def read_rows(
    path: str | Path, language: str = "en-US", columns: Mapping[str, str] | None = None
) -> Rows:
    """The rows of a folder, or of one table with its sounds beside it.

    Layouts: a table with a header (CSV, TSV, JSON lines, JSON, Parquet; Common Voice, and the
    metadata of `audiofolder`, are such), a table without one (LJSpeech), LibriSpeech's
    `.trans.txt`, and a `.txt` beside each sound.

    Args:
        path: the folder, or the table.
        language: tells which encoding an old spreadsheet used.
        columns: the table's names for audio, transcription, speaker and split, where they differ
            from those that are guessed, such as {"audio": "clip", "transcription": "said"}.

    Raises:
        FolderError: there is no such folder or no table in it, or a table cannot be read, or its
            columns cannot be told apart.
    """
    path = Path(path).expanduser()
    unknown = set(columns or {}) - set(NAMES)
    if unknown:
        raise FolderError(
            f"The argument columns names {', '.join(sorted(unknown))}. It may only name "
            f"{_list(NAMES)}."
        )
    if path.is_file():
        if path.suffix.lower() in SOUNDS:
            raise FolderError(f"{path} is one sound: give the folder that it lies in.")
        _refuse_wrapped(path)
        index = SoundIndex(path.parent)
        return _of_tables(index, [path], language, columns)
    if not path.is_dir():
        raise FolderError(f"There is no folder {path}: check the path, and the folder you are in.")
    index = SoundIndex(path)
    librispeech = [other for other in index.others if other.name.endswith(".trans.txt")]
    if librispeech:
        return _librispeech(index, librispeech)
    tables, ignored = _tables_of(index)
    if tables:
        rows = _of_tables(index, tables, language, columns)
        if ignored:
            names = [other.relative_to(path).as_posix() for other in ignored]
            rows.notes.append(
                ("tables that were not read", names, "Give load_folder the path of another table.")
            )
        return rows
    beside = _beside(index)
    if beside:
        return beside
    for other in index.others:
        _refuse_wrapped(other)
    if not index.files:
        raise FolderError(f"{path} holds no sounds: put WAV, FLAC, Ogg, Opus or MP3 files into it.")
    raise FolderError(
        f"{path} holds {len(index.files)} sounds and no transcripts: write a metadata.csv with the "
        f"columns file_name,transcription, or {index.files[0].stem}.txt beside "
        f"{index.files[0].name}, and so forth."
    )


def _refuse_wrapped(path):
    if path.suffix.lower() in SHEETS:
        raise FolderError(f"{path}: save the spreadsheet as CSV (UTF-8), and read that.")
    if path.suffix.lower() in {".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".bz2"}:
        raise FolderError(f"{path}: unpack the archive first, and read the folder.")


def _list(names):
    return ", ".join(str(name) for name in names)


def _tables_of(index):
    """(the tables to read, the tables to leave) of a folder, by their names."""
    root = index.root
    texts = {path.with_suffix("") for path in index.files}
    tables = [
        other
        for other in index.others
        if other.suffix.lower() in TABLES
        and other.with_suffix("") not in texts
        and not re.match(r"(readme|license|licence|copying|requirements|about)", other.name.lower())
    ]
    metadata = [table for table in tables if table.stem.lower() == "metadata"]
    named = [table for table in tables if _split_of(table.stem)]
    if metadata:
        top = [table for table in metadata if table.parent == root]
        chosen = top[:1] or [t for t in metadata if _split_of(t.parent.name)] or metadata[:1]
    elif any(_split_of(table.stem) == "train" for table in named):
        kinds = Counter(table.suffix for table in named)
        chosen = [table for table in named if table.suffix == kinds.most_common(1)[0][0]]
    else:
        validated = [table for table in tables if table.stem.lower() == "validated"]
        chosen = validated[:1] or [t for t in tables if t.suffix.lower() != ".txt"] or tables
        if len(chosen) > 1:
            matching = [table for table in chosen if _names_sounds(table, index)]
            if len(matching) != 1:
                names = _list(table.relative_to(root).as_posix() for table in chosen)
                raise FolderError(
                    f"{root} holds several tables ({names}): give load_folder the path of one."
                )
            chosen = matching
    return chosen, [table for table in tables if table not in chosen]


def _split_of(name):
    return SPLITS.get(re.split(r"[-_.]", name.lower())[0], "")


def _names_sounds(table, index):
    try:
        records, names, _ = _records(table, "en", None)
        record = records[0][1]
        return any(index.find(str(record[name]), table.parent) for name in names)
    except (FolderError, IndexError):
        return False


def _of_tables(index, tables, language, columns):
    """The rows of tables that name sounds of the folder."""
    if any(table.suffix.lower() == ".parquet" for table in tables):
        return _of_parquet(index, tables, columns)
    found = Rows(f"a table, {_list(t.relative_to(index.root).as_posix() for t in tables)}", [])
    for table in tables:
        records, names, notes = _records(table, language, index)
        found.notes += notes
        if not records:
            raise FolderError(f"{table} holds no rows: write one line for each recording.")
        chosen = _columns(table, records, names, columns, index)
        for number, record in records:
            written = str(record[chosen["audio"]] or "").strip()
            text = record[chosen["transcription"]]
            found.rows.append(
                Row(
                    f"{table.name}, line {number}",
                    written,
                    index.find(written, table.parent),
                    _said(text),
                    str(record.get(chosen.get("speaker")) or ""),
                    _row_split(record, chosen, table),
                )
            )
    found.rows = [_with_voice(row) for row in found.rows]
    _tell_unnamed(index, found)
    return found


def _tell_unnamed(index, found):
    """A note about sounds of the folder that no row names."""
    named = {row.path for row in found.rows}
    names = [p.relative_to(index.root).as_posix() for p in index.files if p not in named]
    if names:
        found.notes.append(("sounds that no row names", names, "Add rows, or leave them."))


def _said(value):
    """A transcript as text; None where there is none, as in a cell that pandas fills with nan."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    return None if value is None or str(value) in ("nan", "NaN") else str(value)


def _row_split(record, chosen, table):
    if chosen.get("split"):
        return _split_of(str(record[chosen["split"]] or "")) or "other"
    return _split_of(table.stem) or _split_of(table.parent.name)


def _with_voice(row):
    """The row with its speaker as the folder names it: p225/p225_001.wav, 84/121123/84-121123-0."""
    if row.speaker or row.path is None:
        return row
    for folder in row.path.parts[-3:-1]:
        if re.match(rf"{re.escape(folder)}[-_]", row.path.name):
            return replace(row, speaker=folder)
    return row


def _of_parquet(index, tables, columns):
    """The rows of Parquet files, whose sounds are inside, or named."""
    parts = []
    for table in tables:
        try:
            if not pq.ParquetFile(table).metadata.num_rows:
                raise FolderError(f"{table} holds no rows: write one row for each recording.")
            part = datasets.Dataset.from_parquet(str(table))
        except FolderError:
            raise
        except Exception as error:  # `datasets` wraps whatever pyarrow says
            cause = error.__cause__ or error
            raise FolderError(
                f"{table} cannot be read as Parquet ({str(cause).splitlines()[0]:.120}): it may be "
                "cut off. Fetch or write it again."
            ) from error
        parts.append((table, part))
    found = Rows(f"Parquet, {_list(t.relative_to(index.root).as_posix() for t in tables)}", [])
    sounds = []
    for table, part in parts:
        stored = [n for n, kind in part.features.items() if isinstance(kind, datasets.Audio)]
        stored += [
            field.name for field in part.data.schema
            if _holds_bytes(field.type) and _plain(field.name) not in NAMES["transcription"].split()
            or pa.types.is_struct(field.type)
            and max(map(field.type.get_field_index, ("bytes", "array"))) >= 0
            and field.name not in stored
        ]  # fmt: skip
        plain = part.select_columns([n for n in part.column_names if n not in stored])
        records = [(number + 1, record) for number, record in enumerate(plain)]
        names = [*stored, *plain.column_names]
        given = dict(columns or {})
        if stored and "audio" not in given:
            given["audio"] = stored[0]
        chosen = _columns(table, records, names, given, index)
        inside = chosen["audio"] in stored
        if inside:
            audio = part.select_columns([chosen["audio"]])
            if chosen["audio"] != "audio":
                audio = audio.rename_column(chosen["audio"], "audio")
            audio = audio.cast_column("audio", Audio(decode=False))
            paths = [(one or {}).get("path") for one in _paths(audio)]
        else:
            if pa.types.is_nested(kind := part.data.schema.field(chosen["audio"]).type):
                raise FolderError(
                    f"{table}: its column {chosen['audio']!r} holds {kind} and no sound: store "
                    'paths, encoded bytes, or {"array", "sampling_rate"}.'
                )
            paths = [str(record[chosen["audio"]] or "") for _, record in records]
        resolved = []
        for (number, record), written in zip(records, paths):
            path = None if inside else index.find(written, table.parent)
            text = record[chosen["transcription"]]
            resolved.append(path)
            found.rows.append(
                Row(
                    f"{table.name}, row {number}", written or "", path, _said(text),
                    str(record.get(chosen.get("speaker")) or ""), _row_split(record, chosen, table),
                )
            )  # fmt: skip
        sounds.append(audio if inside else as_sounds(resolved))
    found.sounds = datasets.concatenate_datasets(sounds)
    return found


def _holds_bytes(kind):
    return (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _paths(audio):
    for block in audio.data.column("audio").chunks:
        for path in block.field("path").to_pylist():
            yield {"path": path}


def as_sounds(paths: list[Path | None]) -> datasets.Dataset:
    """A Dataset with the column audio, not decoded, of sounds at these paths."""
    stored = pa.array([None if path is None else {"bytes": None, "path": str(path)} for path in paths],
                      type=Audio.pa_type)  # fmt: skip
    rows = datasets.Dataset(pa.table({"audio": stored}))
    return rows.cast_column("audio", Audio(decode=False))


def _librispeech(index, files):
    found = Rows("LibriSpeech (.trans.txt)", [])
    for file in files:
        text, notes = _decoded(file, "en")
        found.notes += notes
        folders = file.relative_to(index.root).parts[:-1]
        split = next((_split_of(one) for one in folders if _split_of(one)), "")
        for number, line in enumerate(text.split("\n"), start=1):
            name, _, said = line.strip().partition(" ")
            if name:
                where = f"{file.relative_to(index.root).as_posix()}, line {number}"
                path = index.find(name, file.parent)
                row = Row(where, name, path, said, name.split("-")[0], split)
                found.rows.append(row)
    _tell_unnamed(index, found)
    return found


def _beside(index):
    """Rows of sounds that have a text file of the same name beside them; None if no sound has."""
    texts = {
        other.with_suffix(""): other
        for other in index.others
        if other.suffix.lower() in (".txt", ".lab")
    }
    if not any(path.with_suffix("") in texts for path in index.files):
        return None
    found = Rows("a text file beside each sound", [])
    for path in index.files:
        file = texts.get(path.with_suffix(""))
        text = None
        if file is not None:
            text, notes = _decoded(file, "en")
            found.notes += notes
        inside = path.relative_to(index.root)
        split = next((_split_of(one) for one in inside.parts[:-1] if _split_of(one)), "")
        name = inside.as_posix()
        row = Row(name, name, path, text and " ".join(text.split()), "", split)
        found.rows.append(_with_voice(row))
    return found


def _decoded(file, language):
    """(the text of a file, in any encoding; notes)."""
    data = file.read_bytes()
    if data[:4] in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        return data.decode("utf-32", errors="replace"), []
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace"), []
    if b"\0" in data[:4]:  # UTF-16 without its mark
        return data.decode(f"utf-16-{'be' if data[0] == 0 else 'le'}", errors="replace"), []
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        old = OLD_ENCODINGS.get(language[:2].lower(), "cp1252")
        text = data.decode(old, errors="replace")
        why = "Save it as UTF-8, and look at its accents in the report."
        return text, [(f"read as {old}, since it is not UTF-8", [file.name], why)]


def _records(table, language, index):
    """(rows as (line, {column: value}), columns, notes) of a text table."""
    text, notes = _decoded(table, language)
    if table.suffix.lower() in (".jsonl", ".ndjson", ".json"):
        return _json_records(table, text, notes)
    separator = _separator(text)
    # In tables with tabs or bars (Common Voice, LJSpeech) a quotation mark is an ordinary character.
    quoting = csv.QUOTE_NONE if separator in "\t|" else csv.QUOTE_MINIMAL
    csv.field_size_limit(2**20)
    lines = []
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, quoting=quoting)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append((reader.line_num, [_unquoted(c, quoting) for c in cells]))
    except csv.Error as error:
        raise FolderError(
            f"{table}, line {reader.line_num}: cannot be read ({error}). Look for a quote "
            "that is not closed."
        ) from error
    if not lines:
        raise FolderError(f"{table} is empty: write one line for each recording.")
    header = [cell.strip() for cell in lines[0][1]]
    known = set(" ".join(NAMES.values()).split())
    first_is_sound = index is not None and index.find(header[0], table.parent) is not None
    if first_is_sound and not known & {_plain(cell) for cell in header[1:]}:
        width = max(Counter(len(cells) for _, cells in lines), key=Counter(
            len(cells) for _, cells in lines).get)  # fmt: skip
        header = ["audio", "transcription", "normalized_text"][: max(2, width)]
        header += [f"column {k}" for k in range(len(header), width)]
        if width == 3:  # LJSpeech: as written, and as spoken
            header[1:3] = ["as written", "transcription"]
        body = lines
    else:
        body = lines[1:]
    # Where a quote is left open, rows up to the next quote are one cell.
    held = [
        number
        for number, cells in body
        if any(separator in line for cell in cells for line in cell.splitlines()[1:])
    ]
    if held:
        names = [f"{table.name}, line {number}" for number in held]
        why = "A quote is open above: close it, or delete it."
        notes.append(("cells that hold other rows, left out", names, why))
    body = [pair for pair in body if pair[0] not in held]
    body = [(number, _without_tail(cells, len(header))) for number, cells in body]
    uneven = [number for number, cells in body if len(cells) != len(header)]
    if uneven and len(uneven) == len(body):
        raise FolderError(
            f"{table}: its first line has {len(header)} columns, and no other line has as many "
            f"(line {uneven[0]} has {len(body[0][1])}): begin with one line of column names, and "
            f"put text that holds {separator!r} in quotes."
        )
    if uneven:
        names = [f"{table.name}, line {number}" for number in uneven]
        why = f"The header has {len(header)} columns: put text that holds {separator!r} in quotes."
        notes.append(("lines of another number of columns, left out", names, why))
    return (
        [(n, dict(zip(header, cells))) for n, cells in body if len(cells) == len(header)],
        header,
        notes,
    )


def _separator(text):
    """The separator of the columns: the sign that most of the first lines have equally often."""
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    best, score = ",", 0
    for sign in "\t|;,":
        counts = Counter(line.count(sign) for line in lines)
        often = max((n for n in counts if n), key=lambda n: counts[n], default=0)
        alike = counts[often] / len(lines) if often else 0
        if alike > score + 0.2 or (lines and sign in lines[0] and not score):
            best, score = sign, alike
    return best


def _without_tail(cells, width):
    """The cells of a line, without the empty cells that a comma at the end of the line makes."""
    while len(cells) > width and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def _unquoted(cell, quoting):
    if quoting == csv.QUOTE_NONE and re.fullmatch(r'"(?:[^"]|"")*"', cell) and len(cell) > 1:
        return cell[1:-1].replace('""', '"')
    return cell


def _json_records(table, text, notes):
    records, number = [], 1
    try:
        if table.suffix.lower() == ".json" and text.lstrip()[:1] in ("[", "{"):
            whole = _whole_json(text)
            if isinstance(whole, dict) and any(isinstance(v, list | dict) for v in whole.values()):
                raise FolderError(
                    f"{table} is one object: write a list of objects, one for each recording, such "
                    'as [{"audio": "a.wav", "text": "hello"}], or one object a line.'
                )
            if whole is not None:
                records = list(enumerate(whole if isinstance(whole, list) else [whole], start=1))
        if not records:
            # A line ends at a line feed alone: JSON allows other line separators within a text.
            for number, line in enumerate(text.split("\n"), start=1):
                if line.strip():
                    records.append((number, json.loads(line)))
    except json.JSONDecodeError as error:
        raise FolderError(
            f"{table}, line {number + error.lineno - 1}: is no JSON ({error.msg}). Mend the line."
        ) from error
    except FolderError:
        raise
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, deep brackets
        raise FolderError(
            f"{table}, line {number}: cannot be read as JSON ({error}). Mend the line."
        ) from error
    odd = [number for number, record in records if not isinstance(record, dict)]
    if odd:
        raise FolderError(f"{table}, line {odd[0]}: is no object such as {{...}}. Mend the line.")
    names = list(dict.fromkeys(name for _, record in records for name in record))
    return [(n, {name: _filled(r.get(name)) for name in names}) for n, r in records], names, notes


def _whole_json(text):
    """What a file holds as one JSON value; None if it holds several, one a line."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return None
        raise


def _filled(value):
    """The value, or None for NaN, which pandas writes where a cell is empty."""
    return None if isinstance(value, float) and value != value else value


def _plain(name):
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _columns(table, records, names, given, index):
    """{"audio": a column's name, "transcription": ..., and speaker and split if there are any}."""
    chosen = dict(given or {})
    twice = [name for name, times in Counter(names).items() if times > 1 and name]
    if twice:
        raise FolderError(
            f"{table} has several columns named {twice[0]!r}: give each a name of its own."
        )
    for purpose, name in chosen.items():
        if name not in names:
            raise FolderError(f"{table} has no column {name!r} ({purpose}): it has {_list(names)}.")
    plain = {}
    for name in names:
        plain.setdefault(_plain(name), name)
    for purpose, known in NAMES.items():
        if purpose not in chosen:
            free = [n for n in known.split() if n in plain and plain[n] not in chosen.values()]
            if free:
                chosen[purpose] = plain[free[0]]
    some = [record for _, record in records[:50]]

    def names_sounds(name):
        return any(index.find(str(record[name] or ""), table.parent) for record in some)

    if "audio" not in (given or {}) and not (
        chosen.get("audio") and (names_sounds(chosen["audio"]))
    ):
        taken = set((given or {}).values())
        matching = [name for name in names if name not in taken and names_sounds(name)]
        if len(matching) == 1:
            if chosen.get("transcription") == matching[0]:
                chosen.pop("transcription")
            chosen["audio"] = matching[0]
    if "transcription" not in chosen:
        rest = [name for name in names if name not in chosen.values()]
        wordy = [
            name
            for name in rest
            if some
            and sum(" " in str(record[name] or "").strip() for record in some) > len(some) / 2
        ]
        candidates = wordy if len(wordy) == 1 else rest
        if len(candidates) == 1:
            chosen["transcription"] = candidates[0]
    missing = [purpose for purpose in ("audio", "transcription") if purpose not in chosen]
    if missing:
        raise FolderError(
            f"{table}: which of its columns ({_list(names)}) is the {' and the '.join(missing)}? "
            f'Name it: columns={{"{missing[0]}": "..."}}.'
        )
    return chosen
