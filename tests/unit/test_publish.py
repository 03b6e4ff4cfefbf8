"""The release, with real git and a remote repository in a folder."""

import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest

from tools import address, publish

ROOT = Path(__file__).parent.parent.parent
OURS = "https://github.com/ada/speech"


def git(folder, *command):
    identity = ["-c", "user.name=ada", "-c", "user.email=ada"]
    done = subprocess.run(
        ["git", *identity, *command], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """A bare repository; the course's clone of it is address.ROOT."""
    clone, bare = tmp_path / "clone", tmp_path / "bare"
    (clone / "notebooks").mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "CITATION.cff"):
        shutil.copy(ROOT / name, clone)
    cells = [nbformat.v4.new_markdown_cell("# 01 · A\n\n**After**"), nbformat.v4.new_code_cell("1")]
    made = nbformat.v4.new_notebook(cells=cells)
    nbformat.write(made, clone / "notebooks" / "01_explore.ipynb")
    monkeypatch.setattr(address, "ROOT", clone)
    address.main(["--none"])
    git(tmp_path, "init", "--quiet", "--bare", str(bare))
    git(clone, "init", "--quiet", "--initial-branch=main")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "The course")
    git(clone, "remote", "add", "origin", str(bare))
    git(clone, "push", "--quiet", "origin", "main")
    return bare


def test_a_release_holds_the_address_and_its_own_tag(remote):
    tag = address.tag()
    publish.main([OURS])
    assert git(remote, "rev-parse", f"{tag}^{{commit}}") == git(remote, "rev-parse", "main")
    lesson = git(remote, "show", f"{tag}:notebooks/01_explore.ipynb")
    assert f"github/ada/speech/blob/{tag}/notebooks" in lesson and f"--branch={tag}" in lesson
    assert f'Repository = "{OURS}"' in git(remote, "show", f"{tag}:pyproject.toml")


def test_a_release_is_published_once(remote):
    publish.main([OURS])
    before = git(remote, "rev-parse", "main", address.tag())
    with pytest.raises(SystemExit, match="is published already: raise `version`"):
        publish.main([OURS])
    assert git(remote, "rev-parse", "main", address.tag()) == before


def test_the_next_version_moves_the_badges_to_its_tag(remote):
    publish.main([OURS])
    text = (address.ROOT / "pyproject.toml").read_text().replace('version = "0.', 'version = "7.')
    (address.ROOT / "pyproject.toml").write_text(text)
    git(address.ROOT, "commit", "--quiet", "--all", "--message", "7")
    publish.main([OURS])
    assert address.tag().startswith("v7.")
    assert f"/blob/{address.tag()}/" in git(remote, "show", "main:notebooks/01_explore.ipynb")


def test_what_no_commit_holds_is_not_published(remote):
    before = git(remote, "rev-parse", "main")
    (address.ROOT / "README.md").write_text("other")
    with pytest.raises(SystemExit, match="changes that no commit holds"):
        publish.main([OURS])
    assert git(remote, "rev-parse", "main") == before and not git(remote, "tag")


def test_where_main_has_moved_on_neither_commit_nor_tag_is_pushed(remote, tmp_path):
    git(tmp_path, "clone", "--quiet", "--branch", "main", str(remote), "other")
    git(tmp_path / "other", "commit", "--quiet", "--allow-empty", "--message", "Meanwhile")
    git(tmp_path / "other", "push", "--quiet", "origin", "main")
    with pytest.raises(SystemExit, match="git push failed, and nothing was published"):
        publish.main([OURS])
    assert git(remote, "log", "-1", "--format=%s", "main") == "Meanwhile" and not git(remote, "tag")


@pytest.mark.parametrize("arguments", [[], [""], ["ada/speech"], [OURS, "more"]])
def test_without_an_address_nothing_happens(remote, arguments):
    with pytest.raises(SystemExit, match="https://github.com/OWNER/NAME"):
        publish.main(arguments)
    assert not git(remote, "tag") and not git(address.ROOT, "status", "--porcelain")
