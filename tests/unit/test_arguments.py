"""Arguments of `course.py run` and `course.py catch-up`, as they are read before any setup."""

import pytest

from tools import arguments

NAMES = ["01_explore.ipynb", "05_finetune.ipynb", "solutions/01_explore_solutions.ipynb"]


def test_the_lessons_come_first_and_the_solutions_after_them():
    names = [path.relative_to(arguments.LESSONS).as_posix() for path in arguments.notebooks()]
    assert names[0].startswith("01_") and "solutions/" in names[-1]
    firsts = [name for name in names if "/" not in name]
    assert names[: len(firsts)] == sorted(firsts)


@pytest.mark.parametrize("text", ["5", "05", "05_finetune", "05_finetune.ipynb"])
def test_a_lesson_has_several_names(text):
    assert arguments.lesson_named(text).name == "05_finetune.ipynb"


def test_a_lesson_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(ValueError, match="There is no lesson '99': choose one of 01, 02"):
        arguments.lesson_named("99")


@pytest.mark.parametrize(
    ("given", "until"),
    [([], None), (["--until", "05"], "05_finetune.ipynb"), (["--until", NAMES[2]], NAMES[2])],
)
def test_until_is_a_notebook(given, until):
    options = arguments.of_run(NAMES, given)
    assert (options.profile, options.jobs, options.until) == ("offline", 1, until)


def test_from_is_a_notebook():
    assert arguments.of_run(NAMES, ["--from", "05"]).since == "05_finetune.ipynb"
    assert arguments.of_run(NAMES, []).since is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--profile", "nonsense"], "--profile: there is no nonsense"),
        (["--jobs", "0"], "--jobs: 0 notebooks"),
        (["--until", "99"], "--until: there is no 99"),
        (["--until", "0"], "--until: there is no 0"),
        (["--from", "99"], "--from: there is no 99"),
        (["--from", "05", "--until", "01"], "--from 05_finetune.ipynb comes after --until 01_"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_sentence(given, said):
    with pytest.raises(SystemExit) as ended:
        arguments.of_run(NAMES, given)
    assert str(ended.value).startswith(said) and "\n" not in str(ended.value)


def test_catching_up_with_a_lesson_that_is_not_there_is_told():
    with pytest.raises(SystemExit) as ended:
        arguments.of_catch_up(["99"])
    assert "There is no lesson '99'" in str(ended.value)
