import warnings
from collections import Counter

import datasets
import pytest

from asr_helpers.splits import (
    SHARES,
    share_out,
    share_speakers,
    split_by_transcript,
    split_off_the_end,
)


def rows(texts):
    return datasets.Dataset.from_dict({"transcription": list(texts), "number": range(len(texts))})


SENTENCES = [f"sentence {chr(97 + k % 26)} {chr(97 + k // 26)}" for k in range(200)]


@pytest.mark.parametrize(
    "texts",
    [
        ["yes"] * 60 + ["no"] * 40, list("abcdefghij") * 30, ["same"] * 30,
        ["yes"] * 90 + SENTENCES[:10],  # train would say one thing alone
    ],
)  # fmt: skip
def test_few_different_transcripts_are_split_by_row_and_told(texts):
    with pytest.warns(UserWarning, match="the same words are in all splits"):
        splits = split_by_transcript(rows(texts), "en-US", 42)
    for name, share in SHARES.items():
        assert len(splits[name]) == pytest.approx(share * len(texts), abs=1)
    assert sum(len(split) for split in splits.values()) == len(texts)


def test_digits_in_a_hub_corpus_leave_a_train_split():
    with pytest.warns(UserWarning, match="they stay in training"):
        splits = split_off_the_end(rows(list("abcdefghij") * 30), "en-US", 42)
    assert [len(split) for split in splits.values()] == [210, 30, 60]


def test_ordinary_sentences_are_split_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        splits = split_by_transcript(rows(SENTENCES + SENTENCES[:50]), "en-US", 42)
    texts = [set(split["transcription"]) for split in splits.values()]
    assert not (texts[0] & texts[1] or texts[0] & texts[2] or texts[1] & texts[2])


@pytest.mark.parametrize("count", [3, 4, 5, 7, 12])
def test_of_few_rows_each_split_has_one(count):
    splits = split_by_transcript(rows(SENTENCES[:count]), "en-US", 42)
    assert all(len(split) for split in splits.values())
    assert len(splits["train"]) >= count / 3


def test_too_few_rows_are_told():
    for split in (split_by_transcript, split_off_the_end):
        with pytest.raises(ValueError, match="2 rows cannot be shared out to train and validation"):
            split(rows(["a", "b"]), "en-US", 42)


def test_a_row_without_a_sayable_transcript_does_not_stop_the_split():
    splits = split_by_transcript(rows([*SENTENCES, None, "[noise]", "привет"]), "en-US", 42)
    assert sum(len(split) for split in splits.values()) == 203


def test_a_group_of_most_rows_is_trained_on():
    names = share_out(["a"] * 80 + [f"b{k}" for k in range(20)], 1)
    assert set(names[:80]) == {"train"} and {"validation", "test"} <= set(names[80:])


def test_speakers_and_transcripts_are_kept_apart():
    speakers = [f"s{k % 12}" for k in range(200)]
    texts = [*SENTENCES[:190], *SENTENCES[:10]]
    names, notes = share_speakers(texts, speakers, 42)
    for kept in (speakers, texts):
        places = {}
        for one, name in zip(kept, names):
            places.setdefault(one, set()).add(name)
        assert all(len(found - {None}) <= 1 for found in places.values())
    left_out = names.count(None)
    assert (f"{left_out} rows are left out" in " ".join(notes)) == bool(left_out)
    assert Counter(names)["train"] > 100 and names == share_speakers(texts, speakers, 42)[0]


def test_where_all_say_the_same_sentences_these_are_kept_apart():
    texts = [text for text in SENTENCES[:50] for _ in range(6)]
    names, notes = share_speakers(texts, ["s1", "s2", "s3", "s4", "s5", "s6"] * 50, 42)
    assert "same voices" in notes[0] and None not in names
    assert all(len({names[6 * k + j] for j in range(6)}) == 1 for k in range(50))


def test_where_all_say_the_same_few_words_voices_are_kept_apart():
    texts, speakers = list("abcdefghij") * 30, [f"s{k // 50}" for k in range(300)]
    names, notes = share_speakers(texts, speakers, 42)
    assert "speakers are shared out: the same words" in notes[0]
    assert all(len(set(names[50 * k : 50 * k + 50])) == 1 for k in range(6))
    assert set(names) == set(SHARES)


def test_two_speakers_are_too_few_to_keep_apart():
    _, notes = share_speakers(SENTENCES, ["ann", "bob"] * 100, 42)
    assert notes == ["The same voices are in all splits: 2 speakers are known."]
    _, notes = share_speakers(SENTENCES, [""] * 200, 42)
    assert notes == []
