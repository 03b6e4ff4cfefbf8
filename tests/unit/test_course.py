"""The one command that a newcomer types."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import course

ROOT = Path(__file__).parent.parent.parent


def test_the_pins_are_exact_and_torch_is_among_them():
    pins = course.pinned()
    assert len(pins) > 15 and all("==" in pin for pin in pins)
    assert any(pin.startswith("torch==") for pin in pins)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """install(status) installs with a pip that ends with this status; gives pip's commands."""

    def run(status):
        calls, lacking = [], iter([course.pinned(), []])

        def pip(command, **_):
            calls.append(command)
            return subprocess.CompletedProcess(command, status)

        monkeypatch.setattr(course, "VENV", tmp_path)
        monkeypatch.setattr(course, "lacking", lambda: next(lacking))
        monkeypatch.setattr(course, "_make_importable", lambda: None)
        monkeypatch.setattr(course.subprocess, "run", pip)
        course._install(lock=0)
        return calls

    return run


def test_torch_is_installed_first_so_that_it_keeps_its_build(install):
    torch, everything = install(status=0)
    assert torch[-1].startswith("torch==")
    assert torch[-3:-1] == everything[-len(course.pinned()) - 2 : -len(course.pinned())]
    assert torch[-3:-1] == ["--constraint", str(course.CONSTRAINTS)]
    assert everything[-len(course.pinned()) :] == course.pinned()
    assert course.stamp().exists()


def test_an_interrupted_installation_is_not_taken_for_a_whole_one(install, tmp_path):
    (tmp_path / "course-environment").touch()  # of the setup before
    with pytest.raises(SystemExit, match="pip could not install"):
        install(status=1)
    assert not (tmp_path / "course-environment").exists()


@pytest.mark.parametrize(
    ("system", "version", "says"),
    [
        (
            "posix",
            (3, 9, 0),
            "this is 3.9: run it with another, such as `python3.13 course.py setup`",
        ),
        ("nt", (3, 14, 0), "this is 3.14: run it with another, such as `py -3.13 course.py setup`"),
    ],
)
def test_a_python_that_does_not_fit_is_told_with_how_to_choose_another(
    monkeypatch, system, version, says
):
    monkeypatch.setattr(course.os, "name", system)
    monkeypatch.setattr(course.sys, "version_info", version)
    with pytest.raises(SystemExit, match="needs Python 3.11 to 3.13") as told:
        course._create()
    monkeypatch.undo()
    assert says in str(told.value) and "or install 3.13 beside it" in str(told.value)


def test_the_setup_refuses_a_python_that_does_not_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(course, "VENV", tmp_path)
    monkeypatch.setattr(course.sys, "version_info", (3, 9, 0))
    with pytest.raises(SystemExit, match="needs Python 3.11 to 3.13, and this is 3.9"):
        course.setup()


KERNEL = """
from jupyter_client.kernelspec import KernelSpecManager
print(KernelSpecManager().get_kernel_spec("python3").argv[0])
"""


def test_a_foreign_kernel_does_not_run_the_lessons(tmp_path, monkeypatch):
    """JUPYTER_PATH, and a kernel `python3` that somebody installed for the user, came first."""
    foreign = tmp_path / "kernels" / "python3"
    foreign.mkdir(parents=True)
    spec = {"argv": ["/elsewhere/python"], "display_name": "foreign", "language": "python"}
    (foreign / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    for name in ("JUPYTER_PATH", "JUPYTER_DATA_DIR"):
        with monkeypatch.context() as patch:
            patch.setenv(name, str(tmp_path))
            found = [
                subprocess.run(
                    [sys.executable, "-c", KERNEL], env=around, capture_output=True, text=True
                ).stdout.strip()
                for around in (dict(os.environ), course.surroundings())
            ]
        assert found[0] == "/elsewhere/python" and found[1] not in ("", "/elsewhere/python")


def test_a_path_is_read_whatever_the_surroundings_say_of_encodings():
    """The environment's Python starts with `-I` and does not heed them, the course's own does."""
    code = (
        "import sys, course\n"
        "course.python = lambda: sys.executable\n"
        "print(ascii(course.ask(\"print('/K' + chr(252) + 'rs')\")))"
    )
    foreign = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | foreign, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.stdout == "'/K\\xfcrs\\n'\n", done.stderr


def test_the_help_names_every_task():
    said = subprocess.run(
        [sys.executable, "course.py", "--help"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    for task in ("setup", "check", "catch-up", "run", "test", "lab"):
        assert task in said


def test_the_readme_and_the_makefile_name_the_same_commands():
    makefile, readme = (ROOT / "Makefile").read_text(), (ROOT / "README.md").read_text()
    for target in ("course", "test", "lab"):
        assert f"\n{target}:" in makefile and f"make {target}" in readme
