"""Questions and exercises: checks with advice, and a record of what was solved.

`questions` shows the questions of a lesson, `exercise` checks the exercises. Both write what was solved
to `artifacts/progress.json`, from which `make progress` makes a page.
"""

import html
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from math import isclose
from pathlib import Path
from typing import Any

from IPython.display import HTML

from asr_helpers.artifacts import saving

ROOT = Path(__file__).resolve().parent.parent
PROGRESS = ROOT / "artifacts" / "progress.json"
QUESTIONS = ROOT / "teaching" / "quizzes"
_keeping = {"exercises": False}


class NotSolved(Exception):
    """An exercise is not solved yet; the message says why. Jupyter shows the message alone."""

    def _render_traceback_(self) -> list[str]:
        return [f"Not solved yet. {self}"]


def load_questions(lesson: str) -> dict[str, Any]:
    """The questions of a lesson, by the two digits of its number.

    Returns:
        {"setup": code, "questions": [question, ...]}, as in `teaching/quizzes/NN_name.yaml`.

    Raises:
        ValueError: there is no such lesson, or its file has no questions.
    """
    import yaml

    paths = sorted(QUESTIONS.glob(f"{lesson}_*.yaml"))
    if not paths:
        raise ValueError(f"No questions for lesson {lesson!r}: {QUESTIONS} has no such file.")
    found = yaml.safe_load(paths[0].read_text(encoding="utf-8"))
    if not found or not found.get("questions"):
        raise ValueError(f"{paths[0].name} holds no `questions`.")
    return found


def _equal(given: Any, wanted: Any, tolerance: float) -> bool:
    if isinstance(wanted, bool | str) or isinstance(given, str):
        return given == wanted
    return given == wanted or isclose(given, wanted, abs_tol=tolerance)


def matches(question: dict[str, Any], value: Any) -> bool:
    """Whether the key (the stored answer) of a question agrees with the computed value.

    Args:
        question: one question of `load_questions`.
        value: what the lesson computed, a number, a truth value or a text.
    """
    if question["kind"] == "choice":
        values = {letter: option for letter, _, option in question["options"]}
        right = [letter for letter, option in values.items() if _equal(value, option, 1e-9)]
        return right == [question["answer"]]
    return _equal(value, question["answer"], question.get("tolerance", 1e-9))


