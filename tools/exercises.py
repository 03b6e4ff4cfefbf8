"""Make the notebooks in `notebooks/exercises` from the solutions and `teaching/exercises/*.yaml`.

    python -m tools.exercises

The text of a task comes from its lesson. The title and the code around it come from the solution. The
YAML file adds what neither of the two has: where to begin, a hint, a check that says what is wrong,
minutes, difficulty. Each exercise of such a file has

    number      as in the lesson's list of exercises
    minutes     an estimate
    difficulty  easy, medium or hard
    before      code that the learner gets first (may be left out)
    given       cells of the solution, by their ids, that the learner gets as they are (may be left out)
    start       the code to begin with; `...` stands for what is missing
    hint        text that unfolds
    check       code that calls `check(condition, advice)`
    answers     the names that the learner has to define
    solved      {answer: an expression, evaluated after the solution's cells}; tests answer with it
    wrong       wrong answers for the tests, each {answer: expression, says: words of the advice}
"""

import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "teaching" / "exercises"
LESSONS = ROOT / "notebooks"
TARGET = LESSONS / "exercises"
HEADING = re.compile(r"^## (\d)\. (.*)$", re.MULTILINE)
KINDS = ("easy", "medium", "hard")


def load(path: Path) -> list[dict[str, Any]]:
    """The exercises of one YAML file.

    Raises:
        ValueError: a part is missing; the message names file, exercise and part.
    """
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    for place, one in enumerate(found, start=1):
        wanted = ("number", "minutes", "start", "hint", "check", "answers", "solved", "wrong")
        for part in wanted:
            if not one.get(part):
                raise ValueError(f"{path.name}: exercise {place} lacks `{part}`.")
        if one.get("difficulty") not in KINDS:
            raise ValueError(f"{path.name}: exercise {place}: `difficulty` is one of {KINDS}.")
    return found


def read(stem: str) -> tuple[Any, Any]:
    """(lesson, solutions) of a lesson, such as "01_explore"."""
    lesson = nbformat.read(LESSONS / f"{stem}.ipynb", as_version=4)
    solutions = LESSONS / "solutions" / f"{stem}_solutions.ipynb"
    return lesson, nbformat.read(solutions, as_version=4)


def tasks(lesson: Any) -> dict[int, str]:
    """{number: words} of the list of exercises that closes a lesson."""
    for cell in lesson.cells:
        if cell.cell_type == "markdown" and "## Exercises" in cell.source:
            listed = cell.source.split("## Exercises")[1]
            return {int(n): text for n, text in re.findall(r"^(\d)\. (.*)$", listed, re.MULTILINE)}
    raise ValueError("The lesson has no list of exercises.")


def titles(solutions: Any) -> dict[int, str]:
    """{number: title} of the exercises in a notebook with solutions."""
    text = "\n".join(c.source for c in solutions.cells if c.cell_type == "markdown")
    return {int(number): title for number, title in HEADING.findall(text)}


def preparation(solutions: Any) -> list[Any]:
    """The code cells before the first exercise: parameters, imports, data."""
    kept = []
    for cell in solutions.cells:
        if cell.cell_type == "markdown" and HEADING.search(cell.source):
            return kept
        if cell.cell_type == "code":
            kept.append(cell)
    raise ValueError("The solutions have no heading such as `## 1. A title`.")


def cell_of(solutions: Any, identity: str, stem: str) -> Any:
    """A cell of the solutions by its id.

    Raises:
        ValueError: there is none; the message names the file to mend.
    """
    for cell in solutions.cells:
        if cell.id == identity:
            return cell
    raise ValueError(
        f"The solutions of {stem} have no cell {identity!r}: mend teaching/exercises/{stem}.yaml."
    )


def checking(one: dict[str, Any], lesson: str) -> str:
    """The source of an exercise's check."""
    given = "".join(f", {name}={name}" for name in one["answers"])
    body = "\n".join(f"    {line}".rstrip() for line in one["check"].strip().splitlines())
    return f'with exercise("{lesson}-{one["number"]}"{given}) as check:\n{body}'


