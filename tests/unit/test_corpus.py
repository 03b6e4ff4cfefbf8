import csv
import re
from pathlib import Path

import datasets
import numpy as np
import pytest

from asr_helpers.audio import AudioError
from asr_helpers.corpus import (
    FOLDER,
    PART,
    languages,
    load_corpus,
    split_by_transcript,
    split_off_the_end,
)
from asr_helpers.text import normalize

COLUMNS = ["path", "audio", "transcription", "english_transcription", "intent_class", "lang_id"]
LETTERS = {
    "en-US": "ABCDEFGHIJKLMNOPQRSTUVWXYZ'",
    "es-MX": "ABCDEFGHIJKLMNOPQRSTUVWXYZÁÉÍÓÚÑÜ",
    "fr-CA": "ABCDEFGHIJKLMNOPQRSTUVWXYZÀÂÇÈÉÊËÎÏÔÙÛ'",
    "it-IT": "ABCDEFGHIJKLMNOPQRSTUVWXYZÀÈÉÌÒÙ'",
    "ru-RU": "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯABCDEFGHIJKLMNOPQRSTUVWXYZ",
}


@pytest.fixture(scope="module", params=languages())
def loaded(request):
    return request.param, load_corpus(language=request.param)


def test_five_languages_are_inside():
    assert languages() == ["en-US", "es-MX", "fr-CA", "it-IT", "ru-RU"]


def test_the_assets_stay_small():
    assert sum(file.stat().st_size for file in FOLDER.rglob("*")) < 64e6


def test_the_columns_are_those_of_minds14(loaded):
    language, corpus = loaded
    for split in corpus.values():
        assert split.column_names == COLUMNS
        assert isinstance(split.features["intent_class"], datasets.ClassLabel)
        assert split.features["lang_id"].int2str(split[0]["lang_id"]) == language


def test_splits_are_70_10_20_and_share_no_transcript(loaded):
    language, corpus = loaded
    total = sum(len(split) for split in corpus.values())
    for name, share in {"train": 0.7, "validation": 0.1, "test": 0.2}.items():
        assert len(corpus[name]) / total == pytest.approx(share, abs=0.02)
    texts = [{normalize(t, language) for t in split["transcription"]} for split in corpus.values()]
    assert not (texts[0] & texts[1] or texts[0] & texts[2] or texts[1] & texts[2])


def test_every_clip_decodes_and_every_transcript_can_be_spoken(loaded):
    language, corpus = loaded
    for split in corpus.values():
        for row in split:
            sound = row["audio"]
            assert sound["sampling_rate"] == 8000
            assert len(sound["array"]) > 1600 and np.abs(sound["array"]).max() > 0.01, row["path"]
            text = normalize(row["transcription"], language)
            assert text and set(text) <= {*LETTERS[language], " "}, row["path"]


