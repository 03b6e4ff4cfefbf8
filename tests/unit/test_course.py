"""The one command that a newcomer types."""

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


def test_an_environment_that_is_up_to_date_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(course, "VENV", tmp_path)
    calls = []

    def install(command, **_):
        calls.append(command)
        return subprocess.CompletedProcess(command, 0)

    def create(folder, **_):
        course.python().parent.mkdir(parents=True, exist_ok=True)
        course.python().touch()

    monkeypatch.setattr(course.subprocess, "run", install)
    monkeypatch.setattr(course.venv, "create", create)
    course.setup()
    assert len(calls) == 3
    assert calls[0][-1].startswith("torch==")  # torch first, so that it keeps its build
    course.setup()
    assert len(calls) == 3


def test_an_interrupted_installation_is_not_taken_for_a_whole_one(tmp_path, monkeypatch):
    monkeypatch.setattr(course, "VENV", tmp_path)
    monkeypatch.setattr(course.venv, "create", lambda *_, **__: None)
    failed = subprocess.CompletedProcess([], 1)
    monkeypatch.setattr(course.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(SystemExit, match="pip could not install"):
        course.setup()
    assert not (tmp_path / "course-environment").exists()


def test_a_python_that_is_too_old_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(course, "VENV", tmp_path)
    monkeypatch.setattr(course.sys, "version_info", (3, 9, 0))
    with pytest.raises(SystemExit, match="needs Python 3.11 to 3.13, and this is 3.9"):
        course.setup()


def test_the_help_names_every_task():
    said = subprocess.run(
        [sys.executable, "course.py", "--help"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    for task in ("setup", "run", "test", "lab"):
        assert task in said


def test_the_readme_and_the_makefile_name_the_same_commands():
    makefile, readme = (ROOT / "Makefile").read_text(), (ROOT / "README.md").read_text()
    for target in ("course", "test", "lab"):
        assert f"\n{target}:" in makefile and f"make {target}" in readme
