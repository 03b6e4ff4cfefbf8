"""Build the course as a site in `build/site`, from the stored notebooks. Nothing is executed.

    python -m tools.site [--address https://github.com/OWNER/NAME]

The site opens from disk (`build/site/index.html`) and asks no other host for anything. Sphinx and
what it needs are installed into an environment of their own, `build/site-env`, the first time.
With an address each lesson gets a link to Colab, to the release that the badges name. Needs only Python.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tools.address import tag
from tools.own_environment import own_environment

ROOT = Path(__file__).resolve().parent.parent
SOURCE, SITE = ROOT / "build" / "site-source", ROOT / "build" / "site"
SLIDES = (
    ROOT / "build" / "slides"
)  # `make slides` fills it; the site and the kit take what is there
COLAB = "https://colab.research.google.com"
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
# A badge is a picture within a link.
BADGE = re.compile(r"\[!\[[^\]]*\]\((?:https?:)?[^)]*\)\]\([^)]*\)")
FAR_PICTURE = re.compile(r"!\[([^\]]*)\]\(https?:[^)]*\)")
# Pages outside the folders of lessons and of teaching, with their titles in the table of contents.
CARDS = {
    "docs/own_data.md": "Your folder, your language, your voice",
    "asr_helpers/data/README.md": "The corpus",
    "asr_helpers/data/wav2vec2-tiny/README.md": "The base model",
    "benchmarks/README.md": "Benchmarks",
    "recipes/corpus/README.md": "How the corpus was made",
    "recipes/wav2vec2_tiny/README.md": "How the base model was made",
}
DECKS = "teaching/slides/"  # the sources of the slides, whose pages are in `_static/slides`
NEWS = ("CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "CHANGELOG.md", "docs/release.md")


def pages(root=ROOT):
    """{section: paths relative to the root}, in the order of the table of contents."""

    def found(pattern):
        return sorted(path.relative_to(root).as_posix() for path in root.glob(pattern))

    return {
        "Lessons": found("notebooks/[0-9][0-9]_*.ipynb"),
        "Exercises": found("notebooks/exercises/*.ipynb"),
        "Solutions": found("notebooks/solutions/*.ipynb"),
        "Teaching": ["teaching/README.md"] + [
            path for path in found("teaching/**/*.md")
            if path != "teaching/README.md" and (DECKS not in path or path.endswith("README.md"))
        ],
        "Other machines, other data": [
            path for path in [*found("docs/*.md"), "jobs/README.md"]
            if (root / path).exists() and path not in (*NEWS, *CARDS)
        ],
        "Data, model, measurements": [path for path in CARDS if (root / path).exists()],
        "The project": [path for path in NEWS if (root / path).exists()],
    }  # fmt: skip


def address(root=ROOT):
    """The repository's address, or None while pyproject.toml holds none."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project.get("urls", {}).get("Repository") or None


def rewritten(text, page, known):
    """Markdown whose links lead somewhere within the site.

    Args:
        text: the Markdown of one page or cell.
        page: the page's path, relative to the root.
        known: the paths of all pages.

    Returns:
        (text, files): the new text, and the other files of the repository that it links to.
    """
    files = set()
    folder = (ROOT / page).parent

    def change(match):
        bang, label, target = match.groups()
        path, _, anchor = target.partition("#")
        if "://" in target or target.startswith("mailto:") or not path:
            return match[0]
        place = (folder / path).resolve()
        if place.is_dir():
            place = place / "README.md"
            target = f"{path.rstrip('/')}/README.md" + (f"#{anchor}" if anchor else "")
        if not place.is_relative_to(ROOT) or not place.exists():
            return label  # a folder has no page of its own
        name = place.relative_to(ROOT).as_posix()
        if name == "README.md":  # it is the site's first page
            target = target.replace("README.md", "index.md")
        if name in known:
            return f"{bang}[{label}]({target})"
        if name.startswith("asr_helpers/") and name.endswith(".py"):
            up = "../" * page.count("/")
            module = name.removesuffix(".py").removesuffix("/__init__")
            return f"[{label}]({up}api/{module}/index.rst)"
        files.add(name)
        return f"{bang}[{label}]({target})"

    text = FAR_PICTURE.sub(r"\1", BADGE.sub("", text))
    return LINK.sub(change, text), files


