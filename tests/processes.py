"""The environment of a Python that a test starts."""

import os
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]
# The folders where pytest finds what the tests share: a Python of its own finds it there too.
FOLDERS = [str(ROOT / folder) for folder in SETTINGS["ini_options"]["pythonpath"]]


def environment(**changed: str | None) -> dict[str, str]:
    """This process's environment, with the course and what the tests share on PYTHONPATH.

    A variable that is None is taken away.
    """
    before = filter(None, [os.environ.get("PYTHONPATH")])
    found = {**os.environ, "PYTHONPATH": os.pathsep.join([*FOLDERS, *before]), **changed}
    return {name: value for name, value in found.items() if value is not None}
