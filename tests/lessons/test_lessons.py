"""The notebooks as they are stored, and as they run."""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from asr_helpers.plots import KEPT_BYTES

ROOT = Path(__file__).parent.parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))
# nbval runs these lessons only in the weekly job; here they run in few steps.
LONG = [lesson for lesson in LESSONS if lesson.name[:2] >= "09"]
names = lambda path: path.stem  # noqa: E731


def cells(path, kind=None):
    found = nbformat.read(path, as_version=4).cells
    return [cell for cell in found if kind in (None, cell.cell_type)]


def test_there_are_lessons():
    assert {"01_explore", "05_finetune"} <= {path.stem for path in LESSONS}


@pytest.mark.parametrize("lesson", LESSONS, ids=names)
def test_it_opens_and_closes_in_the_agreed_form(lesson):
    found = cells(lesson)
    number = lesson.stem[:2]
    assert found[0].source.startswith(f"# {number} · ")
    for part in ("**After this lesson you can**", "**Before you start:**", "**Run time:**"):
        assert part in found[0].source
    objectives = re.findall(r"^\d\. ", found[0].source, re.MULTILINE)
    assert 3 <= len(objectives) <= 5
    assert found[1].metadata.tags == ["colab-setup"]
    assert found[2].metadata.tags == ["parameters"] and found[2].source == 'PROFILE = "offline"'
    assert "import" in found[3].source and "__version__" in found[3].source
    # The recap and the exercises close a lesson; only an appendix may follow.
    closing = [k for k, cell in enumerate(found) if "## What you can do now" in cell.source]
    assert len(closing) == 1
    after = found[closing[0] + 1 :]
    assert not after or after[0].source.startswith("## Appendix")
    last = found[closing[0]].source
    assert last.index("## What you can do now") < last.index("## Exercises")
    recap, exercises = last.split("## Exercises")
    assert len(re.findall(r"^\d\. ", recap, re.MULTILINE)) == len(objectives)
    assert 3 <= len(re.findall(r"^\d\. ", exercises, re.MULTILINE)) <= 5


@pytest.mark.parametrize("notebook", LESSONS + SOLUTIONS, ids=names)
def test_cells_are_short_and_numbered_in_order(notebook):
    code = cells(notebook, "code")
    for cell in code:
        assert len(cell.source.splitlines()) < 20, cell.source[:80]
        if "colab-setup" in cell.metadata.get("tags", []):
            continue  # the one place that installs
        assert not re.search(r"^\s*[!%]|except\s*:|notebook_login\(\)", cell.source, re.MULTILINE)
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


PLAYER = re.compile(r"<audio[^>]*>")


def faulty_players(html):
    """The players in an output that may not be stored: unmarked, unnamed or too large ones."""
    for tag in PLAYER.findall(html):
        sound = re.search(r'data-kept aria-label="[^"]+" src="data:audio/mpeg;base64,([^"]+)"', tag)
        if not sound or len(base64.b64decode(sound.group(1))) > KEPT_BYTES:
            yield tag[:80]


@pytest.mark.parametrize("notebook", LESSONS + SOLUTIONS, ids=names)
def test_players_that_are_stored_are_small(notebook):
    for cell in cells(notebook, "code"):
        for output in cell.outputs:
            assert not list(faulty_players(output.get("data", {}).get("text/html", "")))


def test_a_faulty_player_is_found():
    def tag(sound, mark=" data-kept"):
        encoded = base64.b64encode(sound).decode()
        return f'<audio controls{mark} aria-label="a" src="data:audio/mpeg;base64,{encoded}">'

    assert not list(faulty_players(tag(b"x" * KEPT_BYTES)))
    assert list(faulty_players(tag(b"x" * (KEPT_BYTES + 1))))
    assert list(faulty_players(tag(b"x", mark="")))
    assert list(faulty_players("<audio controls>"))


@pytest.mark.parametrize("notebook", LESSONS + SOLUTIONS, ids=names)
def test_outputs_are_lean(notebook):
    text = notebook.read_text(encoding="utf-8")
    assert len(text) < 700_000  # figures for a projector, and a few clips
    for unwanted in (
        r"widget-view",
        r"/home/",
        r"/root/",
        r"/tmp/",
        r"hf_\w{20}",
        r"%\|",
    ):
        assert not re.search(unwanted, text), unwanted
    assert str(ROOT) not in text
    assert set(json.loads(text)["metadata"]) == {"kernelspec", "language_info"}
    assert not [o for c in cells(notebook, "code") for o in c.outputs if o.output_type == "error"]


