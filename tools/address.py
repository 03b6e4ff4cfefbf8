"""Set the repository's address: in pyproject.toml, CITATION.cff, the README, and the lessons.

    python -m tools.address https://github.com/OWNER/NAME   set it
    python -m tools.address --none                          take it away
    python -m tools.address                                 write the present one again

The address is unset in a copy that nobody has published. A badge or a setup cell with the address
of another owner would run whatever code that owner puts at the address. Without an address there
are no badges, and the setup cell says on Colab what to do.

With an address the badges lead to the release tag `v<version>`, and the setup cell clones this tag.
The version stands in pyproject.toml. Commit the change, then make and push that tag.
Needs only Python.
"""

import argparse
import json
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLAB, STUDIO = "https://colab.research.google.com", "https://studiolab.sagemaker.aws"
GITHUB = re.compile(r"https://github\.com/[A-Za-z0-9][\w.-]*/[\w.-]+")
BADGES = re.compile(r"\[!\[Open in Colab\].*?\n")
PLACE = "# `python -m tools.address https://github.com/OWNER/NAME` writes the repository's address here."


def project():
    """pyproject.toml's table of the project."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def address():
    """The repository's address, such as https://github.com/owner/name, or None where it is unset."""
    return project().get("urls", {}).get("Repository")


def tag():
    """The release that badges and setup cells refer to, such as "v0.1.0"."""
    return f"v{project()['version']}"


def badges(lesson, where="."):
    """Markdown that opens a lesson in Colab and Studio Lab, or "" without an address.

    Args:
        lesson: a path in the repository, such as notebooks/01_explore.ipynb.
        where: the relative path from the Markdown file's folder to the root of the repository; the
            pictures need it.
    """
    if not (found := address()):
        return ""
    there = f"github/{found.removeprefix('https://github.com/')}/blob/{tag()}/{lesson}"
    return (
        f"[![Open in Colab]({where}/docs/badge_colab.svg)]({COLAB}/{there}) "
        f"[![Open in Studio Lab]({where}/docs/badge_studio_lab.svg)]({STUDIO}/import/{there})"
    )


# The setup cell that lessons have without an address, and the one they have with it.
WITHOUT = """\
# On Colab this cell fetches the course. Anywhere else it does nothing.
import sys

if "google.colab" in sys.modules:
    sys.exit(
        "This copy of the course cannot be fetched: its address is not set. Its owner sets it with "
        "`python -m tools.address https://github.com/OWNER/NAME`, and pushes the result."
    )"""
WITH = """\
# On Colab: fetch the course and the packages that Colab lacks. Elsewhere nothing is done.
import os
import subprocess
import sys
from pathlib import Path

if "google.colab" in sys.modules:
    course, address = "{folder}/{name}", "{address}"
    clone = ["git", "clone", "--quiet", "--depth=1", "--branch={tag}", address, course]
    if not Path(course).exists() and subprocess.run(clone).returncode:
        sys.exit(f"{{address}} ({tag}) could not be fetched: check the network, then try again.")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--editable", course{extra}]
    if subprocess.run(pip).returncode:
        sys.exit("pip could not install what the course needs: see its message, then try again.")
    sys.path.insert(0, course)
    os.chdir(f"{{course}}/notebooks")"""


# What a lesson needs beside the packages that all need: an extra of pyproject.toml.
EXTRAS = {"11_web_page": "[web]"}


def setup_source(found, version, folder="/content", lesson=""):
    """The source of a lesson's setup cell: for an address, or for None.

    Args:
        folder: where Colab works.
        lesson: the notebook's name without its ending; some need an extra of the course.
    """
    if not found:
        return WITHOUT
    name = found.rstrip("/").rsplit("/", 1)[1]
    extra = f' + "{EXTRAS[lesson]}"' if lesson in EXTRAS else ""
    return WITH.format(address=found, tag=version, name=name, folder=folder, extra=extra)


def write_lesson(path):
    """Give one lesson its badges and its setup cell, in place of any it had."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    first = "".join(notebook["cells"][0]["source"])
    title, rest = BADGES.sub("", first).split("\n\n", 1)
    badge = badges(path.relative_to(ROOT).as_posix(), "..")
    parts = [title, *filter(None, [badge]), rest.lstrip()]
    notebook["cells"][0]["source"] = "\n\n".join(parts).splitlines(keepends=True)
    ran = any(cell.get("execution_count") for cell in notebook["cells"])
    others = [
        cell
        for cell in notebook["cells"][1:]
        if "colab-setup" not in cell["metadata"].get("tags", [])
    ]
    setup = {
        "cell_type": "code",
        "execution_count": 1 if ran else None,  # the first cell that ran, without an output
        "id": "colab-setup",
        "metadata": {"tags": ["colab-setup"]},
        "outputs": [],
        "source": setup_source(address(), tag(), lesson=path.stem).splitlines(keepends=True),
    }
    notebook["cells"] = [notebook["cells"][0], setup, *others]
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")


def write_readme(path, lessons):
    """Give the README's table of lessons its badges: a lesson's row ends with them."""
    text = path.read_text(encoding="utf-8")
    for name in lessons:
        row = re.compile(rf"^(\|.*\({re.escape(name)}\).*\|)[^|]*\|$", re.MULTILINE)
        badge = badges(name)
        text = row.sub(lambda found, b=badge: f"{found[1]} {b} |" if b else f"{found[1]} |", text)
    path.write_text(text, encoding="utf-8")


def write_project(path, found):
    """Write the address into pyproject.toml, or take it away where `found` is None."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"\n\[project\.urls\]\n(?:#.*\n)*Repository = .*\n", f"\n{PLACE}\n", text)
    if PLACE not in text:
        raise ValueError(f"{path} has no line {PLACE!r}: put it after the dependencies.")
    if found:
        text = text.replace(PLACE, f'[project.urls]\n{PLACE}\nRepository = "{found}"')
    path.write_text(text, encoding="utf-8")


def write_citation(path, found):
    """Write the address into CITATION.cff, or take it away where `found` is None."""
    text = re.sub(r"^repository-code: .*\n", "", path.read_text(encoding="utf-8"), flags=re.M)
    if PLACE not in text:
        raise ValueError(f"{path} has no line {PLACE!r}: put it at the end.")
    if found:
        text = text.replace(PLACE, f'{PLACE}\nrepository-code: "{found}"')
    path.write_text(text, encoding="utf-8")


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address", nargs="?", help="such as https://github.com/OWNER/NAME")
    parser.add_argument("--none", action="store_true", help="take the address away")
    options = parser.parse_args(arguments)
    found = options.address and options.address.removesuffix("/").removesuffix(".git")
    if found and not GITHUB.fullmatch(found):
        sys.exit(f"{options.address} is no address such as https://github.com/OWNER/NAME.")
    if found or options.none:
        write_project(ROOT / "pyproject.toml", None if options.none else found)
        write_citation(ROOT / "CITATION.cff", None if options.none else found)
    lessons = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    for lesson in lessons:
        write_lesson(lesson)
    write_readme(ROOT / "README.md", [lesson.relative_to(ROOT).as_posix() for lesson in lessons])
    if address():
        print(
            f"Lessons and README now lead to {address()}, release {tag()}. Commit this, then run "
            f"`git tag {tag()}` and `git push origin HEAD {tag()}`."
        )
    else:
        print("No address is set: there are no badges, and on Colab the setup cell says so.")


if __name__ == "__main__":
    main()
