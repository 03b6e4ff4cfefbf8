"""The benchmarks' structure and arithmetic; never their speed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import __main__ as everything
from benchmarks import (
    classic,
    common,
    growth,
    languages,
    step_profile,
    time_to_wer,
    training,
    transcription,
)

ROOT = Path(__file__).parent.parent.parent


def test_a_summary_is_the_middle_and_the_range():
    found = common.summary([3.0, 1.0, 2.0, 10.0])
    assert found == {"median": 2.5, "low": 1.0, "high": 10.0, "n": 4}
    assert common.spread(found, 1) == "2.5 (1.0 to 10.0)"


def test_ratios_are_taken_within_a_round():
    above, below = [{"s": 2.0}, {"s": 30.0}], [{"s": 1.0}, {"s": 10.0}]
    assert common.ratios(above, below, "s") == {"median": 2.5, "low": 2.0, "high": 3.0, "n": 2}


def test_systems_take_turns(monkeypatch):
    order = []
    monkeypatch.setattr(common, "measured", lambda part, **spec: order.append(spec["name"]) or {})
    common.in_turn("any", {"a": {"name": "a"}, "b": {"name": "b"}}, 2)
    assert order == ["a", "b", "a", "b"]


def test_each_measurement_has_a_process_of_its_own_with_its_threads(monkeypatch, tmp_path):
    (tmp_path / "benchmarks").mkdir()
    source = "import os\ndef measure(**spec): return {'pid': os.getpid(), 'spec': spec, "
    source += "'threads': os.environ['OMP_NUM_THREADS']}\n"
    (tmp_path / "benchmarks" / "probe.py").write_text(source)
    (tmp_path / "benchmarks" / "__init__.py").write_text("")
    common_source = (ROOT / "benchmarks" / "common.py").read_text()
    (tmp_path / "benchmarks" / "common.py").write_text(common_source)
    monkeypatch.setattr(common, "ROOT", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    one, two = common.measured("probe", threads=1), common.measured("probe")
    assert one["pid"] != two["pid"] and one["spec"] == {"threads": 1}
    assert (one["threads"], two["threads"]) == ("1", str(common.cores()))


def test_a_failed_measurement_says_why():
    with pytest.raises(RuntimeError, match="no_such_part.*failed(.|\n)*ModuleNotFoundError"):
        common.measured("no_such_part")


def test_peak_memory_begins_anew_in_each_process():
    held = np.ones(100_000_000)  # 800 MB, in the parent
    code = "from benchmarks.common import peak_mb; print(peak_mb())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert 5 < float(done.stdout) < held.nbytes / 1e6
    assert common.peak_mb() > held.nbytes / 1e6


def test_batches_hold_the_wanted_utterances_in_the_mean():
    from asr_helpers.batches import SecondsBatchSampler

    lengths = np.random.default_rng(0).uniform(1, 6, 64) * 16_000
    seconds = training.batch_seconds(lengths, 16_000, 16, seed=42)
    assert len(SecondsBatchSampler(lengths, 16_000, seconds, 42)) == 4
    assert len(SecondsBatchSampler(lengths, 16_000, seconds - 1, 42)) > 4


def test_the_classic_recipe_is_the_guides(tmp_path):
    args = classic.arguments(tmp_path)
    assert (args.per_device_train_batch_size, args.gradient_accumulation_steps) == (8, 2)
    assert (args.learning_rate, args.warmup_steps, args.max_steps) == (1e-5, 500, 2000)
    assert args.gradient_checkpointing and args.train_sampling_strategy == "group_by_length"
    assert args.length_column_name == "length"  # which its rows have not


def test_the_classic_recipes_grouping_does_nothing(few, processor, model, tmp_path):
    rows = classic.prepare(few, processor, "en-US")
    assert len({row["input_length"] for row in rows}) > 1 and "length" not in rows.column_names
    trainer = classic.trainer(model, processor, rows, rows, classic.arguments(tmp_path))
    assert set(trainer._get_train_sampler().lengths) == {1}


def test_the_classic_collator_pads_to_the_longest(few, processor):
    rows = classic.prepare(few.select([0, 1]), processor, "en-US")
    batch = classic.DataCollatorCTCWithPadding(processor)([rows[0], rows[1]])
    assert batch["input_values"].shape == (2, max(rows["input_length"]))
    assert batch["labels"][0][: len(rows[0]["labels"])].tolist() == rows[0]["labels"]
    assert (batch["labels"] == -100).any()


def test_the_classic_metrics_read_every_logit(processor):
    ids = processor.tokenizer("NO").input_ids
    logits = np.eye(32)[[[*ids, 0, 0]]]
    given = SimpleNamespace(predictions=logits, label_ids=np.array([[*ids, -100]]))
    assert classic.metrics(processor)(given) == {"wer": 0.0}


def test_the_stopwatch_stands_still_while_validation_is_scored(monkeypatch):
    now = SimpleNamespace(value=100.0)
    monkeypatch.setattr(time_to_wer.time, "perf_counter", lambda: now.value)
    monkeypatch.setattr(time_to_wer.time, "process_time", lambda: 2 * now.value)
    points = []
    watch = time_to_wer.stopwatch(50, points)
    watch.spent, watch.cpu_spent = 7.0, 14.0  # the head's
    control = SimpleNamespace(should_evaluate=False, should_training_stop=False)
    watch.on_train_begin(None, None, control)
    for step in (1, 2):
        now.value += 10
        control.should_evaluate = True
        watch.on_step_end(None, None, control)
        now.value += 1000  # validation
        watch.on_evaluate(None, SimpleNamespace(global_step=step), control, {"eval_wer": 1 / step})
    assert points == [[17.0, 1, 1.0, 34.0], [27.0, 2, 0.5, 54.0]]
    control.should_evaluate = False
    watch.on_step_end(None, None, control)
    assert control.should_training_stop and control.should_evaluate
    now.value += 3  # what comes after the last validation counts: the mixtures
    watch.note(2, 0.4)
    assert points[-1] == [30.0, 2, 0.4, 60.0]


def test_a_language_is_told_with_its_intervals(tmp_path, monkeypatch):
    row = {
        "language": "xx-XX", "minutes": 4.98, "clips": 9, "words": 30, "prepare_seconds": 1.0,
        "frames_seconds": 2.0, "train_seconds": 3.0, "wer": 0.5, "wer_interval": [0.4, 0.625],
        "cer": 0.25, "cer_interval": [0.25, 0.25],
    }  # fmt: skip
    monkeypatch.setattr(languages, "measured", lambda part, **spec: row | spec)
    result = languages.run(quick=False)
    named = [found["language"] for found in result["languages"]]
    assert {"es-MX", "fr-CA", "it-IT", "ru-RU"} <= set(named) and "en-US" not in named
    assert "es-MX: test WER 0.500 (0.400 to 0.625), CER 0.250" in languages.table(result)[0]
    monkeypatch.setattr(common, "BUILD", tmp_path)
    languages.draw(result)
    assert (tmp_path / "languages.png").stat().st_size > 5000


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    assert transcription.missing("pocketsphinx") == ["pocketsphinx"]
    assert transcription.missing("ours, greedy") == []


@pytest.mark.parametrize(("theirs", "word"), [(0.08, "behind"), (0.6, "ahead of")])
def test_the_plot_says_who_is_ahead(theirs, word):
    rows = [
        {"system": "ours, greedy", "wer": 0.5, "megabytes": 18},
        {"system": "ours, with n-gram", "wer": 0.3, "megabytes": 19},
        {"system": "Whisper tiny.en, beam 5", "wer": theirs, "megabytes": 76},
    ]
    said = transcription.verdict(rows)
    assert word in said and f"0.30 against {theirs:.2f}" in said and "0.25 of its size" in said
    assert "no comparison" in transcription.verdict(rows[:2])


def test_sizes_are_those_of_the_files(tmp_path):
    (tmp_path / "a").write_bytes(b"0" * 3_000_000)
    assert transcription.size_mb(tmp_path) == transcription.size_mb(tmp_path / "a") == 3.0


def test_clips_repeat_beyond_the_corpus():
    from asr_helpers.corpus import load_corpus

    train = load_corpus()["train"]
    paths = growth.repeated(len(train) + 2)["path"]
    assert list(paths[-2:]) == list(train["path"][:2])


@pytest.mark.parametrize("frozen", [True, False])
def test_a_profiled_step_trains_what_it_should(frozen, monkeypatch):
    models = []
    load = training.load_model
    monkeypatch.setattr(training, "load_model", lambda *a: models.append(load(*a)) or models[-1])
    monkeypatch.setitem(step_profile.SHAPES, "tiny", (2, 0.5))
    step = step_profile.make_step("tiny", step_profile.make_batch("tiny"), frozen=frozen)
    before = {name: weight.clone() for name, weight in models[0].named_parameters()}
    step()
    changed = {n for n, w in models[0].named_parameters() if not torch.equal(w, before[n])}
    assert "lm_head.weight" in changed
    assert any("feature_extractor.conv_layers" in name for name in changed) is not frozen


def test_an_unknown_part_is_refused():
    command = [sys.executable, "-m", "benchmarks", "speed"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "no such part: speed; there are training" in done.stderr


def test_committed_results_have_the_reports_form(monkeypatch):
    monkeypatch.setattr(everything, "BUILD", ROOT / "benchmarks" / "results")
    report = everything.report()
    assert report["train"] and report["time_to_wer"] and report["learning"]
    check(report)


def check(report):
    """The keys that whoever reads bench.json relies on, of the parts that were measured."""
    for size in ("tiny", "base"):
        assert {"throughput_ratio", "memory_ratio"} <= set(report["train"][size])
    assert set(report["time_to_wer"]["runs"]) == set(time_to_wer.RUNS)
    assert report["learning"]["runs"]
    for row in report["transcribe"]:
        assert {"wer", "cer", "real_time_factor", "megabytes"} <= set(row)
        assert row["wer_interval"][0] <= row["wer"] <= row["wer_interval"][1]
    if "growth" in report:
        assert set(report["growth"]) >= {"clips", "length", "prepare", "recording"}
    if "step_profile" in report:
        shares = [report["step_profile"][size]["share_of_peak"] for size in training.SIZES]
        assert all(0 < share < 1.5 for share in shares)


@pytest.mark.slow
@pytest.mark.weekly
def test_every_part_runs_and_leaves_its_result_and_its_plot(tmp_path, monkeypatch):
    # A copy: what was measured in earnest is not overwritten.

    for folder in ("benchmarks", "asr_helpers"):  # the latter's profiles tell where the root is
        shutil.copytree(ROOT / folder, tmp_path / folder)
    command = [sys.executable, "-m", "benchmarks", "--quick"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads((tmp_path / "build" / "bench-quick.json").read_text())
    check(report)
    assert {"growth", "step_profile", "real_size"} <= set(report)
    assert {row["system"] for row in report["transcribe"]} >= {"ours, greedy", "ours, with n-gram"}
    for part in everything.PARTS:
        assert (tmp_path / "build" / "bench-quick" / f"{part}.png").stat().st_size > 5000
    assert "course" in done.stdout and "classic" in done.stdout
