"""docs/own_data.md: its commands and cells run, on a folder of 24 Italian prompts."""

import csv
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr_helpers import recorder, train
from asr_helpers.corpus import PART, load_corpus
from asr_helpers.folder import inspect_folder
from asr_helpers.model import load_model
from asr_helpers.takes import Prompt, load_prompts

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "own_data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
CELLS = [text for kind, text in BLOCKS if kind == "python"]
LISTS = [text for kind, text in BLOCKS if not kind]
SAID = re.compile(r"\*\*Where a voice is.*?for some time\.\n", re.DOTALL)


def listed(start):
    (found,) = [text for text in LISTS if text.startswith(start)]
    return found


def commands(module):
    """The arguments of the page's commands that start a module."""
    found = re.findall(rf"\.venv/bin/python -m {re.escape(module)}([^\n`]*)", TEXT)
    return [shlex.split(arguments) for arguments in found]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A working folder with `my_folder`, 24 clips, and `interview.wav`, two of them in a row."""
    place = tmp_path_factory.mktemp("own")
    (place / "my_folder").mkdir()
    corpus = load_corpus(PART, "it-IT")
    rows = [row for split in corpus.values() for row in split]
    rows = [row for row in rows if 5 < len(row["transcription"]) < 60][:24]
    told = [["file_name", "transcription"]]
    for number, row in enumerate(rows, start=1):
        name, sound = f"{number:03}.wav", row["audio"]
        soundfile.write(place / "my_folder" / name, sound["array"], sound["sampling_rate"])
        told.append([name, row["transcription"]])
    table = place / "my_folder" / "metadata.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(told)
    rate = rows[0]["audio"]["sampling_rate"]
    long = np.concatenate([row["audio"]["array"] for row in rows])
    soundfile.write(place / "interview.wav", long[: 16 * rate], rate)
    (place / "tiers.tsv").write_text(listed("start\tend"), encoding="utf-8")
    return place


def test_its_command_trains_on_a_folder(place, monkeypatch):
    (given,) = commands("asr_helpers.train")
    monkeypatch.chdir(place)
    assert train.main([*given, "--profile", "smoke"]) == train.DONE
    assert json.loads(Path("my_run/metrics.json").read_text())["validation_wer"] > 0
    model = load_model(Path("my_run/05_finetuned"))
    vocabulary = json.loads(Path("my_run/05_finetuned/vocab.json").read_text(encoding="utf-8"))
    assert "È" in vocabulary and model.config.vocab_size == len(vocabulary)


def test_its_cells_run_one_after_another(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    names = {"PROFILE": "smoke"}
    for cell in CELLS:
        exec(compile(cell, "docs/own_data.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "24 rows, 24 sounds read" in printed and "WER" in printed
    assert "HABARI ZA ASUBUHI NG'OMBE" in printed and "გამარჯობა როგორ ხარ" in printed
    assert set(names["corpora"]) == {"it-IT", "ru-RU"}
    assert len(names["corpora"]["it-IT"]["train"]) == len(names["corpus"]["train"])
    cut = inspect_folder("my_clips", "it-IT")
    assert (cut.rows, cut.speakers, list(cut.seconds)) == (2, 2, pytest.approx([1.4, 1.1]))
    whole, rate = soundfile.read("interview.wav")
    first, _ = soundfile.read("my_clips/00001.wav")
    assert np.allclose(first, whole[round(0.25 * rate) :][: len(first)])
    assert Path("interview.srt").exists() and Path("my_run/my_language/vocab.json").exists()


def test_its_table_and_its_sentences_are_read(tmp_path):
    (tmp_path / "mine.tsv").write_text(listed("split\tsentence"), encoding="utf-8")
    wanted = [Prompt("Habari za asubuhi.", "train"), Prompt("Karibu nyumbani.", "test")]
    assert load_prompts(tmp_path / "mine.tsv") == wanted
    for start in ("file_name,transcription\n", "file_name,transcription,split"):
        (tmp_path / "metadata.csv").write_text(listed(start), encoding="utf-8")
        for row in csv.DictReader(listed(start).splitlines()):
            sound = tmp_path / row["file_name"]
            soundfile.write(sound, np.sin(np.arange(32_000) / 9), 16_000)
            assert row["transcription"] and None not in row.values()
        report = inspect_folder(tmp_path, "it-IT")
        assert report.rows == 2 and len(report.seconds) == 2


def test_its_commands_for_the_recorder_exist(monkeypatch, tmp_path):
    opened = []

    def open_recorder(folder, prompts):
        opened.append(folder.name)
        raise ValueError  # nothing is opened here

    monkeypatch.setattr(recorder, "open_recorder", open_recorder)
    for given in commands("asr_helpers.recorder"):
        assert recorder.main(given) == 2
    assert opened == ["recordings", "recordings-anna"]


def test_the_places_of_a_voice_are_the_same_in_lesson_and_teachers_page():
    (said,) = SAID.findall(TEXT)
    lesson = json.loads((ROOT / "notebooks" / "09_your_voice.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in lesson["cells"]]
    assert sum(said.strip() in cell for cell in cells) == 1
    assert said in (ROOT / "teaching" / "lessons" / "09_your_voice.md").read_text(encoding="utf-8")


def test_the_places_of_a_voice_are_those_that_the_lessons_write():
    """A lesson that writes something else into the artifacts has to be looked at."""
    (said,) = SAID.findall(TEXT)
    written = set()
    for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"):
        text = path.read_text(encoding="utf-8")
        written |= set(re.findall(r'artifacts / \\"(\d\d_\w+)', text))
    silent = {"03_unused", "05_run", "10_languages"}  # empty, or figures alone
    told = [name for name in written if name in said or name.startswith("11_")]
    assert written and written - silent <= set(told)
