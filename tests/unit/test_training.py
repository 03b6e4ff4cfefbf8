import os
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file
from transformers import TrainerCallback

from asr_helpers.augment import Augment
from asr_helpers.checkpoints import begin, checkpoints_in
from asr_helpers.collator import DataCollatorCTCWithPadding
from asr_helpers.frames import frame_count
from asr_helpers.long_form import transcribe_long
from asr_helpers.metrics import cer, trainer_metrics
from asr_helpers.model import freeze, load_model, not_finite
from asr_helpers.profiles import load_profile
from asr_helpers.recipe import course_model
from asr_helpers.training import (
    CTCTrainer,
    StopWithoutProgress,
    best_tokens,
    encoder_outputs,
    evaluation_batch,
    fast_bfloat16,
    peak_memory_mb,
    train_head,
    training_arguments,
)


def trainer(model, prepared, processor, profile, folder):
    collate = DataCollatorCTCWithPadding(processor, 8000)
    arguments = training_arguments(profile, folder)
    arguments.disable_tqdm = True
    return CTCTrainer(
        model=model, args=arguments, train_dataset=prepared, eval_dataset=prepared,
        processing_class=processor, data_collator=collate, eval_collator=collate,
        compute_metrics=trainer_metrics(processor), batch_seconds=12,
    )  # fmt: skip


def test_only_the_head_learns(model, prepared):
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    losses = train_head(model, prepared, steps=60, learning_rate=5e-3, seed=0)
    changed = [n for n, w in model.state_dict().items() if not torch.equal(w, before[n])]
    assert changed == ["lm_head.weight", "lm_head.bias"]
    assert len(losses) == 60 and np.mean(losses[-10:]) < 0.6 * losses[0]


def test_the_head_learns_the_same_from_the_same_seed(profile, processor, prepared):
    from asr_helpers.model import load_base_model

    runs = []
    for _ in range(2):
        model = load_base_model(profile.base_model, processor, seed=0)
        runs.append(train_head(model, prepared, steps=5, learning_rate=5e-3, seed=0))
    assert runs[0] == runs[1]


def test_encoder_outputs_are_the_models_own(model, prepared):
    kept = encoder_outputs(model, prepared.select([0, 1]))
    for hidden, row in zip(kept, prepared):
        with torch.no_grad():
            logits = model(torch.tensor(row["input_values"])[None]).logits[0]
            assert torch.allclose(model.lm_head(hidden), logits, atol=1e-4)


def test_training_learns_a_dozen_clips_by_heart(model, prepared, processor, profile, tmp_path):
    freeze(model, profile.frozen, profile.frozen_layers)
    train_head(model, prepared, steps=40, learning_rate=5e-3, seed=0)
    longer = replace(profile, max_steps=30, eval_steps=30, warmup_steps=3)
    run = trainer(model, prepared, processor, longer, tmp_path)
    before = run.evaluate()
    run.train()
    after = run.evaluate()
    assert after["eval_loss"] < 0.5 * before["eval_loss"] and after["eval_cer"] < 0.15


def test_one_seed_gives_one_result(prepared, processor, profile, tmp_path):
    from asr_helpers.model import load_base_model

    weights = []
    for run in range(2):
        model = load_base_model(profile.base_model, processor, seed=0)
        trainer(model, prepared, processor, profile, tmp_path / str(run)).train()
        weights.append(model.lm_head.weight.clone())
    assert torch.equal(*weights)


def test_resumed_training_ends_where_uninterrupted_training_does(
    prepared, processor, profile, tmp_path
):
    from asr_helpers.model import load_base_model

    several = replace(profile, max_steps=8, eval_steps=3)  # stopped within an epoch
    ends = []
    for resume in (None, str(tmp_path / "checkpoint-3")):
        model = load_base_model(profile.base_model, processor, 0, {"mask_time_prob": 0.1})
        run = trainer(model, prepared, processor, several, tmp_path)
        run.args.load_best_model_at_end = False
        run.data_collator = DataCollatorCTCWithPadding(processor, 8000, Augment(16_000, 1))
        run.train(resume_from_checkpoint=resume)
        assert run.state.global_step == 8
        ends.append({name: weight.clone() for name, weight in model.state_dict().items()})
    assert all(torch.equal(weight, ends[1][name]) for name, weight in ends[0].items())


