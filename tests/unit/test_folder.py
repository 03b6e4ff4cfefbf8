import csv
import io
import json

import datasets
import numpy as np
import pandas as pd
import pytest
import soundfile

from asr_helpers.audio import Audio
from asr_helpers.corpus import load_corpus
from asr_helpers.folder import COLUMNS, inspect_folder, is_clipped, load_folder
from asr_helpers.processor import build_vocabulary, prepare_dataset
from asr_helpers.tables import FolderError

RATE = 16_000
WORDS = "zero one two three four five six seven eight nine ten red green blue left right".split()
TEXTS = [f"{a} {b} {c}" for a in WORDS[:5] for b in WORDS[5:10] for c in WORDS[10:]][:60]


def voice(seconds=1.0, level=0.3, seed=0, rate=RATE):
    random = np.random.default_rng(seed)
    wave = random.standard_normal(round(seconds * rate))
    return (level * wave / max(1e-9, np.abs(wave).max())).astype(np.float32)


def sounds(folder, names, **kind):
    """Write a sound for each name."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".mp3", ".opus"):
            container = {".mp3": "MP3", ".opus": "OGG"}[path.suffix]
            codec = {".opus": "OPUS"}.get(path.suffix)
            soundfile.write(path, voice(seed=number), RATE, format=container, subtype=codec)
        else:
            soundfile.write(path, voice(seed=number, **kind), RATE)


def write(path, lines, separator=",", encoding="utf-8"):
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=separator).writerows(lines)
    path.write_bytes(buffer.getvalue().encode(encoding))


NAMES = [f"clip{k:02}.wav" for k in range(60)]


def metadata(folder):
    sounds(folder, NAMES)
    write(folder / "metadata.csv", [["file_name", "transcription"], *zip(NAMES, TEXTS)])


def tsv(folder):
    sounds(folder, [f"wavs/{name}" for name in NAMES])
    write(folder / "list.tsv", [["wav_path", "text"], *zip(NAMES, TEXTS)], "\t")


def json_lines(folder):
    sounds(folder, NAMES)
    rows = [{"audio_filepath": f"./{name}", "text": text} for name, text in zip(NAMES, TEXTS)]
    (folder / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))


def json_list(folder):
    sounds(folder, NAMES)
    rows = [{"audio": name, "sentence": text} for name, text in zip(NAMES, TEXTS)]
    (folder / "all.json").write_text(json.dumps(rows, indent=1))


def parquet_of_paths(folder):
    sounds(folder, NAMES)
    table = pd.DataFrame({"path": NAMES, "sentence": TEXTS, "client_id": ["ann"] * 60})
    table.to_parquet(folder / "table.parquet")


def parquet_of_sounds(folder):
    sounds(folder / "elsewhere", NAMES)
    encoded = [(folder / "elsewhere" / name).read_bytes() for name in NAMES]
    rows = {"speech": [{"bytes": b, "path": n} for b, n in zip(encoded, NAMES)], "text": TEXTS}
    features = datasets.Features(speech=Audio(), text=datasets.Value("string"))
    inside = folder / "data"
    inside.mkdir()
    datasets.Dataset.from_dict(rows, features).to_parquet(inside / "train-00000-of-00001.parquet")
    for name in NAMES:
        (folder / "elsewhere" / name).unlink()


def spreadsheet(separator, encoding):
    def lay(folder):
        sounds(folder, NAMES)
        lines = [
            ["File Name", "Sentence", "Remark"],
            *([n, t, "café"] for n, t in zip(NAMES, TEXTS)),
        ]
        write(folder / "Sheet 1.csv", lines, separator, encoding)

    return lay


def common_voice(folder):
    names = [name.replace("wav", "mp3") for name in NAMES]
    sounds(folder, [f"clips/{name}" for name in names])
    header = "client_id\tpath\tsentence\tup_votes"
    lines = [f"c{k % 12}\t{n}\t{t}\t2" for k, (n, t) in enumerate(zip(names, TEXTS))]
    lines[3] = lines[3].replace(TEXTS[3], f'"{TEXTS[3]}, he said')  # an open quote is a letter here
    (folder / "validated.tsv").write_text("\n".join([header, *lines]))
    (folder / "other.tsv").write_text(header)


def common_voice_splits(folder):
    common_voice(folder)
    header, *lines = (folder / "validated.tsv").read_text().splitlines()
    for name, part in (("train", lines[:40]), ("dev", lines[40:50]), ("test", lines[50:])):
        (folder / f"{name}.tsv").write_text("\n".join([header, *part]))


def ljspeech(folder):
    names = [f"LJ001-{k:04}" for k in range(60)]
    sounds(folder, [f"wavs/{name}.wav" for name in names])
    lines = [f'{n}|as "written {k}|{t}' for k, (n, t) in enumerate(zip(names, TEXTS))]
    (folder / "metadata.csv").write_text("\n".join(lines))
    (folder / "README").write_text("This is no table.")


def librispeech(folder):
    for k, text in enumerate(TEXTS):
        speaker = 10 + k % 12
        inside = folder / "train-clean-5" / str(speaker) / "7"
        sounds(inside, [f"{speaker}-7-{k:04}.flac"])
        with (inside / f"{speaker}-7.trans.txt").open("a") as file:
            file.write(f"{speaker}-7-{k:04} {text.upper()}\n")


def beside(folder):
    sounds(folder, [f"part {k % 2}/{name}" for k, name in enumerate(NAMES)])
    for k, (name, text) in enumerate(zip(NAMES, TEXTS)):
        (folder / f"part {k % 2}" / name).with_suffix(".txt").write_text(text + "\n")


def audiofolder_splits(folder):
    for split, part in (
        ("train", slice(0, 40)),
        ("validation", slice(40, 50)),
        ("test", slice(50, 60)),
    ):
        sounds(folder / split, NAMES[part])
        lines = [["file_name", "transcription"], *zip(NAMES[part], TEXTS[part])]
        write(folder / split / "metadata.csv", lines)


def no_header(folder):
    sounds(folder, NAMES)
    write(folder / "list.csv", zip(NAMES, TEXTS))


LAYOUTS = {
    "metadata.csv": metadata, "TSV, sounds in a folder": tsv, "JSON lines": json_lines,
    "JSON": json_list, "Parquet of paths": parquet_of_paths, "Parquet of sounds": parquet_of_sounds,
    "semicolons, BOM": spreadsheet(";", "utf-8-sig"), "cp1252": spreadsheet(";", "cp1252"),
    "UTF-16, tabs": spreadsheet("\t", "utf-16"), "commas, BOM": spreadsheet(",", "utf-8-sig"),
    "Common Voice": common_voice, "Common Voice's splits": common_voice_splits,
    "LJSpeech": ljspeech, "LibriSpeech": librispeech, "a text beside each": beside,
    "audiofolder's splits": audiofolder_splits, "no header": no_header,
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_loads(layout, tmp_path, processor):
    LAYOUTS[layout](tmp_path)
    report = inspect_folder(tmp_path)
    corpus = report.corpus
    assert list(corpus) == ["train", "validation", "test"], str(report)
    rows = datasets.concatenate_datasets(list(corpus.values()))
    assert all(split.column_names == COLUMNS for split in corpus.values())
    assert report.rows == 60 and len(report.seconds) == 60, str(report)
    said = sorted(
        text.lower().lstrip('"').removesuffix(", he said") for text in rows["transcription"]
    )
    left_out = 60 - len(rows)
    assert set(said) <= set(TEXTS) and left_out <= 6
    texts = [set(split["transcription"]) for split in corpus.values()]
    assert not (texts[0] & texts[1] or texts[0] & texts[2] or texts[1] & texts[2])
    assert all(len(split) for split in corpus.values())
    sound = corpus["test"][0]["audio"]
    assert sound["sampling_rate"] in (RATE, 48_000) and len(sound["array"]) > 0.9 * RATE
    if layout == "metadata.csv":
        prepared = prepare_dataset(corpus["test"], processor, "en-US")
        assert len(prepared) == len(corpus["test"])


@pytest.mark.parametrize("layout", ["Common Voice", "LibriSpeech"])
def test_where_speakers_are_known_no_voice_is_in_two_splits(layout, tmp_path):
    LAYOUTS[layout](tmp_path)
    report = inspect_folder(tmp_path)
    voices = [set(split["speaker"]) for split in report.corpus.values()]
    assert report.speakers == 12 and "" not in set.union(*voices)
    assert not (voices[0] & voices[1] or voices[0] & voices[2] or voices[1] & voices[2])


@pytest.mark.parametrize("layout", ["Common Voice's splits", "audiofolder's splits"])
def test_a_folder_s_own_splits_are_kept(layout, tmp_path):
    LAYOUTS[layout](tmp_path)
    corpus = inspect_folder(tmp_path).corpus
    assert [len(split) for split in corpus.values()] == [40, 10, 10]


def test_a_seed_gives_one_split_and_another_seed_another(tmp_path):
    metadata(tmp_path)
    first, again, other = (inspect_folder(tmp_path, seed=seed).corpus for seed in (1, 1, 2))
    assert first["test"]["path"][:] == again["test"]["path"][:] != other["test"]["path"][:]


def test_columns_of_other_names_are_named(tmp_path):
    sounds(tmp_path, NAMES)
    lines = [["a", "b", "c"], *([n, t, "x y"] for n, t in zip(NAMES, TEXTS))]
    write(tmp_path / "odd.csv", lines)
    with pytest.raises(FolderError, match=r"which of its columns \(a, b, c\) is the transcription"):
        inspect_folder(tmp_path)
    report = inspect_folder(tmp_path, columns={"audio": "a", "transcription": "b"})
    assert len(report.corpus["train"]) > 30
    with pytest.raises(FolderError, match="no column 'd'.*it has a, b, c"):
        inspect_folder(tmp_path, columns={"audio": "d"})
    with pytest.raises(FolderError, match="columns names text"):
        inspect_folder(tmp_path, columns={"text": "b"})


def test_paths_of_another_machine_are_found_by_their_names(tmp_path):
    sounds(tmp_path, [f"wavs/{name}" for name in NAMES])
    paths = [f"C:\\Users\\Ann\\My Recordings\\{name.upper()}" for name in NAMES]
    write(tmp_path / "metadata.csv", [["file", "text"], *zip(paths, TEXTS)])
    assert len(inspect_folder(tmp_path).seconds) == 60


def test_load_corpus_takes_a_folder_and_prints_the_report(tmp_path, capsys):
    metadata(tmp_path)
    corpus = load_corpus(str(tmp_path), "en-US", None, 42)
    assert "60 rows, 60 sounds read, 1.0 minutes" in capsys.readouterr().out
    assert corpus["train"]["path"][:] == load_folder(tmp_path)["train"]["path"][:]


def test_a_table_can_be_given_in_place_of_its_folder(tmp_path):
    metadata(tmp_path)
    assert inspect_folder(tmp_path / "metadata.csv").rows == 60


# What is broken: (what is done to a whole folder, what a line of the report says)
def with_rows(*rows):
    def change(folder):
        with (folder / "metadata.csv").open("a", newline="") as file:
            csv.writer(file).writerows(rows)

    return change


def damage(folder):
    (folder / NAMES[4]).write_bytes(b"This is no sound.")
    (folder / NAMES[5]).write_bytes(b"")


def replaced(**kind):
    return lambda folder: soundfile.write(folder / NAMES[7], voice(**kind), kind.get("rate", RATE))


def clip_it(folder):
    wave = np.clip(5 * voice(seed=7), -0.25, 0.25)
    soundfile.write(folder / NAMES[7], wave, RATE)


def texts_alike(folder):
    texts = [TEXTS[k // 6] if k < 12 else text for k, text in enumerate(TEXTS)]
    write(folder / "metadata.csv", [["file_name", "transcription"], *zip(NAMES, texts)])


def changed_text(new):
    def change(folder):
        texts = [*TEXTS[:7], new, *TEXTS[8:]]
        write(folder / "metadata.csv", [["file_name", "transcription"], *zip(NAMES, texts)])

    return change


BROKEN = {
    "missing": (with_rows(["gone.wav", "gone"]), "the sound is not there, left out: 1 (metadata.csv, line 62 (gone.wav))"),
    "damaged": (damage, "cannot be read, left out: 2 (metadata.csv, line 6 (clip04.wav): cannot be read as"),
    "twice": (with_rows([NAMES[0], "another text"]), "a sound that another row names, too, left out: 1 (metadata.csv, line 62"),
    "too long": (replaced(seconds=130), "longer than 120 s, left out: 1 (metadata.csv, line 9 (clip07.wav)"),
    "long": (replaced(seconds=40), "longer than 30 s: 1 (metadata.csv, line 9"),
    "too short": (replaced(seconds=0.05), "shorter than 0.1 s, left out: 1 (metadata.csv, line 9"),
    "short": (replaced(seconds=0.3), "shorter than 0.5 s: 1"),
    "clipped": (clip_it, "clipped (the loudest parts are cut flat): 1 (metadata.csv, line 9"),
    "silent": (replaced(level=0.001), "almost silent (no sample above -45 dB): 1 (metadata.csv, line 9"),
    "rates": (replaced(rate=44_100), "another sampling rate than 16000 Hz: 1 (metadata.csv, line 9"),
    "low rate": (replaced(rate=4000), "a sampling rate below 8000 Hz: 1"),
    "no text": (changed_text(" "), "no transcript, left out: 1 (metadata.csv, line 9"),
    "tags": (changed_text("[noise] hello"), "tags in the transcript, left out: 1 (metadata.csv, line 9"),
    "digits": (changed_text("room 25"), "digits in the transcript: 1 (metadata.csv, line 9 (clip07.wav): 'room 25' is read 'ROOM TWENTY"),
    "script": (changed_text("привет"), "left out: 1 (metadata.csv, line 9"),
    "alike": (texts_alike, "transcripts of 5 clips or more: 2 (metadata.csv, line 2"),
    "tight": (changed_text(" ".join(TEXTS[:4])), "longer than the sound has room for: 1 (metadata.csv, line 9"),
    "uneven": (with_rows([NAMES[0], "hello", " world"]), "lines of another number of columns, left out: 1 (metadata.csv, line 62)"),
    "no speakers": (lambda folder: None, "rows without a speaker: 60"),
    "too little": (lambda folder: None, "too little to validate on"),
    "unseen words": (with_rows(), "words of the test split that training does not have"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_each_fault_of_a_folder_has_its_line_and_its_remedy(kind, tmp_path):
    metadata(tmp_path)
    if kind == "unseen words":
        texts = [
            f"{text} word{chr(97 + k % 26)}{chr(97 + k // 26)}" for k, text in enumerate(TEXTS)
        ]
        write(tmp_path / "metadata.csv", [["file_name", "transcription"], *zip(NAMES, texts)])
    before = str(inspect_folder(tmp_path))
    change, says = BROKEN[kind]
    change(tmp_path)
    report = inspect_folder(tmp_path)
    assert says in str(report)
    if kind not in ("no speakers", "too little", "unseen words"):
        assert says.partition(":")[0] not in before or kind == "script"
    assert all(line.remedy and line.count for line in report.lines)
    kept = sum(len(split) for split in report.corpus.values())
    left_out = sum(line.count for line in report.lines if line.what.endswith("left out"))
    assert kept == report.rows - left_out + (kind == "uneven")


REFUSED = {
    "nothing": (lambda folder: None, "holds no sounds"),
    "no transcripts": (lambda folder: sounds(folder, NAMES[:3]), "3 sounds and no transcripts: write a metadata.csv"),
    "a spreadsheet": (lambda folder: (folder / "list.xlsx").write_bytes(b"PK"), "list.xlsx: save the spreadsheet as CSV"),
    "an archive": (lambda folder: (folder / "all.zip").write_bytes(b"PK"), "all.zip: unpack"),
    "empty table": (lambda folder: (sounds(folder, NAMES[:2]), (folder / "metadata.csv").write_text("")), "metadata.csv is empty"),
    "header alone": (lambda folder: (folder / "metadata.csv").write_text("file_name,text\n"), "metadata.csv holds no rows"),
    "damaged Parquet": (lambda folder: (folder / "table.parquet").write_bytes(b"PAR1 cut"), "table.parquet cannot be read as Parquet"),
    "broken JSON": (lambda folder: (folder / "m.jsonl").write_text('{"path": "a.wav", "text": "a"}\n{"pa'), "m.jsonl, line 2: is no JSON"),
    "JSON of numbers": (lambda folder: (folder / "m.jsonl").write_text("1\n2\n"), "m.jsonl, line 1: is no object"),
    "no text column": (lambda folder: (sounds(folder, NAMES[:1]), (folder / "metadata.csv").write_text("file_name,x,y\nclip00.wav,1,2\n")), r"which of its columns \(file_name, x, y\) is the transcription"),
    "two tables": (lambda folder: (tsv(folder), no_header(folder)), "holds several tables"),
    "two rows": (lambda folder: (sounds(folder, NAMES[:2]), write(folder / "m.csv", [["path", "text"], [NAMES[0], "a"], [NAMES[1], "b"]])), "fewer than three of its 2 rows can be used"),
    "all sounds missing": (lambda folder: write(folder / "m.csv", [["path", "text"], *zip(NAMES, TEXTS)]), "fewer than three of its 60 rows"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_a_folder_that_cannot_be_loaded_says_why(kind, tmp_path):
    lay, says = REFUSED[kind]
    lay(tmp_path)
    with pytest.raises(FolderError, match=says) as error:
        load_folder(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_a_path_that_is_no_folder_says_so(tmp_path):
    with pytest.raises(FolderError, match="There is no folder"):
        load_corpus(str(tmp_path / "nowhere"))
    with pytest.raises(FolderError, match="There is no folder"):
        load_corpus("./nowhere")
    sounds(tmp_path, NAMES[:1])
    with pytest.raises(FolderError, match="is one sound"):
        load_folder(tmp_path / NAMES[0])
    with pytest.raises(ValueError, match="No normalisation for language 'xx'"):
        load_folder(tmp_path, "xx")


@pytest.mark.parametrize(("language", "left_out"), [("es-MX", 0), ("es-x-plain", 1)])
def test_a_letter_of_the_alphabet_needs_no_training_row(language, left_out, tmp_path):
    """`build_vocabulary` gives it a token, where the language has an alphabet."""
    texts = ["el niño come", *[f"{t} aquí" for t in TEXTS[1:]]]
    sounds(tmp_path, NAMES)
    splits = ["test", *["train"] * (len(NAMES) - 2), "validation"]
    rows = zip(NAMES, texts, splits)
    write(tmp_path / "metadata.csv", [["file_name", "transcription", "split"], *rows])
    lines = inspect_folder(tmp_path, language).lines
    found = [line.count for line in lines if line.what.startswith("letters without a token")]
    assert sum(found) == left_out


def test_letters_that_only_the_test_split_has_get_no_token(tmp_path):
    texts = ["el niño come", *[f"{t} aquí" for t in TEXTS[1:]]]
    sounds(tmp_path, NAMES)
    write(tmp_path / "metadata.csv", [["file_name", "transcription"], *zip(NAMES, texts)])
    report = inspect_folder(tmp_path, "es-MX")
    train = report.corpus["train"]["transcription"]
    vocabulary = build_vocabulary(train, "es-MX")
    for split in report.corpus.values():
        assert set(build_vocabulary(split["transcription"], "es-MX")) <= set(vocabulary)


def test_speech_is_not_clipped_and_what_is_cut_is():
    wave = voice(seed=3).astype(np.float64)
    assert not is_clipped(wave) and not is_clipped(np.zeros(100)) and not is_clipped(np.zeros(0))
    slow = 0.8 * np.sin(np.arange(16_000) / 20)
    assert not is_clipped(slow)
    for limit in (0.3, 0.7):
        assert is_clipped(np.clip(slow, -limit, limit))
    assert is_clipped(np.clip(2 * slow, -1, 1))
