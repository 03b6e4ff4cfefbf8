import json
import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from asr_helpers.tables import FolderError, SoundIndex, as_sounds, read_rows


@pytest.fixture
def folder(tmp_path):
    for name in ("a.wav", "sub/b.wav", "sub/c d.wav", "one/same.wav", "two/same.wav", "._a.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, np.zeros(100), 8000)
    return tmp_path


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("a.wav", "a.wav"), ("./a.wav", "a.wav"), ("A.WAV", "a.wav"), ("a", "a.wav"),
        ("b.wav", "sub/b.wav"), ("sub\\b.wav", "sub/b.wav"), ("C:\\old\\sub\\c d.wav", "sub/c d.wav"),
        ("/media/ann/b.wav", "sub/b.wav"), (" b.wav ", "sub/b.wav"), ("two/same.wav", "two/same.wav"),
        ("file:///nowhere/one/same.wav", "one/same.wav"), ("same.wav", None), ("gone.wav", None),
        ("", None), ("a\0.wav", None), ("x" * 5000, None), ("sub", None),
    ],
)  # fmt: skip
def test_a_sound_is_found_as_tables_name_it(folder, written, found):
    path = SoundIndex(folder).find(written, folder)
    assert path == (folder / found if found else None)


def test_accents_are_found_however_they_are_stored(tmp_path):
    apart, whole = (unicodedata.normalize(form, "café.wav") for form in ("NFD", "NFC"))
    soundfile.write(tmp_path / apart, np.zeros(100), 8000)
    assert SoundIndex(tmp_path).find(whole, tmp_path) is not None


def rows(folder, text, name="list.csv", **given):
    data = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(data)
    found = read_rows(folder, **given)
    return [(row.path and row.path.name, row.text) for row in found.rows], found


@pytest.mark.parametrize(
    "text",
    [
        'path,text\na.wav,"hello, world"\nb.wav,"two\nlines"\n',
        'Path ; TEXT \na.wav;hello, world\nb.wav;"two\nlines"\n',
        "text\tpath\nhello, world\ta.wav\ntwo\tb.wav\n",
        "a.wav|hello, world\nb.wav|two\n",
        "a|HELLO, 1|hello, world\nb|x|two\n",
        "a.wav\thello, world\r\nb.wav\ttwo\r\n",
        '\ufeffpath,text\n\na.wav,"hello, world"\n\nb.wav,two\n',
    ],
)
def test_tables_of_many_forms_say_the_same(folder, text):
    found, _ = rows(folder, text)
    assert [path for path, _ in found] == ["a.wav", "b.wav"]
    assert [said.split()[0] for _, said in found] == ["hello,", "two"]


def test_a_quote_in_a_tsv_is_a_letter(folder):
    found, _ = rows(folder, 'path\ttext\na.wav\t"open\nb.wav\t"a ""b"" c"\n', "list.tsv")
    assert found == [("a.wav", '"open'), ("b.wav", 'a "b" c')]


def test_an_open_quote_in_a_csv_names_the_line(folder):
    with pytest.raises(FolderError, match=r"list.csv, line \d+: cannot be read .* quote"):
        rows(folder, 'path,text\na.wav,"open ' + "x" * 2**21)


@pytest.mark.parametrize(
    ("language", "encoding", "word"),
    [("fr-CA", "cp1252", "été’s"), ("ru-RU", "cp1251", "привет"), ("pl-PL", "cp1250", "żółć")],
)
def test_old_encodings_are_read_and_told(folder, language, encoding, word):
    found, whole = rows(folder, f"path,text\na.wav,{word}\n".encode(encoding), language=language)
    assert found == [("a.wav", word)]
    assert whole.notes[0][0].startswith(f"read as {encoding}") and whole.notes[0][1] == ["list.csv"]