def staged_notebook(path, name, known, where):
    """A notebook's JSON as the site shows it, and the files that it links to."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    kept, files = [], set()
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("tags", [])
        if "colab-setup" in tags or "injected-parameters" in tags:
            continue
        if cell["cell_type"] == "markdown":
            text, more = rewritten("".join(cell["source"]), name, known)
            cell["source"] = text
            files |= more
        kept.append(cell)
    opens_alone = any("colab-setup" in c["metadata"].get("tags", []) for c in notebook["cells"])
    if where and opens_alone:
        slug = where.removeprefix("https://github.com/")
        link = f"[Open in Colab]({COLAB}/github/{slug}/blob/{tag()}/{name})\n\n"
        title, _, rest = kept[0]["source"].partition("\n")
        kept[0]["source"] = f"{title}\n\n{link}{rest.lstrip()}"
    notebook["cells"] = kept
    return notebook, files


def stage(where=None):
    """Copy every page into `build/site-source`, with links that lead somewhere within the site."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.copytree(ROOT / "site", SOURCE)
    if SLIDES.is_dir():
        shutil.copytree(SLIDES, SOURCE / "_static" / "slides")
    ignore = shutil.ignore_patterns("data", "__pycache__", "wer_metric")
    shutil.copytree(ROOT / "asr_helpers", SOURCE / "asr_helpers", ignore=ignore)
    sections = pages()
    known = {"README.md"} | {name for names in sections.values() for name in names}
    files = set()
    for name in sorted(known):
        target = SOURCE / (name if name != "README.md" else "index.md")
        target.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".ipynb"):
            notebook, more = staged_notebook(ROOT / name, name, known, where)
            target.write_text(json.dumps(notebook, ensure_ascii=False), encoding="utf-8")
        else:
            text, more = rewritten((ROOT / name).read_text(encoding="utf-8"), name, known)
            if name == "teaching/README.md" and SLIDES.is_dir():
                text += (
                    '\n<a href="../_static/slides/index.html">The slides</a>, one deck a lesson.\n'
                )
            target.write_text(text, encoding="utf-8")
        files |= more
    for name in files:
        (SOURCE / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, SOURCE / name)
    with (SOURCE / "index.md").open("a", encoding="utf-8") as index:
        index.write(contents(sections))


def contents(sections):
    """The table of contents, which ends the first page."""
    parts = [""]
    for section, names in sections.items():
        if names:
            listed = "\n".join(f"{CARDS[n]} <{n}>" if n in CARDS else n for n in names)
            head = f"```{{toctree}}\n:hidden:\n:maxdepth: 1\n:caption: {section}\n\n"
            parts.append(f"{head}{listed}\n```")
    parts.append(
        "```{toctree}\n:hidden:\n:maxdepth: 1\n:caption: The package\n\n"
        "asr_helpers <api/asr_helpers/index>\n```"
    )
    return "\n\n".join(parts) + "\n"


def build(where=None):
    """Stage and build; the folder of the site.

    Raises:
        SystemExit: Sphinx warned or failed; its message stands above.
    """
    stage(where)
    python = own_environment("site")
    shutil.rmtree(SITE, ignore_errors=True)
    command = [
        str(python), "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html",
        "-d", str(ROOT / "build" / "site-doctrees"), str(SOURCE), str(SITE),
    ]  # fmt: skip
    environment = os.environ | {"SITE_ADDRESS": where or "", "PYTHONPATH": ""}
    if subprocess.run(command, cwd=ROOT, env=environment).returncode:
        sys.exit("Sphinx could not build the site: mend what its message above names.")
    for page in SITE.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(named(text), encoding="utf-8")
    return SITE


def named(text):
    """A page's HTML, with names for screen readers where the theme gives an element none."""
    # The theme's search button shows "Search" and a shortcut. Its label hides that: drop it.
    text = re.sub(
        r'(<button class="btn search-button-field[^>]*?) aria-label="Search"', r"\1", text
    )
    text = re.sub(r"<summary>(?=<span class=\"toctree-toggle)", '<summary aria-label="open">', text)
    return text


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--address", help="the repository, for links to Colab", default=address())
    folder = build(parser.parse_args().address)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{len(list(folder.rglob('*.html')))} pages, {size / 1e6:.1f} MB in {folder}")
    print(f"Open {folder / 'index.html'}")


if __name__ == "__main__":
    main()
