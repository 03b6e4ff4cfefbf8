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


def test_a_python_that_is_too_old_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(course, "VENV", tmp_path)
    monkeypatch.setattr(course.sys, "version_info", (3, 9, 0))
    with pytest.raises(SystemExit, match="needs Python 3.11 to 3.13, and this is 3.9"):
        course.setup()


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
