"""environment.yml pins, pyproject.toml ranges: both must say the same."""

import ast
import re
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement

from course import pinned

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RANGES = [
    Requirement(text)
    for text in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
]
PINS = {name: number for name, number in (pin.split("==") for pin in pinned())}
# Where a package's name and its module's name differ.
# PyAV is used where it is installed; pandas comes with datasets.
OPTIONAL = {"av"}
MODULES = {
    "pandas": "datasets",
    "IPython": "ipykernel",
    "gradio_client": "gradio",
    "starlette": "gradio",
    "PIL": "matplotlib",
    "nbclient": "papermill",
    "packaging": "pytest",
    "yaml": "pyyaml",
}


def imports_of(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def sources():
    for folder in ("asr_helpers", "tools", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            yield path, path.read_text(encoding="utf-8")
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        code = [cell for cell in cells if cell.cell_type == "code"]
        plain = [c for c in code if "colab-setup" not in c.metadata.get("tags", [])]
        yield path, "\n".join(cell.source for cell in plain)


def test_both_files_name_the_same_packages():
    assert sorted(PINS) == sorted(requirement.name for requirement in RANGES)


def test_what_lesson_11_needs_is_among_what_is_tested():
    extras = PROJECT["optional-dependencies"]
    assert set(extras["web"]) < set(extras["dev"])


@pytest.mark.parametrize("requirement", RANGES, ids=lambda r: r.name)
def test_each_pin_lies_in_its_range(requirement):
    assert PINS[requirement.name] in requirement.specifier


@pytest.mark.parametrize("name", PINS)
def test_what_is_installed_is_what_is_pinned(name):
    assert version(name).split("+")[0] == PINS[name]


def test_every_import_is_declared():
    own = {"asr_helpers", "tools", "tests", "benchmarks", "recipes", "course"}
    own |= {path.stem for path in (ROOT / "tests").rglob("*.py")}  # as pytest lets them be imported
    for path, source in sources():
        for module in set(imports_of(source)) - sys.stdlib_module_names - own - OPTIONAL:
            assert MODULES.get(module, module) in PINS, f"{path.name} imports {module}"


def test_conda_and_pyproject_agree_on_python():
    text = (ROOT / "environment.yml").read_text()
    found = re.search(r"^ {2}- python=(\S+)$", text, re.MULTILINE).group(1)
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(found)
    assert re.search(r"^ {2}- ffmpeg$", text, re.MULTILINE)
