"""The page of progress says what was solved on this machine, and claims nothing else."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from asr_helpers import practice
from asr_helpers.profiles import PROFILES
from tools import progress

DAY = "2026-11-26"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Artifacts and page of this test's own; the profile."""
    profile = replace(PROFILES["offline"], artifacts=tmp_path / "artifacts")
    monkeypatch.setitem(PROFILES, "offline", profile)
    monkeypatch.setattr(practice, "PROGRESS", profile.artifacts / "progress.json")
    monkeypatch.setattr(progress, "PAGE", tmp_path / "build" / "index.html")
    return profile


@pytest.fixture
def own(place, monkeypatch):
    """own(scores) leaves a model of the learner's own with these scores."""
    (place.artifacts / progress.OWN).mkdir(parents=True)

    def leave(scores, whose="own"):
        monkeypatch.setattr(progress, "finished_metrics", lambda _: scores | {"model": whose})
        return progress.own_scores(place)

    return leave


def made(*arguments):
    progress.main(list(arguments))
    return progress.PAGE.read_text(encoding="utf-8")


def row(text, lesson):
    found = re.search(rf"<tr><td>{lesson}</td>(.*?)</tr>", text)
    return re.findall("<td>(.*?)</td>", found[1])


def test_without_any_progress_the_page_says_so():
    text = made()
    assert "No model of your own yet" in text
    assert all(cell.startswith("0 of ") for cell in row(text, "01 explore")[:2])


def test_what_was_solved_is_counted_and_dated():
    names = progress.all_questions()["01"]
    practice.remember("questions", names[0])
    practice.remember("questions", names[1])
    practice.remember("exercises", "01-2")
    questions, exercises, last = row(made(), "01 explore")
    assert (questions, exercises) == (f"2 of {len(names)}", "1 of 4")
    assert last == max(practice.load_progress()["questions"].values())
    assert row(made(), "02 preprocess")[2] == ""


def test_what_is_no_longer_there_is_not_counted():
    practice.remember("questions", "01-was-dropped")
    practice.remember("exercises", "01-9")
    assert row(made(), "01 explore")[:2] == [
        f"0 of {len(progress.all_questions()['01'])}",
        "0 of 4",
    ]


def test_a_spoilt_file_is_no_progress_and_no_error(place):
    place.artifacts.mkdir()
    (place.artifacts / "progress.json").write_text("{")
    assert "0 of 4" in made()


def test_ones_own_scores_are_shown_with_their_interval(own):
    scores = {"validation_wer": 0.3, "wer": 0.44, "wer_low": 0.34, "wer_high": 0.53}
    assert progress.score_lines(own(scores)) == [
        "Validation WER 0.300 (lesson 05)",
        "Test WER 0.440, 95 % interval 0.340 to 0.530 (lesson 06)",
    ]
    more = progress.score_lines(own(scores | {"wer_lm": 0.27}))
    assert more[2] == "Test WER 0.270 (lesson 08, with a language model)"


def test_the_model_that_comes_with_the_course_is_no_result_of_ones_own(place, own):
    assert own({"wer": 0.1}, whose="shipped") is None
    (place.artifacts / progress.OWN).rmdir()
    assert progress.own_scores(place) is None


def test_a_damaged_model_is_told_in_a_sentence(place):
    (place.artifacts / progress.OWN).mkdir(parents=True)
    (place.artifacts / progress.OWN / "config.json").write_text("{")
    with pytest.raises(SystemExit, match="05_finetuned is damaged"):
        made()
    assert not progress.PAGE.exists()


def test_a_name_is_shown_and_is_no_markup():
    text = made("--name", "Ada <script>alert(1)</script>")
    assert "progress of Ada &lt;script&gt;" in text and "<script" not in text


def test_the_page_asks_nobody_and_is_whole_html():
    text = made()
    assert not re.search(r"https?:|src=|href=", text)
    opened = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            if tag != "meta":
                opened.append(tag)

        def handle_endtag(self, tag):
            assert opened.pop() == tag

    Reader().feed(text)
    assert opened == []


def test_exercises_and_questions_of_the_page_are_those_that_can_be_remembered():
    for lesson, names in progress.all_questions().items():
        lines = practice.load_questions(lesson)["questions"]
        assert names == [f"{lesson}-{one['id']}" for one in lines] and len(set(names)) >= 5
    assert "01-1" in progress.all_exercises()["01"]
    assert json.loads(json.dumps(progress.rows())) is not None
