"""`course.py check`: each line, its remedy, and the last line."""

import ast
import json
import os
import subprocess
import sys
import types
import urllib.error
import urllib.request
import wave
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

import course
from tools import check
from tools.check import Line
from tools.sound_page import SoundPage, sound

ROOT = Path(__file__).parent.parent.parent
GOOD = {"total": 16e9, "available": 9e9, "step": 0.7, "minutes": 12.0}


def disk(free):
    return lambda _: types.SimpleNamespace(free=free)


def test_a_python_that_does_not_fit_is_told_with_its_remedy(monkeypatch):
    assert check.check_python().state == "ok"
    monkeypatch.setattr(course, "lacking", lambda: None)  # no environment yet
    monkeypatch.setattr(check.sys, "version_info", (3, 10, 1))
    line = check.check_python()
    assert line.state == "wrong" and "3.11 to 3.13" in line.says and "py -3.13" in line.remedy


def test_an_environment_with_a_python_that_fits_is_ok_whatever_python_checks(monkeypatch):
    """On Windows `py` starts the newest Python, also after `py -3.13 course.py setup`."""
    monkeypatch.setattr(course, "lacking", lambda: [])
    monkeypatch.setattr(course, "ask", lambda _: "3.13.5\n")
    monkeypatch.setattr(check.sys, "version_info", (3, 14, 0))
    monkeypatch.setattr(check.platform, "python_version", lambda: "3.14.0")
    line = check.check_python()
    assert (line.state, line.says) == ("ok", "3.13.5 in .venv; this command ran with 3.14.0")


@pytest.mark.parametrize(("is_set_up", "needed"), [(True, 1e9), (False, 4e9)])
def test_the_disk_needs_more_before_the_setup(monkeypatch, is_set_up, needed):
    monkeypatch.setattr(check.shutil, "disk_usage", disk(needed + 1))
    assert check.check_disk(is_set_up).state == "ok"
    monkeypatch.setattr(check.shutil, "disk_usage", disk(needed - 5e8))
    line = check.check_disk(is_set_up)
    assert line.state == "wrong" and line.remedy.startswith("Free 0.5 GB")


@pytest.mark.parametrize(
    ("lacking", "ready", "says"),
    [
        (None, False, "there is no environment in .venv yet"),
        (["jiwer==4.0.0"], False, "are missing or of another version: jiwer==4.0.0"),
        ([], False, "the last setup did not end"),
    ],
)
def test_an_environment_that_is_not_whole_is_named(monkeypatch, lacking, ready, says):
    monkeypatch.setattr(course, "lacking", lambda: lacking)
    monkeypatch.setattr(course, "is_ready", lambda: ready)
    line = check.check_packages()
    assert line.state == "wrong" and says in line.says
    assert ("py course.py setup" if os.name == "nt" else "python3 course.py setup") in line.remedy


def test_a_whole_environment_is_ok(monkeypatch):
    monkeypatch.setattr(course, "lacking", lambda: [])
    monkeypatch.setattr(course, "is_ready", lambda: True)
    assert check.check_packages().state == "ok"


@pytest.mark.parametrize(
    ("changed", "name", "remedy"),
    [
        ({"total": 3.4e9, "available": 2e9}, "memory", "Do not train lesson 05 here"),
        ({"available": 1e9}, "memory", "Close other programs before lesson 05"),
        ({"minutes": 55.0}, "cores", "before a break"),
    ],
)
def test_little_memory_and_slow_cores_are_noted_and_do_not_stop_anyone(changed, name, remedy):
    lines = check.check_training(GOOD | changed)
    noted = [line for line in lines if line.state != "ok"]
    assert [line.name for line in noted] == [name] and remedy in noted[0].remedy
    assert check.verdict(lines) == "ready"


def test_a_good_machine_gets_its_minutes_and_no_remedy():
    lines = check.check_training(GOOD)
    assert {line.state for line in lines} == {"ok"} and not any(line.remedy for line in lines)
    assert "0.70 s a training step" in str(lines[1]) and "about 12 minutes" in str(lines[1])


def test_a_training_step_that_fails_is_told():
    (line,) = check.check_training("ModuleNotFoundError: No module named 'torch'")
    assert line.state == "wrong" and "No module named 'torch'" in line.says and line.remedy
    assert check.verdict([line]).startswith("Not ready: ") and "training" in check.verdict([line])


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import sys; sys.exit('no room')", "no room"),
        ("raise SystemExit(3)", "the process ended with 3"),
        ("print('no json')", "Expecting value"),
        ("pass", "out of range"),
        ("import time; time.sleep(60)", "not done after 2 s"),
    ],
)
def test_why_no_step_could_be_made_reaches_the_reader(monkeypatch, code, says):
    monkeypatch.setattr(check, "PATIENCE", 2)
    real = subprocess.run
    monkeypatch.setattr(
        check.subprocess, "run", lambda _, **kw: real([sys.executable, "-c", code], **kw)
    )
    assert says in check.measured()


def test_an_environment_without_a_python_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(course, "VENV", tmp_path)
    assert "No such file" in check.measured()


