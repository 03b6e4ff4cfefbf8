import dataclasses
import json
import os
import signal

import pytest
import soundfile
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback

from asr_helpers import shards, train, training
from asr_helpers.artifacts import damage
from asr_helpers.checkpoints import checkpoints_in, training_in
from asr_helpers.corpus import load_corpus
from asr_helpers.inference import transcribe
from asr_helpers.processor import keep_fitting, load_processor, prepare_dataset
from asr_helpers.profiles import PROFILES, load_profile
from asr_helpers.recipe import (
    course_head,
    course_mixture,
    course_model,
    course_trainer,
    weights_to_mix,
)
from asr_helpers.recipe import train_or_resume as recipe_train
from asr_helpers.stream import StreamedBatches


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A corpus of forty short clips."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = load_corpus()["train"]
    chosen = [i for i, text in enumerate(rows["transcription"]) if 6 < len(text) < 30][:40]
    lines = ["file_name,transcription"]
    for row in rows.select(chosen):
        name = f"{len(lines):03}.wav"
        soundfile.write(folder / name, row["audio"]["array"], row["audio"]["sampling_rate"])
        lines.append(f'{name},"{row["transcription"]}"')
    (folder / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def options(folder, out, *more):
    return ["--profile", "smoke", "--corpus", str(folder), "--out", str(out), *more]


def entries(out):
    return [json.loads(line) for line in (out / train.LOG).read_text().splitlines()]


def weights(out):
    return load_file(out / train.OWN / "model.safetensors")


@pytest.fixture(scope="module")
def whole(folder, tmp_path_factory):
    """The folder that a whole smoke run leaves."""
    out = tmp_path_factory.mktemp("whole") / "out"
    assert train.main(options(folder, out)) == train.DONE
    return out


def test_its_weights_are_those_of_the_recipe_of_lesson_05(whole, folder, tmp_path):
    profile = load_profile("smoke")
    corpus = load_corpus(folder, profile.language, profile.revision, profile.seed)
    processor = load_processor(profile.base_model)
    rows = prepare_dataset(corpus["train"], processor, profile.language)
    validation = prepare_dataset(corpus["validation"], processor, profile.language)
    model = course_model(profile, processor)
    rows = keep_fitting(rows, model)
    course_head(profile, model, rows)
    started = {name: weight.clone() for name, weight in model.state_dict().items()}
    trainer = course_trainer(
        profile, model=model, processor=processor, train=rows, validation=validation,
        folder=tmp_path / "training",
    )  # fmt: skip
    recipe_train(profile, trainer)
    sounds = [row["input_values"] for row in validation]
    mixture, share, _ = course_mixture(
        profile, processor, before=weights_to_mix(profile, processor, started),
        after=trainer.model.state_dict(), truth=list(validation["text"]),
        write=lambda m: transcribe(m, processor, sounds),
    )  # fmt: skip
    found = weights(whole)
    for name, weight in mixture.state_dict().items():
        assert torch.equal(found[name], weight), name
    assert not torch.equal(found["lm_head.weight"], started["lm_head.weight"])
    (end,) = [e for e in entries(whole) if e["event"] == "finished"]
    assert end["share"] == share


def test_it_leaves_the_files_of_the_lesson_and_a_log(whole):
    left = {path.name for path in whole.iterdir()} - {f"{train.CHECKPOINTS}.lock"}
    assert left == {train.OWN, train.METRICS, train.RUN, train.LOG}
    assert damage(whole / train.OWN) is None
    metrics = json.loads((whole / train.METRICS).read_text())
    assert metrics["validation_wer"] > 0 and metrics["train_seconds"] > 0
    log = entries(whole)
    kinds = [entry["event"] for entry in log]
    assert kinds[:3] == ["start", "corpus", "head"] and kinds[-1] == "finished"
    assert [e["step"] for e in log if e["event"] == "validation"] == [0, 3, 6]
    assert [e["step"] for e in log if e["event"] == "checkpoint"] == [3, 6]
    assert any("loss" in e for e in log if e["event"] == "training")


def test_a_finished_run_is_not_written_over(whole, folder, capsys):
    before = weights(whole)
    assert train.main(options(folder, whole)) == train.WRONG_INPUT
    assert "holds a finished model: choose another folder" in capsys.readouterr().err
    assert train.main(options(folder, whole, "--resume")) == train.DONE
    assert entries(whole)[-1]["event"] == "finished before"
    assert all(torch.equal(before[name], weight) for name, weight in weights(whole).items())


def test_a_finished_run_of_other_knobs_is_not_taken_for_this_one(whole, folder, capsys):
    before = entries(whole)
    for more, said in [
        (["--learning-rate", "1e-5"], "learning_rate was 0.001 and is 1e-05"),
        (["--frozen"], "frozen was ['convolutions', 'projection', 'positions'] and is []"),
    ]:
        assert train.main(options(folder, whole, "--resume", *more)) == train.WRONG_INPUT
        told = capsys.readouterr().err
        assert f"a finished model of another run: {said}" in told and "--out" in told
    assert "finished before" not in {e["event"] for e in entries(whole)[len(before) :]}


class Terminate(TrainerCallback):
    """What Slurm or a cloud does: SIGTERM in the middle of training."""

    def on_step_begin(self, args, state, control, **_):
        if state.global_step == 1:
            os.kill(os.getpid(), signal.SIGTERM)


def test_sigterm_leaves_a_checkpoint_from_which_the_same_weights_come(
    whole, folder, tmp_path, monkeypatch, capsys
):
    real = train.course_trainer
    monkeypatch.setattr(
        train, "course_trainer",
        lambda *a, callbacks, **k: real(*a, callbacks=[*callbacks, Terminate()], **k),
    )  # fmt: skip
    handler = signal.getsignal(signal.SIGTERM)
    assert train.main(options(folder, tmp_path)) == train.STOPPED
    assert signal.getsignal(signal.SIGTERM) is handler
    said = capsys.readouterr().err
    assert "Stopped after step 2, as a signal asked." in said
    assert "with --resume goes on from checkpoint-2" in said
    assert entries(tmp_path)[-1]["event"] == "stopped" and not (tmp_path / train.OWN).exists()
    monkeypatch.undo()
    assert train.main(options(folder, tmp_path)) == train.WRONG_INPUT
    assert "holds a run that has begun" in capsys.readouterr().err
    assert train.main(options(folder, tmp_path, "--resume")) == train.DONE
    assert [e["event"] for e in entries(tmp_path)].count("head") == 1  # it was kept
    found = weights(tmp_path)
    assert all(torch.equal(found[name], weight) for name, weight in weights(whole).items())


@pytest.fixture(scope="module")
def tars(folder, tmp_path_factory):
    """The same corpus as shards, four of them to train on."""
    out, base = tmp_path_factory.mktemp("tars"), load_profile("smoke").base_model
    line = ["--corpus", str(folder), "--base-model", base, "--out", str(out), "--shards", "4"]
    assert shards.main(line) == 0
    return out


@pytest.fixture
def heard(monkeypatch):
    """The paths of each batch that is computed. A window of the stream holds a third of a pass."""
    batches, real = [], training.CTCTrainer.compute_loss

    def compute_loss(self, model, inputs, *args, **kwargs):
        batches.extend([inputs["paths"]] if "paths" in inputs else [])
        return real(self, model, inputs, *args, **kwargs)

    def small(profile, model, files):
        return StreamedBatches(
            [files], model.config, rate=16_000, batch_seconds=8.0, window_seconds=20.0
        )

    monkeypatch.setattr(training.CTCTrainer, "compute_loss", compute_loss)
    monkeypatch.setattr(train, "course_stream", small)
    return batches


def test_a_stream_that_was_interrupted_goes_on_with_the_same_rows(
    tars, tmp_path, heard, monkeypatch
):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train.main(options(tars, whole)) == train.DONE
    uninterrupted = heard.copy()
    assert len(uninterrupted) == 6 and len({path for batch in heard for path in batch}) > 8
    passes = [e["epoch"] for e in entries(whole) if e["event"] == "training" and "loss" in e]
    assert passes[0] == 0.0
    (corpus,) = [e for e in entries(whole) if e["event"] == "corpus"]
    told = [json.loads(path.read_text()) for path in tars.glob("train-*.json")]
    assert corpus["train_clips"] == sum(shard["clips"] for shard in told)

    heard.clear()
    real = train.course_trainer
    with monkeypatch.context() as patched:
        patched.setattr(
            train, "course_trainer",
            lambda *a, callbacks, **k: real(*a, callbacks=[*callbacks, Terminate()], **k),
        )  # fmt: skip
        assert train.main(options(tars, parts)) == train.STOPPED
    assert train.main(options(tars, parts, "--resume")) == train.DONE
    assert heard == uninterrupted
    found = weights(parts)
    assert all(torch.equal(found[name], weight) for name, weight in weights(whole).items())


def test_a_stream_of_other_shards_or_in_other_parts_is_another_run(
    tars, tmp_path, monkeypatch, capsys
):
    def power_cut(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "course_mixture", power_cut)
    short = ["--max-steps", "1", "--eval-steps", "1", "--warmup-steps", "0"]
    with pytest.raises(KeyboardInterrupt):
        train.main(options(tars, tmp_path, *short))
    few = options(tars / "train-0000[01].tar", tmp_path, *short, "--resume")
    assert train.main(few) == train.WRONG_INPUT
    assert "the shards changed" in capsys.readouterr().err
    monkeypatch.setattr("asr_helpers.stream.process_count", lambda: 2)
    assert train.main(options(tars, tmp_path, *short, "--resume")) == train.WRONG_INPUT
    assert "processes was 1 and is 2" in capsys.readouterr().err


def test_a_stream_is_not_grouped_by_length(tars, tmp_path, capsys):
    assert train.main(options(tars, tmp_path, "--no-equal-seconds")) == train.WRONG_INPUT
    assert "set equal_seconds to True" in capsys.readouterr().err


def test_a_loss_of_a_stream_that_is_not_finite_names_the_clips(tars, tmp_path, capsys, heard):
    line = options(tars, tmp_path, "--learning-rate", "1e30", "--warmup-steps", "0")
    assert train.main(line) == train.FAILED
    assert any(path in capsys.readouterr().err for path in heard[-1])


def test_sigterm_before_the_first_update_ends_at_once(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train, "course_head", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    assert train.main(options(folder, tmp_path)) == train.STOPPED
    assert "Stopped before the first update" in capsys.readouterr().err
    assert not checkpoints_in(tmp_path / train.CHECKPOINTS)


def test_resuming_with_other_knobs_is_refused(folder, tmp_path, monkeypatch, capsys):
    def power_cut(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "course_mixture", power_cut)
    with pytest.raises(KeyboardInterrupt):
        train.main(options(folder, tmp_path))
    more = ["--resume", "--learning-rate", "1e-5"]
    assert train.main(options(folder, tmp_path, *more)) == train.WRONG_INPUT
    assert "learning_rate was 0.001 and is 1e-05" in capsys.readouterr().err
    assert entries(tmp_path)[-1]["event"] == "failed"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--corpus", "/nowhere/at/all"], "/nowhere/at/all"),
        (["--frozen", "ears"], "There is no part 'ears' to freeze"),
        (["--language", "xx-XX"], "xx-XX"),
    ],
)
def test_wrong_input_ends_with_a_sentence(folder, tmp_path, given, said, capsys):
    base = [] if "--language" in given else ["--corpus", str(folder)]
    arguments = ["--profile", "smoke", "--out", str(tmp_path), *base, *given]
    assert train.main(arguments) == train.WRONG_INPUT
    assert said in capsys.readouterr().err


