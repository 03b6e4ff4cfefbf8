"""Is this machine ready for the course? About a minute, the evening before.

    python course.py check [--no-page]

Each line names what was looked at; where something is wrong, the line below it says what to do. The
last line is "ready", or says what to do. A page opens in the browser, to play and record a sound;
`--no-page` leaves it out. Needs only Python; what the environment does not hold yet is named.
"""

from __future__ import annotations  # an older Python than the course's gets its sentence, too

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import webbrowser
from dataclasses import dataclass

import course
from tools.sound_page import SoundPage

RESULTS = 1e9  # bytes that the lessons' checkpoints, models and pages take together at most
TRAINING = 3e9  # bytes of memory to have free for lesson 05, whose training peaked at 2.2e9
LEAST = 3.6e9  # bytes of a machine that is sold as one of 4 GB
LONG = 30  # minutes: a class does not wait for so long
PATIENCE = 300  # seconds for the training steps, which take about 30
ANSWER = 40  # seconds for the page
SOFT = 0.01  # a recording whose loudest sample is smaller holds no voice


@dataclass(frozen=True)
class Line:
    """What was looked at, how it is ("ok", "note" or "wrong"), and what to do.

    A note is worth knowing, and the machine is ready all the same.
    """

    name: str
    state: str
    says: str
    remedy: str = ""

    def __str__(self) -> str:
        told = f"{self.name:<10}{self.state:<7}{self.says}"
        return f"{told}\n{'':<17}-> {self.remedy}" if self.remedy else told


def check_python() -> Line:
    """The Python that runs this; where it does not fit, that of the environment, if there is one."""
    found = platform.python_version()
    if course.OLDEST <= sys.version_info[:2] <= course.NEWEST:
        return Line("Python", "ok", found)
    if course.lacking() is not None:  # the environment has a Python that fits
        inside = course.ask("import platform; print(platform.python_version())").strip()
        return Line("Python", "ok", f"{inside} in .venv; this command ran with {found}")
    return Line(
        "Python", "wrong", f"{found}; the course needs 3.11 to 3.13",
        "Run this with one of them: python3.13 course.py check, on Windows py -3.13 course.py check. "
        "If there is none, install 3.13 first; the Python that is there may stay.",
    )  # fmt: skip


def check_disk(is_set_up: bool) -> Line:
    """Room for the results and, before the setup, for the environment."""
    free = shutil.disk_usage(course.ROOT).free
    wanted = RESULTS + (0 if is_set_up else course.ROOM)
    if free >= wanted:
        return Line("disk", "ok", f"{free / 1e9:.1f} GB free, {wanted / 1e9:.0f} GB needed")
    return Line(
        "disk", "wrong", f"{free / 1e9:.1f} GB free, {wanted / 1e9:.0f} GB needed",
        f"Free {(wanted - free) / 1e9:.1f} GB on the disk of {course.ROOT}, or copy the course to "
        "another disk.",
    )  # fmt: skip


def check_packages() -> Line:
    """Whether the environment holds what it should."""
    command = "py" if os.name == "nt" else "python3"
    again = (
        f"Run `{command} course.py setup`, with the network or from the kit, then run this again."
    )
    missing = course.lacking()
    if missing is None:
        return Line("packages", "wrong", "there is no environment in .venv yet", again)
    if missing:
        told = f"{len(missing)} of {len(course.pinned())} are missing or of another version: "
        return Line("packages", "wrong", told + ", ".join(missing[:3]), again)
    if not course.is_ready():
        return Line("packages", "wrong", "the last setup did not end", again)
    return Line("packages", "ok", f"all {len(course.pinned())} as environment.yml pins them")


def measure() -> dict:
    """What the environment's Python measures: memory in bytes, a training step, lesson 05's minutes.

    The steps are real ones: the course's data, model and trainer.
    """
    import psutil
    from datasets.utils.logging import disable_progress_bar
    from transformers.utils import logging

    from asr_helpers.corpus import load_corpus
    from asr_helpers.processor import keep_fitting, load_processor, prepare_dataset
    from asr_helpers.profiles import load_profile
    from asr_helpers.recipe import course_model, estimate_minutes

    memory = psutil.virtual_memory()
    disable_progress_bar()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    profile = load_profile("offline")
    corpus = load_corpus(profile.corpus, profile.language, profile.revision, profile.seed)
    processor = load_processor(profile.base_model)
    model = course_model(profile, processor)
    train, validation = (
        prepare_dataset(corpus[split], processor, profile.language)
        for split in ("train", "validation")
    )
    estimate = estimate_minutes(
        profile, model=model, processor=processor, train=keep_fitting(train, model),
        validation=validation,
    )  # fmt: skip
    return {
        "total": memory.total, "available": memory.available,
        "step": 60 * estimate.train / profile.max_steps, "minutes": estimate.total,
    }  # fmt: skip


def measured() -> dict | str:
    """What `measure` finds, in a process of the environment's Python; or why it did not end."""
    command = [str(course.python()), "-m", "tools.check", "--measure"]
    try:
        done = subprocess.run(
            command, cwd=course.ROOT, env=course.surroundings(), capture_output=True, text=True,
            timeout=PATIENCE,
        )  # fmt: skip
        if done.returncode == 0:
            return json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return f"not done after {PATIENCE} s"
    except (OSError, ValueError, IndexError) as error:
        return str(error)
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"the process ended with {done.returncode}"


