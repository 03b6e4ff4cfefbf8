"""Set the course up, run it, test it, open it. Needs nothing but Python and pip.

    python course.py run [--profile smoke]    every lesson, in order
    python course.py test [pytest arguments]  the tests
    python course.py lab                      JupyterLab
    python course.py setup                    only the environment

Each makes the environment in `.venv` first if it is missing or out of date.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
OLDEST, NEWEST = (3, 11), (3, 13)


def pinned():
    """The exact versions of environment.yml's pip part, such as "jiwer==4.0.0"."""
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    return re.findall(r"^ {6}- (\S+==\S+)$", text, re.MULTILINE)


def python():
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def setup():
    """Make `.venv` hold what environment.yml pins; at once done where it does already."""
    files = (ROOT / "environment.yml", ROOT / "pyproject.toml")
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    stamp = VENV / "course-environment"
    if stamp.exists() and stamp.read_text() == wanted and python().exists():
        return
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = ".".join(map(str, sys.version_info[:2]))
        sys.exit(
            f"This course needs Python 3.11 to 3.13, and this is {found}: run it with another."
        )
    print("Setting up .venv: a few minutes, the first time only.", flush=True)
    venv.create(VENV, with_pip=True, clear=not python().exists())
    pip = [str(python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # torch first and alone: the other packages then keep the build that was chosen for it.
    torch = [package for package in pinned() if package.startswith("torch==")]
    for packages in (torch, pinned(), ["--no-deps", "--editable", str(ROOT)]):
        if subprocess.run([*pip, *packages]).returncode:
            sys.exit(
                "pip could not install the environment: see its message above, then try again."
            )
    stamp.write_text(wanted)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=["setup", "run", "test", "lab"])
    task, rest = parser.parse_known_args()
    setup()
    modules = {"run": "tools.run_lessons", "test": "pytest", "lab": "jupyterlab"}
    if task.task in modules:
        command = [str(python()), "-m", modules[task.task], *rest]
        sys.exit(subprocess.run(command, cwd=ROOT).returncode)


if __name__ == "__main__":
    main()
