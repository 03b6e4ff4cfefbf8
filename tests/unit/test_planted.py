"""Each fault of the table can still be planted, and its test exists. Run weekly: `-m weekly`."""

import pytest

from tools.planted import FAULTS, ROOT, Fault, fails

pytestmark = pytest.mark.weekly
names = [fault.check for fault in FAULTS]


@pytest.mark.parametrize("fault", FAULTS, ids=names)
def test_a_fault_can_be_planted_and_its_test_is_there(fault):
    code = (ROOT / fault.file).read_text(encoding="utf-8")
    assert code.count(fault.sound) == 1 and fault.sound != fault.broken
    file, _, test = fault.test.partition("::")
    assert f"def {test}" in (ROOT / file).read_text(encoding="utf-8")


def test_one_fault_is_planted_and_seen():
    (fault,) = [fault for fault in FAULTS if fault.check == "a pinned package moved"]
    assert fails(fault, planted=True) and not fails(fault, planted=False)


def test_a_test_that_does_not_notice_is_found_out():
    harmless = Fault("none", "tests/suites.py", "as environment", "as environment",
                     "tests/unit/test_suites.py::test_every_test_file_that_a_suite_names_is_there")  # fmt: skip
    assert not fails(harmless, planted=True)
