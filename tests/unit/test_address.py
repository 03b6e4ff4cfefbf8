"""The repository's address: unset until its owner sets it, and then the same everywhere."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import nbformat
import pytest
import yaml

from tools import address

ROOT = Path(__file__).parent.parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
OURS = "https://github.com/ada/speech"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_each_lesson_is_as_the_address_wants_it(lesson):
    cells = nbformat.read(lesson, as_version=4).cells
    badges = address.badges(lesson.relative_to(ROOT).as_posix(), "..")
    assert badges in cells[0].source and ("Open in Colab" in cells[0].source) == bool(badges)
    expected = address.setup_source(address.address(), address.tag(), lesson=lesson.stem)
    assert cells[1].source == expected
    assert cells[1].metadata.tags == ["colab-setup"]


def test_the_readme_shows_the_command_in_its_first_lines_and_the_badges_of_the_address():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "python -m tools.address https://github.com/OWNER/NAME" in readme[:400]
    for lesson in LESSONS:
        name = lesson.relative_to(ROOT).as_posix()
        (row,) = [line for line in readme.splitlines() if line.startswith("|") and name in line]
        assert row.endswith(f"| {address.badges(name)} |".replace("|  |", "| |"))


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A copy of what the tool writes to, with a lesson of two cells."""
    monkeypatch.setattr(address, "ROOT", tmp_path)
    for name in ("pyproject.toml", "CITATION.cff", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "notebooks").mkdir()
    cells = [nbformat.v4.new_markdown_cell("# 01 · A\n\n**After**"), nbformat.v4.new_code_cell("1")]
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "01_explore.ipynb"
    )
    address.main(["--none"])
    return tmp_path


def lesson(course):
    return (course / "notebooks" / "01_explore.ipynb").read_text(encoding="utf-8")


def test_an_address_is_written_everywhere_and_taken_away_without_a_trace(course):
    names = ("pyproject.toml", "CITATION.cff", "README.md", "notebooks/01_explore.ipynb")
    before = {name: (course / name).read_text() for name in names}
    for _ in range(2):  # writing twice changes nothing
        address.main([f"{OURS}.git"])
        assert address.address() == OURS
        assert lesson(course).count("badge_colab.svg") == 1
        assert "github/ada/speech/blob/v0.1.0/notebooks/01_explore.ipynb" in lesson(course)
        assert yaml.safe_load((course / "CITATION.cff").read_text())["repository-code"] == OURS
        assert (course / "README.md").read_text().count("blob/v0.1.0/notebooks/01_explore") == 2
        assert "--branch=v0.1.0" in lesson(course) and OURS in lesson(course)
    address.main(["--none"])
    assert {name: (course / name).read_text() for name in names} == before
    assert "colab-badge" not in lesson(course) and "badge_colab" not in lesson(course)


def test_the_pictures_of_the_badges_are_files_of_the_repository():
    for name in ("badge_colab", "badge_studio_lab"):
        assert "<svg" in (ROOT / "docs" / f"{name}.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "wrong",
    ["ada/speech", "https://example.org/a/b", "https://github.com/ada", "https://github.com/a/b;c"],
)
def test_what_is_no_address_is_refused_in_a_sentence(course, wrong):
    before = lesson(course)
    with pytest.raises(SystemExit, match="is no address such as https://github.com/OWNER/NAME"):
        address.main([wrong])
    assert lesson(course) == before


def test_the_tag_is_the_projects_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert address.tag() == f"v{project['version']}"


