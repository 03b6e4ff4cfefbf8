"""Data flows one way, and the folder shows it."""

import ast
import re
from pathlib import Path

import pytest

import asr_helpers

FOLDER = Path(asr_helpers.__file__).parent
# The order of asr_helpers/__init__.py; the others stand beside it.
# The ground, on which the flow stands, comes first.
FLOW = [
    "profiles",
    "artifacts",
    "devices",
    "frames",
    "audio",
    "text",
    "reach",
    "corpus",
    "processor",
    "augment",
    "collator",
    "batches",
    "model",
    "checkpoints",
    "training",
    "averaging",
    "metrics",
    "diagnostics",
    "recipe",
    "report",
    "model_card",
    "hub",
    "finished",
    "errors",
    "inference",
    "long_form",
    "page",
    "language_model",
    "word_model",
    "beam_search",
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
