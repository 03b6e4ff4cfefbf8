import io
import json
import tarfile

import datasets
import numpy as np
import pytest
import soundfile

from asr_helpers import shards
from asr_helpers.audio import Audio
from asr_helpers.shards import (
    about_shards,
    corpus_shards,
    decoded,
    load_shards,
    prepare_shards,
    read_stream,
    shards_in,
)


def read(folder, name="train", epoch=0):
    return [decoded(row) for row in read_stream(shards_in(folder, name), epoch, seed=0)]


@pytest.fixture(scope="module")
def made(few, processor, tmp_path_factory):
    """(folder, shards): three shards of four clips."""
    folder = tmp_path_factory.mktemp("made")
    parts = [few.shard(3, number, contiguous=True) for number in range(3)]
    return folder, prepare_shards(parts, processor, "en-US", folder)


def test_the_stream_holds_what_prepare_dataset_gives(made, prepared):
    folder, found = made
    rows = {row["path"]: row for row in read(folder)}
    assert len(rows) == len(prepared) == sum(shard.clips for shard in found)
    for row in prepared:
        other = rows[row["path"]]
        assert (other["labels"], other["text"]) == (row["labels"], row["text"])
        assert other["input_length"] == row["input_length"] == len(other["input_values"])
        values = np.array(row["input_values"])
        # What 16 bits cannot tell apart.
        assert np.abs(other["input_values"] - values).max() < 1.01 * np.abs(values).max() / 2**15
    seconds = sum(prepared["input_length"]) / 16_000
    assert sum(shard.seconds for shard in found) == pytest.approx(seconds)


def test_shards_come_in_another_order_in_each_epoch(made):
    orders = {tuple(row["path"] for row in read(made[0], epoch=epoch)) for epoch in range(5)}
    assert len(orders) > 1 and len({frozenset(order) for order in orders}) == 1


def test_what_is_there_is_kept_and_what_is_missing_or_half_is_made(
    few, processor, tmp_path, monkeypatch
):
    parts = [few.shard(3, number, contiguous=True) for number in range(3)]
    real, calls = shards._prepare, []

    def power_cut(*job):
        calls.append(job[-1].name)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*job)

    monkeypatch.setattr(shards, "_prepare", power_cut)
    with pytest.raises(KeyboardInterrupt):
        prepare_shards(parts, processor, "en-US", tmp_path)
    assert [path.name for path in shards_in(tmp_path)] == ["train-00000.tar"]
    before = (tmp_path / "train-00000.tar").stat().st_mtime_ns
    assert len(prepare_shards(parts, processor, "en-US", tmp_path)) == 3
    assert calls[2:] == ["train-00001.tar", "train-00002.tar"]
    assert (tmp_path / "train-00000.tar").stat().st_mtime_ns == before
    (tmp_path / "train-00001.json").write_text('{"source": ')
    again = prepare_shards(parts, processor, "en-US", tmp_path)
    assert calls[4:] == ["train-00001.tar"] and sum(shard.clips for shard in again) == len(few)


def test_a_folder_or_a_pattern_names_a_corpus_of_shards(made, few, processor, tmp_path):
    parts = [tmp_path / "one", tmp_path / "two"]
    for part in parts:
        prepare_shards([few.select([0])], processor, "en-US", part)
    with pytest.raises(FileNotFoundError, match=r"holds no validation-\*.tar"):
        corpus_shards(parts[0])
    prepare_shards([few.select([1, 2])], processor, "en-US", parts[1], name="validation")
    both = corpus_shards(str(tmp_path / "*" / "train-*.tar"))
    assert both["train"] == [part / "train-00000.tar" for part in parts]
    assert both["validation"] == [parts[1] / "validation-00000.tar"]
    assert corpus_shards(parts[1])["train"] == [parts[1] / "train-00000.tar"]
    assert corpus_shards("telephone-prompts") is None and corpus_shards(tmp_path) is None
    with pytest.raises(FileNotFoundError, match="No file fits the pattern"):
        corpus_shards(str(tmp_path / "*" / "valid-*.tar"))


def test_shards_are_read_into_memory_as_prepare_dataset_gives_them(made, prepared):
    rows = load_shards(shards_in(made[0]))
    assert set(rows.column_names) == set(prepared.column_names)
    for name in ("input_length", "labels", "text", "path"):
        assert rows[name][:] == prepared[name][:]
    assert {n: rows.features[n] for n in prepared.column_names} == prepared.features
    few = load_shards(shards_in(made[0]), samples=prepared["input_length"][0] + 1)
    assert few["path"][:] == prepared["path"][:2]


def test_shards_of_another_processor_or_not_prepared_are_refused(made, processor, tmp_path):
    assert about_shards(shards_in(made[0]), processor, "en-US") == made[1]
    with pytest.raises(ValueError, match="train-00000.tar was prepared with another language"):
        about_shards(shards_in(made[0]), processor, "de-DE")
    (tmp_path / "train-00000.tar").write_bytes((made[0] / "train-00000.tar").read_bytes())
    with pytest.raises(ValueError, match="no whole train-00000.json, so it was not prepared"):
        about_shards(shards_in(tmp_path), processor, "en-US")


def test_shards_of_another_corpus_or_language_are_not_mixed(few, processor, made):
    folder, _ = made
    with pytest.raises(ValueError, match="made with another source"):
        prepare_shards([few.select(range(3))], processor, "en-US", folder)
    with pytest.raises(ValueError, match="made with another language"):
        prepare_shards([few.shard(3, 0, contiguous=True)], processor, "de-DE", folder)


