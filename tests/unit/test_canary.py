"""The canary: real environments and a real pip, but small packages and a small course."""

import json
import re
import shutil
import subprocess
import sys
import venv
import zipfile

import pytest

from tools import canary

# In place of the lessons: one that breaks with both `beta` 2 and `delta` 2, one with `alpha` 2.
LESSONS = """
import argparse, importlib.metadata, json, pathlib, sys
parser = argparse.ArgumentParser()
parser.add_argument("--profile")
parser.add_argument("--until")
options = parser.parse_args()
def has(name, number):
    try:
        return importlib.metadata.version(name) == number
    except importlib.metadata.PackageNotFoundError:
        return False
if has("gamma", "9"):
    raise ImportError("gamma is no good")
rows = []
for name, broken in [("01.ipynb", has("beta", "2") and has("delta", "2")), ("02.ipynb", has("alpha", "2"))]:
    rows.append({"notebook": name})
    if broken:
        rows[-1]["failure"] = {"cell": 7, "source": "import it", "error": f"ValueError: {name}"}
    if broken or name == options.until:
        break
build = pathlib.Path("build")
build.mkdir(exist_ok=True)
(build / "report.json").write_text(json.dumps({"notebooks": rows}))
sys.exit("failure" in rows[-1])
"""
PINS = ["alpha==1", "beta==1", "gamma==1"]
RANGES = ["alpha>=1,<3", "beta>=1,<3", "gamma>=1,<3"]


def wheel(folder, name, number, requires=()):
    """A package of no code, as pip installs it."""
    info = f"{name}-{number}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    with zipfile.ZipFile(folder / f"{name}-{number}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", "")
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n{needs}"
        archive.writestr(f"{info}/METADATA", about)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """An environment that holds pip alone."""
    folder = tmp_path_factory.mktemp("empty") / "env"
    venv.create(folder, with_pip=True)
    return folder


@pytest.fixture
def small(tmp_path, monkeypatch, empty):
    """A course of two lessons and three packages, with a shelf of wheels in place of an index."""
    shelf, course = tmp_path / "shelf", tmp_path / "small"
    (course / "tools").mkdir(parents=True)
    shelf.mkdir()
    (course / "tools" / "run_lessons.py").write_text(LESSONS)
    monkeypatch.setattr(canary, "ROOT", course)
    monkeypatch.setattr(canary, "pinned", lambda: PINS)
    monkeypatch.setattr(canary, "requirements", lambda beyond, keep: RANGES)
    # Making one takes longer than all the rest; a copy of it does as well.
    copy = lambda folder, **_: shutil.copytree(empty, folder, symlinks=True)  # noqa: E731
    monkeypatch.setattr(canary.venv, "create", copy)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    for pin in PINS:
        wheel(shelf, *pin.split("=="))
    return shelf


def report_of(*arguments):
    ends = canary.main(arguments)
    build = canary.ROOT / "build"
    return ends, json.loads((build / "canary.json").read_text()), (build / "canary.md").read_text()


@pytest.mark.slow
def test_where_nothing_breaks_it_says_so_and_what_moved(small):
    wheel(small, "gamma", "2")
    wheel(small, "gamma", "3")  # beyond the range
    ends, report, told = report_of()
    assert (ends, report["verdict"]) == (False, "all lessons run")
    assert report["moved"] == {"gamma": ["1", "2"]} and report["tried"] == []
    assert "# Canary: all lessons run" in told and "| gamma | 1 | 2 |" in told


@pytest.mark.slow
def test_the_one_that_broke_a_lesson_is_named_among_those_that_moved(small):
    for name in ("alpha", "gamma"):
        wheel(small, name, "2")
    wheel(small, "beta", "2", ["epsilon"])
    wheel(small, "epsilon", "1")
    ends, report, told = report_of()
    assert ends and report["verdict"] == "broken" and report["culprits"] == ["alpha"]
    assert set(report["moved"]) == {"alpha", "beta", "gamma", "epsilon"}
    assert report["failure"]["notebook"] == "02.ipynb"
    assert report["tried"][0] == {"moved": [], "result": "passes"}
    assert report["tried"][-1] == {"moved": ["beta", "gamma", "epsilon"], "result": "passes"}
    for part in (
        "**02.ipynb**, cell In [7] (`import it`)", "ValueError: 02.ipynb", "| epsilon | - | 1 |",
        "**Culprit:** alpha 1 → 2. This move alone gives the same error.", "All other moves: passes.",
    ):  # fmt: skip
        assert part in told


@pytest.mark.slow
def test_two_that_break_it_only_together_are_both_named(small):
    wheel(small, "beta", "2", ["delta"])
    wheel(small, "delta", "2")
    wheel(small, "gamma", "2")
    _, report, told = report_of()
    assert report["culprits"] == ["beta", "delta"] and "beta 1 → 2; delta None → 2" in told


@pytest.mark.slow
def test_one_package_can_be_set_and_brings_along_what_it_needs(small):
    wheel(small, "alpha", "2", ["gamma==2"])
    wheel(small, "gamma", "2")
    wheel(small, "beta", "2")  # newer, but nobody asked
    _, report, _ = report_of("--set", "alpha==2")
    assert set(report["moved"]) == {"alpha", "gamma"} and report["culprits"] == ["alpha"]


