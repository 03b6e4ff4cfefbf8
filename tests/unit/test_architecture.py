"""Each module of asr_helpers imports only from modules before it in the order of the data flow."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import asr_helpers

FOLDER = Path(asr_helpers.__file__).parent
# The order of asr_helpers/__init__.py; the others stand beside it.
# The ground, on which the flow stands, comes first.
FLOW = [
    "profiles",
    "artifacts",
    "parallel",
    "devices",
    "frames",
    "containers",
    "foreign",
    "audio",
    "spoken",
    "text",
    "caches",
    "reach",
    "splits",
    "tables",
    "folder",
    "corpus",
    "processor",
    "shards",
    "augment",
    "collator",
    "batches",
    "stream",
    "model",
    "adapters",
    "checkpoints",
    "chunks",
    "training",
    "adaptation",
    "errors",
    "metrics",
    "averaging",
    "diagnostics",
    "recipe",
    "new_language",
    "report",
    "model_card",
    "hub",
    "finished",
    "inference",
    "train",
    "pace",
    "long_form",
    "alignment",
    "captions",
    "page",
    "export",
    "web_page",
    "takes",
    "recorder",
    "own_voice",
    "whisper",
    "language_model",
    "word_model",
    "mixture",
    "beam_search",
    "decoding",
    "lm_pipeline",
]
BESIDE = ["practice", "plots"]
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
PLOTS = sorted(path.stem for path in (FOLDER / "plots").glob("*.py") if path.stem != "__init__")


def imported(module):
    tree = ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("asr_helpers."):
            yield node.module.split(".")[1]


def test_the_docstring_tells_the_flow():
    told = asr_helpers.__doc__
    places = [re.search(rf"\b{module}\b", told).start() for module in FLOW]
    assert places == sorted(places)
    assert all(module in told for module in MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_earlier_ones(module):
    assert module in FLOW + BESIDE
    earlier = FLOW[: FLOW.index(module)] if module in FLOW else [*FLOW, "plots"]
    assert set(imported(module)) <= set(earlier)


@pytest.mark.parametrize("module", MODULES + ["plots"] + [f"plots_{name}" for name in PLOTS])
def test_each_module_has_its_test_file(module):
    assert (Path(__file__).parent / f"test_{module}.py").exists()


@pytest.mark.parametrize("module", MODULES)
def test_public_names_are_documented(module):
    tree = ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{module}.{node.name}"


# Imports one module of the course, and tells what that changed. What other packages do when they are
# imported is done before.
IMPORTING = """
import importlib, json, os, sys
from pathlib import Path
import matplotlib
others, own = json.loads(sys.argv[1])
for name in others:
    importlib.import_module(name)

def state():
    files = sorted(str(path) for path in Path(sys.argv[2]).rglob("*"))
    settings = {k: v for k, v in matplotlib.rcParams.items() if k != "backend"}
    return dict(os.environ), files, repr(sorted(settings.items(), key=str))

before = state()
for name in own:
    importlib.import_module(name)
print([name for name, a, b in zip(("environment", "files", "rcParams"), before, state()) if a != b])
"""


def importing(own, others, home):
    """What imports change, in a fresh process with a home of its own."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "XDG_"))}
    environment |= {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(home)}
    command = [sys.executable, "-c", IMPORTING, json.dumps([others, own]), str(home)]
    paths = [str(FOLDER.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=home)
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout.splitlines()[-1])


def foreign(path):
    """The packages outside of the course that a module imports at its top."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.slow
def test_importing_changes_no_file_no_environment_variable_and_no_setting(tmp_path):
    own = [f"asr_helpers.{m}" for m in MODULES] + [f"asr_helpers.plots.{m}" for m in PLOTS]
    paths = [*FOLDER.glob("*.py"), *(FOLDER / "plots").glob("*.py")]
    others = {n for p in paths for n in foreign(p) if not n.startswith("asr_helpers")}
    assert importing(["asr_helpers", "asr_helpers.plots", *own], sorted(others), tmp_path) == []


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("import os; os.environ['HF_HOME'] = 'elsewhere'", "environment"),
        ("from pathlib import Path; (Path.home() / 'made').touch()", "files"),
        ("import matplotlib; matplotlib.rcParams['axes.grid'] = True", "rcParams"),
    ],
)
def test_a_module_that_changes_something_would_be_seen(tmp_path, line, kind, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "meddles.py").write_text(line)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert importing(["meddles"], [], tmp_path / "home") == [kind]


def test_the_profiles_can_be_read_before_anything_is_installed():
    """`course.py` does so, to refuse an unknown one before the setup."""
    code = (
        "import sys, asr_helpers.profiles\n"
        "outside = {m.split('.')[0] for m in sys.modules} - sys.stdlib_module_names\n"
        "print(outside - {'asr_helpers', '__main__', '__mp_main__', 'sitecustomize'})"
    )
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stdout + done.stderr