@pytest.mark.slow
def test_several_processes_make_what_one_makes(few, processor, made, tmp_path):
    parts = [few.shard(3, number, contiguous=True) for number in range(3)]
    assert prepare_shards(parts, processor, "en-US", tmp_path, workers=2) == made[1]
    for path in shards_in(tmp_path):
        with tarfile.open(path) as one, tarfile.open(made[0] / path.name) as other:
            assert one.getnames() == other.getnames()


def test_bad_rows_are_left_out_and_told(few, processor, tmp_path):
    texts = list(few["transcription"])
    texts[1], texts[2] = "", "ЖЖЖ"
    rows = few.remove_columns("transcription").add_column("transcription", texts)
    stored = rows.cast_column("audio", Audio(decode=False)).to_list()
    stored[3]["audio"] = {"bytes": b"no sound", "path": "broken.wav"}
    rows = datasets.Dataset.from_list(stored)
    (found,) = prepare_shards([rows], processor, "en-US", tmp_path)
    assert found.clips == len(few) - 3 and len(found.left_out) == 3
    told = json.loads((tmp_path / "train-00000.json").read_text())["left_out"]
    assert "says nothing" in told[0] and "broken.wav" in told[2]
    assert len(read(tmp_path)) == len(few) - 3


def test_a_source_without_a_usable_row_is_refused(few, processor, tmp_path):
    rows = few.remove_columns("transcription").add_column("transcription", [""] * len(few))
    with pytest.raises(ValueError, match="none of its rows can be used.*says nothing"):
        prepare_shards([rows], processor, "en-US", tmp_path)
    with pytest.raises(FileNotFoundError, match="holds no train-"):
        shards_in(tmp_path)


def webdataset(path, rows, ending="txt"):
    with tarfile.open(path, "w") as tar:
        for number, row in enumerate(rows):
            sound = io.BytesIO()
            soundfile.write(sound, row["audio"]["array"], 8000, format="WAV")
            text = row["transcription"]
            text = json.dumps({"text": text, "id": number}) if ending == "json" else text
            for name, data in (("wav", sound.getvalue()), (ending, text.encode())):
                entry = tarfile.TarInfo(f"{number:03}.{name}")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))


@pytest.mark.parametrize("ending", ["txt", "json"])
def test_tars_of_others_and_parquet_files_are_sources(few, processor, tmp_path, ending):
    webdataset(tmp_path / "theirs.tar", few.select(range(5)), ending)
    stored = few.select(range(5, 9)).cast_column("audio", Audio(decode=False))
    stored.rename_column("transcription", "sentence").to_parquet(tmp_path / "hub.parquet")
    sources = [tmp_path / "theirs.tar", tmp_path / "hub.parquet"]
    found = prepare_shards(sources, processor, "en-US", tmp_path / "out")
    assert [shard.clips for shard in found] == [5, 4]
    assert [shard.left_out for shard in found] == [(), ()]


@pytest.mark.parametrize("ending", [".tar", ".parquet"])
def test_no_server_is_told_that_files_are_read(made, few, tmp_path, monkeypatch, ending):
    """The library reports each use of its readers, where nothing says that it is offline."""
    asked, source = [], next(made[0].glob("*.tar"))
    if ending == ".parquet":
        source = tmp_path / "few.parquet"
        few.cast_column("audio", Audio(decode=False)).to_parquet(source)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.load, "get_session", lambda: asked.append("session"))
    assert next(iter(shards._opened(source)))
    assert asked == [] and datasets.config.HF_UPDATE_DOWNLOAD_COUNTS
    datasets.load_dataset(
        "webdataset", data_files=[str(next(made[0].glob("*.tar")))], streaming=True
    )
    assert asked  # so the session above is the one that it would ask with


@pytest.mark.parametrize(
    ("name", "said"), [("missing.tar", "that are there"), ("notes.txt", "Parquet files or tars")]
)
def test_other_files_are_refused(processor, tmp_path, name, said):
    (tmp_path / "notes.txt").write_text("no corpus")
    with pytest.raises(ValueError, match=said):
        prepare_shards([tmp_path / name], processor, "en-US", tmp_path / "out")


def test_columns_that_are_missing_are_told(few, processor, tmp_path):
    few.remove_columns("transcription").to_parquet(tmp_path / "silent.parquet")
    with pytest.raises(ValueError, match="no columns audio and transcription"):
        prepare_shards([tmp_path / "silent.parquet"], processor, "en-US", tmp_path / "out")


def test_as_a_command(few, processor, profile, tmp_path, monkeypatch, capsys):
    splits = {"train": few, "validation": few.select([0]), "test": few.select([1, 2])}
    monkeypatch.setattr(shards, "load_corpus", lambda *_: splits)
    line = [
        "--corpus", "x", "--base-model", profile.base_model, "--out", str(tmp_path), "--shards", "2",
    ]  # fmt: skip
    assert shards.main(line) == 0
    said = capsys.readouterr().out
    assert "train: 2 shards" in said and "test: 1 shards" in said
    assert len(shards_in(tmp_path)) == 2 and len(read(tmp_path, "test")) == 2
    assert shards.main([*line, "--language", "fr-FR"]) == 2
    assert "made with another language" in capsys.readouterr().err