@pytest.mark.slow
def test_real_steps_are_measured():
    found = check.measure()
    assert set(found) == set(GOOD) and found["total"] >= found["available"] > 0
    assert found["minutes"] > found["step"] > 0
    assert json.loads(json.dumps(found)) == found  # it goes to another process


@pytest.mark.parametrize(
    ("answers", "states"),
    [
        ({"heard": True, "peak": 0.4, "trouble": ""}, ["ok", "ok"]),
        ({"heard": False, "peak": 0.4, "trouble": ""}, ["wrong", "ok"]),
        ({"heard": True, "peak": 0.0, "trouble": ""}, ["ok", "wrong"]),
        ({"heard": True, "peak": None, "trouble": "NotFoundError"}, ["ok", "note"]),
    ],
)
def test_the_answers_of_the_page_become_lines(answers, states):
    lines = check.sound_lines(answers)
    assert [line.state for line in lines] == states
    assert all(bool(line.remedy) == (line.state != "ok") for line in lines)


def test_without_a_browser_the_line_says_so(monkeypatch):
    monkeypatch.setattr(check.webbrowser, "open", lambda _: False)
    (line,) = check.check_page(seconds=0.05)
    assert line.state == "wrong" and "Install Firefox" in line.remedy
    monkeypatch.setattr(check.webbrowser, "open", lambda _: True)
    (line,) = check.check_page(seconds=0.05)
    assert "nobody answered" in line.says and "--no-page" in line.remedy


def test_a_page_that_is_answered_gives_its_lines(monkeypatch):
    def browser(address):
        body = json.dumps({"heard": True, "peak": 0.3}).encode()
        urllib.request.urlopen(address + "answer", data=body, timeout=10)
        return True

    monkeypatch.setattr(check.webbrowser, "open", browser)
    assert [(line.name, line.state) for line in check.check_page(5)] == [
        ("browser", "ok"), ("sound", "ok"), ("microphone", "ok"),
    ]  # fmt: skip


@pytest.fixture
def page():
    one = SoundPage()
    yield one
    one.close()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"heard": true}'])
def test_an_answer_that_is_none_is_refused(page, body):
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(page.address + "answer", data=body, timeout=10)
    assert page.wait(0) is None


def test_a_foreign_page_or_host_gets_nothing(page):
    root = page.address.rsplit("/", 2)[0]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{root}/guessed/answer", data=b"{}", timeout=10)
    foreign = urllib.request.Request(page.address, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(foreign, timeout=10)


def test_the_sound_is_two_tones_that_do_not_clip(page):
    with urllib.request.urlopen(page.address + "sound.wav", timeout=10) as answer:
        assert answer.read() == sound()
    with wave.open(BytesIO(sound())) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert 6000 < abs(samples).max() < 32_767
    for half, tone in zip(np.split(samples, 2), (330, 440)):
        assert abs(abs(np.fft.rfft(half)).argmax() * rate / len(half) - tone) < 5


@pytest.fixture
def told(monkeypatch, capsys):
    """told(found) runs the check on an environment that is whole; (status, what it printed)."""

    def run(found=GOOD, packages="ok"):
        monkeypatch.setattr(
            check, "check_packages", lambda: Line("packages", packages, "x", "" if packages == "ok" else "y")
        )  # fmt: skip
        monkeypatch.setattr(check, "measured", lambda: found)
        status = check.main(["--no-page"])
        return status, capsys.readouterr().out.splitlines()

    return run


def test_the_last_line_is_ready_or_what_to_do(told):
    assert told()[0] == 0 and told()[1][-1] == "ready"
    status, lines = told("out of memory")
    assert status == 1 and lines[-1].startswith("Not ready: do what the lines with -> say")


def test_without_an_environment_nothing_is_measured(told):
    status, lines = told(packages="wrong")
    assert status == 1 and not any(line.startswith(("training", "cores")) for line in lines)


def test_it_starts_with_nothing_but_python():
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import tools.check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_command_is_reached_without_a_setup(monkeypatch):
    monkeypatch.setattr(course, "setup", lambda: pytest.fail("a check changes nothing"))
    monkeypatch.setattr(check, "main", lambda arguments: (arguments == ["--no-page"]) * 7)
    monkeypatch.setattr(sys, "argv", ["course.py", "check", "--no-page"])
    with pytest.raises(SystemExit) as ended:
        course.main()
    assert ended.value.code == 7


@pytest.mark.parametrize(
    "name", ["course.py", "tools/__init__.py", "tools/check.py", "tools/sound_page.py"]
)
def test_an_older_python_can_read_what_tells_it_that_it_is_too_old(name):
    """Else a learner with Python 3.9 would see a traceback in place of the sentence."""
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"), feature_version=(3, 8))
    hints = [n.annotation for n in ast.walk(tree) if isinstance(n, ast.arg | ast.AnnAssign)]
    hints += [n.returns for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    newer = [ast.unparse(hint) for hint in hints if isinstance(hint, ast.BinOp | ast.Subscript)]
    late = any(isinstance(n, ast.ImportFrom) and n.module == "__future__" for n in tree.body)
    assert late or not newer
