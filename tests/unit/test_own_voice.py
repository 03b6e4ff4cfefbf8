import dataclasses

import numpy as np
import pytest
import soundfile

from asr_helpers import own_voice as module
from asr_helpers.own_voice import load_voice, own_voice
from asr_helpers.takes import Takes, load_prompts

RATE = 16_000


def record(folder, count, directory):
    takes = Takes(folder)
    times = np.arange(2 * RATE) / RATE
    for number in range(count):
        path = directory / "a.wav"
        soundfile.write(path, 0.3 * np.sin(2 * np.pi * (200 + number) * times), RATE)
        takes.keep(number, path)
    return takes


@pytest.fixture
def own(profile, tmp_path):
    return dataclasses.replace(profile, recordings=tmp_path / "recordings")


@pytest.fixture
def standin(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "STANDIN", tmp_path / "standin")
    return tmp_path / "standin"


def test_fifteen_recordings_are_enough_for_ones_own_voice(own, tmp_path):
    takes = record(own.recordings, 15, tmp_path)
    voice = own_voice(own)
    assert (voice.whose, voice.place) == ("own", takes.folder)
    assert "10 sentences to train on and 5 to test on" in str(voice)


def test_with_fewer_the_stand_in_is_used_and_says_so(own, tmp_path, standin):
    record(own.recordings, 3, tmp_path)
    record(standin, 15, tmp_path)
    voice = own_voice(own)
    assert (voice.whose, voice.place) == ("stand-in", standin)
    assert "3 sentences to train on" in str(voice) and "synthetic" in str(voice)


def test_without_either_the_message_says_what_to_run(own, standin):
    with pytest.raises(FileNotFoundError, match="python -m asr_helpers.recorder"):
        own_voice(own)


def test_sentences_come_in_the_order_of_recording_and_none_to_train_is_tested(own, tmp_path):
    record(own.recordings, 15, tmp_path)
    train, test = load_voice(own_voice(own), "en-US", own.seed)
    wanted = {split: [p.sentence for p in load_prompts()[:15] if p.split == split]
              for split in ("train", "test")}  # fmt: skip
    assert train["transcription"][:] == wanted["train"]
    assert sorted(test["transcription"][:]) == sorted(wanted["test"])


def test_recordings_of_a_telephone_count_by_their_rows(own, tmp_path):
    """The layout of docs/own_data.md: any sounds, and a table with the column split."""
    own.recordings.mkdir()
    rows, times = ["file_name,transcription,split"], np.arange(2 * RATE) / RATE
    for number, prompt in enumerate(load_prompts()[:15]):
        name = f"memo {number:02}.wav"
        soundfile.write(own.recordings / name, 0.3 * np.sin(1500 * times), RATE)
        rows.append(f'{name},"{prompt.sentence}",{prompt.split}')
    rows.append("memo 99.wav,There is no such file.,train")
    (own.recordings / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    voice = own_voice(own)
    assert voice.whose == "own" and "10 sentences to train on and 5 to test on" in str(voice)
    train, test = load_voice(voice, "en-US", own.seed)
    assert (len(train), len(test)) == (10, 5)


def test_rows_without_a_split_do_not_count(own, standin, tmp_path):
    record(standin, 15, tmp_path)
    record(own.recordings, 15, tmp_path)
    table = own.recordings / "metadata.csv"
    table.write_text(table.read_text().replace(",train,", ",,").replace(",test,", ",,"))
    assert "0 sentences to train on and 0 to test on" in str(own_voice(own))
