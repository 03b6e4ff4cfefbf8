import json

import datasets
import numpy as np
import pytest

from asr_helpers.audio import AudioError
from asr_helpers.corpus import load_corpus
from asr_helpers.model import load_base_model
from asr_helpers.processor import (
    SPECIAL,
    build_vocabulary,
    keep_fitting,
    load_processor,
    prepare_dataset,
    processor_for,
)
from asr_helpers.text import normalize


def test_waveforms_have_mean_0_and_variance_1_at_16_khz(few, prepared):
    for raw, row in zip(few, prepared):
        values = np.array(row["input_values"])
        assert len(values) == row["input_length"]
        assert len(values) == pytest.approx(2 * len(raw["audio"]["array"]), abs=2)
        assert values.mean() == pytest.approx(0, abs=1e-3)
        assert values.std() == pytest.approx(1, abs=1e-3)


def test_labels_spell_the_normalised_transcript(prepared, processor):
    for row in prepared:
        assert processor.tokenizer.decode(row["labels"], group_tokens=False) == row["text"]
        assert processor.tokenizer.unk_token_id not in row["labels"]


def test_only_what_training_reads_is_kept(prepared):
    assert set(prepared.column_names) == {"path", "input_values", "input_length", "labels", "text"}


@pytest.mark.parametrize(
    ("text", "language", "says"),
    [("?!", "en-US", "says nothing"), ("шесть", "ru-RU", "outside the vocab")],
)
def test_a_transcript_that_cannot_be_learned_is_named(few, processor, text, language, says):
    rows = few.select([3]).remove_columns("transcription").add_column("transcription", [text])
    with pytest.raises(ValueError, match=says) as error:
        prepare_dataset(rows, processor, language)
    assert few[3]["path"] in str(error.value)


def test_bad_sound_is_named(few, processor):
    rows = few.select([0]).remove_columns("audio")
    rows = rows.add_column("audio", [{"bytes": b"no sound", "path": "calls/1.wav"}])
    with pytest.raises(AudioError, match="calls/1.wav"):
        prepare_dataset(rows, processor, "en-US")


def test_rows_whose_label_does_not_fit_are_dropped(prepared, model):
    row = prepared[0]
    frames = int(model._get_feat_extract_output_lengths(row["input_length"]))
    fits, too_long = [5, 6] * (frames // 2), [5] * frames
    rows = prepared.select([0, 0]).remove_columns("labels").add_column("labels", [fits, too_long])
    assert keep_fitting(rows, model)["labels"] == [fits]


def test_a_vocabulary_begins_with_the_blank_and_is_sorted():
    vocabulary = build_vocabulary(["NA ZDRAVÍ", "ΓΕΙΑ", "'KÖ"])
    assert list(vocabulary.values()) == list(range(len(vocabulary)))
    assert list(vocabulary)[:5] == SPECIAL and vocabulary["<pad>"] == 0
    letters = list(vocabulary)[5:]
    assert letters == sorted(set("NAZDRAVÍΓΕΙΑ'KÖ")) and letters[0] == "'"


@pytest.mark.parametrize("texts", [[], ["", " "], [None, "?!"]])
def test_a_vocabulary_without_letters_is_told(texts):
    language = "en-US" if None in texts else None
    with pytest.raises(ValueError, match="hold no letter"):
        build_vocabulary(texts, language)


def test_a_vocabulary_of_a_language_without_rules_names_the_language():
    with pytest.raises(ValueError, match="No normalisation for language 'xx'"):
        build_vocabulary(["yes"], "xx")


def test_letters_of_any_script_become_tokens(profile):
    texts = ["नमस्ते दुनिया", "你好", "ሰላም", "CYMRU"]
    vocabulary = build_vocabulary(texts)
    assert set("".join(texts).replace(" ", "")) == set(vocabulary) - set(SPECIAL)


LETTERS = {"es-MX": "ÁÉÍÓÚÑ", "fr-CA": "ÀÇÉÈÊÛ'", "it-IT": "ÀÈÌÒÙ'", "ru-RU": "ЁЖЪЫЯ"}


@pytest.mark.parametrize("language", LETTERS)
def test_another_alphabet_gets_a_processor_of_its_own(language, profile, tmp_path):
    corpus = load_corpus(language=language)
    train = corpus["train"]["transcription"]
    processor = load_processor(profile.base_model, language, train, tmp_path / "processor")
    assert set(LETTERS[language]) <= set(processor.tokenizer.get_vocab())
    assert processor.tokenizer.pad_token_id == 0
    again = load_processor(tmp_path / "processor")
    assert again.tokenizer.get_vocab() == processor.tokenizer.get_vocab()
    assert again.feature_extractor.sampling_rate == 16_000
    for split in corpus.values():  # a letter that train lacks has a token all the same
        for text in map(normalize, split["transcription"], [language] * len(split)):
            ids = processor(text=text).input_ids
            assert again.tokenizer.decode(ids, group_tokens=False) == text
            assert again.tokenizer.unk_token_id not in ids
    prepared = prepare_dataset(corpus["train"].select(range(4)), processor, language)
    model = load_base_model(profile.base_model, processor, seed=0)
    assert (
        model.lm_head.out_features
        == len(processor.tokenizer)
        == len(build_vocabulary(train, language))
    )
    assert len(keep_fitting(prepared, model))


def test_a_vocabulary_of_small_letters_is_told_with_its_remedy(few, processor, tmp_path):
    processor.save_pretrained(tmp_path)
    vocabulary = json.loads((tmp_path / "vocab.json").read_text())
    small = {t if t.startswith("<") else t.lower(): n for t, n in vocabulary.items()}
    (tmp_path / "vocab.json").write_text(json.dumps(small))
    lower = load_processor(tmp_path)
    with pytest.raises(
        ValueError, match="only lower-case letters.*load_processor.*transcripts"
    ) as error:
        prepare_dataset(few, lower, "en-US")
    assert few[0]["path"] in str(error.value)
    own = load_processor(tmp_path, "en-US", few["transcription"])  # the remedy
    assert prepare_dataset(few.select([0]), own, "en-US")[0]["text"].isupper()


def test_english_keeps_the_base_model_s_own(profile, processor, tmp_path):
    train = load_corpus()["train"]["transcription"]
    own = load_processor(profile.base_model, "en-US", train, tmp_path / "processor")
    assert own.tokenizer.get_vocab() == processor.tokenizer.get_vocab()
    assert not (tmp_path / "processor").exists()


def test_a_base_model_without_a_tokenizer_gets_one(profile, processor, tmp_path):
    processor.feature_extractor.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="has no tokenizer.*load_processor"):
        load_processor(tmp_path)
    made = load_processor(tmp_path, "en-US", ["hello"])
    assert len(made.tokenizer) == 5 + 27


def test_the_processor_can_be_made_without_being_saved(profile):
    made = processor_for(profile.base_model, ["PERCHÉ"], "it-IT")
    assert made.tokenizer.decode(made(text="PERCHÉ").input_ids, group_tokens=False) == "PERCHÉ"


def test_all_splits_or_no_row_are_told(few, processor):
    with pytest.raises(ValueError, match="the splits train: pass one"):
        prepare_dataset(datasets.DatasetDict(train=few), processor, "en-US")
    with pytest.raises(ValueError, match="no row to prepare"):
        prepare_dataset(few.select([]), processor, "en-US")
