"""The plugin at work, in a pytest of its own over a few small tests."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import suites

TESTS = Path(__file__).parent.parent
SMALL = {
    "test_lessons.py": """
import pytest
@pytest.mark.slow
def test_long(): pass
def test_form(): pass
""",
    "test_hub.py": """
import pytest
@pytest.mark.skip
def test_no(): pass
def test_yes(): pass
""",
    "test_text.py": """
import pytest
@pytest.fixture
def breaks():
    yield
    raise OSError
def test_right(): pass
def test_wrong(): assert 1 == 2
def test_wrong_at_its_end(breaks): pass
@pytest.mark.xfail(strict=True)
def test_known(): assert 0
""",
}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What pytest prints of the small tests."""
    folder = tmp_path_factory.mktemp("small")
    for name, source in SMALL.items():
        (folder / name).write_text(source)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = slow")
    paths = f"import sys; sys.path[:0] = {[str(TESTS), str(TESTS.parent)]}; import pytest; "
    code = f"{paths}sys.exit(pytest.main(['-v', '-p', 'suites', '-p', 'no:cacheprovider']))"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout


def test_quick_ones_come_first_in_the_order_of_suites(said):
    told = re.findall(r"^(test_\w+)\.py::(\w+) ", said, re.MULTILINE)
    order = list(dict.fromkeys(told))  # an error at a test's end is a line of its own
    wanted = ["test_text"] * 4 + ["test_hub"] * 2 + ["test_lessons"] * 2
    assert [file for file, _ in order] == wanted
    assert [test for _, test in order[-2:]] == ["test_form", "test_long"]


def test_the_log_ends_in_a_table_of_suites_and_pytests_own_summary(said):
    rows = dict(
        re.findall(
            r"^(unit|hub|lessons: form, smoke run) +((?:\d+ +){3})\d+\.\d$", said, re.MULTILINE
        )
    )
    assert {suite: tuple(map(int, row.split())) for suite, row in rows.items()} == {
        "unit": (1, 2, 1), "hub": (1, 0, 1), "lessons: form, smoke run": (2, 0, 0),
    }  # fmt: skip
    last = said.strip().splitlines()[-1]
    assert "failed" in last and "passed" in last and said.index("== suites ==") < said.index(last)


def test_a_failure_is_named_at_once(said):
    named = said.index("failed: test_text.py::test_wrong\n")
    assert named < said.index("test_hub.py::test_yes")


def test_the_header_names_every_package(said):
    for name, _, installed in suites.packages():
        assert f"{name} {installed}" in re.sub(r"\s+", " ", said)


def test_a_moved_package_is_marked_and_a_build_of_the_same_version_is_not():
    found = [("jiwer", "4.0.0", "3.1.0"), ("torch", "2.13.0", "2.13.0+cpu")]
    assert suites.header(found)[-1] == "NOT AS PINNED: jiwer 3.1.0 (pinned: 4.0.0)"
    assert suites.header(found[1:])[-1] == "all as environment.yml pins them"
    missing = suites.header([("jiwer", "4.0.0", "missing")])
    assert missing[-1] == "NOT AS PINNED: jiwer missing (pinned: 4.0.0)"


def test_every_test_file_that_a_suite_names_is_there():
    for starts in suites.SUITES.values():
        for start in starts:
            assert list(TESTS.rglob(f"{start}*.py")), start


GROUPED = {
    "test_faults_a.py": "def test_one(): pass\ndef test_two(): pass\ndef test_three(): pass",
    "test_hub_lessons.py": "def test_hub(): pass\ndef test_again(): pass",
    "test_lessons.py": "def test_smoke(): pass\ndef test_form(): pass",
    "test_nbval.py": "def test_stored(): pass\ndef test_outputs(): pass",
}


def test_in_two_processes_the_longest_come_first_and_the_runs_of_lessons_never_meet(tmp_path):
    for name, source in GROUPED.items():
        (tmp_path / name).write_text(source)
    (tmp_path / "pytest.ini").write_text("[pytest]")
    options = ["-v", "-p", "xdist", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    (tmp_path / "conftest.py").write_text("pytest_plugins = ['suites']")
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": paths}  # soon there
    said = subprocess.run(
        [sys.executable, "-m", "pytest", *options], cwd=tmp_path, env=os.environ | alone,
        capture_output=True, text=True,
    ).stdout  # fmt: skip
    done = re.findall(r"^\[(gw\d)\].* PASSED (\w+)\.py::", said, re.MULTILINE)
    assert len(done) == 9, said
    workers = {file: {one for one, name in done if name == file} for _, file in done}
    assert len(workers["test_nbval"]) == len(workers["test_lessons"]) == 1
    assert workers["test_lessons"] == workers["test_hub_lessons"]  # one after the other
    assert workers["test_nbval"] != workers["test_lessons"]  # side by side from the start


def test_every_test_file_of_a_group_is_there():
    for name in suites.GROUPS:
        assert list(TESTS.rglob(f"{name}.py")), name
