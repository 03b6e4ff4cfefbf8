"""Answers are compared, exercises say what is wrong, and what was solved is remembered."""

import html
import json
import re

import pytest

from asr_helpers import practice
from asr_helpers.practice import NotSolved, exercise, questions


@pytest.fixture(autouse=True)
def progress(tmp_path, monkeypatch):
    monkeypatch.setattr(practice, "PROGRESS", tmp_path / "artifacts" / "progress.json")
    monkeypatch.setitem(practice._keeping, "exercises", False)
    return practice.PROGRESS


def told(page):
    """What the page says of the learner's answers."""
    return re.findall(r"<p>You wrote <b>(.*?)</b>\. <b>(Right|Not yet)\.", page.data)


def test_a_right_answer_is_told_and_remembered(progress):
    assert told(questions("01", {"nyquist": "A"})) == [("A", "Right")]
    assert list(json.loads(progress.read_text())["questions"]) == ["01-nyquist"]


@pytest.mark.parametrize("mine", ["b", "", 5512])
def test_a_wrong_answer_is_told_and_not_remembered(mine, progress):
    assert told(questions("01", {"nyquist": mine})) == [(str(mine), "Not yet")]
    assert not progress.exists()


@pytest.mark.parametrize("mine", ["two", "0,5", [1], 19_999])
def test_a_prediction_that_is_no_number_or_the_wrong_one_is_not_right(mine):
    assert told(questions("01", {"samples": mine}))[0][1] == "Not yet"


@pytest.mark.parametrize("mine", [20_000, "20000", 20_000.0])
def test_a_prediction_may_be_written_in_any_way(mine):
    assert told(questions("01", {"samples": mine}))[0][1] == "Right"


def test_without_an_answer_each_is_folded_away(progress):
    page = questions("01", {"nyquist": None})
    assert not told(page) and not progress.exists()
    unfolded = re.sub(r"<details>.*?</details>", "", page.data, flags=re.DOTALL)
    for question in practice.load_questions("01")["questions"]:
        assert html.escape(question["why"]) in page.data
        assert html.escape(question["why"]) not in unfolded


def test_what_a_learner_writes_is_text_and_no_html():
    assert "<script>" not in questions("01", {"nyquist": "<script>"}).data


def test_a_key_that_the_code_does_not_compute_is_an_error(monkeypatch):
    found = practice.load_questions("01")
    found["questions"][0]["compute"] = "8000"
    monkeypatch.setattr(practice, "load_questions", lambda lesson: found)
    with pytest.raises(ValueError, match="key of question 01-nyquist is 'a'.*computed 8000"):
        questions("01", {})


def test_an_unknown_question_or_lesson_is_named():
    with pytest.raises(ValueError, match="Lesson 01 has no question 'nothing'. .* nyquist"):
        questions("01", {"nothing": 1})
    with pytest.raises(ValueError, match="No questions for lesson '77'"):
        questions("77", {})


def test_an_empty_exercise_names_what_is_missing():
    still = "`slow`, `fast` still are `...`. Write your code"
    with pytest.raises(NotSolved, match=still), exercise("01-1", slow=..., fast=..., given=1):
        pytest.fail("the check ran")
    with pytest.raises(NotSolved, match="`slow` still is"), exercise("01-1", slow=...):
        pass


def test_a_wrong_exercise_says_what_is_wrong():
    with pytest.raises(NotSolved, match="too large"), exercise("01-1", slow=1) as check:
        check(False, "`slow` is too large.")


def test_an_answer_of_another_kind_is_said_to_be_one():
    unreadable = "could not read your answer .IndexError"
    with pytest.raises(NotSolved, match=unreadable), exercise("01-1", slow=9) as check:
        check([1][9], "no")


def test_jupyter_shows_one_line_instead_of_a_traceback():
    assert NotSolved("`x` is 3.")._render_traceback_() == ["Not solved yet. `x` is 3."]


def test_only_the_learners_notebooks_remember_exercises(capsys, progress):
    with exercise("01-1", slow=1) as check:
        check(True, "no")
    assert "Exercise 01-1 is solved." in capsys.readouterr().out and not progress.exists()
    practice.keep_progress()
    for name in ("01-1", "01-2", "01-1"):
        with exercise(name):
            pass
    assert list(practice.load_progress()["exercises"]) == ["01-1", "01-2"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"questions": 3}'])
def test_a_spoilt_file_counts_as_no_progress(text, progress):
    progress.parent.mkdir()
    progress.write_text(text)
    assert practice.load_progress() == {"questions": {}, "exercises": {}}
    practice.remember("questions", "01-nyquist")
    assert list(practice.load_progress()["questions"]) == ["01-nyquist"]
