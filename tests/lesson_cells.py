"""Run the code cells of notebooks in one process, one after the other, and then each cell again.

    python tests/lesson_cells.py PROFILE ARTIFACTS [--again] NOTEBOOK...

One process imports the libraries once, which is most of the time of a smoke run. Each notebook has
variables of its own. Files go to ARTIFACTS, so that no other run is disturbed. With `--again` each
cell of a notebook runs a second time, in order, when all of its cells have run. The first cell that
fails ends the process: it is printed with its notebook, number and source.
"""

import contextlib
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def code_cells(notebook):
    """(number, source) of each code cell, without the one that installs on Colab."""
    cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    return [
        (number, "".join(cell["source"]))
        for number, cell in enumerate(code, 1)
        if "colab-setup" not in cell["metadata"].get("tags", [])
    ]


def run(notebook, profile, again):
    """Run a notebook's cells; `again` runs each a second time.

    Raises:
        SystemExit: a cell failed.
    """
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    rounds = [code_cells(notebook)] * (2 if again else 1)
    for turn, cells in enumerate(rounds, 1):
        for number, source in cells:
            if source.startswith("PROFILE = "):
                source = "\n".join([f"PROFILE = {profile!r}", *source.splitlines()[1:]])
            with contextlib.redirect_stdout(sys.stderr):
                done = shell.run_cell(source)
            if not done.success:
                error = done.error_before_exec or done.error_in_exec
                sys.exit(
                    f"{Path(notebook).name}, code cell {number}, run {turn}: "
                    f"{type(error).__name__}: {error}\n{source}"
                )


def main(arguments):
    from asr_helpers import profiles

    again = "--again" in arguments
    name, artifacts, *notebooks = [value for value in arguments if value != "--again"]
    profiles.PROFILES[name] = replace(profiles.load_profile(name), artifacts=Path(artifacts))
    for notebook in notebooks:
        os.chdir(Path(notebook).resolve().parent)
        run(notebook, name, again)
        print(f"{Path(notebook).name} ran", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main(sys.argv[1:])
