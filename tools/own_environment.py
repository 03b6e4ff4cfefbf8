"""An environment beside the course's, for a tool whose packages the lessons do not need."""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

from course import surroundings, writing

ROOT = Path(__file__).resolve().parent.parent


def own_environment(name):
    """The Python of `build/NAME-env`, which holds what `NAME/requirements.txt` pins.

    The environment is made the first time, and again when the file of pins has changed.

    Raises:
        SystemExit: pip could not install the packages.
    """
    pins = ROOT / name / "requirements.txt"
    folder = ROOT / "build" / f"{name}-env"
    wanted = hashlib.sha256(pins.read_bytes()).hexdigest()
    stamp = folder / "made-from"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"Setting up {folder.relative_to(ROOT)}: the first time only.", flush=True)
    with writing(folder):
        venv.create(folder, with_pip=True, clear=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Without PYTHONPATH and the like: pip would count the packages there as already installed.
    if subprocess.run([*command, "--requirement", str(pins)], env=surroundings()).returncode:
        sys.exit(
            f"pip could not install what {pins.relative_to(ROOT)} names: see its message above. "
            "The first time needs the network."
        )
    with writing(stamp):
        stamp.write_text(wanted)
    return python
