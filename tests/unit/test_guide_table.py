"""docs/guide.md: each step of the public guide names tests that exist, and that run this step."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if re.match(r"\| \d", line)
]
STEPWISE = "tests/hub/test_guide.py::test_each_step_of_the_guide_runs_as_written"


def named(text):
    return re.findall(r"`(tests/[\w/]+\.py::\w+)`", text)


def missing(test):
    """What is wrong with a name such as "tests/unit/test_a.py::test_b"; "" if it is a test."""
    path, name = test.split("::")
    if not (ROOT / path).exists():
        return f"{path} is not there"
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    if not found:
        return f"{path} has no test {name}"
    marks = " ".join(map(ast.unparse, found[0].decorator_list))
    return f"{name} is skipped" if "skip" in marks or "xfail" in marks else ""


def test_the_guide_has_17_steps_each_with_its_limits():
    assert [row[0] for row in ROWS] == [str(number) for number in range(1, 18)]
    assert all(len(row) == 4 and len(row[3]) > 15 for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"step {row[0]}")
def test_the_tests_of_a_step_exist(row):
    assert named(row[2]), f"step {row[0]} has no test"
    assert [missing(test) for test in named(row[2])] == [""] * len(named(row[2]))


def test_the_tests_that_the_text_names_exist():
    rest = TEXT.rpartition("|\n")[2]
    assert len(named(rest)) == 2 and not any(map(missing, named(rest)))


def test_the_stepwise_test_runs_the_steps_that_are_laid_on_it():
    code = (ROOT / STEPWISE.split("::")[0]).read_text(encoding="utf-8")
    told = [row[0] for row in ROWS if STEPWISE in named(row[2])]
    assert sorted(re.findall(r"# Step (\d+)", code), key=int) == told


@pytest.mark.parametrize(
    ("test", "says"),
    [
        ("tests/unit/test_none.py::test_a", "is not there"),
        ("tests/unit/test_guide_table.py::test_a", "has no test"),
    ],
)
def test_a_test_that_is_not_there_is_found(test, says):
    assert says in missing(test)
