"""nbval runs stored notebooks again: errors fail, and outputs are compared where a cell asks for it."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
# Lessons that need nothing of another and train nothing; papermill runs all of them.
LESSONS = ["01_explore", "02_preprocess", "03_collate_ctc"]


def nbval(path):
    command = [sys.executable, "-m", "pytest", "-q", "--nbval-lax", "-p", "no:cacheprovider", path]
    return subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True)


def notebook(tmp_path, source, said):
    output = nbformat.v4.new_output("stream", name="stdout", text=said)
    cell = nbformat.v4.new_code_cell(source, outputs=[output], execution_count=1)
    cell.metadata.tags = ["nbval-check-output"]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    path = tmp_path / "checked.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=kernel), path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
def test_the_stored_lesson_runs_again(lesson):
    result = nbval(ROOT / "notebooks" / f"{lesson}.ipynb")
    assert result.returncode == 0, result.stdout[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "said", "passes"),
    [
        ("print(1 + 1)", "2\n", True),
        ("print(1 + 1)", "3\n", False),
        ("raise ValueError", "", False),
    ],
)
def test_a_wrong_output_and_an_error_are_seen(tmp_path, source, said, passes):
    assert (nbval(notebook(tmp_path, source, said)).returncode == 0) is passes