@pytest.mark.parametrize("notebook", LESSONS + SOLUTIONS, ids=names)
def test_every_figure_has_alt_text(notebook):
    for cell in cells(notebook, "code"):
        for output in cell.outputs:
            data = output.get("data", {})
            assert "image/png" not in data, "use plots.show, which gives the figure its alt text"
            for image in re.findall(r"<img[^>]*>", data.get("text/html", "")):
                assert re.search(r'alt="[^"]{20,}"', image)
                assert re.search(r'width="\d+"', image), "plots.show gives each figure its width"


@pytest.mark.parametrize("notebook", LESSONS + SOLUTIONS, ids=names)
def test_an_assertion_proves_a_claim_and_is_never_switched_off(notebook):
    for cell in cells(notebook, "code"):
        assert "or not profile.measured" not in cell.source


@pytest.mark.parametrize("notebook", LESSONS + SOLUTIONS, ids=names)
def test_the_stored_notebook_is_executed(notebook):
    showing = [cell for cell in cells(notebook, "code") if cell.outputs]
    assert len(showing) >= len(cells(notebook, "code")) / 2


def without_network(command, asked):
    """Run a command whose Pythons refuse every connection that leaves this machine."""
    offline = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
    environment = {name: value for name, value in os.environ.items() if name not in offline}
    paths = [str(ROOT / "tests" / "refusing"), os.environ.get("PYTHONPATH")]
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "ASKED": str(asked)}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """The file that names each host which the lessons asked for; there is none if they did not."""
    return tmp_path_factory.mktemp("network") / "asked.txt"


@pytest.fixture(scope="module")
def executed(asked):
    """One run with the smoke profile, without a network, of what nbval does not run; its report.

    That is each lesson after the 8th, and all solutions (test_nbval.py runs lessons 01 to 08, and
    the weekly canary every lesson in this profile). Nothing tells the libraries to be offline: that
    is how a learner without a network runs it.
    """
    command = [sys.executable, "-m", "tools.run_lessons", "--profile", "smoke", "--jobs", "2"]
    command += ["--from", LONG[0].name]
    result = without_network(command, asked)
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads((ROOT / "build" / "report.json").read_text()), result.stdout


@pytest.mark.slow
def test_every_long_lesson_and_every_solution_runs(executed):
    report, _ = executed
    wanted = [path.name for path in LONG] + [f"solutions/{path.name}" for path in SOLUTIONS]
    assert [row["notebook"] for row in report["notebooks"]] == wanted
    assert all(row["ok"] and row["seconds"] > 0 for row in report["notebooks"])
    lessons = report["notebooks"][: len(LONG)]
    assert all(row["checks"] > 0 for row in lessons)


@pytest.mark.slow
def test_they_run_without_a_network_and_ask_for_none(executed, asked):
    assert not asked.exists(), asked.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "asks",
    [
        "urllib.request.urlopen('http://example.org', timeout=5)",
        "socket.create_connection(('192.0.2.1', 80), timeout=5)",
        "socket.socket().connect_ex(('192.0.2.1', 80))",
    ],
)
def test_the_network_is_refused_in_kernels_too(tmp_path, asks):
    """Else the test above could not fail."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(f"import socket, urllib.request\n{asks}")]
    )
    nbformat.write(notebook, tmp_path / "asks.ipynb")
    command = [sys.executable, "-m", "papermill", "--kernel", "python3", "asks.ipynb", "out.ipynb"]
    command[-2:] = [str(tmp_path / name) for name in command[-2:]]
    done = without_network(command, tmp_path / "asked.txt")
    assert done.returncode and "the network was asked for" in done.stderr
    assert (tmp_path / "asked.txt").read_text().split()[0] in ("example.org", "192.0.2.1")


@pytest.mark.slow
def test_a_failing_cell_is_named_with_its_remedy(tmp_path, monkeypatch):
    from tools import run_lessons

    broken = nbformat.read(LESSONS[0], as_version=4)
    broken.cells = broken.cells[:2] + [
        nbformat.v4.new_code_cell("# the faulty one\nraise ValueError('no')")
    ]
    path = tmp_path / "01_broken.ipynb"
    nbformat.write(broken, path)
    monkeypatch.setattr(run_lessons, "ROOT", tmp_path)
    monkeypatch.setattr(run_lessons, "LESSONS", tmp_path)
    monkeypatch.setattr(run_lessons, "BUILD", tmp_path / "build")
    (tmp_path / "build").mkdir()
    _, failure = run_lessons.run(path, "smoke")
    for part in ("01_broken.ipynb", "# the faulty one", "ValueError: no", "Remedy", "make lab"):
        assert part in failure["told"]
    assert (failure["source"], failure["error"]) == ("# the faulty one", "ValueError: no")
