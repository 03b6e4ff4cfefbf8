"""The questions: their keys are what their own code computes, and the lessons can hold them."""

import nbformat
import pytest
import yaml

from asr_helpers import practice
from tools import quizzes

SOURCES = sorted(practice.QUESTIONS.glob("*.yaml"))
names = lambda path: path.stem  # noqa: E731


def computed(found):
    """(question, value) of each question, its code run as the lesson runs it."""
    scope = {}
    exec(found["setup"], scope)
    for question in found["questions"]:
        exec(question.get("before", ""), scope)
        yield question, eval(question["compute"], scope)


def test_each_lesson_up_to_the_language_model_has_questions():
    assert [path.stem[:2] for path in SOURCES] == [f"{n:02}" for n in range(1, 9)]


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_every_key_is_what_its_code_computes(path):
    for question, value in computed(quizzes.load(path)):
        assert practice.matches(question, value), (question["id"], value)


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_a_wrong_key_would_be_seen(path):
    for question, value in computed(quizzes.load(path)):
        if question["kind"] == "choice":
            others = [letter for letter, *_ in question["options"]]
            others.remove(question["answer"])
        else:
            others = [question["answer"] * 1.2 + 1]
        for other in others:
            assert not practice.matches(question | {"answer": other}, value), question["id"]


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_five_to_eight_questions_half_of_them_to_predict(path):
    found = quizzes.load(path)["questions"]
    assert 5 <= len(found) <= 8
    assert len({question["id"] for question in found}) == len(found)
    kinds = [question["kind"] for question in found]
    assert set(kinds) == {"choice", "predict"} and kinds.count("predict") * 2 >= len(kinds) - 1
    for question in found:
        assert all(question[part] for part in ("question", "hint", "why", "compute"))


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_a_lesson_can_hold_them_and_gets_them_once(path, tmp_path):
    code = nbformat.v4.new_code_cell("1")
    last = nbformat.v4.new_markdown_cell("## What you can do now")
    lesson = tmp_path / f"{path.stem}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[code, last]), lesson)
    quizzes.insert(lesson, quizzes.load(path))
    once = lesson.read_text()
    quizzes.insert(lesson, quizzes.load(path))
    assert lesson.read_text() == once
    cells = nbformat.read(lesson, as_version=4).cells
    assert cells[-1].source == last.source and cells[0].source == "1"
    scope = {}
    for cell in cells:
        if cell.cell_type == "code":
            assert len(cell.source.splitlines()) < 20
            exec(cell.source, scope)  # with no answer given, no cell fails


def test_the_printed_sheets_are_those_of_the_sources_and_hold_no_answer():
    for path in SOURCES:
        found, title = quizzes.load(path), quizzes.title_of(path.stem)
        printed = path.with_suffix(".md").read_text(encoding="utf-8")
        key = practice.ROOT / "teaching" / "answers" / f"{path.stem}.md"
        assert printed == quizzes.sheet(found, title), "run `python -m tools.quizzes --sheets`"
        assert key.read_text(encoding="utf-8") == quizzes.answers(found, title)
        assert not [q["id"] for q in found["questions"] if q["why"] in printed]


def test_a_question_without_its_parts_is_found(tmp_path, monkeypatch):
    (tmp_path / "99_none.yaml").write_text(yaml.safe_dump({"setup": "1", "questions": []}))
    monkeypatch.setattr(practice, "QUESTIONS", tmp_path)
    with pytest.raises(ValueError, match="99_none.yaml holds no `questions`"):
        practice.load_questions("99")
