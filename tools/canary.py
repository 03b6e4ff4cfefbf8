"""Do the lessons still run with other packages, and if not, whose change broke them?

    python -m tools.canary                            the newest that pyproject.toml's ranges allow
    python -m tools.canary --beyond                   the newest of all, upper bounds aside
    python -m tools.canary --lowest                   the oldest that these ranges allow
    python -m tools.canary --set transformers==4.57.6 the pins of environment.yml, but for this one

Makes an environment of its own, runs every lesson with the profile `smoke` in a copy of the course,
and writes `canary.md` and `canary.json` to `build/`. If a lesson breaks, the canary returns the
moved packages to their pinned versions, some at a time, until the packages that are still moved are
only those that break the lesson. It ends with 1 if a lesson broke or nothing could be installed. It
needs only Python and pip. pip's own environment variables say where packages come from:
`PIP_EXTRA_INDEX_URL` with PyTorch's CPU index saves gigabytes.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

from course import pinned

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 3600  # seconds for a run of the lessons; a change can also make one hang
NO_COURSE = shutil.ignore_patterns(".*", "build", "artifacts", "__pycache__", "*.egg-info")
# Tells what `pip list` tells, in a tenth of its time. The environment's own Python runs it.
INSTALLED = (
    "import json, sysconfig, importlib.metadata as m\n"
    "found = m.distributions(path=[sysconfig.get_path('purelib'), sysconfig.get_path('platlib')])\n"
    "print(json.dumps({one.metadata['Name']: one.version for one in found}))"
)
TOOLS = {"pip", "setuptools", "wheel"}  # no lesson depends on their versions


class InstallError(Exception):
    """pip refused; the message is what it said last."""


def requirements(beyond=False, keep=()):
    """pyproject.toml's ranges, such as "jiwer>=4.0,<5"; those of `keep` as environment.yml pins them.

    `beyond` leaves out upper bounds.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    exact = {pin.split("==")[0]: pin for pin in pinned()}
    if unknown := set(keep) - set(exact):
        raise ValueError(f"environment.yml does not pin {', '.join(sorted(unknown))}.")
    found = []
    for text in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        name = re.match(r"[\w.-]+", text)[0]
        text = re.sub(r",?<[^,]*", "", text) if beyond else text
        found.append(exact[name] if name in keep else text)
    return found


def lowest(ranges):
    """Each requirement at its lower bound: "jiwer>=4.0,<5" becomes "jiwer==4.0"."""
    return [re.sub(r">=([\w.]+).*", r"==\1", text) for text in ranges]