def check_training(found: dict | str) -> list[Line]:
    """The lines on memory, on the cores' speed and on the training step.

    Args:
        found: what `measured` gave.
    """
    if isinstance(found, str):
        remedy = (
            "Close other programs, and run this again. If the message stays, look for it in "
            "teaching/troubleshooting.md."
        )
        return [Line("training", "wrong", f"no training step could be made: {found}", remedy)]
    total, available = found["total"] / 1e9, found["available"] / 1e9
    told = f"{available:.1f} GB free of {total:.1f} GB"
    if found["total"] < LEAST:
        remedy = (
            "Do not train lesson 05 here; lessons 06 and later use the model that comes with the "
            "course."
        )
        lines = [Line("memory", "note", told, remedy)]
    elif found["available"] < TRAINING:
        remedy = f"Close other programs before lesson 05, until {TRAINING / 1e9:.0f} GB are free."
        lines = [Line("memory", "note", told, remedy)]
    else:
        lines = [Line("memory", "ok", told)]
    minutes = found["minutes"]
    told = (
        f"{cores()} cores, {found['step']:.2f} s a training step, with the machine as busy as now"
    )
    spent = f"training in lesson 05 will take about {minutes:.0f} minutes"
    if minutes > LONG:
        remedy = (
            "Start lesson 05 before a break, with other programs closed and the power cable in; or "
            "skip it, since lessons 06 and later use the model that comes with the course."
        )
        lines.append(Line("cores", "note", f"{told}: {spent}", remedy))
    else:
        lines.append(Line("cores", "ok", f"{told}: {spent}"))
    return [*lines, Line("training", "ok", "four training steps made, the loss is a number")]


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_page(seconds: float = ANSWER) -> list[Line]:
    """The lines on the browser, the loudspeaker and the microphone, by a page that a person answers."""
    page = SoundPage()
    try:
        try:
            opened = webbrowser.open(page.address)
        except webbrowser.Error:
            opened = False
        print(
            f"Answer the page {page.address} in your browser, within {seconds:.0f} seconds.",
            flush=True,
        )
        answers = page.wait(seconds)
    finally:
        page.close()
    if answers is None and not opened:
        remedy = "Install Firefox, Chrome or Edge, or run this on the machine that has the browser."
        return [Line("browser", "wrong", "none could be opened", remedy)]
    if answers is None:
        remedy = "Run this again, and answer the page, or leave it out with --no-page."
        return [Line("browser", "wrong", "nobody answered the page", remedy)]
    return [Line("browser", "ok", "the page was answered"), *sound_lines(answers)]


def sound_lines(answers: dict) -> list[Line]:
    """The lines on loudspeaker and microphone.

    Args:
        answers: as `SoundPage.wait` gives them.
    """
    lines = [Line("sound", "ok", "heard")]
    if not answers["heard"]:
        remedy = (
            "Turn the volume up, choose the right output in the system's sound settings, see that "
            "the tab is not muted, and plug headphones in."
        )
        lines = [Line("sound", "wrong", "the sound was not heard", remedy)]
    peak = answers["peak"]
    if peak is None:
        remedy = (
            "Allow the microphone in the browser and in the system's privacy settings, or plug one "
            "in. Without one, record with a telephone; only lessons 07, 09 and 11 want a voice."
        )
        told = f"cannot be used ({answers['trouble'] or 'no reason given'})"
        return [*lines, Line("microphone", "note", told, remedy)]
    if peak < SOFT:
        remedy = "Choose another microphone in the browser's settings, or raise its level."
        return [*lines, Line("microphone", "wrong", "it records silence", remedy)]
    return [*lines, Line("microphone", "ok", f"recorded, loudest sample {peak:.2f}")]


def verdict(lines: list[Line]) -> str:
    """The last line: "ready", or what to do."""
    wrong = [line.name for line in lines if line.state == "wrong"]
    if not wrong:
        return "ready"
    return f"Not ready: do what the lines with -> say ({', '.join(wrong)}), then run this again."


def main(arguments: list[str] | None = None) -> int:
    """Print the lines as they come; 0 if the machine is ready, else 1."""
    parser = argparse.ArgumentParser(
        prog="course.py check", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--no-page", action="store_true", help="do not play and record a sound")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.measure:
        print(json.dumps(measure()))
        return 0
    lines = []

    def tell(*more):
        for line in more:
            lines.append(line)
            print(line, flush=True)

    tell(check_python())
    packages = check_packages()
    tell(check_disk(packages.state == "ok"), packages)
    if packages.state == "ok":
        print("Training steps are measured: about half a minute.", flush=True)
        tell(*check_training(measured()))
    if options.no_page:
        tell(Line("sound", "note", "not looked at"))
    else:
        tell(*check_page())
    print(verdict(lines))
    return int(verdict(lines) != "ready")


if __name__ == "__main__":
    sys.exit(main())