def test_it_needs_nothing_but_python():
    """The workflow that publishes runs it before anything is installed."""
    command = [sys.executable, "-S", "-c", "import tools.address"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# The setup cell, with a stand-in for the module by which Colab is known.


def run_cell(source, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = Path.cwd()
    try:
        exec(compile(source, "setup", "exec"), {})
        return Path.cwd()
    finally:
        os.chdir(before)


@pytest.fixture
def published(tmp_path):
    """A repository with a release, on this machine."""
    folder = tmp_path / "speech"
    (folder / "notebooks").mkdir(parents=True)
    (folder / "notebooks" / "kept").touch()
    (folder / "own_module.py").write_text("WHERE = __file__")
    git = ["git", "-c", "user.name=ada", "-c", "user.email=ada", "-C", str(folder)]
    for command in ("init -q", "add -A", "commit -qm first", "tag v1"):
        subprocess.run([*git, *command.split()], check=True)
    return folder


@pytest.fixture
def pip(monkeypatch):
    """What pip was asked; it installs nothing. `pip.fails` makes it fail."""
    real, calls = subprocess.run, types.SimpleNamespace(asked=[], fails=0)

    def run(command, **options):
        if "pip" in command:
            calls.asked.append(command[4:])
            return subprocess.CompletedProcess(command, calls.fails)
        return real(command, **options)

    monkeypatch.setattr(subprocess, "run", run)
    return calls


def test_on_colab_the_cell_fetches_the_release_and_goes_there(
    tmp_path, published, pip, monkeypatch
):
    source = address.setup_source(f"file://{published}", "v1", f"{tmp_path}/content")
    for _ in range(2):  # and again, as *Run all* does
        assert run_cell(source, monkeypatch) == tmp_path / "content" / "speech" / "notebooks"
    fetched = str(tmp_path / "content" / "speech")
    assert pip.asked == [["--quiet", "--editable", fetched]] * 2
    assert (tmp_path / "content" / "speech" / "own_module.py").exists()


@pytest.mark.parametrize("trouble", ["no such repository", "no such release"])
def test_a_clone_that_fails_stops_the_cell_with_a_sentence(
    tmp_path, published, pip, monkeypatch, trouble
):
    where = published if "release" in trouble else tmp_path / "nowhere"
    source = address.setup_source(f"file://{where}", "v2", f"{tmp_path}/content")
    with pytest.raises(SystemExit, match="could not be fetched: check the network"):
        run_cell(source, monkeypatch)
    assert pip.asked == []


def test_a_pip_that_fails_stops_the_cell_with_a_sentence(tmp_path, published, pip, monkeypatch):
    pip.fails = 1
    source = address.setup_source(f"file://{published}", "v1", f"{tmp_path}/content")
    with pytest.raises(SystemExit, match="pip could not install what the course needs"):
        run_cell(source, monkeypatch)


def test_without_an_address_the_cell_says_what_to_do(pip, monkeypatch):
    with pytest.raises(SystemExit, match="address is not set. Its owner sets it with"):
        run_cell(address.setup_source(None, "v1"), monkeypatch)
    assert pip.asked == []


def test_the_web_pages_lesson_installs_what_only_it_needs():
    plain = address.setup_source(OURS, "v1", lesson="01_explore")
    web = address.setup_source(OURS, "v1", lesson="11_web_page")
    assert '"--editable", course]' in plain and '"--editable", course + "[web]"]' in web
    importing = {path.stem for path in LESSONS if '"import onnx' in path.read_text()}
    assert importing == set(address.EXTRAS)


@pytest.mark.parametrize("found", [None, OURS])
def test_the_setup_cell_does_nothing_elsewhere_and_is_short(found, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_: pytest.fail("it acted"))
    source = address.setup_source(found, "v1")
    before = Path.cwd(), list(sys.path)
    exec(compile(source, "setup", "exec"), {})
    assert (Path.cwd(), sys.path) == before
    assert len(source.splitlines()) < 20 and max(map(len, source.splitlines())) <= 100


@pytest.mark.slow
def test_a_cell_that_stops_ends_run_all(tmp_path):
    """In a real kernel, the error's status is what stops the cells after it."""
    import papermill

    stub = "import sys, types\nsys.modules['google.colab'] = types.ModuleType('google.colab')"
    sources = [stub, address.setup_source(None, "v1"), "open('went_on', 'w').close()"]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "a.ipynb")
    with pytest.raises(papermill.exceptions.PapermillExecutionError, match="address is not set"):
        papermill.execute_notebook(
            str(tmp_path / "a.ipynb"), str(tmp_path / "b.ipynb"), cwd=str(tmp_path),
            kernel_name="python3", progress_bar=False,
        )  # fmt: skip
    assert not (tmp_path / "went_on").exists()
    told = json.loads((tmp_path / "b.ipynb").read_text())["cells"]
    assert any("SystemExit" in json.dumps(cell.get("outputs", "")) for cell in told)
