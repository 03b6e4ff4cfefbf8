"""The files of jobs/: what can be checked of them without a cluster, a cloud or a daemon."""

import importlib.util
import inspect
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from huggingface_hub import run_job

from asr_helpers import train

ROOT = Path(__file__).parent.parent.parent
JOBS = ROOT / "jobs"


def load(name):
    spec = importlib.util.spec_from_file_location(name, JOBS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


cost, hugging_face, sagemaker = map(load, ("cost", "hugging_face", "sagemaker_job"))


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_the_slurm_script_is_bash_and_passes_the_options_on(tmp_path):
    script = JOBS / "train.slurm"
    subprocess.run(["bash", "-n", script], check=True)
    # Stand-ins for Slurm's programs, and for Python, which tells what it was given.
    fakes = {
        "scontrol": 'if [ "$1" = show ]; then echo node1; else echo "$@" >>"$SEEN"; fi',
        "srun": 'shift; export SLURM_PROCID=3 SLURM_LOCALID=1; "$@"',
        "python": 'echo "$RANK $LOCAL_RANK $WORLD_SIZE $MASTER_ADDR $*" >>"$SEEN"; exit "$CODE"',
    }
    for name, body in fakes.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    for code, ends, requeued in [(0, 0, False), (75, 0, True), (2, 2, False)]:
        seen = tmp_path / f"seen-{code}"
        env = {
            "PATH": f"{tmp_path}:/usr/bin:/bin", "SEEN": str(seen), "CODE": str(code),
            "SLURM_JOB_ID": "12", "SLURM_NTASKS": "4", "SLURM_JOB_NODELIST": "node[1-2]",
        }  # fmt: skip
        done = subprocess.run(["bash", script, "--out", "a folder"], env=env, check=False)
        lines = seen.read_text().splitlines()
        assert done.returncode == ends
        assert lines[0] == "3 1 4 node1 -m asr_helpers.train --resume --out a folder"
        assert (lines[1:] == ["requeue 12"]) == requeued


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="no shellcheck on this machine")
def test_shellcheck_finds_nothing_in_the_slurm_script():
    subprocess.run(["shellcheck", JOBS / "train.slurm"], check=True)


def test_the_container_names_versions_and_files_that_are_there():
    text = (JOBS / "Dockerfile").read_text()
    assert re.search(r"^FROM python:\d+\.\d+\.\d+-", text, re.MULTILINE)
    for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE):
        for name in shlex.split(line)[:-1]:
            assert (ROOT / name).exists(), name
    pattern = re.search(r"sed -n '(s/.*/p)'", text)[1]
    pinned = subprocess.run(
        ["sed", "-n", pattern, ROOT / "environment.yml"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert any(line.startswith("torch==") for line in pinned)
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in pinned) and len(pinned) > 20


@pytest.mark.parametrize("gpus", ["1", "4"])
def test_the_hugging_face_job_has_the_arguments_of_run_job_and_of_the_training(gpus):
    line = ["--image", "x/y:1", "--bucket", "ada/runs", "--gpus", gpus, "--", "--profile", "hub"]
    told = hugging_face.job(hugging_face.parsed(line))
    assert set(told) <= set(inspect.signature(run_job).parameters)
    after = told["command"][told["command"].index("asr_helpers.train") + 1 :]
    options = train.parser().parse_args(after)
    assert options.profile == "hub" and options.resume
    assert (told["command"][0] == "torchrun") == (gpus == "4")
    (volume,) = told["volumes"]
    assert options.out.is_relative_to(volume.mount_path)


AWS = [
    "--image", "x", "--role", "arn:aws:iam::123456789012:role/r", "--corpus", "s3://b/corpus",
    "--bucket", "s3://b/out",
]  # fmt: skip


@pytest.mark.parametrize("gpus", ["1", "4"])
def test_the_sagemaker_job_trains_where_checkpoints_are_kept(gpus):
    line = [*AWS, "--gpus", gpus, "--", "--profile", "hub", "--learning-rate", "5e-5"]
    told = sagemaker.job(sagemaker.parsed(line))
    command = shlex.split(told["SourceCode"]["command"])
    assert (command[0] == "torchrun") == (gpus == "4")
    after = command[command.index("asr_helpers.train") + 1 :]
    options = train.parser().parse_args(after)
    assert options.learning_rate == 5e-5 and options.resume
    assert options.out.is_relative_to(told["CheckpointConfig"]["local_path"])
    stop = told["StoppingCondition"]
    assert stop["max_wait_time_in_seconds"] >= stop["max_runtime_in_seconds"]  # SageMaker asks so
    assert not sagemaker.parsed(AWS).submit


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("--corpus", "/data", "--corpus is no s3://"), ("--role", "me", "--role is no ARN")],
)
def test_wrong_addresses_are_refused_before_anything_is_sent(name, value, said, capsys):
    with pytest.raises(SystemExit) as end:
        sagemaker.parsed([*AWS, name, value])
    assert end.value.code == 2 and said in capsys.readouterr().err


def test_the_sagemaker_job_has_the_fields_of_the_sdk():
    configs = pytest.importorskip("sagemaker.core.training.configs", reason="no sagemaker here")
    told = sagemaker.job(sagemaker.parsed(AWS))
    for name in set(told) - {"ModelTrainer"}:
        getattr(configs, name)(**told[name])


def test_nothing_is_sent_without_being_asked_to():
    assert not hugging_face.parsed(["--image", "x", "--bucket", "y"]).submit


LOG = [
    {"event": "start", "time": 0, "processes": 2, "machine": {"cores": 2}},
    {"event": "corpus", "time": 1, "update_seconds": 48.0},
    {"event": "training", "time": 100, "step": 10, "loss": 3.0},
    {"event": "training", "time": 110, "step": 20, "loss": 2.0},
    {"event": "validation", "time": 300, "step": 20, "eval_wer": 1.0},
    {"event": "training", "time": 900, "step": 30, "loss": 2.0},
    {"event": "training", "time": 910, "step": 40, "loss": 2.0},
]


def test_the_speed_counts_only_time_between_updates(tmp_path):
    assert cost.speed(LOG) == pytest.approx(20 * 48 / 20)
    (tmp_path / "log").write_text("\n".join(map(json.dumps, LOG)) + '\n{"event": "trai')
    assert cost.entries(tmp_path / "log") == LOG
    with pytest.raises(ValueError, match="no two updates in a row"):
        cost.speed(LOG[:3])


def test_minutes_and_costs_follow_the_formula(capsys, tmp_path):
    assert cost.minutes(hours=10, passes=6, speed=60) == pytest.approx(60)
    assert cost.minutes(10, 6, 60, machines=4, share=0.5) == pytest.approx(30)
    rows = cost.table(60, 6, price=1.5, machines=4, share=0.5).splitlines()
    assert rows[3] == "| 10 | 30.0 | 3.00 |"
    (tmp_path / "log").write_text("\n".join(map(json.dumps, LOG)))
    cost.main([str(tmp_path / "log"), "--price", "1"])
    assert "48.0 s of speech a second, 2 processes on" in capsys.readouterr().out


def test_each_file_says_that_it_was_not_run_on_the_real_thing():
    for path in JOBS.iterdir():
        if path.suffix in (".slurm", ".py", "") and path.name not in ("cost.py",):
            assert re.search("NOT (built and NOT )?run", path.read_text()), path.name
