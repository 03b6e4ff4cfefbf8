import csv
import re

import numpy as np
import pytest
import soundfile

from asr_helpers.audio import AudioError
from asr_helpers.corpus import load_corpus
from asr_helpers.folder import load_folder
from asr_helpers.takes import Prompt, TakeError, Takes, decibels, load_prompts, look_at
from asr_helpers.text import normalize

RATE = 16_000
PROMPTS = [Prompt(f"Sentence {word}.", split) for word, split in zip(
    "one two three four five six seven eight".split(), ["train", "train", "test"] * 3
)]  # fmt: skip


def tone(path, seconds=1.0, size=0.3, rate=RATE):
    times = np.arange(int(seconds * rate)) / rate
    soundfile.write(path, size * np.sin(2 * np.pi * 220 * times), rate)
    return path


@pytest.fixture
def takes(tmp_path):
    return Takes(tmp_path / "recordings", PROMPTS)


def rows_of(takes):
    with (takes.folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_sixty_prompts_of_which_none_is_in_a_test_or_validation_split():
    prompts = load_prompts()
    spoken = [normalize(prompt.sentence) for prompt in prompts]
    assert len(set(spoken)) == 60
    corpus = load_corpus()
    held = {normalize(t) for s in ("validation", "test") for t in corpus[s]["transcription"]}
    assert not held & set(spoken)
    assert sum(prompt.split == "train" for prompt in prompts) == 40
    first = [prompt.split for prompt in prompts[:15]]
    assert (first.count("train"), first.count("test")) == (10, 5)  # enough to begin with
    assert set("".join(spoken)) >= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert not any(re.search(r"\d", prompt.sentence) for prompt in prompts)


def test_a_prompt_without_a_split_is_named_by_its_line(tmp_path):
    (tmp_path / "p.tsv").write_text("split\tsentence\ntrain\tOne.\nno\tTwo.\n")
    with pytest.raises(ValueError, match="p.tsv, line 3"):
        load_prompts(tmp_path / "p.tsv")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "holds no sentences"),
        (b"split\tsentence\n", "holds no sentences"),
        ("split\tsentence\ntrain\tÀ.\n".encode("cp1252"), "save it as UTF-8"),
        (b"One.\nTwo.\n", "p.tsv, line 2: wanted `train` or `test`, a tab"),
    ],
)
def test_sentences_of_ones_own_that_cannot_be_read_are_explained(data, said, tmp_path):
    (tmp_path / "p.tsv").write_bytes(data)
    with pytest.raises(ValueError, match=said):
        load_prompts(tmp_path / "p.tsv")


def test_sentences_of_ones_own_may_come_from_a_spreadsheet(tmp_path):
    (tmp_path / "p.tsv").write_text("split\tsentence\r\ntrain\tÀ.\r\n", encoding="utf-8-sig")
    assert load_prompts(tmp_path / "p.tsv") == [Prompt("À.", "train")]


def test_other_sentences_need_another_folder(takes, tmp_path):
    takes.keep(0, tone(tmp_path / "a.wav"))
    before = rows_of(takes)
    with pytest.raises(TakeError, match="'Sentence one.', and the prompt is 'Other.'.* another"):
        Takes(takes.folder, [Prompt("Other.", "train")])
    assert rows_of(takes) == before
    Takes(takes.folder, [*PROMPTS, Prompt("Added at the end.", "train")])


def test_a_take_and_its_row_are_kept_at_once(takes, tmp_path):
    look = takes.keep(0, tone(tmp_path / "a.wav"))
    assert soundfile.info(takes.path(0)).frames == RATE and look.seconds == 1.0
    assert rows_of(takes) == [
        {"file_name": "prompt-001.wav", "transcription": "Sentence one.", "split": "train",
         "speaker": "me"}
    ]  # fmt: skip
    assert takes.next() == 1 and takes.count("train") == 1 and takes.count("test") == 0


def test_another_session_goes_on_where_the_first_stopped(takes, tmp_path):
    for number in (0, 1, 3):
        takes.keep(number, tone(tmp_path / "a.wav"))
    again = Takes(takes.folder, PROMPTS)
    assert again.kept() == [0, 1, 3] and again.next() == 2 and again.next(after=3) == 4


def test_a_sound_whose_row_was_not_written_gets_its_row(takes, tmp_path):
    takes.keep(0, tone(tmp_path / "a.wav"))
    tone(takes.path(4))  # as if the process had been killed before the row
    again = Takes(takes.folder, PROMPTS)
    assert [row["file_name"] for row in rows_of(again)] == ["prompt-001.wav", "prompt-005.wav"]


def test_recording_anew_replaces_the_sound_and_keeps_one_row(takes, tmp_path):
    takes.keep(0, tone(tmp_path / "a.wav"))
    takes.keep(0, tone(tmp_path / "b.wav", seconds=2))
    assert soundfile.info(takes.path(0)).frames == 2 * RATE and len(rows_of(takes)) == 1


def test_rows_that_somebody_added_stay(takes, tmp_path):
    takes.keep(0, tone(tmp_path / "a.wav"))
    with (takes.folder / "metadata.csv").open("a", encoding="utf-8") as file:
        file.write("mine.wav,Something else.,train,me\n")
    takes.keep(1, tone(tmp_path / "a.wav"))
    assert [row["file_name"] for row in rows_of(takes)][-1] == "mine.wav"


@pytest.mark.parametrize(
    "seconds,size,message",
    [(0.1, 0.3, "no sentence"), (31, 0.3, "30 s at most"), (1, 1e-4, "almost silent")],
)
def test_a_take_that_cannot_be_used_is_refused_and_the_earlier_one_stays(
    takes, tmp_path, seconds, size, message
):
    takes.keep(0, tone(tmp_path / "a.wav"))
    before = takes.path(0).read_bytes()
    with pytest.raises(TakeError, match=message):
        takes.keep(0, tone(tmp_path / "b.wav", seconds, size))
    assert takes.path(0).read_bytes() == before and len(rows_of(takes)) == 1


def test_what_is_no_sound_is_refused(takes, tmp_path):
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(AudioError, match="cannot be read"):
        takes.keep(0, tmp_path / "a.wav")
    assert not takes.kept()


def test_levels_and_warnings():
    times = np.arange(RATE) / RATE
    wave = np.sin(2 * np.pi * 220 * times).astype(np.float32)
    good = look_at(0.5 * wave, RATE)
    assert good.peak == pytest.approx(-6.0, abs=0.1) and good.level == pytest.approx(-9, abs=0.1)
    assert not good.warnings
    assert "clipped" in look_at(np.clip(3 * wave, -1, 1), RATE).warnings[0]
    assert "quiet" in look_at(0.02 * wave, RATE).warnings[0]
    assert "silent" in look_at(0 * wave, RATE).warnings[0]
    assert decibels(1.0) == 0 and decibels(0.0) == -100


def test_the_folder_is_a_corpus(takes, tmp_path, capsys):
    for number in range(len(PROMPTS)):
        takes.keep(number, tone(tmp_path / "a.wav", seconds=2))
    corpus = load_folder(takes.folder)
    assert sorted(corpus["test"]["transcription"]) == ["Sentence six.", "Sentence three."]
    assert sum(map(len, corpus.values())) == len(PROMPTS)
