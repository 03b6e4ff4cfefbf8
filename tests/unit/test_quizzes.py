"""The questions: their keys are what their own code computes, and the lessons can hold them."""

import nbformat
import pytest
import yaml

from asr_helpers import practice
from tools import quizzes

SOURCES = sorted(practice.QUESTIONS.glob("*.yaml"))
names = lambda path: path.stem  # noqa: E731


def test_each_lesson_has_questions():
    assert {path.stem for path in SOURCES} == {
        path.stem for path in quizzes.LESSONS.glob("*.ipynb")
    }


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_every_key_is_what_its_code_computes(path):
    for question, value in practice.computed(quizzes.load(path)):
        assert practice.matches(question, value), (question["id"], value)


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_a_wrong_key_would_be_seen(path):
    for question, value in practice.computed(quizzes.load(path)):
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


@pytest.fixture
def lesson(tmp_path):
    """A lesson with code, a recap and an appendix."""
    code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    shown = nbformat.v4.new_output("execute_result", data={"text/plain": "1"}, execution_count=1)
    made = [code("1", outputs=[shown], execution_count=1), text("## What you can do now")]
    made += [text("## Appendix"), code("2", execution_count=2)]
    path = tmp_path / "01_explore.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=made), path)
    return path


@pytest.mark.parametrize("source", SOURCES, ids=names)
def test_a_lesson_gets_its_questions_before_the_recap_and_once(source, lesson):
    path = lesson.rename(lesson.with_stem(source.stem))
    assert quizzes.insert(path, quizzes.load(source))
    once = path.read_bytes()
    assert not quizzes.insert(path, quizzes.load(source)) and path.read_bytes() == once
    cells = nbformat.read(path, as_version=4).cells
    kinds = ["1", quizzes.OPENING, cells[2].source, "## What you can do now", "## Appendix", "2"]
    assert [cell.source for cell in cells] == kinds
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3]
    assert len(code[1].source.splitlines()) < 20
    shown = code[1].outputs[0]["data"]["text/html"]
    assert code[1].outputs[0].execution_count == 2
    assert shown.count("<b>Question ") == len(quizzes.load(source)["questions"])
    scope = {}
    exec(code[1].source.replace("\nquestions(", "\nshown = questions("), scope)
    assert scope["shown"].data == shown  # what is stored is what the cell gives


def test_changed_questions_take_the_place_of_the_old_ones(lesson):
    found = quizzes.load(SOURCES[0])
    quizzes.insert(lesson, found)
    assert quizzes.insert(lesson, found | {"questions": found["questions"][1:]})
    text = lesson.read_text()
    assert text.count("## Check yourself") == 1 and '\\"nyquist\\": None' not in text


def test_a_lesson_without_a_recap_is_named(lesson):
    notebook = nbformat.read(lesson, as_version=4)
    nbformat.write(nbformat.v4.new_notebook(cells=notebook.cells[:1]), lesson)
    with pytest.raises(ValueError, match="01_explore.ipynb has no section"):
        quizzes.insert(lesson, quizzes.load(SOURCES[0]))


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