def moves(before, after):
    """What differs between two states, dicts of package to version: {package: (old, new)}.

    None stands for "not installed".
    """
    return {
        name: (before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }


def culprits(moved, breaks, tries=16):
    """The smallest set found, of moved packages whose moves alone still break the lesson.

    Delta debugging: Zeller and Hildebrandt, Simplifying and isolating failure-inducing input
    (2002). With one culprit among n packages it asks about 2 log2(n) times.

    Args:
        moved: names of packages; all their moves together break the lesson.
        breaks: function of a list of names: whether their moves alone break it in the same way.
        tries: how often `breaks` may be asked.

    Returns:
        (names, whether no smaller set remained to be tried).
    """
    left, parts, asked = list(moved), 2, {}
    while len(left) > 1:
        size = -(-len(left) // parts)
        chunks = [left[i : i + size] for i in range(0, len(left), size)]
        others = [[name for name in left if name not in chunk] for chunk in chunks]
        for chosen in [*chunks, *(others if len(chunks) > 2 else [])]:
            if tuple(chosen) not in asked:
                if len(asked) == tries:
                    return left, False
                asked[tuple(chosen)] = breaks(chosen)
            if asked[tuple(chosen)]:
                left, parts = chosen, 2 if chosen in chunks else max(parts - 1, 2)
                break
        else:
            if parts >= len(left):
                break
            parts = min(2 * parts, len(left))
    return left, True


class Environment:
    """A fresh virtual environment in `work`, and a copy of the course to run in it."""

    def __init__(self, work):
        self.course, folder = work / "course", work / "env"
        shutil.copytree(ROOT, self.course, ignore=NO_COURSE)
        venv.create(folder, with_pip=True, clear=True)
        self.python = str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
        self.own = {k: v for k, v in os.environ.items() if k != "PYTHONHOME"}
        self.own |= {"PYTHONNOUSERSITE": "1", "PYTHONPATH": str(self.course)}

    def pip(self, *arguments):
        """Run pip. Raises InstallError."""
        command = [self.python, "-m", "pip", "--disable-pip-version-check", *arguments]
        done = subprocess.run(command, env=self.own, capture_output=True, text=True)
        if done.returncode:
            said = [s for s in done.stderr.splitlines() if s and not s.startswith("WARNING")]
            raise InstallError("\n".join(said[-8:]) or f"pip ended with {done.returncode}")

    def install(self, packages, *options):
        """Install requirements; torch first, so that others keep the build chosen for it."""
        torch = [package for package in packages if re.match(r"torch\b", package)]
        for some in filter(None, (torch, packages)):
            self.pip("install", "--quiet", *options, *some)

    def installed(self):
        """{package: version} of what is there."""
        command = [self.python, "-c", INSTALLED]
        done = subprocess.run(command, env=self.own, capture_output=True, text=True, check=True)
        found = {re.sub(r"[-_.]+", "-", k).lower(): v for k, v in json.loads(done.stdout).items()}
        return {name: number for name, number in found.items() if name not in TOOLS}

    def become(self, state):
        """Install exactly the versions of `state`, whatever packages require of each other."""
        changed = moves(self.installed(), state)
        if gone := [name for name, (_, new) in changed.items() if new is None]:
            self.pip("uninstall", "--quiet", "--yes", *gone)
        if new := [f"{name}=={new}" for name, (_, new) in changed.items() if new]:
            self.pip("install", "--quiet", "--no-deps", *new)

    def run(self, until=None):
        """Run the lessons; None if all passed, else where and how the first one broke."""
        report = self.course / "build" / "report.json"
        report.unlink(missing_ok=True)
        command = [self.python, "-m", "tools.run_lessons", "--profile", "smoke"]
        command += ["--until", until] if until else []
        shutil.rmtree(self.course / "artifacts", ignore_errors=True)  # of other versions
        try:
            done = subprocess.run(
                command, cwd=self.course, env=self.own, capture_output=True, text=True,
                timeout=LIMIT,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            said = (error.stdout or b"").decode(errors="replace").split()
            name = next((word for word in reversed(said) if word.endswith(".ipynb")), "before any")
            return {"notebook": name, "cell": None, "source": "", "error": "Hung: it did not end"}
        if report.exists():
            row = json.loads(report.read_text(encoding="utf-8"))["notebooks"][-1]
            kept = ("cell", "source", "error")
            failure = row.get("failure")
            return failure and {"notebook": row["notebook"], **{key: failure[key] for key in kept}}
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            return {"notebook": "before any", "cell": None, "source": "", "error": last}
        raise AssertionError("the lessons ended well, without a report")


def same(failure, other):
    """Whether two failures are one: the same cell, the same kind of error."""

    def key(one):
        return one and (one["notebook"], one["source"], one["error"].split(":")[0])

    return key(failure) == key(other)


def examine(environment, chosen, newest=True, tries=16):
    """Install pins, then what was chosen; run; where it breaks, find out why. Returns the report.

    Args:
        environment: an `Environment`.
        chosen: requirements to install on top of the pins, such as ["jiwer==2.5.2"].
        newest: upgrade these packages, and those that they require, as far as `chosen` allows.
            Otherwise only the packages that have to move are moved.
        tries: how many sets of moved packages may be tried.
    """
    report = {"python": sys.version.split()[0], "asked": chosen, "failure": None, "tried": []}
    try:
        environment.install(pinned())
        before = environment.installed()
        upgrade = ["--upgrade", "--upgrade-strategy", "eager"] if newest else []
        environment.install(chosen, *upgrade)
        after = environment.installed()
    except InstallError as error:
        return report | {"verdict": "not installed", "moved": {}, "message": str(error)}
    report["moved"] = moved = moves(before, after)
    failure = report["failure"] = environment.run()
    if failure is None:
        return report | {"verdict": "all lessons run"}
    until = None if failure["notebook"] == "before any" else failure["notebook"]

    def breaks(names):
        try:
            environment.become(before | {name: moved[name][1] for name in names})
            found = environment.run(until)
        except InstallError as error:
            found = {"notebook": "", "source": "", "error": f"pip: {error}"}
        told = "passes" if found is None else "the same error"
        if found and not same(found, failure):
            told = f"another error: {found['error'].splitlines()[0]}"
        report["tried"].append({"moved": names, "result": told})
        print(f"{', '.join(names) or 'nothing moved'}: {told}", flush=True)
        return told == "the same error"

    if breaks([]):
        return report | {"verdict": "broken with the pins too"}
    # Packages that the course names come first: their dependencies are rarely the cause.
    named = {re.match(r"[\w.-]+", pin)[0].lower().replace("_", "-") for pin in pinned()}
    ordered = sorted(moved, key=lambda name: name not in named)
    names, smallest = culprits(ordered, breaks, tries)
    if rest := [name for name in ordered if name not in names]:
        breaks(rest)
    return report | {"verdict": "broken", "culprits": names, "smallest": smallest}


def tell(report):
    """The report as Markdown."""
    verdict, failure, moved = report["verdict"], report["failure"], report["moved"]
    lines = [f"# Canary: {verdict}", "", f"Python {report['python']}."]
    if failure:
        cell = f", cell In [{failure['cell']}] (`{failure['source']}`)" if failure["source"] else ""
        lines += ["", f"**{failure['notebook']}**{cell}:", "", "```", failure["error"], "```"]
    if verdict == "not installed":
        lines += ["", "pip could not install what was asked for:", "", "```"]
        lines += [report["message"], "```"]
    if verdict == "broken with the pins too":
        lines += [
            "",
            "The same happens with every package put back, so no move below is the cause.",
        ]
    if verdict == "broken":
        told = [f"{name} {moved[name][0]} → {moved[name][1]}" for name in report["culprits"]]
        sure = "" if report["smallest"] else " (or some of them: the tries were used up)"
        last = report["tried"][-1]["result"]
        lines += [
            "",
            f"**Culprit:** {'; '.join(told)}{sure}. This move alone gives the same error.",
        ]
        lines += [f"All other moves: {last}."] if len(report["culprits"]) < len(moved) else []
    if moved:
        lines += ["", "| package | pinned | now |", "|---|---|---|"]
        lines += [f"| {name} | {old or '-'} | {new or '-'} |" for name, (old, new) in moved.items()]
    elif verdict != "not installed":
        lines += ["", "No package moved."]
    if report["tried"]:
        lines += ["", "| moved, all others as pinned | what happened |", "|---|---|"]
        tried = [(", ".join(one["moved"]) or "nothing", one["result"]) for one in report["tried"]]
        lines += [f"| {names} | {result.replace('|', '/')} |" for names, result in tried]
    return "\n".join(lines) + "\n"


def parse(arguments=None):
    """The options; ends the process with argparse's message where they make no sense."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--set", nargs="+", metavar="PACKAGE==VERSION", help="instead of newest")
    which.add_argument("--beyond", action="store_true", help="leave out upper bounds")
    which.add_argument("--lowest", action="store_true", help="each package at its lower bound")
    parser.add_argument("--keep", nargs="+", default=[], metavar="PACKAGE", help="as it is pinned")
    parser.add_argument("--tries", type=int, default=16, help="sets of packages to try, at most")
    parser.add_argument("--work", type=Path, help="a folder to work in, kept; else a temporary one")
    options = parser.parse_args(arguments)
    if options.work and options.work.resolve().is_relative_to(ROOT):
        parser.error("--work: choose a folder outside of the course, which is copied there.")
    return options


def main(arguments=None):
    options = parse(arguments)
    chosen = options.set or requirements(options.beyond, options.keep)
    chosen = lowest(chosen) if options.lowest else chosen
    if options.work:
        options.work.mkdir(parents=True)  # never into one that holds something
    with tempfile.TemporaryDirectory() as temporary:
        work = (options.work or Path(temporary)).resolve()
        newest = not (options.set or options.lowest)
        report = examine(Environment(work), chosen, newest, options.tries)
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "canary.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (build / "canary.md").write_text(tell(report), encoding="utf-8")
    print(tell(report), "\nDetails: build/canary.md, build/canary.json", sep="")
    return report["verdict"] != "all lessons run"


if __name__ == "__main__":
    sys.exit(main())
