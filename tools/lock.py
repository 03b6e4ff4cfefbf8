"""Write constraints.txt: the exact versions of all that the pins of environment.yml bring along.

    python -m tools.lock

Run it after a change of a pin. `uv` (PyPI) works the versions out for Linux, macOS and Windows and for
each Python that the course runs with; the file names no index.
"""

import shutil
import subprocess
import sys

import course

HEADER = """\
# What the pins of environment.yml bring along, in exact versions, for Linux, macOS and Windows and
# Python 3.11 to 3.13. Made by `make lock`; the setup gives it to pip.
"""


def main() -> None:
    """Work the versions out and write the file.

    Raises:
        SystemExit: uv is missing, or finds no versions that fit together; its message stands above.
    """
    if (uv := shutil.which("uv")) is None:
        sys.exit("uv is needed: `pip install uv`, then `make lock` again.")
    oldest = ".".join(map(str, course.OLDEST))
    command = [
        uv, "pip", "compile", "-", "--universal", "--python-version", oldest, "--no-header",
        "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--quiet",
    ]  # fmt: skip
    done = subprocess.run(
        command, input="\n".join(course.pinned()), text=True, stdout=subprocess.PIPE
    )
    if done.returncode:
        sys.exit("uv found no versions that fit together: see its message above.")
    course.CONSTRAINTS.write_text(HEADER + done.stdout, encoding="utf-8")
    print(f"{course.CONSTRAINTS.name}: {done.stdout.count('==')} packages")


if __name__ == "__main__":
    main()
