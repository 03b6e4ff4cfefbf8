"""Nothing private or of one machine is in the repository: every file of it is read."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
# What may not be in any file; each with a text that has it, or the check could not fail. They are
# put together here, as this file is read too.
UNWANTED = {
    "e-mail address": (r"[\w.+-]+@[\w-]+\.[a-z]{2,}\b", "write to someone" + "@" + "example.org"),
    "registry host": (
        r"\b(?:pypi|test\.pypi|files\.pythonhosted|download\.pytorch|conda\.anaconda)\.org\b"
        r"|\bregistry\.npmjs\.",
        "https://" + "pypi" + ".org/simple",
    ),
    "private address": (
        r"(?<!==)\b(?:10\.\d+|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d+\.\d+\b",
        "http://192" + ".168.1.7/",
    ),
    "token": (r"\b(?:hf_[A-Za-z]{30,}|gh[pousr]_\w{30,})\b", "hf_" + "a" * 34),
    "mark of a merge": (r"(?m)^\s*(?:<{7}|>{7}) \S", "<" * 7 + " HEAD"),
    "home of a person": (r"(?:/home|/Users)/[a-z]\w+/|/root/\w", "/home" + "/ada/course"),
}


def texts():
    """(path, text) of each file of the repository, or None where git cannot say which they are."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a clone: git does not know which files are the course's")
    for name in listed.stdout.splitlines():
        try:
            yield name, (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # sound, weights and pictures; or deleted, and not yet committed


def found(kind, text):
    # Pictures within notebooks are long runs of letters, in which anything may stand.
    return re.findall(UNWANTED[kind][0], re.sub(r"[A-Za-z0-9+/]{200,}={0,2}", "", text))


@pytest.mark.parametrize("kind", UNWANTED)
def test_no_file_holds_it(kind):
    files = list(texts())
    assert len(files) > 100
    assert {name: found(kind, text) for name, text in files if found(kind, text)} == {}


@pytest.mark.parametrize("kind", UNWANTED)
def test_it_would_be_seen(kind):
    assert found(kind, f"a line\n{UNWANTED[kind][1]} and more")
