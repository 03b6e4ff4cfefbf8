"""Packages of npm: fetched once, checked each time, and refused where they are others than pinned."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from tools import npm


def packed(content=b"alert(1)"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo("package/dist/a.js")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


@pytest.fixture
def registry(monkeypatch, tmp_path):
    """A registry that gives `registry.content`, and counts in `registry.asked` how often."""

    class Registry:
        content, asked = packed(), 0

    def pack(command, cwd, **_):
        Registry.asked += 1
        (Path(cwd) / "a-1.0.tgz").write_bytes(Registry.content)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(npm.subprocess, "run", pack)
    monkeypatch.setattr(npm, "KEPT", tmp_path / "npm")
    return Registry


def get(integrity):
    return npm.files("a", "1.0", integrity, ["dist/a.js"])


def test_a_package_is_fetched_once(registry):
    right = npm.digest(registry.content)
    assert get(right) == get(right) == {"dist/a.js": b"alert(1)"}
    assert registry.asked == 1


def test_another_package_is_refused_and_not_kept(registry):
    with pytest.raises(
        RuntimeError, match="npm's a 1.0 is not the package that was checked: its digest is sha512-"
    ):
        get(npm.digest(b"the true one"))
    assert not npm.KEPT.exists()


def test_a_kept_package_that_was_damaged_is_fetched_again(registry):
    right = npm.digest(registry.content)
    get(right)
    (npm.KEPT / "a-1.0.tgz").write_bytes(registry.content[:50])
    assert get(right) == {"dist/a.js": b"alert(1)"} and registry.asked == 2


def test_what_npm_says_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(npm, "KEPT", tmp_path)
    failed = subprocess.CompletedProcess([], 1, "", "no such package\n")
    monkeypatch.setattr(npm.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(RuntimeError, match="npm could not fetch a 1.0: no such package"):
        get("sha512-")


def test_a_machine_without_npm_is_told_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(npm, "KEPT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="npm is not installed: install Node.js"):
        get("sha512-")
