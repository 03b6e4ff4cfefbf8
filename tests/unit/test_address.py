"""The repository's address stands in pyproject.toml, and everywhere else it is the same."""

import re
import tomllib
from pathlib import Path

import nbformat
import pytest

from tools import address

ROOT = Path(__file__).parent.parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_badges_and_setup_cell_bear_the_address(lesson):
    cells = nbformat.read(lesson, as_version=4).cells
    badges = address.badges(lesson.relative_to(ROOT).as_posix()).strip()
    assert badges in cells[0].source.splitlines()
    assert cells[1].source == address.setup_cell(lesson.stem).source
    assert cells[1].metadata.tags == ["colab-setup"]


def test_the_readme_has_each_lessons_badges():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for lesson in LESSONS:
        assert address.badges(lesson.relative_to(ROOT).as_posix()).strip() in readme
    slug = address.address().removeprefix("https://github.com/")
    assert set(re.findall(r"github(?:\.com)?/([\w.-]+/[\w.-]+)/blob/main", readme)) == {slug}


def test_writing_twice_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(address, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    copy = tmp_path / "01_a.ipynb"
    cells = [nbformat.v4.new_markdown_cell("# 01 · A\n\n**After**"), nbformat.v4.new_code_cell("1")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), copy)
    address.write(copy)
    once = copy.read_text()
    address.write(copy)
    assert copy.read_text() == once and once.count("colab-badge") == 1


def test_lesson_11_asks_for_its_extra_and_the_others_for_none():
    assert "--editable /content/asr-course[web]\n" in address.setup_cell("11_web_page").source
    assert "[web]" not in address.setup_cell("01_explore").source
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(address.EXTRAS.values()) == {"[web]"}
    assert "web" in extras["optional-dependencies"]


def test_the_setup_cell_does_nothing_elsewhere():
    from IPython.core.inputtransformer2 import TransformerManager

    code = TransformerManager().transform_cell(address.setup_cell().source)
    scope = {}
    exec(compile(code, "setup", "exec"), scope)  # would fail without IPython, were it to act
    assert "get_ipython" not in scope
