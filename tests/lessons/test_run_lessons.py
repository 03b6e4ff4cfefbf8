"""Runs of the lessons: one at a time in a clone, whatever became of the one before."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tools import run_lessons

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
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
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


def test_a_notebook_that_is_not_there_is_no_end(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run_lessons", "--until", "08_nowhere.ipynb"])
    with pytest.raises(SystemExit):
        run_lessons.main()
    assert "there is no 08_nowhere.ipynb, only 01_explore.ipynb" in capsys.readouterr().err


def test_a_run_ends_where_it_is_told_to_and_reports_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(run_lessons, "BUILD", tmp_path)
    ran = []

    def run(path, profile):
        ran.append(path.name)
        return 0.1, None

    monkeypatch.setattr(run_lessons, "run", run)
    assert run_lessons.run_all("smoke", until="02_preprocess.ipynb") is None
    assert ran == ["01_explore.ipynb", "02_preprocess.ipynb"]
    assert (tmp_path / "report.json").read_text().count('"notebook"') == 2
