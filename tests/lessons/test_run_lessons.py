"""Runs of the lessons: one at a time in a clone, whatever became of the one before."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import psutil
import pytest
from processes import environment

from asr_helpers.profiles import PROFILES
from tools import run_lessons
from tools.arguments import notebook_of, notebooks

ROOT = Path(__file__).parent.parent.parent
# Holds the lock until it is told to go on, or is killed.
HOLD = """
import sys
from pathlib import Path
from tools import run_lessons
run_lessons.BUILD = Path(sys.argv[1])
with run_lessons.alone():
    print("mine", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def other(tmp_path, monkeypatch):
    """Another process that is at a run in the same clone."""
    monkeypatch.setattr(run_lessons, "BUILD", tmp_path)
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    process = subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "mine\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_run_is_refused_and_names_the_first_and_the_remedy(other):
    for _ in range(2):  # being refused takes nothing from the first
        with pytest.raises(SystemExit) as error, run_lessons.alone():
            pytest.fail("two at once")
        said = str(error.value)
        assert f"process {other.pid}" in said and "Wait for its end" in said and "clone" in said


def test_a_refused_run_touches_nothing(other, tmp_path, monkeypatch):
    (tmp_path / "report.json").write_text("the other's")
    monkeypatch.setattr(run_lessons, "run", lambda *_: pytest.fail("it ran"))
    monkeypatch.setattr(sys, "argv", ["run_lessons", "--profile", "smoke"])
    with pytest.raises(SystemExit, match="Another run is at work"):
        run_lessons.main()
    assert (tmp_path / "report.json").read_text() == "the other's"


def test_a_run_is_refused_while_another_writes_the_artifacts_of_its_profile(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(run_lessons, "BUILD", tmp_path)
    monkeypatch.setattr(run_lessons, "run_all", lambda profile, *_: ran.append(profile))
    with run_lessons.alone("offline"):
        for profile in ("smoke", "offline"):
            monkeypatch.setattr(sys, "argv", ["run_lessons", "--profile", profile])
            if profile == "smoke":
                run_lessons.main()
                continue
            with pytest.raises(SystemExit, match="Another run is at work"):
                run_lessons.main()
    assert ran == ["smoke"]


def test_after_the_first_has_ended_the_next_one_runs(other):
    other.communicate("go on\n")
    with run_lessons.alone():
        assert (run_lessons.BUILD / "running.pid").read_text() == str(os.getpid())


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_the_lock_of_a_killed_run_is_taken_over(other):
    other.send_signal(signal.SIGKILL)
    assert other.wait() == -signal.SIGKILL
    assert (run_lessons.BUILD / "running.pid").read_text() == str(other.pid)  # it left that
    with run_lessons.alone():
        assert (run_lessons.BUILD / "running.pid").read_text() == str(os.getpid())


REFUSED = {
    "--until 08_nowhere.ipynb": "there is no 08_nowhere.ipynb, only 01_explore.ipynb",
    "--from 99": "--from: there is no 99, only 01_explore.ipynb",
    "--from 06 --until 05": "--from 06_evaluate.ipynb comes after --until 05_finetune.ipynb",
    "--until 0": "there is no 0, only 01_explore.ipynb",  # nine lessons begin with 0
    "--profile nonsense": "there is no nonsense, only offline, smoke",
    "--jobs 0": "0 notebooks at a time run nothing, choose 1 or more",
    "--jobs -1": "-1 notebooks at a time run nothing",
}


@pytest.mark.parametrize("options", REFUSED)
def test_an_option_that_makes_no_sense_is_refused_in_one_line(options, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["run_lessons", *options.split()])
    monkeypatch.setattr(run_lessons, "run_all", lambda *_: pytest.fail("it ran"))
    with pytest.raises(SystemExit) as error:
        run_lessons.main()
    assert REFUSED[options] in str(error.value) and "\n" not in str(error.value)


def quick(monkeypatch, tmp_path, write=None):
    """Let notebooks take no time; `write` is called for each. Returns the names of those run."""
    monkeypatch.setattr(run_lessons, "BUILD", tmp_path)
    ran = []

    def run(path, profile):
        ran.append(path.name)
        if write:
            write(path)
        return 0.1, None

    monkeypatch.setattr(run_lessons, "run", run)
    return ran


@pytest.mark.parametrize("until", ["02_preprocess.ipynb", "02"])
def test_a_run_ends_where_it_is_told_to_and_reports_no_more(tmp_path, monkeypatch, until):
    ran = quick(monkeypatch, tmp_path)
    names = [path.relative_to(run_lessons.LESSONS).as_posix() for path in notebooks()]
    assert run_lessons.run_all("smoke", until=notebook_of(until, names)) is None
    assert ran == ["01_explore.ipynb", "02_preprocess.ipynb"]
    assert (tmp_path / "report.json").read_text().count('"notebook"') == 2


def test_a_run_begins_where_it_is_told_to(tmp_path, monkeypatch):
    ran = quick(monkeypatch, tmp_path)
    assert (
        run_lessons.run_all("smoke", until="10_languages.ipynb", since="09_your_voice.ipynb")
        is None
    )
    assert ran == ["09_your_voice.ipynb", "10_languages.ipynb"]


SCORE = (
    '{"wer": 0.5, "cer": 0.2, "wer_low": 0.4, "wer_high": 0.6, "train_seconds": 1, '
    '"peak_memory_mb": 1}'
)


def test_a_short_run_leaves_the_score_of_a_finished_one_and_does_not_report_it(
    tmp_path, monkeypatch
):
    profile = replace(PROFILES["smoke"], artifacts=tmp_path / "artifacts")
    monkeypatch.setitem(PROFILES, "smoke", profile)
    profile.artifacts.mkdir()
    kept = profile.artifacts / "metrics.json"
    kept.write_text(SCORE)
    quick(monkeypatch, tmp_path)
    run_lessons.run_all("smoke", until="01_explore.ipynb")
    assert kept.read_text() == SCORE
    assert json.loads((tmp_path / "report.json").read_text())["metrics"] == {}


def test_the_score_that_a_run_wrote_is_in_its_report(tmp_path, monkeypatch, capsys):
    profile = replace(PROFILES["smoke"], artifacts=tmp_path / "artifacts")
    monkeypatch.setitem(PROFILES, "smoke", profile)
    profile.artifacts.mkdir()
    kept = profile.artifacts / "metrics.json"
    quick(monkeypatch, tmp_path, lambda path: kept.write_text(SCORE))
    run_lessons.run_all("smoke", until="01_explore.ipynb")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["metrics"] == json.loads(SCORE)
    assert report["versions"]["torch"] and report["versions"]["python"]
    assert "Test WER 0.500 (95 % interval 0.400 to 0.600)" in capsys.readouterr().out


def test_a_damaged_score_is_named(tmp_path, monkeypatch, capsys):
    profile = replace(PROFILES["smoke"], artifacts=tmp_path / "artifacts")
    monkeypatch.setitem(PROFILES, "smoke", profile)
    profile.artifacts.mkdir()
    (profile.artifacts / "metrics.json").write_text("{")
    quick(monkeypatch, tmp_path)
    run_lessons.run_all("smoke", until="01_explore.ipynb")
    assert "metrics.json is damaged: run lesson 05 again" in capsys.readouterr().err


def test_a_score_that_is_a_folder_or_a_link_in_a_circle_is_named(tmp_path, monkeypatch, capsys):
    profile = replace(PROFILES["smoke"], artifacts=tmp_path / "artifacts")
    monkeypatch.setitem(PROFILES, "smoke", profile)
    kept = profile.artifacts / "metrics.json"
    kept.mkdir(parents=True)
    (kept / "notes.txt").write_text("mine")
    quick(monkeypatch, tmp_path)
    run_lessons.run_all("smoke", until="01_explore.ipynb")
    assert "metrics.json is damaged: run lesson 05 again" in capsys.readouterr().err
    assert (kept / "notes.txt").read_text() == "mine"
    (kept / "notes.txt").unlink()
    kept.rmdir()
    kept.symlink_to(kept)
    run_lessons.run_all("smoke", until="01_explore.ipynb")
    assert "metrics.json is damaged: run lesson 05 again" in capsys.readouterr().err


def test_a_disk_that_is_full_at_the_start_is_told_in_a_sentence(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_lessons, "BUILD", tmp_path)
    with (
        monkeypatch.context() as patch,
        pytest.raises(SystemExit, match="The disk is full") as error,
    ):
        patch.setattr(Path, "write_text", full)
        with run_lessons.alone():
            pytest.fail("it went on")
    assert "folder of your own" not in str(error.value) and "free some space" in str(error.value)
    with run_lessons.alone():  # there is space again
        pass


# A course of one lesson, run as `python -m tools.run_lessons` runs it.
SMALL = """
import sys
from pathlib import Path
from tools import run_lessons
root = Path(sys.argv.pop(1))
run_lessons.ROOT, run_lessons.LESSONS, run_lessons.BUILD = root, root, root / "build"
run_lessons.main()
"""


@pytest.fixture
def small(tmp_path):
    """small(source, *options) begins a run of one lesson: a quick cell, then `source`."""

    def start(source, *options, **changed):
        cells = [nbformat.v4.new_code_cell(line) for line in ("1 + 1", source)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "01_small.ipynb")
        return subprocess.Popen(
            [sys.executable, "-c", SMALL, str(tmp_path), "--profile", "offline", *options],
            env=environment(**changed), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    return start


def report_of(folder):
    return json.loads((folder / "build" / "report.json").read_text())["notebooks"][-1]


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_kernel_that_dies_is_named_with_its_lesson_and_the_report_is_written(
    small, tmp_path, jobs
):
    process = small("import os; os.kill(os.getpid(), 9)", "--jobs", jobs)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1 and "Traceback" not in err
    last = err.strip().splitlines()[-1]
    assert last.startswith("01_small.ipynb failed: its kernel died in cell In [2] (`import os;")
    assert "not enough memory" in last and "close other programs" in last
    row = report_of(tmp_path)
    assert not row["ok"] and row["failure"]["error"].startswith("DeadKernelError")
    assert "FAILED" in out


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_names_the_lesson_in_one_line_and_the_report_is_written(small, tmp_path, jobs):
    wait = f"import time; open({str(tmp_path / 'begun')!r}, 'w').close(); time.sleep(60)"
    process = small(wait, "--jobs", jobs)
    while not (tmp_path / "begun").exists():
        time.sleep(0.05)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    for worker in psutil.Process(process.pid).children():  # a terminal tells the workers, too
        if jobs == "2":
            worker.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)  # and some press it twice
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1 and "Traceback" not in err
    assert err.splitlines()[-1] == "01_small.ipynb was stopped by Ctrl-C."
    assert report_of(tmp_path)["failure"]["error"].startswith("KeyboardInterrupt")


@pytest.mark.slow
def test_asserts_are_checked_whatever_the_surroundings_say(small, tmp_path):
    process = small("assert False, 'checked'", PYTHONOPTIMIZE="1")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1 and "AssertionError: checked" in err


@pytest.mark.slow
def test_a_copy_that_cannot_be_written_names_the_lesson(small, tmp_path):
    (tmp_path / "build" / "01_small.ipynb").mkdir(parents=True)
    _, err = small("1").communicate(timeout=120)
    assert "01_small.ipynb could not be run (IsADirectoryError" in err and "Traceback" not in err


def test_a_run_up_to_lesson_05_reports_validation_and_no_test_score(capsys):
    measured = {"validation_wer": 0.25, "train_seconds": 60.0, "peak_memory_mb": 900.0}
    run_lessons.print_table({"notebooks": [], "metrics": measured})
    printed = capsys.readouterr().out
    assert "Validation WER 0.250; trained for 60 s" in printed and "Test WER" not in printed


@pytest.mark.parametrize("measured", [{"wer": 0.5}, {"validation_wer": 0.3}, {"wer_lm": None}])
def test_scores_of_which_a_part_is_missing_are_told(measured, capsys):
    run_lessons.print_table({"notebooks": [], "metrics": measured})
    assert "lacks some of its numbers: run lesson 05 again" in capsys.readouterr().out