@pytest.mark.slow
def test_the_lowest_are_installed_in_place_of_newer_ones(small, monkeypatch):
    monkeypatch.setattr(canary, "pinned", lambda: ["alpha==2", "beta==1", "gamma==3"])
    for name, number in (("alpha", "2"), ("gamma", "3")):
        wheel(small, name, number)
    ends, report, _ = report_of("--lowest")
    assert (ends, report["verdict"]) == (False, "all lessons run")
    assert report["asked"] == ["alpha==1", "beta==1", "gamma==1"]
    assert report["moved"] == {"alpha": ["2", "1"], "gamma": ["3", "1"]}


@pytest.mark.slow
def test_lessons_that_cannot_even_start_have_their_culprit_too(small):
    wheel(small, "gamma", "9")
    _, report, told = report_of("--set", "gamma==9")
    assert report["failure"]["notebook"] == "before any" and report["culprits"] == ["gamma"]
    assert "ImportError: gamma is no good" in told


@pytest.mark.slow
def test_what_cannot_be_installed_is_told_in_pips_words(small):
    ends, report, told = report_of("--set", "alpha==7")
    assert (ends, report["verdict"]) == (True, "not installed")
    assert "alpha==7" in report["message"] and report["message"] in told


@pytest.mark.slow
def test_what_the_pins_break_too_is_laid_on_no_package(small, monkeypatch):
    monkeypatch.setattr(canary, "pinned", lambda: ["alpha==2", "beta==1"])
    wheel(small, "alpha", "2")
    wheel(small, "beta", "2")
    ends, report, told = report_of()
    assert ends and report["verdict"] == "broken with the pins too"
    assert "no move below is the cause" in told and "Culprit" not in told


@pytest.mark.slow
def test_lessons_that_hang_are_ended_and_named(small, monkeypatch, tmp_path):
    code = "import time\nprint('01.ipynb', flush=True)\ntime.sleep(600)"
    (canary.ROOT / "tools" / "run_lessons.py").write_text(code)
    monkeypatch.setattr(canary, "LIMIT", 3)
    failure = canary.Environment(tmp_path / "work").run()
    assert failure["notebook"] == "01.ipynb" and "Hung" in failure["error"]


@pytest.mark.slow
def test_it_does_not_work_inside_the_course_nor_in_a_folder_that_is_there(small, tmp_path, capsys):
    with pytest.raises(SystemExit):
        canary.main(["--work", str(canary.ROOT / "work")])
    assert "outside of the course" in capsys.readouterr().err
    with pytest.raises(FileExistsError):
        canary.main(["--work", str(tmp_path)])


# Which sets of eight moved packages break a lesson, and which of them is the smallest.
BREAKING = {
    "the first": ({"a"}, "a"),
    "the last": ({"h"}, "h"),
    "two far apart": ({"b", "g"}, "bg"),
    "three": ({"a", "d", "e"}, "ade"),
    "all of them": (set("abcdefgh"), "abcdefgh"),
}


@pytest.mark.parametrize("which", BREAKING)
def test_the_smallest_breaking_set_is_found(which):
    needed, found = BREAKING[which]
    asked = []

    def breaks(names):
        asked.append(tuple(names))
        return needed <= set(names)

    assert canary.culprits("abcdefgh", breaks, tries=100) == (list(found), True)
    assert len(asked) == len(set(asked))  # each answer takes minutes
    assert len(asked) <= (6 if len(needed) == 1 else 60)


def test_the_search_is_bounded_and_says_so():
    asked = []
    names, smallest = canary.culprits("abcdefgh", lambda n: asked.append(n) or "h" in n, tries=3)
    assert not smallest and "h" in names and len(asked) == 3


def test_another_error_is_not_this_one():
    one = {"notebook": "01.ipynb", "source": "x", "error": "ValueError: 1"}
    assert canary.same(one, one | {"error": "ValueError: 2"})
    for other in ({"error": "KeyError: 1"}, {"source": "y"}, {"notebook": "02.ipynb"}):
        assert not canary.same(one, one | other)
    assert not canary.same(one, None)


def test_the_newest_is_of_ranges_of_all_or_all_but_one():
    ranges = canary.requirements()
    assert "jiwer>=4.0,<5" in ranges and "torch>=2.6" in ranges and "pytest>=8" in ranges
    assert "jiwer>=4.0" in canary.requirements(beyond=True)
    kept = canary.requirements(keep=["torch"])
    assert [one for one in kept if one.startswith("torch")] == [
        pin for pin in canary.pinned() if pin.startswith("torch==")
    ]
    low = canary.lowest(canary.requirements(keep=["numpy"]))
    assert "jiwer==4.0" in low and "torch==2.6" in low
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", one) for one in low)
    with pytest.raises(ValueError, match="does not pin numpi"):
        canary.requirements(keep=["numpi"])


def test_it_needs_nothing_but_python():
    """It runs before anything is installed."""
    code = (
        "import sys, tools.canary\n"
        "outside = {m.split('.')[0] for m in sys.modules} - sys.stdlib_module_names\n"
        "print(outside - {'tools', 'course', '__main__', '__mp_main__', 'sitecustomize'})"
    )
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, cwd=canary.ROOT, capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stdout + done.stderr
