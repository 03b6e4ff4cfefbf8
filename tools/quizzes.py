"""Put the questions of `teaching/quizzes/*.yaml` into the lessons, and write the sheets to print.

    python -m tools.quizzes [--sheets]

A lesson gets a section "Check yourself" before its closing cell: for each question a text cell and
a code cell, in which the lesson computes the answer. The section is made anew each time, so run
`make render` afterwards to store the lessons with its outputs. With `--sheets` only the printed
questions (`teaching/quizzes/*.md`) and the answers (`teaching/answers/*.md`) are written.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).resolve().parent.parent
LESSONS, TEACHING = ROOT / "notebooks", ROOT / "teaching"
TAG = "quiz"


def load(path):
    """The questions of one YAML file: {"setup": code, "questions": [...]}."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def options(question):
    """The options of a choice as lines of Markdown, or no line."""
    return [f"- **{letter})** {text}" for letter, text, _ in question.get("options", [])]


def text_of(question, number):
    """A question as Markdown, with its hint folded away."""
    kind = "Choose" if question["kind"] == "choice" else "Predict the number, then run"
    parts = [f"**Question {number}.** *{kind}.* {question['question']}"]
    if question["kind"] == "choice":
        parts.append("\n".join(options(question)))
    parts.append(f"<details><summary>Hint</summary>\n\n{question['hint']}\n\n</details>")
    return "\n\n".join(parts)


def code_of(question, lesson):
    """The code cell of a question: the learner's answer, and what the lesson computes."""
    wanted = "a letter" if question["kind"] == "choice" else "a number"
    before = question.get("before", "")
    return (
        f"mine = None  # your answer: {wanted}\n{before}"
        f'ask("{lesson}-{question["id"]}", mine, {question["compute"]})'
    )


def cells(found, lesson):
    """The cells of a lesson's section "Check yourself"."""

    def tagged(make, source, name):
        return make(source, id=f"quiz-{name}", metadata={"tags": [TAG]})

    text, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    made = [
        tagged(
            text,
            "## Check yourself\n\nWrite your answer into `mine` before you run a cell. The cell "
            "then computes the answer and compares.",
            "heading",
        ),
        tagged(code, found["setup"].strip(), "setup"),
    ]
    for number, question in enumerate(found["questions"], start=1):
        made.append(tagged(text, text_of(question, number), f"{question['id']}-text"))
        made.append(tagged(code, code_of(question, lesson), question["id"]))
    return made


def insert(path, found):
    """Give the lesson at `path` its section, in place of any it had, before the closing cell."""
    notebook = nbformat.read(path, as_version=4)
    others = [c for c in notebook.cells if TAG not in c.metadata.get("tags", [])]
    notebook.cells = [*others[:-1], *cells(found, path.name[:2]), others[-1]]
    nbformat.write(notebook, path)


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
    parts = [f"# Answers: {title}", "For the teacher. The lesson computes each of them in a test."]
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
    changed = []
    for path in sorted((TEACHING / "quizzes").glob("*.yaml")):
        lesson = LESSONS / f"{path.stem}.ipynb"
        if not lesson.exists():
            sys.exit(f"{path.name} belongs to no lesson: there is no {lesson.name}.")
        insert(lesson, load(path))
        changed.append(str(lesson))
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", *changed], check=True)
    print(f"{len(changed)} lessons have their questions. Run `make render` to store the outputs.")


if __name__ == "__main__":
    main()
