import numpy as np
import pytest

from asr_helpers.audio import AudioError
from asr_helpers.processor import keep_fitting, prepare_dataset


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


@pytest.mark.parametrize(("text", "says"), [("?!", "says nothing"), ("шесть", "outside the vocab")])
def test_a_transcript_that_cannot_be_learned_is_named(few, processor, text, says):
    rows = few.select([3]).remove_columns("transcription").add_column("transcription", [text])
    with pytest.raises(ValueError, match=says) as error:
        prepare_dataset(rows, processor, "en-US")
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