def test_numbers_in_json_and_missing_values(folder):
    lines = [{"path": "a.wav", "text": 7}, {"path": "b.wav"}, {"path": None, "text": "x"}]
    found, _ = rows(folder, "\n".join(map(json.dumps, lines)), "m.jsonl")
    assert found == [("a.wav", "7"), ("b.wav", None), (None, "x")]


def test_where_a_row_stands_is_named(folder):
    _, found = rows(folder, 'path,text\n\na.wav,"two\nlines"\nb.wav,x\n')
    assert [row.where for row in found.rows] == ["list.csv, line 4", "list.csv, line 5"]


def test_a_split_column_and_a_speaker_column_are_read(folder):
    _, found = rows(folder, "path,text,speaker,split\na.wav,x,ann,train\nb.wav,y,bob,dev\n")
    assert [(row.speaker, row.split) for row in found.rows] == [
        ("ann", "train"),
        ("bob", "validation"),
    ]


def test_tables_that_are_not_read_are_told(folder):
    (folder / "other.csv").write_text("x,y\n1,2\n")
    _, found = rows(folder, "path,text\na.wav,x\n", "metadata.csv")
    assert found.notes[1:] == [
        ("tables that were not read", ["other.csv"], "Give load_folder the path of another table.")
    ]


def test_sounds_without_a_row_are_told(folder):
    _, found = rows(folder, "path,text\na.wav,x\nsub/b.wav,y\n")
    what, names, _ = found.notes[-1]
    assert what == "sounds that no row names"
    assert names == ["one/same.wav", "sub/c d.wav", "two/same.wav"]


def test_a_sound_without_a_text_beside_it_keeps_its_row(folder):
    (folder / "a.txt").write_text("hello\n world")
    (folder / "sub" / "b.lab").write_text("two")
    said = {row.where: row.text for row in read_rows(folder).rows}
    assert said["a.wav"] == "hello world" and said["sub/b.wav"] == "two"
    assert said["one/same.wav"] is None


def test_sounds_are_paths_that_are_not_decoded(folder):
    stored = as_sounds([folder / "a.wav", None])
    assert stored[0]["audio"] == {"bytes": None, "path": str(folder / "a.wav")}
    assert stored[1]["audio"] is None


def test_a_comma_at_each_lines_end_costs_no_row(folder):
    found, _ = rows(folder, "path,text\na.wav,one,\nb.wav,two,,\n")
    assert found == [("a.wav", "one"), ("b.wav", "two")]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32"])
def test_other_unicode_encodings_are_read(folder, encoding):
    found, _ = rows(folder, "path,text\na.wav,été\n".encode(encoding))
    assert found == [("a.wav", "été")]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("m.csv", "path,text\na.wav,one, two\n", "line has 2 columns.*line 2 has 3.*in quotes"),
        ("m.csv", "# mine\npath,text\na.wav,x\n", "first line has 1 columns.*column names"),
        ("m.csv", "path,text,text\na.wav,x,y\n", "several columns named 'text'"),
        ("m.json", '{"path": ["a.wav"], "text": ["x"]}', "is one object: write a list"),
        ("m.json", '{"data": [{"path": "a.wav", "text": "x"}]}', "is one object: write a list"),
        ("m.json", '[\n{"path": "a.wav", "text": "x"},\n{"path": ]', "line 3: is no JSON"),
        ("m.json", "[" * 100_000, "line 1: cannot be read as JSON"),
        (
            "m.jsonl",
            '{"path": "a.wav", "text": "x"}\n{"path": ' + "9" * 5000 + "}",
            "line 2: cannot",
        ),
    ],
)
def test_a_table_that_cannot_be_read_says_what_to_mend(folder, name, text, says):
    with pytest.raises(FolderError, match=f"{name}.*{says}"):
        rows(folder, text, name)


