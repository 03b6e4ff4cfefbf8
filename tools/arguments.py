"""The arguments of `course.py run` and `course.py catch-up`, read before the environment is there.

Needs nothing but Python: a mistake is told at once, and not after the minutes of a setup.
"""

import argparse
import sys
from pathlib import Path

from asr_helpers.profiles import PROFILES, ROOT, load_profile

LESSONS = ROOT / "notebooks"
DEFAULT = "offline"
CATCH_UP = """Put in place what the lessons before a given one would have left, for a class that fell behind.

Where lesson 05 was not run to its end, the fine-tuned model that comes with the course takes its
place. Nothing of your own is changed: your model, your checkpoints and your scores stay."""


def notebooks(folder: Path = LESSONS) -> list[Path]:
    """The lessons in order, then the solutions."""
    return [*sorted(folder.glob("[0-9][0-9]_*.ipynb")), *sorted(folder.glob("solutions/*.ipynb"))]


def lesson_named(text: str) -> Path:
    """The notebook of the lesson that `text` names: "6", "06", "06_evaluate" or with its ending.

    Raises:
        ValueError: there is none; the message lists the numbers that there are.
    """
    lessons = sorted(LESSONS.glob("[0-9][0-9]_*.ipynb"))
    number = text.zfill(2) if text.isdigit() else text.removesuffix(".ipynb")
    for path in lessons:
        if number in (path.stem, path.stem[:2]):
            return path
    known = ", ".join(path.stem[:2] for path in lessons)
    raise ValueError(f"There is no lesson {text!r}: choose one of {known}.")


def notebook_of(text, names):
    """`text` if it is one of `names`, or the only lesson that begins with it; None if neither."""
    begun = [name for name in names if name.startswith(text) and "/" not in name]
    return text if text in names else begun[0] if text and len(begun) == 1 else None


def of_run(names: list[str], arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of `course.py run`, `since` and `until` as names of `names` or None.

    Args:
        names: of the notebooks, in order.
        arguments: None reads the command line.

    Raises:
        SystemExit: one of them makes no sense; one sentence says which.
    """
    parser = argparse.ArgumentParser(prog="course.py run")
    parser.add_argument("--profile", default=DEFAULT)
    parser.add_argument(
        "--from", dest="since", help="the first notebook to run, such as 09_your_voice.ipynb"
    )
    parser.add_argument("--until", help="the last notebook to run, such as 05_finetune.ipynb")
    parser.add_argument("--jobs", type=int, default=1, help="how many run at a time")
    parser.add_argument("--store", action="store_true")
    options = parser.parse_args(arguments)
    if options.profile not in PROFILES:
        sys.exit(f"--profile: there is no {options.profile}, only {', '.join(PROFILES)}.")
    if options.jobs < 1:
        sys.exit(f"--jobs: {options.jobs} notebooks at a time run nothing, choose 1 or more.")
    for option, name in (("--from", "since"), ("--until", "until")):
        if (given := getattr(options, name)) is not None:
            if (found := notebook_of(given, names)) is None:
                sys.exit(f"{option}: there is no {given}, only {', '.join(names)}.")
            setattr(options, name, found)
    if options.since and options.until and names.index(options.since) > names.index(options.until):
        sys.exit(f"--from {options.since} comes after --until {options.until}: nothing would run.")
    return options


def of_catch_up(arguments: list[str] | None = None) -> argparse.Namespace:
    """The arguments of `course.py catch-up`: `lesson`, a notebook, and `profile`, a Profile.

    Raises:
        SystemExit: there is no such lesson or profile; one sentence says so.
    """
    parser = argparse.ArgumentParser(
        prog="course.py catch-up", description=CATCH_UP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("lesson", help="the lesson to begin with, such as 06")
    parser.add_argument("--profile", default=DEFAULT, help=f"one of {', '.join(PROFILES)}")
    options = parser.parse_args(arguments)
    try:
        options.lesson = lesson_named(options.lesson)
        options.profile = load_profile(options.profile)
    except ValueError as error:
        sys.exit(str(error))
    return options
