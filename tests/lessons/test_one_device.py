"""Every lesson computes on the device of the course, and every cell can run twice.

No GPU is needed: `fake_gpu` fails where a model's forward pass runs on the CPU beside the GPU, or
where tensors of both sides meet.
"""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))


def run_cells(profile, artifacts, *arguments, **environment):
    """Run notebooks in one process with the fake GPU, see `lesson_cells`; gives the process."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING", "ASKED"))}
    paths = [str(ROOT / "tests" / "refusing"), str(ROOT)]
    own = {"FAKE_GPU": "1", "MPLBACKEND": "Agg", "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, str(ROOT / "tests" / "lesson_cells.py"), profile, str(artifacts)]
    return subprocess.run(
        command + [str(value) for value in arguments], env=kept | own | environment, cwd=ROOT,
        capture_output=True, text=True,
    )  # fmt: skip


def notebook(folder, *cells, name="01_try.ipynb"):
    code = [nbformat.v4.new_code_cell(source) for source in ('PROFILE = "offline"', *cells)]
    nbformat.write(nbformat.v4.new_notebook(cells=code), folder / name)
    return folder / name


LOAD = """
import torch
from asr_helpers.model import load_base_model
from asr_helpers.processor import load_processor
from asr_helpers.profiles import load_profile
profile = load_profile(PROFILE)
processor = load_processor(profile.base_model)
model = load_base_model(profile.base_model, processor, profile.seed)
"""


@pytest.mark.slow
def test_the_spy_finds_a_forward_pass_beside_the_gpu(tmp_path):
    """Else the tests below could not fail."""
    lesson = notebook(tmp_path, LOAD, "model.cpu()(torch.zeros(1, 8000))")
    done = run_cells("smoke", tmp_path / "artifacts", lesson, HF_HUB_OFFLINE="1")
    assert done.returncode, done.stdout
    assert "computes on the CPU beside an idle GPU" in done.stderr
    assert "01_try.ipynb, code cell 3, run 1" in done.stderr


@pytest.mark.slow
def test_a_cell_that_cannot_run_twice_is_found(tmp_path):
    """Else the test below could not fail."""
    lesson = notebook(
        tmp_path, "names = ['a']", "once = names.pop()", "assert PROFILE == 'smoke' and once == 'a'"
    )
    good = run_cells("smoke", tmp_path / "artifacts", "--again", lesson)
    assert not good.returncode and "01_try.ipynb ran" in good.stdout, good.stderr
    lesson = notebook(tmp_path, "import os", "os.mkdir('made')")
    bad = run_cells("smoke", tmp_path / "artifacts", "--again", lesson)
    assert bad.returncode and "code cell 3, run 2: FileExistsError" in bad.stderr


@pytest.mark.slow
@pytest.mark.weekly
def test_every_lesson_computes_on_the_gpu_and_each_cell_runs_twice(tmp_path):
    """Lessons and solutions, with files of their own, in order: later ones read what 05 leaves."""
    done = run_cells(
        "smoke", tmp_path / "artifacts", "--again", *LESSONS, *SOLUTIONS, HF_HUB_OFFLINE="1"
    )
    assert not done.returncode, done.stderr[-6000:]
    assert done.stdout.split("\n")[:-1] == [f"{path.name} ran" for path in LESSONS + SOLUTIONS]


@pytest.mark.slow
@pytest.mark.weekly
@pytest.mark.hub
def test_every_lesson_computes_on_the_gpu_with_the_hub(tmp_path, local_hub):
    done = run_cells(
        "hub_smoke", tmp_path / "artifacts", *LESSONS, HF_ENDPOINT=local_hub.endpoint,
        HF_HOME=str(tmp_path / "home"), NO_PROXY="*",
    )  # fmt: skip
    assert not done.returncode, done.stderr[-6000:]
    assert done.stdout.split("\n")[:-1] == [f"{path.name} ran" for path in LESSONS]