def test_two_runs_in_one_folder_would_mix_their_checkpoints(folder, tmp_path, capsys):
    with training_in(tmp_path / train.CHECKPOINTS):
        assert train.main(options(folder, tmp_path)) == train.WRONG_INPUT
    assert "Another notebook or run is training in" in capsys.readouterr().err


def test_a_loss_that_is_not_finite_is_a_failure(folder, tmp_path, capsys, monkeypatch):
    def ruined(*_):
        raise FloatingPointError("The loss of step 0 is not finite")

    monkeypatch.setattr(train, "train_or_resume", ruined)
    assert train.main(options(folder, tmp_path)) == train.FAILED
    assert "not finite" in capsys.readouterr().err
    assert "Traceback" in entries(tmp_path)[-1]["traceback"]


def test_every_knob_that_training_reads_is_an_option_and_changes_the_profile():
    values = {
        "corpus": "x", "revision": "abc", "shares": (0.25, 1.0), "vary": False,
        "keep_head": True, "batch_seconds": 7.5, "accumulation": 3, "frozen": (),
    }  # fmt: skip
    line = [
        "--corpus", "x", "--revision", "abc", "--frozen", "--shares", "0.25", "1", "--no-vary",
        "--keep-head", "--batch-seconds", "7.5", "--accumulation", "3",
    ]  # fmt: skip
    profile = train.chosen_profile(train.parser().parse_args(line))
    for name, value in values.items():
        assert getattr(profile, name) == value
    assert not profile.measured  # another recipe than the one that was measured
    assert train.chosen_profile(train.parser().parse_args([])) == PROFILES["offline"]
    kinds = {name for action in train.parser()._actions for name in action.option_strings}
    for field in dataclasses.fields(profile):
        wanted = field.name not in train.LEFT_OUT
        assert (f"--{field.name.replace('_', '-')}" in kinds) == wanted


def test_what_is_no_number_is_refused_by_the_command_line(capsys):
    with pytest.raises(SystemExit) as end:
        train.main(["--max-steps", "many"])
    assert end.value.code == train.WRONG_INPUT
    assert "--max-steps" in capsys.readouterr().err


def test_the_time_of_all_runs_in_a_folder_is_added_up(tmp_path):
    log = train.Log(tmp_path / "log.jsonl")
    times = [("start", 10), ("training", 14), ("start", 100), ("training", 103)]
    lines = [json.dumps({"time": time, "event": event}) for event, time in times]
    log.path.write_text("\n".join([*lines[:2], '{"time": 15, "ev', *lines[2:]]))
    assert log.seconds() == 4 + 3
