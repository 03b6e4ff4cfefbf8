import numpy as np
import pytest
import torch

from asr_helpers.collator import DataCollatorCTCWithPadding
from asr_helpers.metrics import trainer_metrics
from asr_helpers.training import (
    CTCTrainer,
    best_tokens,
    encoder_outputs,
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
    from dataclasses import replace

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
    from dataclasses import replace

    from asr_helpers.collator import Augment
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


def test_evaluation_keeps_ids_not_logits():
    assert best_tokens(torch.eye(3)[None], None).tolist() == [[0, 1, 2]]


def test_the_trainers_metrics_ignore_padding(processor):
    from types import SimpleNamespace

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
    assert fast_bfloat16() is fast


def test_validation_is_scored_an_utterance_at_a_time(profile, tmp_path):
    assert training_arguments(profile, tmp_path).eval_batch_size == 1
