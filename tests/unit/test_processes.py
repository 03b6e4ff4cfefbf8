import subprocess
import sys

import pytest
from processes import environment

# Each of these lies in another folder of the tests, or is the course itself.
SHARED = ("conftest", "processes", "test_training", "asr_helpers", "tools")


@pytest.mark.parametrize("module", SHARED)
def test_a_python_started_by_a_test_finds_what_the_tests_share(module, tmp_path):
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, env=environment(), cwd=tmp_path).returncode == 0


def test_a_variable_is_set_or_taken_away_and_an_outer_path_stays(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "outside")
    monkeypatch.setenv("TAKEN", "1")
    made = environment(TAKEN=None, GIVEN="2")
    assert made["GIVEN"] == "2" and "TAKEN" not in made
    assert made["PYTHONPATH"].endswith("outside")
