"""Training in two processes, with gloo on this machine's CPU."""

import json
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys

import lookalikes
import pytest
import soundfile
import torch
import transformers
from processes import environment
from safetensors.torch import load_file

from asr_helpers import parallel, train
from asr_helpers.corpus import load_corpus

STEPS, EVERY = 4, 2


def test_alone_everything_is_done_here(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert parallel.process_count() == 1 and parallel.is_first_process()
    assert parallel.local_number() == 0
    assert parallel.from_first(lambda: "made") == "made"
    assert parallel.any_of_them(True, torch.device("cpu"))
    assert not parallel.any_of_them(False, torch.device("cpu"))


def test_alone_an_error_stays_what_it_is():
    with pytest.raises(ZeroDivisionError):
        parallel.from_first(lambda: 1 / 0)


def train_as_told(place, said, what, step, options):
    """One of two processes: it trains, and the second one ends in the midst of it.

    The second sends itself the signal named `what` when the update `step` begins.
    """
    os.environ |= place
    torch.set_num_threads(1)
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), 2)

    class Signal(transformers.TrainerCallback):
        def on_step_begin(self, args, state, control, **_):
            if args.process_index == 1 and state.global_step == step:
                os.kill(os.getpid(), signal.Signals[what])

    real = train.course_trainer
    train.course_trainer = lambda *a, callbacks, **k: real(
        *a, callbacks=[*callbacks, Signal()], **k
    )
    sys.exit(train.main(options))


def together(folder, what, step, options):
    """Train in two processes, as a cluster starts them; their (exit code, stderr)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    start = multiprocessing.get_context("forkserver")
    start.set_forkserver_preload(["asr_helpers.train"])  # imported once, for all of them
    told = [folder / f"said-{k}-{port}" for k in range(2)]
    started = [
        start.Process(
            target=train_as_told,
            args=(place | {"RANK": str(k), "LOCAL_RANK": str(k)}, told[k], what, step, options),
        )
        for k in range(2)
    ]
    for process in started:
        process.start()
    try:
        for process in started:
            process.join(timeout=240)
    finally:
        for process in started:
            process.kill()
            process.join()
    return [(process.exitcode, said.read_text()) for process, said in zip(started, told)]


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """options(out, ...): a small corpus, and a small model with what makes trouble in DDP.

    Its convolutions are frozen, and each of its layers is dropped in half of the steps.
    """
    folder = tmp_path_factory.mktemp("two")
    base = lookalikes.wav2vec2_base_960h(folder / "base")
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"layerdrop": 0.5}))
    (folder / "corpus").mkdir()
    rows = load_corpus()["train"]
    chosen = [i for i, text in enumerate(rows["transcription"]) if 6 < len(text) < 20][:24]
    lines = ["file_name,transcription"]
    for row in rows.select(chosen):
        name, sound = f"{len(lines):03}.wav", row["audio"]
        soundfile.write(folder / "corpus" / name, sound["array"], sound["sampling_rate"])
        lines.append(f'{name},"{row["transcription"]}"')
    (folder / "corpus" / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")

    def line(out, *more):
        return [
            "--profile", "smoke", "--corpus", str(folder / "corpus"), "--base-model", str(base),
            "--out", str(out), "--batch-seconds", "5", "--max-steps", str(STEPS),
            "--eval-steps", str(EVERY), "--mask-time-prob", "0.2", "--frozen", "convolutions",
            "--frozen-layers", "0", *map(str, more),
        ]  # fmt: skip

    return line


@pytest.fixture(scope="module")
def one(options, tmp_path_factory):
    """The folder of a run in one process, with two batches in an update."""
    out = tmp_path_factory.mktemp("one") / "out"
    assert train.main(options(out, "--accumulation", 2)) == train.DONE
    return out


def log(out):
    lines = (out / "log.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def losses(out):
    return {e["step"]: e["loss"] for e in log(out) if e["event"] == "training" and "loss" in e}


def scores(out):
    kept = ("eval_loss", "eval_wer", "eval_cer")
    found = [e for e in log(out) if e["event"] == "validation"]
    return {e["step"]: [e[name] for name in kept] for e in found}


def same(out, other):
    """Two finished runs end with the same weights, but for rounding."""
    one, two = (load_file(folder / "05_finetuned" / "model.safetensors") for folder in (out, other))
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.slow
def test_two_processes_learn_as_one_with_the_same_batches_does(one, options, tmp_path):
    # Lesson 12 starts its two processes by torchrun. With --cpu, accelerate starts a single one.
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"]
    launch += "--num_processes 2 --num_machines 1 --mixed_precision no --dynamo_backend no".split()
    done = subprocess.run(
        [*launch, "-m", "asr_helpers.train", *options(tmp_path)], text=True, capture_output=True,
        env=environment(OMP_NUM_THREADS="1"), timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert set(losses(tmp_path)) == set(range(1, STEPS + 1))
    assert losses(tmp_path) == pytest.approx(losses(one), rel=1e-4)
    for step, values in scores(one).items():
        assert scores(tmp_path)[step] == pytest.approx(values, rel=1e-3)
    same(tmp_path, one)
    kinds = [entry["event"] for entry in log(tmp_path)]
    assert kinds == [entry["event"] for entry in log(one)]  # nothing was written twice
    assert log(tmp_path)[0]["processes"] == 2
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in one.iterdir()}


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_stopped_killed_and_resumed_in_one_process_it_ends_at_the_same_weights(
    one, options, tmp_path
):
    out = tmp_path / "out"
    # Only the second process hears the signal, and both stop after the same update.
    for code, said in together(tmp_path, "SIGTERM", 0, options(out)):
        assert code == train.STOPPED
        assert "Stopped after step 1, as a signal asked." in said
    assert log(out)[-1] | {"time": 0} == {"time": 0, "event": "stopped", "step": 1}

    (code, said), (killed, _) = together(tmp_path, "SIGKILL", 3, options(out, "--resume"))
    assert (code, killed) == (train.STOPPED, -signal.SIGKILL)
    assert "Another process of this training has ended, so this one ends, too." in said
    assert "The same command with --resume goes on from checkpoint-2." in said
    assert "Traceback" not in said

    assert train.main(options(out, "--resume", "--accumulation", 2)) == train.DONE
    assert losses(out) == pytest.approx(losses(one), rel=1e-4)
    same(out, one)


@pytest.mark.slow
def test_wrong_input_ends_all_processes_with_the_sentence(options, tmp_path):
    (tmp_path / "05_finetuned").mkdir()
    for code, said in together(tmp_path, "SIGTERM", -1, options(tmp_path)):
        assert code == 2
        assert re.search("holds a finished model: choose another folder with --out", said)
