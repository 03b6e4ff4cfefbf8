import pytest
import torch

from asr_helpers.diagnostics import (
    blank_share,
    deaf_loss,
    diagnose,
    label_fit,
    memory_explained,
    unknown_share,
)
from asr_helpers.profiles import load_profile


def bad(model, processor, rows, learning_rate=1e-3):
    return {f.check for f in diagnose(model, processor, rows, learning_rate) if not f.good}


def writes_only(model, token):
    with torch.no_grad():
        model.lm_head.weight.zero_()
        model.lm_head.bias.zero_()
        model.lm_head.bias[token] = 1.0


def test_a_model_that_writes_only_blanks_is_on_the_plateau(model, processor, prepared):
    writes_only(model, 0)
    assert blank_share(model, prepared) == 1.0
    assert bad(model, processor, prepared) == {"blank share of frames"}
    writes_only(model, 5)
    assert blank_share(model, prepared) == 0.0
    assert bad(model, processor, prepared) == set()


def test_no_deaf_model_is_below_the_plateau_and_one_is_on_it(model, prepared):
    rows, height = prepared.select(range(4)), deaf_loss(model, prepared.select(range(4)))

    def loss_of(bias):
        with torch.no_grad():
            model.lm_head.weight.zero_()
            model.lm_head.bias.copy_(bias)
        values = [torch.tensor(row["input_values"])[None] for row in rows]
        labels = [torch.tensor(row["labels"])[None] for row in rows]
        losses = [model(v, labels=y).loss.item() for v, y in zip(values, labels)]
        return sum(losses) / len(losses)

    shares = torch.cat([torch.tensor(row["labels"]) for row in rows]).bincount(minlength=32)
    tried = []
    for blank in (0.2, 0.4, 0.6, 0.7, 0.8, 0.9):
        chances = (shares / shares.sum() * (1 - blank)).clamp(min=1e-9)
        chances[0] = blank
        tried.append(loss_of(chances.log()))
    assert height - 1e-3 < min(tried) < height + 0.15 and loss_of(torch.zeros(32)) > height


def test_a_label_that_does_not_fit_is_found(model, processor, prepared):
    def lengthen(row, k):
        return {"labels": row["labels"] * (40 if k == 0 else 1)}

    rows = prepared.map(lengthen, with_indices=True)
    assert label_fit(model, rows) == 1 - 1 / len(rows)
    writes_only(model, 5)
    assert bad(model, processor, rows) == {"share of utterances whose label fits"}


def test_unknown_tokens_are_counted(model, processor, prepared):
    rows = prepared.map(lambda row: {"labels": processor.tokenizer("ab1 CD").input_ids})
    assert unknown_share(processor, rows) == 3 / 6
    writes_only(model, 5)
    assert bad(model, processor, rows) == {"share of <unk> among label tokens"}


def test_weights_that_are_no_numbers_are_told_from_the_plateau(model, processor, prepared):
    assert diagnose(model, processor, prepared, 1e-3)[-1].value == 0
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(float("nan"))
    assert bad(model, processor, prepared) == {"weights that are no numbers (NaN)"}
    assert "Load the model anew" in str(diagnose(model, processor, prepared, 1e-3)[-1])


def test_learning_rates_far_off_are_told_with_a_remedy(model, processor, prepared):
    writes_only(model, 5)
    for rate in (1e-6, 1e-2):
        assert bad(model, processor, prepared, rate) == {"learning rate"}
        finding = diagnose(model, processor, prepared, rate)[3]
        assert str(finding).startswith("BAD  learning rate") and "warm-up" in str(finding)
    assert str(diagnose(model, processor, prepared, 1e-3)[3]) == "ok   learning rate: 0.001"


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("hub", torch.OutOfMemoryError("CUDA out of memory. Tried"), r"batch_seconds \(48\)"),
        (
            "hub-guide",
            torch.OutOfMemoryError("CUDA out of memory."),
            r"batch_size \(8\) and double",
        ),
        ("offline", RuntimeError("DefaultCPUAllocator: can't allocate memory"), "'offline'.*24"),
    ],
)
def test_a_lack_of_memory_is_answered_with_the_knob_to_turn(name, error, says):
    with pytest.raises(MemoryError, match=says), memory_explained(load_profile(name)):
        raise error


def test_a_real_lack_of_memory_is_known_as_one(profile):
    with pytest.raises(MemoryError, match="gradient_checkpointing"), memory_explained(profile):
        torch.empty(2**50)


def test_other_errors_pass_as_they_are(profile):
    with pytest.raises(RuntimeError, match="no matter"), memory_explained(profile):
        raise RuntimeError("no matter of memory")
