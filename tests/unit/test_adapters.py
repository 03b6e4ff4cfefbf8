import pytest
import torch
from torch import nn

from asr_helpers.adapters import add_bottlenecks, add_lora, save_weights, switch, trained_weights
from asr_helpers.model import count_parameters

VALUES = torch.randn(1, 16_000, generator=torch.Generator().manual_seed(0))
ADD = {
    "bottlenecks": lambda model, layers=0: add_bottlenecks(model, 8, 0, layers),
    "lora": lambda model, layers=0: add_lora(model, 4, 0, layers),
}


@pytest.mark.parametrize("kind", ADD)
def test_at_first_nothing_changes_and_few_weights_learn(model, kind):
    with torch.no_grad():
        before = model(VALUES).logits
        ADD[kind](model)
        assert torch.allclose(model(VALUES).logits, before, atol=1e-5)
    few, all_ = count_parameters(model)
    assert 0 < few < all_ / 20
    assert {"lm_head.weight", "lm_head.bias"} < trained_weights(model).keys()


@pytest.mark.parametrize("kind", ADD)
def test_only_layers_above_the_cut_get_them(model, kind):
    names = trained_weights(ADD[kind](model, 2)).keys()
    assert any(".layers.2." in name for name in names)
    assert not any(f".layers.{below}." in name for name in names for below in (0, 1))


def test_bottlenecks_are_refused_where_there_is_no_place_for_them(model):
    model.config.do_stable_layer_norm = False
    with pytest.raises(ValueError, match="use add_lora"):
        add_bottlenecks(model, 8, 0)


def test_they_are_not_added_twice(model):
    add_bottlenecks(model, 8, 0)
    with pytest.raises(ValueError, match="load it anew"):
        add_bottlenecks(model, 8, 0)


@pytest.mark.parametrize("kind", ADD)
def test_one_model_switches_between_languages_by_files(model, kind, tmp_path):
    """The second language has more letters; back and forth, each logit is as it was."""
    model = ADD[kind](model)
    seen = {}
    for language, size in (("one", 32), ("two", 41)):
        weights = {n: torch.randn_like(w) / 10 for n, w in trained_weights(model).items()}
        weights["lm_head.weight"] = torch.randn(size, model.lm_head.in_features)
        weights["lm_head.bias"] = torch.zeros(size)
        assert save_weights(weights, tmp_path / language) > 1000
        switch(model, weights)
        with torch.no_grad():
            seen[language] = model(VALUES).logits
    assert seen["one"].shape[-1] == 32 and seen["two"].shape[-1] == 41
    for language in ("one", "two", "one"):
        switch(model, tmp_path / language)
        with torch.no_grad():
            assert torch.equal(model(VALUES).logits, seen[language])
        assert model.config.vocab_size == seen[language].shape[-1]


def test_weights_of_another_kind_are_refused(model):
    weights = trained_weights(add_lora(model, 4, 0))
    model.lm_head = nn.Linear(model.config.hidden_size, model.config.vocab_size)
    weights.pop(next(name for name in weights if "lora_A" in name))
    with pytest.raises(ValueError, match="another kind of adapter"):
        switch(model, weights)
