import re
from dataclasses import replace

import pytest
from huggingface_hub import ModelCard

from asr_helpers.model_card import model_card

METRICS = {"wer": 0.41234, "wer_low": 0.35, "wer_high": 0.5, "cer": 0.15}


def test_it_tells_the_scores_in_words_and_in_metadata(profile, prepared, tmp_path):
    model_card(profile, METRICS, prepared, prepared, "cc-by-sa-3.0").save(tmp_path / "README.md")
    card = ModelCard.load(tmp_path / "README.md")
    assert card.data.license == "cc-by-sa-3.0" and card.data.language == "en"
    scores = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert scores == {"wer": 0.4123, "cer": 0.15}
    for part in ("| 0.412 |", "0.350 to 0.500", "`wav2vec2-tiny`", "12 utterances"):
        assert part in card.text
    assert "/" not in card.data.model_name  # a folder's path says nothing to others


def test_no_markup_of_a_name_reaches_the_card_and_no_folder_s_place(profile, prepared, tmp_path):
    evil = "<img src=x onerror=alert(1)>"
    for corpus in (f"`{evil}", f"line\n\n{evil}", str(tmp_path / "my`voice")):
        other = replace(profile, corpus=corpus, base_model=f"someone/`{evil}")
        text = model_card(other, METRICS, prepared, prepared, "cc-by-sa-3.0").text
        outside = re.sub(r"`[^`\n]+`", "", text.partition("\n---\n")[2])  # code shows its text
        assert "<" not in outside and "`" not in outside and str(tmp_path) not in text


def test_a_wer_outside_its_interval_is_refused(profile, prepared):
    wrong = METRICS | {"wer": 0.9}
    with pytest.raises(ValueError, match="outside its interval"):
        model_card(profile, wrong, prepared, prepared, "cc-by-sa-3.0")
