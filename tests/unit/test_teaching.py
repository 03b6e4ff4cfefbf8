"""The teacher's pages agree with the code, with the exercises and with each other."""

import ast
import re
from pathlib import Path

import nbformat
import pytest
import yaml
from test_community import targets, unknown_commands

ROOT = Path(__file__).parent.parent.parent
TEACHING = ROOT / "teaching"
LESSONS = sorted((TEACHING / "lessons").glob("*.md"))
PAGES = sorted(TEACHING.glob("*.md")) + LESSONS
NOTEBOOKS = sorted((ROOT / "notebooks").glob("**/[0-9][0-9]_*.ipynb"))
# What stands in the place of a command of make on Windows, which has no make.
WITHOUT_MAKE = {
    "lab": r"py course.py lab notebooks",
    "progress": r".venv\Scripts\python -m tools.progress",
    "web": r".venv\Scripts\python -m tools.web",
}
# Headings of the page on troubles that no code of the course writes.
OTHERS = {
    "No module named", "My WER stays", "Killed", "CUDA out of memory", "Some weights of",
    "DLL load failed", "can't open file", "The filename or extension", "running scripts is disabled",
}  # fmt: skip
MINUTES = re.compile(
    r"(\d+) of teaching(?:, of which 10 are for recording)?[,;] (\d+) of exercises "
    r"\(a choice: ([\d, and]+); all take (\d+)\)"
)


def code():
    """Every text in the course's Python files, the parts that Python joins joined."""
    files = [
        ROOT / "course.py",
        *(ROOT / "asr_helpers").rglob("*.py"),
        *(ROOT / "tools").glob("*.py"),
    ]
    parts = []
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts.append(
                    "".join(
                        getattr(v, "value", "…") if isinstance(v, ast.Constant) else "…"
                        for v in node.values
                    )
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                parts.append(node.value)
    return "\n".join(parts)


def unknown_messages(page, known):
    """The quoted headings of a page of which a piece (between two `…`) stands nowhere in the code."""
    quoted = re.findall(r"^### “(.*)”", page, re.MULTILINE)
    ours = [one for one in quoted if not one.startswith(tuple(OTHERS))]
    pieces = {one: [part.strip(" :.,") for part in one.split("…")] for one in ours}
    return [one for one in ours if not all(part in known for part in pieces[one])]


def test_the_messages_of_the_page_on_troubles_are_those_of_the_code():
    page = (TEACHING / "troubleshooting.md").read_text(encoding="utf-8")
    assert page.count("\n### ") > 20
    assert unknown_messages(page, code()) == []


def test_a_message_that_the_code_does_not_write_would_be_seen():
    page = "### “The … is hungry: feed it.”\n### “No module named 'x'”\n### No sound"
    assert unknown_messages(page, "The cat is hungry") == ["The … is hungry: feed it."]


def exercises(lesson):
    """{number: minutes} of a lesson's exercises."""
    found = yaml.safe_load((TEACHING / "exercises" / f"{lesson}.yaml").read_text(encoding="utf-8"))
    return {one["number"]: one["minutes"] for one in found}


@pytest.mark.parametrize("page", LESSONS, ids=lambda path: path.stem)
def test_minutes_are_the_same_everywhere(page):
    told = MINUTES.search(page.read_text(encoding="utf-8"))
    teaching, some, chosen, everything = told.groups()
    minutes = exercises(page.stem)
    assert sum(minutes[int(n)] for n in re.findall(r"\d+", chosen)) == int(some)
    assert sum(minutes.values()) == int(everything)
    listed = (TEACHING / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in listed.splitlines() if f"(lessons/{page.name})" in line]
    assert [cell.strip() for cell in row.split("|")[2:4]] == [f"{teaching} min", f"{some} min"]
    deck = (TEACHING / "slides" / page.name).read_text(encoding="utf-8")
    assert re.findall(r"(\d+) minutes of teaching", deck) in ([], [teaching])


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_commands_of_the_teachers_pages_exist(page):
    text = page.read_text(encoding="utf-8")
    assert unknown_commands(text, targets()) == []
    for task in re.findall(r"course\.py ([\w-]+)", text):
        assert f'"{task}"' in (ROOT / "course.py").read_text(encoding="utf-8"), task


def lacking_windows(text):
    """The make commands for which a text does not say what to type on Windows instead."""
    return [
        name for name, form in WITHOUT_MAKE.items() if f"make {name}`" in text and form not in text
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_that_names_make_says_what_to_type_without_it(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            assert lacking_windows(cell.source) == [], cell.id


def test_a_command_without_its_form_for_windows_would_be_seen():
    assert lacking_windows("Type `make lab`, then `make progress`.") == ["lab", "progress"]
    assert lacking_windows("`make lab` (Windows: `py course.py lab notebooks`)") == []


def test_no_part_of_a_schedule_is_longer_than_ninety_minutes():
    """From the beginning or a break to the next break, lunch, slack or end, in every table."""
    text = (TEACHING / "schedules.md").read_text(encoding="utf-8")
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) >= 5
    for table in tables:
        begun = None
        for row in table.splitlines()[2:]:
            when, what = (cell.strip() for cell in row.split("|")[1:3])
            hour, _, minute = when.rpartition(":")
            now = int(hour or 0) * 60 + int(minute)
            if begun is None and not what.startswith("Doors"):
                begun = now
            if what.startswith(("Break", "Lunch", "Slack", "End")):
                assert now - begun <= 90, row
                begun = None
