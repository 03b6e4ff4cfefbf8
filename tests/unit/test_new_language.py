from dataclasses import replace

import datasets
import pytest
import torch

from asr_helpers.adaptation import lower_outputs
from asr_helpers.model import load_base_model
from asr_helpers.new_language import first_minutes, with_new_head, with_new_top


@pytest.fixture
def few_steps(profile):
    knobs = replace(profile.adaptation, head_steps=4, language_steps=4, language_learning_rate=1e-3)
    return replace(profile, adaptation=knobs)


@pytest.fixture
def kept(profile, processor, prepared):
    base = load_base_model(profile.base_model, processor, profile.seed)
    arrays = prepared.with_format("numpy")["input_values"]
    return lower_outputs(base, arrays, profile.adaptation.layers)


def changed(model, profile, processor):
    base = load_base_model(profile.base_model, processor, profile.seed).state_dict()
    return {name for name, w in model.state_dict().items() if not torch.equal(w, base[name])}


def test_a_new_head_alone_learns(few_steps, processor, prepared, kept):
    model = with_new_head(few_steps, processor, prepared, kept)
    assert changed(model, few_steps, processor) == {"lm_head.weight", "lm_head.bias"}


def test_then_all_above_the_frozen_layers_learns(few_steps, processor, prepared, kept):
    model = with_new_top(few_steps, processor, prepared, kept)
    names, layers = changed(model, few_steps, processor), few_steps.adaptation.layers
    assert "wav2vec2.encoder.layer_norm.weight" in names
    below = ("wav2vec2.feature", "wav2vec2.encoder.pos_conv", "wav2vec2.masked")
    below += tuple(f"wav2vec2.encoder.layers.{layer}." for layer in range(layers))
    assert not [name for name in names if name.startswith(below)]
    again = with_new_top(few_steps, processor, prepared, kept)
    assert torch.equal(model.lm_head.weight, again.lm_head.weight)


def test_more_minutes_hold_the_rows_of_fewer():
    lengths = [seconds * 10 for seconds in (30, 60, 90, 20, 40)]  # 10 samples a second, 240 s
    rows = datasets.Dataset.from_dict({"input_length": lengths})
    all_rows, minutes = first_minutes(rows, 4.0, 10, seed=0)
    assert sorted(all_rows) == [0, 1, 2, 3, 4] and minutes == 4.0
    for wanted in (1.0, 2.0, 3.0):
        some, minutes = first_minutes(rows, wanted, 10, seed=0)
        assert some == all_rows[: len(some)]
        assert sum(lengths[row] for row in some) / 10 / 60 == pytest.approx(minutes)
        assert minutes <= wanted or len(some) == 1
    assert len(first_minutes(rows, 0.01, 10, seed=0)[0]) == 1
