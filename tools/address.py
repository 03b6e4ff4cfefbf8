"""Write the repository's address, which pyproject.toml alone knows, into lessons and README.

    python -m tools.address

Each lesson gets its badges, and the setup cell that Colab needs and that does nothing elsewhere;
the README gets the badges in its table of lessons.
"""

import re
import tomllib
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
LESSONS = ROOT / "notebooks"
COLAB, STUDIO = "https://colab.research.google.com", "https://studiolab.sagemaker.aws"
EXTRAS = {"11_web_page": "[web]"}
BADGES = re.compile(r"\[!\[Open in Colab\].*?\n")


def address():
    """The repository's address, such as https://github.com/owner/name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"]


def badges(lesson):
    """Markdown that opens a lesson, a path such as notebooks/01_explore.ipynb, in either place."""
    where = f"github/{address().removeprefix('https://github.com/')}/blob/main/{lesson}"
    return (
        f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({COLAB}/{where}) "
        f"[![Open in Studio Lab]({STUDIO}/studiolab.svg)]({STUDIO}/import/{where})\n"
    )


def setup_cell(lesson=""):
    """The cell that fetches the course on Colab, keeping the torch that is there.

    Args:
        lesson: such as "11_web_page"; some need more than the others, an extra of pyproject.toml.
    """
    name, extra = address().rsplit("/", 1)[1], EXTRAS.get(lesson, "")
    source = (
        "# On Colab: fetch the course and what it lacks. Anywhere else this cell does nothing.\n"
        "import sys\n\n"
        'if "google.colab" in sys.modules:\n'
        f"    !git clone --quiet --depth 1 {address()} /content/{name}\n"
        f"    %pip install --quiet --editable /content/{name}{extra}\n"
        f'    sys.path.insert(0, "/content/{name}")\n'
        f"    %cd /content/{name}/notebooks"
    )
    return nbformat.v4.new_code_cell(source, id="colab-setup", metadata={"tags": ["colab-setup"]})


def write(path):
    """Give one lesson its badges and its setup cell, in place of any it had."""
    notebook = nbformat.read(path, as_version=4)
    title, rest = BADGES.sub("", notebook.cells[0].source).split("\n\n", 1)
    badge = badges(path.relative_to(ROOT).as_posix()).strip()
    notebook.cells[0].source = f"{title}\n\n{badge}\n\n{rest.lstrip()}"
    setup = setup_cell(path.stem)
    if any(c.get("execution_count") for c in notebook.cells):
        setup.execution_count = 1  # it ran first, and had nothing to do
    others = [c for c in notebook.cells[1:] if "colab-setup" not in c.metadata.get("tags", [])]
    notebook.cells = [notebook.cells[0], setup, *others]
    nbformat.write(notebook, path)


def main():
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    for path in sorted(LESSONS.glob("[0-9][0-9]_*.ipynb")):
        write(path)
        name = path.relative_to(ROOT).as_posix()
        # In the README's table a lesson's row ends with its badges.
        row = re.compile(rf"^(\|.*\({re.escape(name)}\).*\|)[^|]*\|$", re.MULTILINE)
        text = row.sub(lambda found, name=name: f"{found[1]} {badges(name).strip()} |", text)
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
