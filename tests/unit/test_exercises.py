"""The exercises: empty ones fail, the solutions pass, and wrong answers are told what is wrong."""

import copy
import json
import shutil
from dataclasses import replace

import nbformat
import pytest
from matplotlib import pyplot

from asr_helpers import corpus, decoding, language_model, own_voice, practice, profiles
from asr_helpers.corpus import EMBEDDED, PART
from asr_helpers.practice import NotSolved
from tools import exercises

SOURCES = sorted(exercises.SOURCES.glob("*.yaml"))
names = lambda path: path.stem  # noqa: E731
CASES = [
    pytest.param(
        path, one, id=f"{path.stem[:2]}-{one['number']}",
        # Each exercise of lesson 05 is a training, and takes about a minute even with few clips.
        marks=[pytest.mark.slow] + [pytest.mark.weekly] * (path.stem == "05_finetune"),
    )
    for path in SOURCES
    for one in exercises.load(path)
]  # fmt: skip


def run(source, scope):
    exec(compile(source, "cell", "exec"), scope)


def few(load, clips=None):
    """`load_corpus` with few and short clips of validation: solutions and checks write them down often.

    `clips` is the number of training clips that are kept; None keeps all. They are taken from the
    whole corpus, since every third clip has too few words for some checks.
    """

    def loaded(name, *settings):
        corpus = load(EMBEDDED if name == PART else name, *settings)
        corpus["train"] = corpus["train"].select(range(clips or len(corpus["train"])))
        rows = corpus["validation"].select(range(min(14, len(corpus["validation"]))))
        seconds = [len(audio["array"]) / audio["sampling_rate"] for audio in rows["audio"]]
        corpus["validation"] = rows.select([k for k, length in enumerate(seconds) if length < 8])
        return corpus

    return loaded


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """solved(path, number): what the solution has computed; number 0: what the learner is given.

    From lesson 05 on, where models are run, there are few clips, few test sentences of the new voice,
    and few sentences of the domain.
    """
    pyplot.switch_backend("Agg")
    known = {}
    shortened = pytest.MonkeyPatch()

    def shorten(clips):
        # No files of earlier runs: a model that was trained in this clone may write nothing.
        smoke = replace(profiles.load_profile("smoke"), artifacts=tmp_path_factory.mktemp("none"))
        shortened.setitem(profiles.PROFILES, "smoke", smoke)
        sentences = language_model.load_domain_text()[:600]
        for module in (language_model, decoding):
            shortened.setattr(module, "load_domain_text", lambda: sentences)
        shortened.setattr(corpus, "load_corpus", few(corpus.load_corpus, clips))
        voice = own_voice.load_voice

        def four_to_test(*settings):  # two telephone prompts, two other sentences
            train, test = voice(*settings)
            return train, test.select(range(4))

        shortened.setattr(own_voice, "load_voice", four_to_test)

    def scope_of(path, number):
        shortened.undo()
        if path.stem >= "05":
            shorten(30 if path.stem == "05_finetune" else None)  # it trains five models
        _, notebook = exercises.read(path.stem)
        if (path, 0) not in known:
            scope = {"display": lambda *_: None, "__name__": "__main__"}
            for cell in exercises.preparation(notebook):
                source = cell.source.replace('PROFILE = "offline"', 'PROFILE = "smoke"')
                run(source.replace("CLIPS = 12 ", "CLIPS = 4 "), scope)
            known[path, 0] = scope
        for place in range(1, number + 1):
            if (path, place) in known:
                continue
            scope, at = copy.copy(known[path, place - 1]), 0
            for cell in notebook.cells:
                if cell.cell_type == "markdown" and (
                    found := exercises.HEADING.findall(cell.source)
                ):
                    at = int(found[-1][0])
                elif cell.cell_type == "code" and at == place:
                    run(cell.source, scope)
            known[path, place] = scope
        return copy.copy(known[path, number])

    yield scope_of
    shortened.undo()
    pyplot.close("all")


@pytest.fixture
def given(solved):
    """given(path, one): the scope in which the learner writes."""

    def scope_of(path, one):
        mine = solved(path, 0)
        mine["exercise"] = practice.exercise
        _, notebook = exercises.read(path.stem)
        run(one.get("before", ""), mine)
        for identity in one.get("given", []):
            run(exercises.cell_of(notebook, identity, path.stem).source, mine)
        run(one["start"], mine)
        return mine

    return scope_of


@pytest.mark.parametrize(("path", "one"), CASES)
def test_the_empty_exercise_fails_its_check(path, one, given):
    mine = given(path, one)
    with pytest.raises(NotSolved, match="still (is|are) `...`|gives nothing back yet"):
        run(exercises.checking(one, path.stem[:2]), mine)


