"""environment.yml has pins and pyproject.toml has ranges: both must say the same."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement

from course import pinned
from tools.canary import NO_COURSE

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
    "mistune": "jupyterlab",
    "gradio_client": "gradio",
    "starlette": "gradio",
    "PIL": "matplotlib",
    "xdist": "pytest-xdist",
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


def pip_part(text):
    """The lines that conda hands to pip: it writes them to a file of requirements."""
    parts = yaml.safe_load(text)["dependencies"]
    (lines,) = [part["pip"] for part in parts if isinstance(part, dict)]
    return lines


def test_conda_installs_the_pins_and_the_course_itself():
    *pins, last = pip_part((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert pins == pinned() and last == "--editable ."


# Run by the new environment's own Python in the folder of the lessons, as a kernel is: every import
# of every lesson, and where the course was found.
IMPORTS = """
import json, sys
for line in json.load(sys.stdin):
    exec(line)
import asr_helpers
print(json.dumps([asr_helpers.__file__, sys.prefix]))
"""


def lesson_imports(folder):
    """The import statements of the lessons and solutions of a copy of the course."""
    found = set()
    for path in sorted((folder / "notebooks").rglob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                tree = ast.parse(cell.source)
                nodes = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
                found |= {ast.unparse(node) for node in nodes}
    return sorted(found)


@pytest.mark.weekly
@pytest.mark.slow
def test_the_lessons_run_in_an_environment_that_is_built_as_conda_builds_it(tmp_path):
    """Conda itself is left out. What it does with the pip part is done here: a file of requirements
    beside environment.yml, and pip with these options in that folder."""
    folder, environment = tmp_path / "clone of the course", tmp_path / "env"
    shutil.copytree(ROOT, folder, ignore=NO_COURSE)
    requirements = folder / "condaenv.test.requirements.txt"
    requirements.write_text("\n".join(pip_part((folder / "environment.yml").read_text())))
    venv.create(environment, with_pip=True)
    python = str(environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    own = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "HF_"))}

    def run(*command, where, **more):
        done = subprocess.run(
            [python, *command], cwd=where, env=own, capture_output=True, text=True, **more
        )
        assert not done.returncode, (done.stdout + done.stderr)[-3000:]
        return done.stdout

    install = ["-m", "pip", "install", "--quiet", "-U", "-r", str(requirements)]
    run(*install, "--exists-action=b", where=folder)
    run("-m", "pip", "check", where=folder)
    lessons = folder / "notebooks"
    asked = json.dumps(lesson_imports(folder))
    found, prefix = json.loads(run("-c", IMPORTS, where=lessons, input=asked).splitlines()[-1])
    assert Path(found).is_relative_to(folder) and Path(prefix).samefile(environment)
    papermill = ["-m", "papermill", "--no-progress-bar", "-p", "PROFILE", "smoke"]
    run(*papermill, "01_explore.ipynb", str(tmp_path / "01.ipynb"), where=lessons)
