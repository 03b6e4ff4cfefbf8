"""Every package of the environment has its exact version, and the setup keeps to it."""

import re
import subprocess

import pytest

import course
from tools import lock

LINE = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)(?: ; (.+))?$")


def locked():
    lines = course.CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return [LINE.match(line) for line in lines if not line.startswith("#")]


def test_each_line_is_an_exact_version_and_names_no_place():
    text = course.CONSTRAINTS.read_text(encoding="utf-8")
    assert all(locked()) and "://" not in text and " @ " not in text


def test_each_pin_is_locked_as_it_is_pinned():
    found = {(m[1].lower().replace("_", "-"), m[2]) for m in locked()}
    pins = {tuple(pin.lower().replace("_", "-").split("==")) for pin in course.pinned()}
    assert pins <= found


def test_what_the_pins_bring_along_is_locked_too():
    names = {m[1] for m in locked()}
    assert {"jinja2", "pandas", "urllib3", "tokenizers"} <= names
    assert len(names) > 3 * len(course.pinned())


def test_without_uv_it_says_what_to_do(monkeypatch):
    monkeypatch.setattr(lock.shutil, "which", lambda _: None)
    with pytest.raises(SystemExit, match="pip install uv"):
        lock.main()


def test_versions_that_do_not_fit_leave_the_file_as_it_was(monkeypatch, tmp_path):
    kept = tmp_path / "constraints.txt"
    kept.write_text("old")
    monkeypatch.setattr(course, "CONSTRAINTS", kept)
    monkeypatch.setattr(lock.shutil, "which", lambda _: "uv")
    failed = subprocess.CompletedProcess([], 1, stdout="half")
    monkeypatch.setattr(lock.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(SystemExit, match="fit together"):
        lock.main()
    assert kept.read_text() == "old"