def test_in_a_folder_that_was_moved_the_best_checkpoint_is_found(
    tmp_path, model, prepared, processor, profile
):
    """The Trainer keeps its absolute path: it took the last weights in place of the best ones."""
    short = replace(profile, max_steps=4, eval_steps=2, warmup_steps=0)
    run = trainer(model, prepared, processor, short, tmp_path / "before")
    run.train()
    best = run.state.best_global_step
    (tmp_path / "before").rename(tmp_path / "after")
    found = trainer(model, prepared, processor, short, tmp_path / "after")
    found.train(resume_from_checkpoint=str(tmp_path / "after" / "checkpoint-4"))
    place = tmp_path / "after" / f"checkpoint-{best}"
    assert found.state.best_model_checkpoint == str(place)
    kept = load_file(place / "model.safetensors")
    assert all(torch.equal(kept[n], w) for n, w in found.model.state_dict().items() if n in kept)


def test_a_checkpoint_says_of_which_run_it_is(tmp_path, model, prepared, processor, profile):
    short = replace(profile, max_steps=2, eval_steps=2, warmup_steps=0)
    begin(tmp_path, {"knob seed": 1})
    trainer(model, prepared, processor, short, tmp_path).train()
    kept = (tmp_path / "checkpoint-2" / "run.json").read_text()
    assert kept == (tmp_path / "run.json").read_text()


def test_evaluation_keeps_ids_not_logits():
    assert best_tokens(torch.eye(3)[None], None).tolist() == [[0, 1, 2]]


def test_the_trainers_metrics_ignore_padding(processor):
    ids = processor.tokenizer("HELLO").input_ids
    said = [*ids[:3], 0, *ids[3:], -100, -100]  # a blank between the two Ls
    truth = [*ids, -100, -100, -100]
    given = SimpleNamespace(predictions=np.array([said]), label_ids=np.array([truth]))
    labels = given.label_ids.copy()
    assert trainer_metrics(processor)(given) == {"wer": 0.0, "cer": 0.0}
    assert np.array_equal(given.label_ids, labels)  # the classic recipe writes into them


def test_arguments_choose_by_validation_wer(profile, tmp_path):
    arguments = training_arguments(profile, tmp_path)
    assert arguments.metric_for_best_model == "wer" and not arguments.greater_is_better
    assert arguments.load_best_model_at_end and arguments.seed == profile.seed


def test_bfloat16_is_used_where_it_is_fast_and_only_there(profile, tmp_path, monkeypatch):
    for fast in (True, False):
        monkeypatch.setattr("asr_helpers.training.fast_bfloat16", lambda fast=fast: fast)
        arguments = training_arguments(profile, tmp_path)
        assert arguments.bf16 is fast
        assert arguments.fp16 is (torch.cuda.is_available() and not fast)
    monkeypatch.undo()
    assert fast_bfloat16() in (True, False)


def test_peak_memory_is_at_least_what_is_held():
    held = np.ones(40_000_000)  # 320 MB
    assert peak_memory_mb() > held.nbytes / 1e6


@pytest.mark.parametrize(
    ("capabilities", "fast"),
    [({"amx_bf16": True}, True), ({"avx512_bf16": True}, True), ({"avx512_f": True}, False)],
)
def test_bfloat16_is_fast_where_the_processor_multiplies_it(monkeypatch, capabilities, fast):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert fast_bfloat16() is fast