def test_a_part_is_a_third_with_splits_of_its_own():
    whole, part = load_corpus(), load_corpus(PART)
    paths = {path for split in whole.values() for path in split["path"]}
    taken = [path for split in part.values() for path in split["path"]]
    assert len(set(taken)) == len(taken) == -(-len(paths) // 3) and set(taken) < paths
    assert all(len(split) >= 0.08 * len(taken) for split in part.values())
    train, *others = ({normalize(t) for t in part[name]["transcription"]} for name in part)
    assert not any(train & other for other in others)


def test_english_is_lossless_and_says_itself():
    rows = load_corpus()["test"]
    assert all(path.endswith(".flac") for path in rows["path"])
    assert rows["transcription"] == rows["english_transcription"]


def test_the_same_name_is_the_same_prompt_in_every_language():
    spanish = {row["path"]: row for s in load_corpus(language="es-MX").values() for row in s}
    row = spanish["es-MX/vm-goodbye.opus"]
    assert row["english_transcription"] == "Goodbye"


def test_a_seed_gives_one_split_and_another_seed_another():
    first, again, other = (load_corpus(seed=seed)["test"]["path"] for seed in (1, 1, 2))
    assert first == again != other


def test_to_mend_one_transcript_moves_hardly_another():
    rows = datasets.concatenate_datasets(list(load_corpus().values()))
    before = split_by_transcript(rows, "en-US", 42)
    mended = list(rows["transcription"])
    mended[0] = "something else entirely"
    after = split_by_transcript(
        rows.remove_columns("transcription").add_column("transcription", mended), "en-US", 42
    )
    moved = set(before["test"]["path"]) ^ set(after["test"]["path"])
    assert len(moved) <= 4


def test_a_hub_corpus_keeps_its_last_fifth_for_test():
    rows = datasets.concatenate_datasets(list(load_corpus().values())).shuffle(seed=0)
    cut = split_off_the_end(rows, "en-US", 42)
    assert cut["test"]["path"] == rows["path"][440:]  # 550 rows; of MInDS-14's 563, from 450
    assert round(0.8 * 563) == 450
    texts = {name: {normalize(t, "en-US") for t in s["transcription"]} for name, s in cut.items()}
    assert not texts["train"] & texts["validation"]
    assert not (texts["train"] | texts["validation"]) & texts["test"]
    said_in_test = [
        t for t in rows["transcription"][:440] if normalize(t, "en-US") in texts["test"]
    ]
    assert said_in_test  # there are such rows, and only they are left out
    assert len(cut["train"]) + len(cut["validation"]) == 440 - len(said_in_test)
    assert len(cut["validation"]) == pytest.approx(55, abs=4)


def transcripts(monkeypatch, *texts):
    """A Hub dataset of one split, whose first transcripts are these."""
    rows = datasets.concatenate_datasets(list(load_corpus().values()))
    # Each says something else, so that no row is left out because of test.
    rows = rows.select(range(40)).remove_columns("transcription")
    words = list(texts) + [
        f"this is number {number}, and no other" for number in range(40 - len(texts))
    ]
    rows = rows.add_column("transcription", words)
    monkeypatch.setattr("asr_helpers.corpus._load_from_hub", lambda *_: {"train": rows})
    return rows


def test_rows_of_the_hub_that_nobody_can_say_are_left_out_and_named(monkeypatch):
    bad = [None, "", " ... ", "[noise]", "саn I pay"]  # the last begins with Cyrillic letters
    good = ["I’d like\u00a0to pay £25", "\ufeffit ends in 0422\n", "OH!! ok 😀"]
    rows = transcripts(monkeypatch, *bad, *good)
    with pytest.warns(UserWarning, match="ann/calls: 5 rows are left out") as warned:
        corpus = load_corpus("ann/calls")
    (warning,) = warned
    for path, why in zip(rows["path"], ["says nothing"] * 3 + ["'.noise.' is a note", "script"]):
        assert re.search(f"{re.escape(path)} \\([^;]*{why}", str(warning.message)), (path, why)
    assert corpus["test"]["path"] == rows["path"][32:]
    kept = {*corpus["train"]["path"], *corpus["validation"]["path"]}
    assert kept == set(rows["path"][5:32])


def test_a_warning_names_few_rows_and_counts_the_others(monkeypatch):
    transcripts(monkeypatch, *([""] * 9))
    with pytest.warns(UserWarning, match="9 rows are left out.*; and 4 more"):
        load_corpus("ann/calls")


def test_a_whole_corpus_has_no_warning(monkeypatch, recwarn):
    transcripts(monkeypatch)
    assert sum(len(split) for split in load_corpus("ann/calls").values()) == 40
    assert not recwarn


def test_a_split_that_nobody_can_say_is_refused(monkeypatch):
    transcripts(monkeypatch, *(f"что это {number}" for number in range(40)))
    with pytest.raises(ValueError, match="ann/calls: no row of .* can be said in 'en-US'"):
        load_corpus("ann/calls")


def test_a_language_without_rules_is_left_as_it_is(monkeypatch):
    transcripts(monkeypatch, "", "ahoj")
    corpus = load_corpus("ann/calls", "cs-CZ")
    assert sum(len(split) for split in corpus.values()) == 40


def test_an_unknown_language_lists_the_known():
    with pytest.raises(ValueError, match="de-DE.*en-US"):
        load_corpus(language="de-DE")


def test_a_corrupt_row_names_its_path(monkeypatch, tmp_path):
    import pyarrow.parquet as pq

    table = pq.read_table(FOLDER / "en-US.parquet").slice(0, 12)
    rows = table.to_pylist()
    for row in rows:
        row["audio"]["bytes"] = row["audio"]["bytes"][:10]
    pq.write_table(table.from_pylist(rows, schema=table.schema), tmp_path / "en-US.parquet")
    monkeypatch.setattr("asr_helpers.corpus.FOLDER", tmp_path)
    broken = load_corpus()["train"]
    with pytest.raises(AudioError, match=broken["path"][0]):
        broken[0]


def test_corrections_are_applied():
    source = Path(__file__).parent.parent.parent / "recipes" / "corpus" / "corrections.csv"
    with source.open(newline="", encoding="utf-8") as rows:
        corrections = list(csv.DictReader(rows))
    assert all(row["why"] for row in corrections)
    by_path = {}
    for language in {row["language"] for row in corrections}:
        for split in load_corpus(language=language).values():
            by_path |= dict(zip(split["path"], split["transcription"]))
    for row in corrections:
        suffix = "flac" if row["language"] == "en-US" else "opus"
        path = f"{row['language']}/{row['prompt']}.{suffix}"
        assert by_path.get(path, "") == row["transcription"]


def test_a_damaged_parquet_names_the_file(monkeypatch, tmp_path):
    (tmp_path / "en-US.parquet").write_bytes((FOLDER / "en-US.parquet").read_bytes()[:5000])
    monkeypatch.setattr("asr_helpers.corpus.FOLDER", tmp_path)
    with pytest.raises(ValueError, match="en-US.parquet cannot be read as Parquet .*cut off"):
        load_corpus()


def other_names(folder):
    """Rows of the corpus as another Hub dataset has them: other columns, its own splits."""
    corpus = load_corpus()
    for split, name in (("train", "train"), ("test", "test")):
        rows = corpus[split].select(range(40)).select_columns(["audio", "transcription"])
        rows = rows.rename_columns({"audio": "speech", "transcription": "orthography"})
        (folder / "data").mkdir(parents=True, exist_ok=True)
        rows.to_parquet(folder / "data" / f"{name}-00000-of-00001.parquet")


@pytest.mark.hub
def test_a_hub_dataset_with_other_columns_loads_by_naming_them(client, tmp_path):
    from local_hub import LocalHub

    other_names(tmp_path / "ours")
    with LocalHub() as hub:
        hub.add("ann/speech", tmp_path / "ours", "datasets")
        result = client(
            hub,
            """
            from asr_helpers.corpus import load_corpus
            columns = {"transcription": "orthography"}
            corpus = load_corpus("ann/speech", "en-US", columns=columns)
            print([len(split) for split in corpus.values()], corpus["train"].column_names)
            row = corpus["test"][0]
            print(row["path"], len(row["audio"]["array"]) > 1000, bool(row["transcription"]))
            for wrong in (None, {"transcription": "words"}):
                try:
                    load_corpus("ann/speech", "en-US", columns=wrong)
                except ValueError as error:
                    print(error)
            """,
        )
    sizes, row, unnamed, wrong = result.stdout.splitlines()[-4:]
    assert sizes.startswith("[35, 5, 40]"), result.stdout + result.stderr
    for name in COLUMNS:
        assert name in sizes
    assert row.endswith("True True")
    assert "which of its columns (speech, orthography) is the transcription?" in unnamed
    assert "no column 'words': choose one of speech, orthography" in wrong
