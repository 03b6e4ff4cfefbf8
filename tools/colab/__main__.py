"""Does the course run on Google Colab, and does Colab keep the packages that it has?

    python -m tools.colab           in an environment that is made like Colab's
    python -m tools.colab --here    in the environment that runs this, such as Colab's own image

`requirements.txt` beside this file holds those of Colab's packages that the course needs, itself or
through other packages. An environment of them is made, the course's setup cell runs in it, with a
stand-in for the module `google.colab` and a repository on this machine, and then every lesson runs
with the profile `smoke`. Afterwards no package may have another version than before, and `pip check`
may say nothing new. Writes `colab.md` and `colab.json` to `build/`, and ends with 1 if anything of
that failed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.address import EXTRAS, setup_source
from tools.canary import NO_COURSE, Environment, InstallError, moves

ROOT = Path(__file__).resolve().parent.parent.parent
LIKE = Path(__file__).with_name("requirements.txt")
# Colab has no papermill; the lessons are run with it here, after everything was compared.
RUNNERS = ("papermill", "nbclient", "nbformat", "pyyaml")
KEPT = ("torch", "numpy", "transformers", "datasets", "ipykernel")
# What a notebook's first cell meets on Colab.
CELL = """
import json, os, sys, types
sys.modules["google.colab"] = types.ModuleType("google.colab")
exec(compile(open(sys.argv[1]).read(), "setup cell", "exec"))
import asr_helpers
print(json.dumps([asr_helpers.__file__, os.getcwd()]))
"""


class Here(Environment):
    """The environment of this very Python, in place of a fresh one."""

    def __init__(self, work):
        self.python, self.course = sys.executable, work / "content" / "course"
        self.own = dict(os.environ)


class Like(Environment):
    """A fresh environment with the packages of `requirements.txt`."""

    def __init__(self, work):
        super().__init__(work)
        shutil.rmtree(self.course)  # the setup cell fetches it
        self.course = work / "content" / "course"
        self.own.pop("PYTHONPATH")
        text = LIKE.read_text(encoding="utf-8")
        packages = [line for line in text.splitlines() if line and not line.startswith("#")]
        self.install(packages)


def complaints(environment):
    """The lines of `pip check`."""
    command = [environment.python, "-m", "pip", "check"]
    done = subprocess.run(command, env=environment.own, capture_output=True, text=True)
    return set(done.stdout.splitlines()) - {"No broken requirements found."}


def publish(folder):
    """A repository of this course, as it is, on this machine, with one release."""
    shutil.copytree(ROOT, folder, ignore=NO_COURSE)
    git = ["git", "-c", "user.name=course", "-c", "user.email=course", "-C", str(folder)]
    for command in ("init -q", "add -A -f", "commit -qm course", "tag v1"):
        subprocess.run([*git, *command.split()], check=True)
    return folder


def run_cell(environment, work):
    """Run the setup cells as Colab would; None, or what one said when it failed.

    These are the cell of most lessons, and the cells of the lessons that need more packages.
    """
    repository = publish(work / "published" / "course")
    said = (run_one(environment, work, repository, lesson) for lesson in ("", *EXTRAS))
    return next(filter(None, said), None)


def run_one(environment, work, repository, lesson):
    """As `run_cell`, of one lesson."""
    cell = work / "cell.py"
    cell.write_text(setup_source(f"file://{repository}", "v1", f"{work}/content", lesson))
    command = [environment.python, "-c", CELL, str(cell)]
    done = subprocess.run(command, env=environment.own, capture_output=True, text=True, cwd=work)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no message"])[-1]
    module, folder = json.loads(done.stdout.splitlines()[-1])
    if not Path(module).is_relative_to(environment.course):
        return f"the course was imported from {module}"
    if Path(folder) != environment.course / "notebooks":
        return f"the cell went to {folder}"
    return None


def examine(environment, work):
    """The report: what moved, the new complaints of `pip check`, and how the lessons ran."""
    before, said = environment.installed(), complaints(environment)
    report = {
        "python": python_of(environment), "kept": {n: before.get(n) for n in KEPT},
        "cell": run_cell(environment, work),
    }  # fmt: skip
    moved = moves(before, environment.installed())
    report["added"] = {name: new for name, (old, new) in moved.items() if old is None}
    report["changed"] = {name: pair for name, pair in moved.items() if pair[0] is not None}
    report["complaints"] = sorted(complaints(environment) - said)
    if report["cell"]:
        return report | {"lessons": None, "verdict": "the setup cell failed"}
    environment.pip("install", "--quiet", *(r for r in RUNNERS if r not in before))
    report["lessons"] = environment.run()
    lessons = environment.course / "build" / "report.json"
    rows = json.loads(lessons.read_text(encoding="utf-8"))["notebooks"] if lessons.exists() else []
    report["seconds"] = {row["notebook"]: row["seconds"] for row in rows}
    wrong = [
        words
        for words, is_so in (
            ("packages changed", report["changed"]), ("pip check complains", report["complaints"]),
            ("a lesson failed", report["lessons"]),
        ) if is_so
    ]  # fmt: skip
    return report | {"verdict": ", ".join(wrong) or "all lessons run"}


def python_of(environment):
    """The environment's version of Python."""
    command = [environment.python, "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def tell(report):
    """The report as Markdown."""
    lines = [f"# Colab: {report['verdict']}", "", f"Python {report['python']}."]
    if report["verdict"] == "not installed":
        return "\n".join([*lines, "", "```", report["message"], "```", ""])
    kept = ", ".join(f"{name} {number}" for name, number in report["kept"].items())
    added = ", ".join(f"{name} {number}" for name, number in report["added"].items())
    changed = [f"{name} {old} → {new}" for name, (old, new) in report["changed"].items()]
    lines += ["", f"Before: {kept}.", f"The setup cell added: {added or 'nothing'}."]
    lines += [f"The setup cell changed: {', '.join(changed) or 'nothing'}."]
    lines += [f"New complaints of `pip check`: {'; '.join(report['complaints']) or 'none'}."]
    if report["cell"]:
        lines += ["", f"The setup cell failed: {report['cell']}"]
    if failure := report["lessons"]:
        lines += ["", f"**{failure['notebook']}**: `{failure['source']}`", "", failure["error"]]
    if report.get("seconds"):
        lines += ["", "| notebook | seconds |", "|---|---|"]
        lines += [f"| {name} | {seconds} |" for name, seconds in report["seconds"].items()]
    return "\n".join(lines) + "\n"


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--here", action="store_true", help="in the environment that runs this")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary).resolve()
        try:
            report = examine((Here if options.here else Like)(work), work)
        except InstallError as error:
            python = sys.version.split()[0]
            report = {"verdict": "not installed", "python": python, "message": str(error)}
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "colab.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (build / "colab.md").write_text(tell(report), encoding="utf-8")
    print(tell(report), "\nDetails: build/colab.md, build/colab.json", sep="")
    return report["verdict"] != "all lessons run"


if __name__ == "__main__":
    sys.exit(main())