def test_no_bfloat16_where_torch_is_limited_to_older_instructions(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    assert fast_bfloat16() is False


def test_validation_is_scored_an_utterance_at_a_time(profile, tmp_path):
    assert training_arguments(profile, tmp_path).eval_batch_size == 1


def tight(prepared, model):
    """The rows, the last with a label that needs one frame more than its audio has."""
    frames = frame_count(model.config, prepared[-1]["input_length"])
    labels = [list(y) for y in prepared["labels"][:-1]] + [[5, 6] * (frames // 2) + [5, 6]]
    labels[-1] = labels[-1][: frames + 1]
    return prepared.remove_columns("labels").add_column("labels", labels)


def test_a_label_that_does_not_fit_is_named_before_anything_learns(
    model, prepared, processor, profile, tmp_path
):
    rows = tight(prepared, model)
    path = re.escape(prepared[-1]["path"])
    with pytest.raises(ValueError, match=f"{path}.*needs .* frames.*keep_fitting"):
        train_head(model, rows, steps=2, learning_rate=5e-3, seed=0)
    with pytest.raises(ValueError, match=f"{path}.*needs .* frames.*keep_fitting"):
        trainer(model, rows, processor, profile, tmp_path)


def test_a_loss_that_is_not_finite_stops_training_and_names_the_rows(
    model, prepared, processor, profile, tmp_path
):
    """A sound whose samples are no numbers: the one kind that no earlier check can see."""
    silent = np.full(16_000, np.nan, dtype=np.float32)

    class Ruined(DataCollatorCTCWithPadding):
        def _varied(self, row):
            return silent if row["draw"][-1] == 3 else super()._varied(row)

    run = trainer(model, prepared, processor, profile, tmp_path)
    run.data_collator = Ruined(processor, 8000)
    with pytest.raises(FloatingPointError, match="not finite") as caught:
        run.train()
    named = [row["path"] for row in prepared if row["path"] in str(caught.value)]
    assert named == [prepared[3]["path"]] and "learning_rate" in str(caught.value)
    assert not not_finite(model)


def test_the_head_stops_at_a_loss_that_is_not_finite_and_names_the_row(model, prepared):
    values = [list(row) for row in prepared.select(range(4))["input_values"]]
    values[2][100] = float("nan")
    rows = prepared.select(range(4)).remove_columns("input_values")
    rows = rows.add_column("input_values", values)
    with pytest.raises(FloatingPointError, match="not finite") as caught:
        train_head(model, rows, steps=2, learning_rate=1e-3, seed=0)
    named = [row["path"] for row in prepared if row["path"] in str(caught.value)]
    assert named == [prepared[2]["path"]] and not not_finite(model)


def test_the_optimizer_holds_only_what_learns(prepared, processor, profile, tmp_path):
    lower = replace(profile, frozen_layers=2, max_steps=2, eval_steps=2)
    model = course_model(lower, processor)
    run = trainer(model, prepared, processor, lower, tmp_path)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    run.train()
    held = {id(w) for group in run.optimizer.param_groups for w in group["params"]}
    free = {id(w) for w in model.parameters() if w.requires_grad}
    assert held == free and len(free) < len(list(model.parameters()))
    moved = {n for n, w in model.state_dict().items() if not torch.equal(w, before[n])}
    assert moved and not any("layers.0." in n or "layers.1." in n for n in moved if "encoder" in n)


def test_weights_that_are_no_numbers_are_told(model, prepared, processor, profile, tmp_path):
    run = trainer(model, prepared, processor, profile, tmp_path)
    with torch.no_grad():
        model.lm_head.weight[0, 0] = torch.nan
    with pytest.raises(FloatingPointError, match="one is in lm_head.weight.*load the model anew"):
        run.train()
    with pytest.raises(FloatingPointError, match="one is in lm_head.weight"):
        train_head(model, prepared, steps=2, learning_rate=1e-3, seed=0)


def test_a_row_with_no_frame_to_spare_trains_without_harm(
    model, prepared, processor, profile, tmp_path
):
    """It is kept, varied over and over, and never becomes too short."""
    frames = frame_count(model.config, prepared[0]["input_length"])
    labels = ([5, 6] * frames)[:frames]
    rows = prepared.select([0]).remove_columns("labels").add_column("labels", [labels])
    run = trainer(model, rows, processor, replace(profile, max_steps=12), tmp_path)
    run.data_collator = DataCollatorCTCWithPadding(processor, None, Augment(16_000, 0))
    run.train()
    assert run.state.global_step == 12 and not not_finite(model)


def test_augmentation_without_equal_seconds_is_refused(
    model, prepared, processor, profile, tmp_path
):
    varied = DataCollatorCTCWithPadding(processor, 8000, Augment(16_000, 0))
    with pytest.raises(ValueError, match="equal_seconds to True, or vary to False"):
        CTCTrainer(
            model=model, args=training_arguments(profile, tmp_path), train_dataset=prepared,
            eval_dataset=prepared, data_collator=varied, eval_collator=varied, batch_seconds=None,
        )  # fmt: skip


def test_a_clock_set_back_deletes_no_newer_checkpoint(
    model, prepared, processor, profile, tmp_path
):
    run = trainer(model, prepared, processor, replace(profile, max_steps=4, eval_steps=1), tmp_path)
    run.args.load_best_model_at_end = False

    class SetBack(TrainerCallback):
        def on_save(self, args, state, control, **_):
            newest = tmp_path / f"checkpoint-{state.global_step}"
            os.utime(newest, (1e9 - state.global_step * 1e5,) * 2)

    run.add_callback(SetBack())
    (tmp_path / "checkpoint-2-Copy1").mkdir()
    run.train()
    kept = [path.name for path in checkpoints_in(tmp_path)]
    assert "checkpoint-4" in kept and len(kept) <= 3
    assert (tmp_path / "checkpoint-2-Copy1").is_dir()


@pytest.mark.parametrize(
    ("rates", "step", "stops"),
    [
        ([0.9, 0.5, 0.5, 0.5], 60, True),
        ([0.9, 0.5, 0.5, 0.5], 40, False),  # before the half
        ([0.9, 0.5, 0.5, 0.4], 60, False),  # still falling
        ([], 60, False),
    ],
)
def test_training_stops_on_the_cer_and_never_before_the_half(rates, step, stops):
    log = [{"eval_cer": cer, "eval_wer": 1.0} for cer in rates]  # the WER stands still all along
    state = SimpleNamespace(global_step=step, log_history=log)
    control = SimpleNamespace(should_training_stop=False)
    StopWithoutProgress(2, not_before=50).on_evaluate(None, state, control)
    assert control.should_training_stop is stops


def test_the_rate_warms_up_holds_and_decays(tmp_path, model, prepared):
    hub = load_profile("hub")
    run = CTCTrainer(
        model=model, args=training_arguments(hub, tmp_path), batch_seconds=48, eval_collator=None,
        eval_dataset=prepared,
    )  # fmt: skip
    run.create_optimizer_and_scheduler(hub.max_steps)
    at = run.lr_scheduler.lr_lambdas[0]
    assert at(0) == 0 and at(hub.warmup_steps) == at(hub.max_steps - hub.decay_steps) == 1
    assert 0.4 < at(hub.max_steps - hub.decay_steps // 2) < 0.6 and at(hub.max_steps) < 1e-6


@pytest.mark.parametrize(
    ("device", "norm", "mask", "size"),
    [("cpu", "layer", True, 1), ("cuda", "layer", True, 16), ("cuda", "group", False, 1),
     ("cuda", "group", True, 1), ("cuda", "layer", False, 1)],
)  # fmt: skip
def test_utterances_are_evaluated_together_only_where_padding_changes_nothing(
    monkeypatch, device, norm, mask, size
):
    monkeypatch.setattr("asr_helpers.training.device", lambda: torch.device(device))
    assert evaluation_batch(SimpleNamespace(feat_extract_norm=norm), mask) == size


def test_a_clip_that_is_too_long_is_evaluated_in_chunks(
    lettered, prepared, processor, profile, tmp_path
):
    rows = prepared.with_format(None)[:]
    values = [
        value for row in rows["input_values"] for value in row
    ]  # all clips, one after another
    labels = processor.tokenizer(" ".join(rows["text"])).input_ids
    row = {"input_values": [values], "labels": [labels], "input_length": [len(values)]}
    long = Dataset.from_dict({**row, "text": [" ".join(rows["text"])]})
    model = freeze(load_model(lettered), profile.frozen, profile.frozen_layers)
    run = trainer(model, prepared, processor, profile, tmp_path)
    in_chunks = run.evaluate(long)
    text = transcribe_long(model, processor, np.array(values, dtype=np.float32))
    assert in_chunks["eval_cer"] == pytest.approx(cer(long["text"][:], [text]), abs=0.02)
    del model.config.max_frames
    whole = run.evaluate(long)
    assert in_chunks["eval_cer"] < 0.9 * whole["eval_cer"]
    assert in_chunks["eval_loss"] < 0.9 * whole["eval_loss"]


def test_a_clip_evaluated_in_chunks_has_the_model_s_own_loss(
    lettered, prepared, processor, profile, tmp_path
):
    """One chunk is the whole: then both ways must agree."""
    model = freeze(load_model(lettered), profile.frozen, profile.frozen_layers)
    row = prepared.select([0])
    run = trainer(model, prepared, processor, profile, tmp_path)
    whole = run.evaluate(row)
    model.config.max_frames = 10
    assert run.evaluate(row)["eval_loss"] == pytest.approx(whole["eval_loss"], rel=1e-2)


def test_accumulated_batches_give_the_mean_of_their_losses_not_the_sum(
    prepared, processor, profile, tmp_path
):
    """The gradient of an update is the mean over its batches, as wanted of a rate and a clipping."""
    knobs = replace(profile, max_steps=1, learning_rate=1e-9, accumulation=2, eval_steps=1)
    model = course_model(replace(knobs, mask_time_prob=0.0, mask_feature_prob=0.0), processor)
    accumulated = trainer(model, prepared, processor, knobs, tmp_path)
    batches = list(accumulated.get_train_dataloader())[:2]
    accumulated.train()
    (logged,) = [e["loss"] for e in accumulated.state.log_history if "loss" in e]
    model.eval()
    losses = [
        model(input_values=b["input_values"], labels=b["labels"],
              attention_mask=b.get("attention_mask")).loss.item()
        for b in batches
    ]  # fmt: skip
    assert logged == pytest.approx(np.mean(losses), rel=0.2)  # dropout makes a small difference
    assert abs(np.sum(losses) - logged) > 0.3 * np.sum(losses)


def test_what_is_drawn_for_a_batch_depends_on_nothing_drawn_before(
    prepared, processor, profile, tmp_path
):
    model = course_model(replace(profile, mask_time_prob=0.5), processor).train()
    one = trainer(model, prepared, processor, profile, tmp_path)
    batch, other = list(one.get_train_dataloader())[:2]

    def loss(of, update=0):
        one.state.global_step = update
        return one.compute_loss(model, dict(of)).item()

    first = loss(batch)
    loss(other)
    torch.rand(3), np.random.random(3)  # noqa: NPY002 (transformers draws masks from it)
    assert loss(batch) == first
    assert loss(batch, update=1) != first


@pytest.mark.parametrize(
    ("labels", "says"),
    [([99], "token 99"), ([5, -100], "token -100"), ([0, 5], "token 0"), ([], "is empty")],
)
def test_a_label_of_tokens_that_the_head_lacks_is_refused(model, prepared, labels, says):
    rows = prepared.select([0]).remove_columns("labels").add_column("labels", [labels])
    with pytest.raises(ValueError, match=f"{prepared[0]['path']}: its label.* {says}.*head writes"):
        train_head(model, rows, steps=1, learning_rate=1e-3, seed=0)


def test_no_row_to_train_on_is_told(model, prepared):
    with pytest.raises(ValueError, match="no row to train on"):
        train_head(model, prepared.select([]), steps=1, learning_rate=1e-3, seed=0)
