from dataclasses import replace

import pytest
import torch

from asr_helpers.model import load_model
from asr_helpers.processor import processor_for
from asr_helpers.recipe import (
    Estimate,
    course_collators,
    course_head,
    course_mixture,
    course_model,
    course_trainer,
    estimate_minutes,
    train_or_resume,
    weights_to_mix,
)


def ready(profile, processor, prepared, folder, **knobs):
    profile = replace(profile, **knobs)
    model = course_model(profile, processor)
    trainer = course_trainer(
        profile, model=model, processor=processor, train=prepared, validation=prepared,
        folder=folder,
    )  # fmt: skip
    trainer.args.disable_tqdm = True
    return profile, trainer


def test_the_model_is_as_the_profile_says(profile, processor):
    model = course_model(profile, processor)
    for name, value in profile.masks.items():
        assert getattr(model.config, name) == value
    trained = {name for name, w in model.named_parameters() if w.requires_grad}
    assert not any("feature_extractor" in name for name in trained)
    assert any("lm_head" in name for name in trained)
    free = course_model(profile, processor, pretrained=False)
    assert all(weight.requires_grad for weight in free.parameters())


def test_knobs_reach_the_trainer(profile, processor, prepared, tmp_path):
    profile, trainer = ready(
        profile, processor, prepared, tmp_path, patience=4, stop_from=0.5, batch_seconds=7.0, seed=3
    )
    assert trainer.batch_seconds == 7.0 and trainer.args.seed == 3
    assert trainer.data_collator.augment.seed == 3 and trainer.eval_collator.augment is None
    (stop,) = [
        c for c in trainer.callback_handler.callbacks if type(c).__name__ == "StopWithoutProgress"
    ]
    assert (stop.patience, stop.not_before) == (4, profile.max_steps // 2)


def test_without_variations_both_collators_are_plain(profile, processor):
    varied, plain = course_collators(replace(profile, vary=False), processor)
    assert varied.augment is plain.augment is None


def test_head_first_then_everything_then_the_mixture(profile, processor, prepared, tmp_path):
    profile, trainer = ready(profile, processor, prepared, tmp_path / "training")
    assert len(course_head(profile, trainer.model, prepared)) == profile.head_steps
    before = {name: weight.clone() for name, weight in trainer.model.state_dict().items()}
    assert train_or_resume(profile, trainer) is None
    history = trainer.state.log_history
    assert [e["step"] for e in history if "eval_wer" in e] == [0, 3, 6]  # before any step, too
    after = trainer.model.state_dict()
    model, share, written = course_mixture(
        profile, processor, before=before, after=after, truth=["ONE"], write=lambda m: ["ONE"]
    )
    assert share == min(profile.shares)  # all are equally good
    assert written == dict.fromkeys(profile.shares, ["ONE"])
    by_hand = torch.lerp(before["lm_head.weight"], after["lm_head.weight"], share)
    assert torch.equal(model.lm_head.weight, by_hand)


def test_the_mixture_starts_from_the_head_of_pretraining(profile, processor, lettered):
    model = course_model(profile, processor)
    started = model.state_dict()
    before = weights_to_mix(profile, processor, started)
    known = load_model(lettered).state_dict()
    differ = {name for name in started if not torch.equal(before[name], started[name])}
    assert differ == {"lm_head.weight", "lm_head.bias"}
    assert all(torch.equal(before[name], known[name]) for name in differ)


def test_without_a_head_for_these_tokens_the_mixture_starts_from_what_was_trained(
    profile, processor, tmp_path
):
    started = {"lm_head.weight": torch.zeros(3, 2), "lm_head.bias": torch.zeros(3)}
    other = processor_for(profile.base_model, ["PERCHÉ"], "it-IT")
    assert weights_to_mix(profile, other, started) == started
    elsewhere = replace(
        profile, base_model="facebook/wav2vec2-base"
    )  # only a folder has such a head
    assert weights_to_mix(elsewhere, processor, started) == started


def test_it_goes_on_where_it_was_cut_off_unless_it_was_another_run(
    profile, processor, prepared, tmp_path
):
    from transformers import TrainerCallback

    class PowerCut(TrainerCallback):
        def on_save(self, args, state, control, **_):
            control.should_training_stop = True

    same, first = ready(profile, processor, prepared, tmp_path)
    first.add_callback(PowerCut())
    assert train_or_resume(same, first) is None and first.state.global_step == 3
    other, changed = ready(profile, processor, prepared, tmp_path, learning_rate=1e-4)
    with pytest.raises(ValueError, match="another run: learning_rate was 0.001 and is 0.0001"):
        train_or_resume(other, changed)
    again, second = ready(profile, processor, prepared, tmp_path)
    assert train_or_resume(again, second).endswith("checkpoint-3")
    assert second.state.global_step == 6
    steps = [e["step"] for e in second.state.log_history if "eval_wer" in e]
    assert steps == [0, 3, 6]
    assert train_or_resume(again, second).endswith("checkpoint-6")  # run once more: nothing is lost


def test_minutes_are_estimated_from_steps_measured_here(profile, processor, prepared):
    model = course_model(profile, processor)
    before = model.lm_head.weight.clone()
    rows = dict(model=model, processor=processor, train=prepared, validation=prepared)
    short, long = (
        estimate_minutes(replace(profile, max_steps=steps, eval_steps=100), **rows)
        for steps in (100, 1000)
    )
    assert torch.equal(model.lm_head.weight, before) and not model.training
    assert 0 < short.train < long.train and short.total > short.train
    assert (
        4 < long.train / short.train < 25
    )  # ten times the steps, on a machine that others use too
    assert "minutes on this machine" in str(short)


def test_minutes_of_the_head_grow_with_its_steps(profile, processor, prepared):
    model = course_model(profile, processor)
    rows = dict(model=model, processor=processor, train=prepared, validation=prepared)
    none, few, many = (
        estimate_minutes(replace(profile, max_steps=10, head_steps=steps), **rows).head
        for steps in (0, 1, 100_000)
    )
    assert none == 0 and few > 0
    assert many > 10 * few  # each step costs something, measured here
    assert all(weight.grad is None for weight in model.parameters())  # a copy took the steps


def test_an_estimate_is_told_in_whole_minutes():
    assert str(Estimate(1, 0.5, 8.2, 2)).startswith("about 12 minutes on this machine (heart 1.0,")