@pytest.mark.parametrize(("path", "one"), CASES)
def test_the_solution_passes_and_each_wrong_answer_is_told(path, one, given, solved, capsys):
    mine, theirs = given(path, one), solved(path, one["number"])
    check = exercises.checking(one, path.stem[:2])
    right = {name: eval(str(code), theirs) for name, code in one["solved"].items()}
    assert set(right) == set(one["answers"])
    run(check, mine | right)
    assert f"Exercise {path.stem[:2]}-{one['number']} is solved." in capsys.readouterr().out
    for wrong in one["wrong"]:
        answers = {k: eval(str(code), theirs) for k, code in wrong.items() if k != "says"}
        with pytest.raises(NotSolved, match=wrong["says"]):
            run(check, mine | right | answers)


def test_every_lesson_has_exercises():
    lessons = {path.stem for path in exercises.LESSONS.glob("*.ipynb")}
    assert {path.stem for path in SOURCES} == lessons


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_every_exercise_of_the_lesson_is_there(path):
    lesson, solutions = exercises.read(path.stem)
    numbers = [one["number"] for one in exercises.load(path)]
    assert numbers == sorted(exercises.tasks(lesson)) == sorted(exercises.titles(solutions))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exercises")
    exercises.write(folder)
    return folder


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_the_stored_notebooks_are_those_of_the_sources(path, written):
    name = f"{path.stem}_exercises.ipynb"
    stored = (exercises.TARGET / name).read_text(encoding="utf-8")
    assert stored == (written / name).read_text(encoding="utf-8"), "run `make exercises`"


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_a_notebook_holds_tasks_hints_and_checks_and_no_solution(path, written):
    cells = nbformat.read(written / f"{path.stem}_exercises.ipynb", as_version=4).cells
    found = exercises.load(path)
    _, solutions = exercises.read(path.stem)
    text = "\n".join(cell.source for cell in cells)
    assert text.count("<details><summary>Hint</summary>") == len(found)
    assert text.count("# Write your code here.") == text.count("with exercise(") == len(found)
    shown = {cell.source for cell in exercises.preparation(solutions)}
    shown |= {
        exercises.cell_of(solutions, i, path.stem).source for one in found for i in one.get("given", [])
    }  # fmt: skip
    for cell in solutions.cells:
        if cell.cell_type == "code" and cell.source not in shown:
            assert cell.source not in text
    assert not any(cell.get("outputs") for cell in cells)
    checks = [cell for cell in cells if "check" in cell.metadata.get("tags", [])]
    assert all(cell.metadata["jupyter"] == {"source_hidden": True} for cell in checks)


@pytest.fixture
def own(tmp_path):
    """A folder with one notebook of exercises, as a learner has it."""
    exercises.write(tmp_path)
    return tmp_path / "01_explore_exercises.ipynb"


def test_what_a_learner_has_written_is_never_overwritten(own):
    notebook = json.loads(own.read_text(encoding="utf-8"))
    notebook["cells"][5]["source"] = ["mine = 1"]
    own.write_text(json.dumps(notebook), encoding="utf-8")
    before = own.read_bytes()
    with pytest.raises(ValueError, match="01_explore_exercises.ipynb holds work of your own"):
        exercises.write(own.parent)
    assert own.read_bytes() == before


def test_a_notebook_that_was_only_run_is_written_anew(own):
    notebook = nbformat.read(own, as_version=4)
    notebook.cells[-2].outputs = [nbformat.v4.new_output("stream", name="stdout", text="a")]
    nbformat.write(notebook, own)
    exercises.write(own.parent)
    assert not nbformat.read(own, as_version=4).cells[-2].outputs


def test_a_notebook_of_another_maker_is_left_alone(own):
    own.write_text("not a notebook")
    with pytest.raises(ValueError, match="holds work of your own"):
        exercises.write(own.parent)
    assert own.read_text() == "not a notebook"


@pytest.mark.parametrize("part", ["hint", "check", "wrong", "difficulty"])
def test_a_source_that_lacks_a_part_is_named(tmp_path, part):
    text = SOURCES[0].read_text(encoding="utf-8")
    (tmp_path / "01_explore.yaml").write_text(text.replace(f"  {part}:", "  other:", 1))
    with pytest.raises(ValueError, match=f"01_explore.yaml: exercise 1.*`{part}`"):
        exercises.load(tmp_path / "01_explore.yaml")


def test_a_cell_that_the_solutions_no_longer_have_is_named(monkeypatch, tmp_path):
    shutil.copytree(exercises.SOURCES, tmp_path / "sources")
    monkeypatch.setattr(exercises, "SOURCES", tmp_path / "sources")
    source = tmp_path / "sources" / "04_ctc.yaml"
    source.write_text(source.read_text().replace("19-quiet-frames", "77-gone"))
    with pytest.raises(ValueError, match="no cell '77-gone': mend teaching/exercises/04_ctc.yaml"):
        exercises.write(tmp_path / "made")


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_no_cell_is_longer_than_a_lessons(path):
    stored = nbformat.read(exercises.TARGET / f"{path.stem}_exercises.ipynb", as_version=4)
    code = [cell.source for cell in stored.cells if cell.cell_type == "code"]
    assert max(len(source.splitlines()) for source in code) < 20
