"""Put the questions of `teaching/quizzes/*.yaml` into the lessons, and write the sheets to print.

    python -m tools.quizzes [--sheets]

A lesson gets a section "Check yourself" before its recap: a text cell, and a code cell that shows
the questions and compares the learner's answers. The cell is stored with its output, and a lesson
that has its section already stays as it is. With `--sheets` only the printed questions
(`teaching/quizzes/*.md`) and the answers (`teaching/answers/*.md`) are written.
"""

import argparse
import sys
from pathlib import Path

import nbformat
import yaml

from asr_helpers import practice

ROOT = Path(__file__).resolve().parent.parent
LESSONS, TEACHING = ROOT / "notebooks", ROOT / "teaching"
TAG = "quiz"
OPENING = (
    "## Check yourself\n\nRead the questions below the cell. Write your answers into `mine`, a letter or "
    "a number for each, and run the cell. The cell computes the answer to each question, and compares "
    "it with yours. Click on *Hint* or *Answer* to see more."
)


def load(path):
    """The questions of one YAML file: {"setup": code, "questions": [...]}."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def options(question):
    """The options of a choice as lines of Markdown, or no line."""
    return [f"- **{letter})** {text}" for letter, text, _ in question.get("options", [])]


def cells(found, lesson):
    """The cells of a lesson's section "Check yourself", the second with its output.

    The output is what running the cell gives, since the questions need nothing of the lesson.
    """
    answers = "".join(
        f'    "{one["id"]}": None,  # a {"letter" if one["kind"] == "choice" else "number"}\n'
        for one in found["questions"]
    )
    source = (
        "from asr_helpers.practice import questions\n\n"
        f'mine = {{\n{answers}}}\nquestions("{lesson}", mine)'
    )
    tagged = {"tags": [TAG]}
    code = nbformat.v4.new_code_cell(source, id="questions", metadata=tagged)
    shown = practice.questions(lesson, {})
    data = {"text/html": shown.data, "text/plain": "<IPython.core.display.HTML object>"}
    code.outputs = [nbformat.v4.new_output("execute_result", data=data)]
    return [nbformat.v4.new_markdown_cell(OPENING, id="check-yourself", metadata=tagged), code]


def insert(path, found):
    """Give the lesson at `path` its section before the recap, in place of any it had.

    Returns:
        Whether the lesson has changed. One that has its section already is left as it is.

    Raises:
        ValueError: the lesson has no recap.
    """
    notebook = nbformat.read(path, as_version=4)
    made = cells(found, path.name[:2])
    own = [c for c in notebook.cells if TAG in c.metadata.get("tags", [])]
    others = [c for c in notebook.cells if TAG not in c.metadata.get("tags", [])]
    recap = [k for k, cell in enumerate(others) if "## What you can do now" in cell.source]
    if not recap:
        raise ValueError(
            f"{path.name} has no section “What you can do now”: add it, since the questions go before "
            "this section."
        )
    new = [*others[: recap[0]], *made, *others[recap[0] :]]
    if [c.source for c in new] == [c.source for c in notebook.cells] and own[-1].outputs:
        return False
    notebook.cells = new
    code = [cell for cell in new if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        cell.execution_count = number
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
    nbformat.write(notebook, path)
    return True


def sheet(found, title):
    """The questions of a lesson to print, without hints and answers."""
    parts = [f"# Questions: {title}", "Name: ____________________    Answer before you compute."]
    for number, question in enumerate(found["questions"], start=1):
        lines = [f"**{number}.** {question['question']}"]
        if question["kind"] == "choice":
            lines.append("\n".join(options(question)))
        else:
            lines.append("Your prediction: ________")
        parts.append("\n\n".join(lines))
    return "\n\n".join(parts) + "\n"


def answers(found, title):
    """The answers of a lesson, for the teacher."""
    parts = [f"# Answers: {title}", "For the teacher. A test of the course computes each answer."]
    for number, question in enumerate(found["questions"], start=1):
        answer = question["answer"]
        if question["kind"] == "choice":
            chosen = next(text for letter, text, _ in question["options"] if letter == answer)
            answer = f"{answer}) {chosen}"
        parts.append(
            f"**{number}.** {question['question']}\n\n**{answer}** {question['why']}\n\n"
            f"Hint to give: {question['hint']}"
        )
    return "\n\n".join(parts) + "\n"


def title_of(stem):
    """The name of a lesson as people say it, such as "lesson 03, collate"."""
    number, name = stem.split("_", 1)
    return f"lesson {number}, {name.replace('_', ' ')}"


def write_sheets():
    """Write the printed questions and the answers of every lesson."""
    (TEACHING / "answers").mkdir(exist_ok=True)
    sources = sorted((TEACHING / "quizzes").glob("*.yaml"))
    for path in sources:
        found, title = load(path), title_of(path.stem)
        path.with_suffix(".md").write_text(sheet(found, title), encoding="utf-8")
        target = TEACHING / "answers" / f"{path.stem}.md"
        target.write_text(answers(found, title), encoding="utf-8")
    for folder, title, words in [
        ("quizzes", "Questions to print", "One sheet a lesson, without answers. "),
        ("answers", "Answers", "For the teacher. "),
    ]:
        listed = "\n".join(f"- [{title_of(path.stem)}]({path.stem}.md)" for path in sources)
        page = f"# {title}\n\n{words}`make quizzes` writes these pages from `teaching/quizzes/*.yaml`.\n\n{listed}\n"
        (TEACHING / folder / "README.md").write_text(page, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sheets", action="store_true", help="leave the lessons as they are")
    only_sheets = parser.parse_args().sheets
    write_sheets()
    if only_sheets:
        return
    changed = 0
    for path in sorted((TEACHING / "quizzes").glob("*.yaml")):
        lesson = LESSONS / f"{path.stem}.ipynb"
        if not lesson.exists():
            sys.exit(f"{path.name} belongs to no lesson: there is no {lesson.name}.")
        try:
            changed += insert(lesson, load(path))
        except ValueError as error:
            sys.exit(str(error))
    print(f"{changed} lessons have changed.")


if __name__ == "__main__":
    main()