def exercise_cells(one: dict[str, Any], stem: str, lesson: Any, solutions: Any) -> list[Any]:
    """The cells of one exercise: task with its hint, what is given, where to write, check."""
    number, name = one["number"], stem[:2]
    markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    task = (
        f"## {number}. {titles(solutions)[number]}\n\n{tasks(lesson)[number]}\n\n"
        f"*{one['difficulty'].capitalize()}, about {one['minutes']} minutes (an estimate).*\n\n"
        f"<details><summary>Hint</summary>\n\n{one['hint'].strip()}\n\n</details>"
    )
    cells = [markdown(task, id=f"task-{name}-{number}")]
    if one.get("before"):
        cells.append(code(one["before"].strip(), id=f"before-{name}-{number}"))
    for identity in one.get("given", []):
        kept = cell_of(solutions, identity, stem)
        cells.append(code(kept.source, id=f"given-{identity}"))
    start = f"# Write your code here.\n{one['start'].strip()}"
    cells.append(code(start, id=f"start-{name}-{number}", metadata={"tags": ["exercise"]}))
    check = checking(one, name)
    # JupyterLab folds the check's code away, since it can give the answer away.
    folded = {"tags": ["check"], "jupyter": {"source_hidden": True}}
    cells.append(code(check, id=f"check-{name}-{number}", metadata=folded))
    return cells


def notebook(stem: str, found: list[dict[str, Any]]) -> Any:
    """The notebook with a lesson's exercises, not executed."""
    lesson, solutions = read(stem)
    number = stem[:2]
    title = solutions.cells[0].source.splitlines()[0].replace(": solutions", ": exercises")
    markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    opening = (
        f"{title}\n\nThe exercises of [lesson {number}](../{stem}.ipynb). In each, write your code "
        "into the cell that says so, run the cell, and then run the folded cell below it, which is the "
        "check. The check says what is wrong, or that the exercise is solved. To see what you have solved, "
        "open a second terminal in the course's folder, and type `make progress` (Windows: "
        r"`.venv\Scripts\python -m tools.progress`; without make on other systems: "
        "`.venv/bin/python -m tools.progress`). The notebook is stored without results. First run the cells "
        "above the first exercise: select its cell, and choose *Run, Run All Above Selected Cell*."
    )
    practice = "from asr_helpers.practice import exercise, keep_progress\n\nkeep_progress()"
    cells = [markdown(opening, id=f"exercises-{number}")]
    for one in preparation(solutions):
        cells.append(code(one.source, id=one.id, metadata=one.metadata))
    cells.append(code(practice, id=f"practice-{number}"))
    for one in found:
        cells += exercise_cells(one, stem, lesson, solutions)
    closing = f"One way to solve each: [solutions](../solutions/{stem}_solutions.ipynb)."
    cells.append(markdown(closing, id=f"closing-{number}"))
    return nbformat.v4.new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
    )


def digest(cells: list[Any]) -> str:
    """A digest of what stands in a notebook's cells, without their outputs."""
    sources = "\0".join(cell["source"] for cell in cells)
    return hashlib.sha256(sources.encode()).hexdigest()


def is_untouched(path: Path) -> bool:
    """Whether a notebook is still as this tool has made it, or is not there."""
    if not path.exists():
        return True
    try:
        found = nbformat.read(path, as_version=4)
        return found.metadata.get("made") == digest(found.cells)
    except Exception:  # whatever it is, somebody else has written it
        return False


def write(folder: Path = TARGET) -> list[Path]:
    """Write every notebook of exercises; their paths.

    Raises:
        ValueError: a learner has written into one of them, or a source is wrong. Nothing is
            written then.
    """
    made = {
        folder / f"{source.stem}_exercises.ipynb": notebook(source.stem, load(source))
        for source in sorted(SOURCES.glob("*.yaml"))
    }
    for path in made:
        if not is_untouched(path):
            raise ValueError(
                f"{path} holds work of your own: save it under another name, delete it here, and run "
                "this again."
            )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        copies = {Path(temporary) / path.name: path for path in made}
        for copy, path in copies.items():
            nbformat.write(made[path], copy)
        ruff = [sys.executable, "-m", "ruff", "format", "--quiet"]
        settings = ["--config", str(ROOT / "pyproject.toml")]
        subprocess.run([*ruff, *settings, *map(str, copies)], check=True)
        for copy, path in copies.items():
            found = nbformat.read(copy, as_version=4)
            found.metadata["made"] = digest(found.cells)
            nbformat.write(found, path)
    return list(made)


def main() -> None:
    try:
        written = write()
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(f"{len(written)} notebooks in {TARGET}")


if __name__ == "__main__":
    main()
