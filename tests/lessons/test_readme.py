"""The pages that people read: their links lead somewhere, their numbers are those of the lessons."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted(
    path for path in ROOT.rglob("*.md") if not {".venv", "build", "artifacts"} & set(path.parts)
)
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("[0-9][0-9]_*.ipynb"))
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(text):
    """What a repository's web view makes of the headings."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken(text, folder):
    """The relative links in `text` that lead nowhere from `folder`: no file, or no such heading in it."""
    wrong = []
    for link in LINK.findall(text):
        path, _, heading = link.partition("#")
        place = folder / path
        if "://" in link:
            continue
        if path and not place.exists():
            wrong.append(link)
        elif heading and (not path or place.suffix == ".md"):
            there = place.read_text(encoding="utf-8") if path else text
            wrong += [link] * (heading not in anchors(there))
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_and_pictures_of_a_page_resolve(page):
    assert not broken(page.read_text(encoding="utf-8"), page.parent)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_of_a_notebook_resolve(notebook):
    cells = nbformat.read(notebook, as_version=4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert not broken(text, notebook.parent)


def test_a_broken_link_is_found(tmp_path):
    (tmp_path / "b.md").write_text("# The other")
    text = "# A title\n[here](#a-title) [gone](gone.md) ![no](#nowhere) [far](https://x.org/y)"
    text += " [there](b.md#the-other) [not there](b.md#another)"
    assert broken(text, tmp_path) == ["gone.md", "#nowhere", "b.md#another"]


def printed(lesson, pattern):
    """What a stored lesson printed where `pattern` matches."""
    (path,) = (ROOT / "notebooks").glob(f"{lesson}_*.ipynb")
    outputs = [o for c in nbformat.read(path, as_version=4).cells for o in c.get("outputs", [])]
    text = "\n".join(output.get("text", "") for output in outputs)
    found = re.search(pattern, text)
    assert found, f"lesson {lesson} is stored without its result: run `make render`"
    return found.group(1)


def test_the_readme_quotes_what_the_stored_lessons_measured():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    card = (ROOT / "asr_helpers" / "data" / "wav2vec2-tiny" / "README.md").read_text("utf-8")
    greedy = printed("06", r"test WER (\d\.\d{3}) ")
    search = printed("08", r"with the n-gram\s+WER (\d\.\d{3}) ")
    assert f"| **{greedy}** |" in readme and f"| **{search}** |" in readme
    assert f"**{greedy} (" in card and search in card
