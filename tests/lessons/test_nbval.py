"""nbval runs the stored lessons again, whole, with the profile they are stored with.

An error fails in any cell. Outputs are compared in the cells tagged `nbval-check-output`, which do
not depend on the machine's arithmetic. For the scores that the recipe reaches, a test below has
upper bounds.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools.run_lessons import alone

ROOT = Path(__file__).parent.parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
# These take minutes, and no other lesson reads what they make. In `make test` they run in few steps
# (test_lessons.py).
LONG = [lesson for lesson in LESSONS if lesson.name[:2] in ("09", "10", "11", "12")]
QUIET = {
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_VERBOSITY": "critical",
}
METRIC = 'from asr_helpers.metrics import wer\nprint(f\'WER {wer(["ONE TWO"], ["ONE"]):.3f}\')'


def nbval(*paths, **variables):
    command = [sys.executable, "-m", "pytest", "-q", "--nbval-lax", "-p", "no:cacheprovider"]
    command += ["--nbval-sanitize-with", ROOT / "tests" / "nbval_sanitize.cfg"]
    command += ["--nbval-cell-timeout", "2400", *paths]
    environment = os.environ | QUIET | variables
    return subprocess.run(
        [*map(str, command)], cwd=ROOT, capture_output=True, text=True, env=environment
    )


def notebook(tmp_path, source, said):
    output = nbformat.v4.new_output("stream", name="stdout", text=said)
    cell = nbformat.v4.new_code_cell(source, outputs=[output], execution_count=1)
    cell.metadata.tags = ["nbval-check-output"]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    path = tmp_path / "checked.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=kernel), path)
    return path


@pytest.mark.slow
def test_the_stored_lessons_run_again_without_a_network_and_the_recipe_learns(tmp_path):
    metrics = ROOT / "artifacts" / "metrics.json"
    metrics.unlink(missing_ok=True)
    asked = tmp_path / "asked.txt"  # names who asked for the network, if anybody does
    paths = [str(ROOT / "tests" / "refusing"), os.environ.get("PYTHONPATH")]
    refusing = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "ASKED": str(asked)}
    with alone("offline"):  # another run of this profile would mix its files with these
        # In order: each finds what the earlier ones made.
        result = nbval(*[lesson for lesson in LESSONS if lesson not in LONG], **refusing)
    assert result.returncode == 0, result.stdout[-5000:]
    assert not asked.exists(), asked.read_text()
    found = json.loads(metrics.read_text())
    # From random weights, training ends near 1 (benchmarks/results/learning.json), far above these.
    assert found["wer"] < 0.42 and found["wer_lm"] < 0.28, found
    assert found["wer_low"] <= found["wer"] <= found["wer_high"] and found["train_seconds"] > 0


@pytest.mark.slow
@pytest.mark.weekly
@pytest.mark.parametrize("lesson", LONG, ids=lambda lesson: lesson.stem)
def test_a_long_lesson_runs_again(lesson):
    with alone("offline"):
        result = nbval(lesson)
    assert result.returncode == 0, result.stdout[-5000:]


def test_lessons_have_outputs_to_compare():
    for lesson in LESSONS:
        cells = nbformat.read(lesson, as_version=4).cells
        checked = [c for c in cells if "nbval-check-output" in c.metadata.get("tags", [])]
        assert len(checked) >= 3, lesson.name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "said", "passes"),
    [
        ("print(1 + 1)", "2\n", True),
        ("print(1 + 1)", "3\n", False),
        ("raise ValueError", "", False),
        # A metric, as lessons print it: "ONE TWO" heard as "ONE" is one error in two words.
        (METRIC, "WER 0.500\n", True),
        (METRIC, "WER 0.250\n", False),
    ],
)
def test_a_wrong_output_and_an_error_are_seen(tmp_path, source, said, passes):
    assert (nbval(notebook(tmp_path, source, said)).returncode == 0) is passes
