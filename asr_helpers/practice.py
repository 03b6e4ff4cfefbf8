"""Questions and exercises: they say what is wrong, and they remember what was solved.

`ask` belongs to the questions of a lesson, `exercise` to the exercises. Both write what was solved
to `artifacts/progress.json`, from which `make progress` makes a page.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from math import isclose
from pathlib import Path
from typing import Any

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


def load_question(name: str) -> dict[str, Any]:
    """One question by its name, such as "01-nyquist".

    Raises:
        ValueError: no question has this name.
    """
    lesson, _, identity = name.partition("-")
    for question in load_questions(lesson)["questions"]:
        if question["id"] == identity:
            return question
    raise ValueError(f"No question {name!r}: see teaching/quizzes.")


def _equal(given: Any, wanted: Any, tolerance: float) -> bool:
    if isinstance(wanted, bool | str) or isinstance(given, str):
        return given == wanted
    return given == wanted or isclose(given, wanted, abs_tol=tolerance)


def matches(question: dict[str, Any], value: Any) -> bool:
    """Whether the key of a question is what the lesson computed.

    Args:
        question: one question of `load_questions`.
        value: what the lesson computed, a number, a truth value or a text.
    """
    if question["kind"] == "choice":
        values = {letter: option for letter, _, option in question["options"]}
        right = [letter for letter, option in values.items() if _equal(value, option, 1e-9)]
        return right == [question["answer"]]
    return _equal(value, question["answer"], question.get("tolerance", 1e-9))


def ask(name: str, mine: str | float | None, value: Any) -> None:
    """Compare your answer to a question with what the lesson computed, and print the outcome.

    Args:
        name: the question, such as "01-nyquist".
        mine: your answer: a letter, or a number; None before you have answered.
        value: what the lesson computed.

    Raises:
        ValueError: the key of the question is not what the lesson computed, so the question is
            wrong.
    """
    question = load_question(name)
    if not matches(question, value):
        raise ValueError(
            f"The key of question {name} is {question['answer']!r}, and the lesson computed "
            f"{value!r}: mend teaching/quizzes."
        )
    if mine is None:
        print("Write your answer into `mine`, and run this cell again.")
        return
    if question["kind"] == "choice":
        right = str(mine).strip().lower() == question["answer"]
    else:
        try:
            right = _equal(float(mine), question["answer"], question.get("tolerance", 1e-9))
        except (TypeError, ValueError):
            right = False
    if not right:
        print(f"Not yet. {question['hint']}")
        return
    print(f"Right. {question['why']}")
    remember("questions", name)


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
    """Let solved exercises be remembered. The notebooks in `exercises/` call this, solutions not."""
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