def computed(found: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    """(question, value) of each question of `load_questions`; their code is run in this order."""
    scope: dict[str, Any] = {}
    exec(found["setup"], scope)
    for question in found["questions"]:
        exec(question.get("before", ""), scope)
        yield question, eval(question["compute"], scope)


def is_right(question: dict[str, Any], mine: str | float) -> bool:
    """Whether a learner's answer, a letter or a number, is the key of a question."""
    if question["kind"] == "choice":
        return str(mine).strip().lower() == question["answer"]
    try:
        return _equal(float(mine), question["answer"], question.get("tolerance", 1e-9))
    except (TypeError, ValueError):
        return False


def _words(text: str) -> str:
    """Plain text as HTML; text in backticks becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _folded(title: str, inner: str) -> str:
    return f"<details><summary>{title}</summary>{inner}</details>"


def _question_html(number: int, question: dict[str, Any], value: Any, mine: Any) -> str:
    """One question with hint, answer and how it is computed, all three folded away."""
    kind = "Choose" if question["kind"] == "choice" else "Predict the number, then run"
    parts = [f"<p><b>Question {number}.</b> <i>{kind}.</i> {_words(question['question'])}</p>"]
    if options := question.get("options"):
        listed = "".join(f"<li><b>{letter})</b> {_words(text)}</li>" for letter, text, _ in options)
        parts.append(f"<ul>{listed}</ul>")
    if mine is not None:
        told = "Right. " + _words(question["why"]) if is_right(question, mine) else "Not yet."
        parts.append(f"<p>You wrote <b>{html.escape(str(mine))}</b>. <b>{told}</b></p>")
    code = html.escape(f"{question.get('before', '')}{question['compute']}")
    value = f"{value:.4g}" if isinstance(value, float) else str(value)
    answer = f"<p>This gives <b>{html.escape(value)}</b>"
    if question["kind"] == "choice":
        answer += f", which is answer <b>{question['answer']}</b>"
    parts.append(_folded("Hint", f"<p>{_words(question['hint'])}</p>"))
    parts.append(_folded("Answer", f"<pre>{code}</pre>{answer}. {_words(question['why'])}</p>"))
    return "".join(parts)


def questions(lesson: str, mine: dict[str, str | float | None]) -> HTML:
    """The questions of a lesson, to unfold; your answers are compared with what their code computes.

    The code of each question is run. Correct answers are recorded.

    Args:
        lesson: the two digits of its number.
        mine: {question: your answer}: a letter or a number, None before you have answered.

    Raises:
        ValueError: there is no such lesson or question, or a key is not what its code computes, so
            the question is wrong.
    """
    found = load_questions(lesson)
    names = [question["id"] for question in found["questions"]]
    if unknown := [name for name in mine if name not in names]:
        raise ValueError(
            f"Lesson {lesson} has no question {unknown[0]!r}. Its questions: {', '.join(names)}."
        )
    shown = []
    for number, (question, value) in enumerate(computed(found), start=1):
        if not matches(question, value):
            raise ValueError(
                f"The key of question {lesson}-{question['id']} is {question['answer']!r}, and its "
                f"code computed {value!r}: mend teaching/quizzes."
            )
        answer = mine.get(question["id"])
        if answer is not None and is_right(question, answer):
            remember("questions", f"{lesson}-{question['id']}")
        shown.append(_question_html(number, question, value, answer))
    return HTML("".join(shown))


@contextmanager
def exercise(name: str, **answers: Any) -> Iterator[Callable[[Any, str], None]]:
    """Check an exercise: `with exercise("01-1", slow=slow) as check: check(condition, advice)`.

    Args:
        name: the lesson's number and the exercise's, such as "01-1".
        answers: what the learner's code has to define; `...` stands for what is still missing.

    Yields:
        check(condition, advice): goes on where the condition is true, else raises NotSolved with
        the advice.

    Raises:
        NotSolved: an answer is missing, a condition is false, or an answer is of a kind that the
            check cannot read.
    """
    missing = [f"`{answer}`" for answer, value in answers.items() if value is ...]
    if missing:
        raise NotSolved(
            f"{', '.join(missing)} still {'is' if len(missing) == 1 else 'are'} `...`. Write your "
            "code into the cell above, run that cell, then run this one."
        )

    def check(condition: Any, advice: str) -> None:
        if not bool(condition):
            raise NotSolved(advice)

    try:
        yield check
    except NotSolved:
        raise
    except Exception as error:
        raise NotSolved(
            f"The check could not read your answer ({type(error).__name__}: {error}). Compare its "
            "kind and shape with what the exercise asks for."
        ) from error
    print(f"Exercise {name} is solved.")
    if _keeping["exercises"]:
        remember("exercises", name)


def keep_progress() -> None:
    """Record solved exercises. The notebooks in `exercises/` call this, the solutions do not."""
    _keeping["exercises"] = True


def load_progress() -> dict[str, dict[str, str]]:
    """What was solved so far: {"questions": {name: date}, "exercises": {name: date}}.

    A file that cannot be read counts as no progress.
    """
    empty: dict[str, dict[str, str]] = {"questions": {}, "exercises": {}}
    try:
        found = json.loads(PROGRESS.read_text(encoding="utf-8"))
        return {kind: dict(found.get(kind, {})) for kind in empty}
    except (OSError, ValueError, AttributeError, TypeError):
        return empty


def remember(kind: str, name: str) -> None:
    """Add one solved question or exercise to `artifacts/progress.json`; the first date stays."""
    progress = load_progress()
    progress[kind].setdefault(name, date.today().isoformat())
    PROGRESS.parent.mkdir(parents=True, exist_ok=True)
    with saving(PROGRESS) as half:
        half.write_text(json.dumps(progress, indent=2) + "\n", encoding="utf-8")