def test_json_keeps_its_line_separators_and_nan_is_no_text(folder):
    lines = [{"path": "a.wav", "text": "one\u2028two"}, {"path": "b.wav", "text": float("nan")}]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    found, _ = rows(folder, text, "m.jsonl")
    assert found == [("a.wav", "one\u2028two"), ("b.wav", None)]


def parquet(folder, audio, text=("one", "two")):
    table = pa.table({"audio": audio, "text": list(text)})
    pq.write_table(table, folder / "m.parquet")
    return read_rows(folder / "m.parquet")


def test_sounds_of_any_kind_inside_parquet_are_read(folder):
    encoded = (folder / "a.wav").read_bytes()
    arrays = [{"array": [0.1] * 800, "sampling_rate": 8000}] * 2
    for audio in ([encoded] * 2, [{"bytes": encoded, "path": "a.wav"}] * 2, arrays):
        found = parquet(folder, audio)
        assert [row.text for row in found.rows] == ["one", "two"]
        assert found.sounds[1]["audio"]["bytes"][:4] == b"RIFF"


def test_parquet_without_rows_or_with_samples_alone_is_told(folder):
    with pytest.raises(FolderError, match="m.parquet holds no rows"):
        parquet(folder, pa.array([], pa.string()), [])
    with pytest.raises(FolderError, match="column 'audio' holds list.* and no sound: store"):
        parquet(folder, [[0.1] * 800] * 2)


def test_rows_that_an_open_quote_swallows_are_told_and_left_out(folder):
    lines = ["file_name,text", 'a.wav,"hello', 'sub/b.wav,"you', 'sub/c d.wav,"three', "lines"]
    lines[4] = 'one/same.wav,"fine, thanks"'
    lines += ['two/same.wav,"two', 'lines"']
    (folder / "metadata.csv").write_text("\n".join(lines))
    found = read_rows(folder)
    (note,) = [note for note in found.notes if "other rows" in note[0]]
    assert "metadata.csv, line 3" in note[1] and "quote is open" in note[2]
    assert all("sub/b.wav" not in (row.text or "") for row in found.rows)


def test_a_cell_of_two_lines_stays(folder):
    (folder / "metadata.csv").write_text('file_name,text\na.wav,"two\nlines"\nsub/b.wav,yes\n')
    found = read_rows(folder)
    assert [row.text for row in found.rows] == ["two\nlines", "yes"]
    assert not [note for note in found.notes if "left out" in note[0]]


def test_cells_that_pandas_filled_are_no_text(folder):
    (folder / "metadata.csv").write_text("file_name,text\na.wav,nan\nsub/b.wav,nan bread\n")
    assert [row.text for row in read_rows(folder).rows] == [None, "nan bread"]
    (folder / "metadata.csv").unlink()
    table = pa.table({"path": ["a.wav", "sub/b.wav"], "text": [float("nan"), 5.0]})
    pq.write_table(table, folder / "train.parquet")
    assert [row.text for row in read_rows(folder).rows] == [None, "5.0"]


@pytest.mark.parametrize("kind", [pa.large_binary(), pa.binary_view(), pa.binary(244)])
def test_bytes_of_any_width_inside_parquet_are_sounds(folder, kind):
    encoded = (folder / "a.wav").read_bytes()
    assert len(encoded) == 244
    table = pa.table({"audio": pa.array([encoded], kind), "text": pa.array([b"hello"])})
    try:
        pq.write_table(table, folder / "train.parquet")
    except pa.ArrowNotImplementedError:
        pytest.skip("this pyarrow cannot write it")
    found = read_rows(folder)
    assert [row.text for row in found.rows] == ["hello"]
    assert found.sounds[0]["audio"]["bytes"] == encoded


def test_an_object_of_columns_says_what_to_write(folder):
    (folder / "metadata.json").write_text(json.dumps({"file_name": ["a.wav"], "text": ["hello"]}))
    with pytest.raises(FolderError, match="is one object") as raised:
        read_rows(folder)
    assert "cannot be read" not in str(raised.value)
