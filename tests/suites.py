"""A pytest plugin: which packages are tested, what failed at once, and a table of suites at the end.

Quick and informative tests come first: a mistake in a helper is known before any lesson runs.
"""

import os
import platform
import textwrap
from collections import defaultdict
from importlib.metadata import PackageNotFoundError, version

import pytest

import course

# The suites in the order in which they run, each with the beginnings of its test files' names. Any
# other test file is a unit test. The slow tests of a suite run after the quick tests of all suites.
SUITES = {
    "architecture": ("test_architecture",),
    "unit": (),
    "hygiene": (
        "test_address", "test_course", "test_environment", "test_hygiene", "test_lean",
        "test_readme", "test_workflows",
    ),
    "faults": ("test_faults", "test_run_lessons"),
    "hub": ("test_hub", "test_local_hub"),
    "canary": ("test_canary",),
    "browser": ("test_browser",),
    "lessons: form, smoke run": ("test_lessons", "test_one_device", "test_languages"),
    "lessons: as stored (nbval)": ("test_nbval",),
}  # fmt: skip
# Groups of test files for pytest-xdist, the longest first. One process runs a group, and another
# process runs another group meanwhile. Two runs of the lessons write the same files, so that both are
# in one group. Any other file is a group of its own.
GROUPS = {"test_nbval": "stored", "test_lessons": "runs", "test_hub_lessons": "runs"}
OUTCOMES = ("passed", "failed", "skipped")


def suite_of(nodeid):
    """The suite of a test, by its file: "tests/test_hub.py::test_it" is of "hub"."""
    file = nodeid.split("::")[0].rpartition("/")[2]
    return next((suite for suite, starts in SUITES.items() if file.startswith(starts)), "unit")


def packages():
    """Each pinned package as (name, pinned version, installed version or "missing")."""
    for name, pin in (one.split("==") for one in course.pinned()):
        try:
            yield name, pin, version(name)
        except PackageNotFoundError:
            yield name, pin, "missing"


def header(found):
    """Lines that name every package's version, and at the end those that differ from their pin."""
    told = [f"{name} {installed}" for name, _, installed in found]
    differ = [
        f"{name} {installed} (pinned: {pin})"
        for name, pin, installed in found
        if installed.split("+")[0] != pin
    ]
    lines = textwrap.wrap(f"packages: {', '.join(told)}", 100, subsequent_indent="  ")
    return [
        f"course: Python {platform.python_version()}, {os.cpu_count()} cores",
        *lines,
        f"NOT AS PINNED: {', '.join(differ)}" if differ else "all as environment.yml pins them",
    ]


def pytest_report_header():
    return header(list(packages()))


def group_of(nodeid):
    """The group of a test, by its file: "tests/test_nbval.py::test_it" is of "stored"."""
    file = nodeid.split("::")[0].rpartition("/")[2].removesuffix(".py")
    return GROUPS.get(file, file)


def pytest_collection_modifyitems(config, items):
    order, longest = list(SUITES), list(dict.fromkeys(GROUPS.values()))
    items.sort(
        key=lambda item: (
            item.get_closest_marker("slow") is not None,
            order.index(suite_of(item.nodeid)),
        )
    )
    if hasattr(config, "workerinput"):  # in a process of pytest-xdist
        groups = {item: group_of(item.nodeid) for item in items}
        items.sort(key=lambda item: [*longest, groups[item]].index(groups[item]))


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, which may be absent
def pytest_xdist_make_scheduler(config, log):
    if config.option.dist != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByGroup(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return group_of(nodeid)

    return ByGroup(config, log)


def pytest_exception_interact(node, report):
    """Name what fails when it fails; pytest itself shows a letter, and tells at the very end."""
    if report.failed:
        reporter = node.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None:  # in a worker of pytest-xdist, whose parent process reports
            return
        reporter.ensure_newline()
        reporter.write_line(f"failed: {report.nodeid}", red=True)


def count(reports):
    """{suite: {"passed", "failed", "skipped", "seconds"}} of pytest's reports of each phase.

    A test counts once: as failed if any of its phases failed.
    """
    outcomes, seconds = {}, defaultdict(float)
    for report in reports:
        seconds[suite_of(report.nodeid)] += report.duration
        known = outcomes.get(report.nodeid)
        if report.failed or (report.skipped and known != "failed"):
            outcomes[report.nodeid] = report.outcome
        elif report.when == "call":
            outcomes.setdefault(report.nodeid, "passed")
    table = {}
    for suite in sorted(seconds, key=list(SUITES).index):
        own = [outcome for nodeid, outcome in outcomes.items() if suite_of(nodeid) == suite]
        table[suite] = {outcome: own.count(outcome) for outcome in OUTCOMES}
        table[suite]["seconds"] = seconds[suite]
    return table


def pytest_terminal_summary(terminalreporter):
    reports = [
        report
        for kind in ("passed", "failed", "error", "skipped", "xfailed", "xpassed", "")
        for report in terminalreporter.stats.get(kind, [])
        if hasattr(report, "duration") and hasattr(report, "when")
    ]
    terminalreporter.section("suites")
    terminalreporter.write_line(
        f"{'suite':<28}{'passed':>8}{'failed':>8}{'skipped':>8}{'seconds':>9}"
    )
    for suite, row in count(reports).items():
        numbers = "".join(f"{row[outcome]:>8}" for outcome in OUTCOMES)
        terminalreporter.write_line(f"{suite:<28}{numbers}{row['seconds']:>9.1f}")
