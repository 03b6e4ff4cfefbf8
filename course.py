"""Set the course up, run it, test it, open it. Needs nothing but Python and pip.

    python course.py run [--profile smoke]    every lesson, in order
    python course.py test [pytest arguments]  the tests
    python course.py lab                      JupyterLab
    python course.py setup                    only the environment
    python course.py catch-up 06              what the lessons before 06 would have left
    python course.py check [--no-page]        is this machine ready?

Every command except `check` first makes the environment in `.venv`, if it is missing, damaged or
out of date.
"""

import argparse
import errno
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import venv
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
OLDEST, NEWEST = (3, 11), (3, 13)
CONSTRAINTS = (
    ROOT / "constraints.txt"
)  # exact versions of what the pins bring along (tools/lock.py)
WHEELHOUSE = "wheelhouse"  # a kit's folder of packages, in the clone (tools/kit.py)
KIT_FACTS, SUMS = "kit.json", "SHA256SUMS"
ROOM = 3e9  # bytes that the environment takes with torch's CPU build; with CUDA it takes more
# The settings of pip that say where packages come from. All others stay outside: PIP_TARGET, for
# one, would put the packages into another folder.
SOURCES = {
    f"PIP_{name}"
    for name in (
        "INDEX_URL EXTRA_INDEX_URL NO_INDEX FIND_LINKS TRUSTED_HOST CERT CLIENT_CERT PROXY "
        "CACHE_DIR CONFIG_FILE DEFAULT_TIMEOUT TIMEOUT RETRIES DISABLE_PIP_VERSION_CHECK"
    ).split()
}
# Variables of Python that change nothing about what is imported or checked.
HARMLESS = {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONUTF8", "PYTHONIOENCODING"}
# The environment's own Python runs this: its version, and each package with its version.
INSTALLED = """
import json, sys
from importlib.metadata import distributions
found = {d.name.lower().replace("_", "-"): d.version for d in distributions() if d.name}
print(json.dumps([sys.version_info[:2], sys.prefix, found]))
"""
# Run after a setup that did not end: forget each package whose files are missing or cut off, so
# that pip installs it again.
FORGET_DAMAGED = """
import shutil, sysconfig
from importlib.metadata import distributions
paths = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
for package in list(distributions(path=list(paths))):
    damaged = package.files is None
    for file in package.files or []:
        if file.suffix == ".pyc" or file.parts[0] == "..":
            continue
        path = file.locate()
        damaged |= not path.exists() or file.size not in (None, path.stat().st_size)
    if damaged and package._path.name.endswith(".dist-info"):
        shutil.rmtree(package._path)
"""
PIP_WORKS = "import pip._internal.cli.main, pip._internal.commands.install"
LIBRARY = "import sysconfig; print(sysconfig.get_path('purelib'))"


def pinned():
    """The exact versions of environment.yml's pip part, such as "jiwer==4.0.0"."""
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    return re.findall(r"^ {6}- (\S+==\S+)$", text, re.MULTILINE)


def python():
    """The path of the environment's own Python."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def surroundings():
    """The environment variables for pip, the lessons and the tests.

    PYTHONPATH and the like are left out, since they put other packages in front of the pinned
    ones; PYTHONOPTIMIZE would switch off every assert of the lessons. JUPYTER_PATH, or a kernel that
    somebody installed for the user, would run the lessons with another Python.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PIP_", "JUPYTER_PATH")) or name in SOURCES | HARMLESS
    }
    # `|` needs Python 3.9
    return {**kept, "PYTHONNOUSERSITE": "1", "JUPYTER_PREFER_ENV_PATH": "1"}


def ask(code, *arguments):
    """Run code with the environment's Python, and return what it prints; None if it fails."""
    # The other Python does not heed PYTHONUTF8, and this one may: a path would be read wrongly.
    command = [str(python()), "-I", "-X", "utf8", "-c", code, *arguments]
    try:
        done = subprocess.run(
            command, env=surroundings(), capture_output=True, encoding="utf-8", errors="replace"
        )
    except OSError:  # missing, or a link that leads nowhere
        return None
    return None if done.returncode else done.stdout


def lacking():
    """The pins that the environment does not hold; None if it has no working Python of its own.

    The environment itself is asked, so a package that somebody removed is noticed.
    """
    answer = ask(INSTALLED)
    if answer is None:
        return None
    number, prefix, found = json.loads(answer)
    if not OLDEST <= tuple(number) <= NEWEST or Path(prefix).resolve() != VENV.resolve():
        return None
    pins = (pin.split("==") for pin in pinned())
    return [
        f"{name}=={pin}"
        for name, pin in pins
        if found.get(name.lower().replace("_", "-"), "").split("+")[0] != pin
    ]


def made():
    """The last file that is written when a new environment is made, before any package."""
    return VENV / ".gitignore"


def stamp():
    """The file that a setup writes last; it holds the digest of what was asked for."""
    return VENV / "course-environment"


def digest():
    """A digest of the three files that say what the environment holds."""
    files = (ROOT / "environment.yml", ROOT / "pyproject.toml", CONSTRAINTS)
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def is_ready():
    """Whether a setup for the present `digest` ended, and all its packages are still there."""
    try:
        recorded = json.loads(stamp().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    right = isinstance(recorded, dict) and recorded.get("digest") == digest()
    return right and recorded.get("place") == str(VENV) and lacking() == []


def platform_name():
    """This machine's platform as kits name it, such as "linux-x86_64" or "windows-amd64"."""
    system = {"Darwin": "macos"}.get(platform.system(), platform.system())
    return f"{system}-{platform.machine()}".lower()


def wheelhouse(number):
    """The folder of packages that a kit has brought, or None where there is none.

    Args:
        number: the version of the Python to install for, such as (3, 11).

    Raises:
        SystemExit: the packages are of another version of the course, for other machines, or
            damaged; one sentence says which and what to do.
    """
    folder = ROOT / WHEELHOUSE
    if not folder.is_dir():
        return None
    away = f"with a network, delete the folder {folder} and try again"
    try:
        facts = json.loads((folder / KIT_FACTS).read_text(encoding="utf-8"))
        sums = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        made_for, serves = facts["digest"], facts["serves"]
    except (OSError, ValueError, KeyError, TypeError):
        sys.exit(f"{folder} is damaged: copy the folder from the kit again, or, {away}.")
    if made_for != digest():
        sys.exit(
            f"{folder} holds the packages of another version of the course: copy the kit's folder "
            f"`course` again, or, {away}."
        )
    mine = [platform_name(), ".".join(map(str, number))]
    if mine not in serves:
        known = "; ".join(" with Python ".join(one) for one in serves)
        sys.exit(
            f"The kit has packages for {known}, and this is {' with Python '.join(mine)}: use one of "
            f"those, or, {away}."
        )
    for line in sums:
        wanted, name = line.split(maxsplit=1)
        if not (folder / name).is_file() or _digest_of(folder / name) != wanted:
            sys.exit(
                f"{folder / name} is missing or damaged: copy the kit's folder `course` again, or, "
                f"{away}."
            )
    return folder


def _digest_of(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def writing(path):
    """Turn the system's refusal to write at `path` into one sentence, and end with it."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            sys.exit(f"The disk is full while {path} is written: free some space, and try again.")
        sys.exit(
            f"{path} cannot be written ({error.strerror}): copy the course into a folder of your "
            "own, close what still uses the environment, and try again."
        )


@contextmanager
def only_one():
    """Let one setup at a time work in this clone; another one waits. Gives the lock's descriptor.

    The system holds the lock, and releases it when the processes that have it end in any way.
    """
    folder = ROOT / "build"
    with writing(folder):
        folder.mkdir(exist_ok=True)
        lock = (folder / "setup.lock").open("a+", encoding="utf-8")
    with lock:
        if not _lock(lock, wait=False):
            holder = folder / "setup.pid"
            number = holder.read_text("utf-8", "replace") if holder.exists() else ""
            print(
                f"Another setup is at work in {ROOT} (process {number or 'unknown'}): waiting for "
                "its end.",
                flush=True,
            )
            _lock(lock, wait=True)
        with writing(folder):
            (folder / "setup.pid").write_text(str(os.getpid()), encoding="utf-8")
        yield lock.fileno()


def _lock(file, wait):
    """Lock an open file for this process; False if another one holds it and `wait` is False."""
    if os.name == "nt":
        import msvcrt
        import time

        while True:
            try:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                return True
            except OSError:
                if not wait:
                    return False
                time.sleep(0.5)
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        return True
    except BlockingIOError:
        return False


def setup():
    """Make `.venv` hold what environment.yml pins. If it does already, nothing is done.

    A setup that was cut off, a damaged pip, packages that were removed, an environment of a Python
    that is not supported, and a clone that was moved or copied are all repaired here.

    Raises:
        SystemExit: one sentence says what is wrong and what to do.
    """
    if is_ready():
        return
    if os.pathsep in str(ROOT):
        sys.exit(
            f"The folder {ROOT} has {os.pathsep!r} in its path, and no Python environment works "
            "there: rename that folder, and try again."
        )
    with only_one() as lock:
        if is_ready():  # another setup has just ended
            return
        # Killed while it was made: it holds no package, and lacks scripts such as `activate`.
        old = lacking() is None or (lacking() == pinned() and not made().is_file())
        known = None if old else ask("import sys; print(*sys.version_info[:2])")
        number = tuple(map(int, known.split())) if known else sys.version_info[:2]
        brought = wheelhouse(number) if OLDEST <= number <= NEWEST else None
        if old:
            _create()
        else:
            print("Bringing .venv up to date.", flush=True)
            _move_scripts()
            ask(FORGET_DAMAGED)
        if ask(PIP_WORKS) is None:
            _make_pip()
        _install(lock, brought)


def _create():
    """Make a new environment in place of any that is there."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = ".".join(map(str, sys.version_info[:2]))
        other = "py -3.13" if os.name == "nt" else "python3.13"
        sys.exit(
            f"This course needs Python 3.11 to 3.13, and this is {found}: run it with another, such "
            f"as `{other} course.py setup`, or install 3.13 beside it."
        )
    if Path(sys.prefix).resolve() == VENV.resolve():
        sys.exit(
            "The environment in .venv is damaged, and this very Python runs from it: run "
            "`deactivate`, or open a new terminal, and try again."
        )
    print("Setting up .venv: a few minutes, the first time only.", flush=True)
    if shutil.disk_usage(ROOT).free < ROOM:
        print(
            f"Only {shutil.disk_usage(ROOT).free / 1e9:.1f} GB are free here, and the environment "
            f"takes about {ROOM / 1e9:.0f} GB, more with CUDA: free some space if it does not fit.",
            flush=True,
        )
    with writing(VENV):
        if not VENV.is_dir() and os.path.lexists(VENV):
            sys.exit(f"{VENV} is in the way and is no folder: remove it, and try again.")
        # Links instead of copies: a running interpreter cannot be overwritten.
        venv.create(VENV, with_pip=False, clear=True, symlinks=os.name != "nt")
        made().write_text("*\n", encoding="utf-8")


def library():
    """The folder of the environment's packages."""
    return Path(ask(LIBRARY).strip())


def _make_pip():
    """Install the pip that comes with Python, in place of a missing or damaged one."""
    with writing(VENV):
        for left in library().glob("pip*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    command = [str(python()), "-I", "-m", "ensurepip", "--upgrade", "--default-pip"]
    if subprocess.run(command, env=surroundings(), capture_output=True).returncode:
        sys.exit(
            f"{sys.executable} cannot install pip into .venv: install its package for venv "
            "(python3-venv on Debian and Ubuntu), or use another Python, and try again."
        )


def _move_scripts():
    """Where the clone was moved or copied, let the scripts of `.venv` name their new folder."""
    try:
        old = json.loads(stamp().read_text(encoding="utf-8"))["place"].encode()
    except (OSError, ValueError, TypeError, KeyError):
        return
    new = str(VENV).encode()
    with writing(VENV):
        for script in python().parent.iterdir() if old != new else ():
            if script.is_file() and not script.is_symlink():
                text = script.read_bytes()
                if old in text and b"\0" not in text:
                    script.write_bytes(text.replace(old, new))


def _install(lock, brought=None):
    """Install what the environment lacks, and the course itself; write the stamp last.

    Args:
        brought: a kit's folder of packages, which takes the place of every index; or None.
        lock: the descriptor of the setup's lock. pip holds it too, so that a pip whose parent was
            killed still keeps another setup waiting.
    """
    stamp().unlink(missing_ok=True)
    pip = [str(python()), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--constraint", str(CONSTRAINTS)]
    around = surroundings()
    if brought is not None:
        pip += ["--no-index", "--find-links", str(brought)]
        # pip's settings must not add another source. With this value pip reads no settings file.
        around = {k: v for k, v in around.items() if not k.startswith("PIP_")}
        around["PIP_CONFIG_FILE"] = os.devnull
    inherit = {} if os.name == "nt" else {"pass_fds": (lock,)}
    torch = [package for package in pinned() if package.startswith("torch==")]
    # torch first and alone: the other packages then keep the build that was chosen for it.
    for packages in filter(None, (torch, pinned())) if lacking() else ():
        done = subprocess.run([*pip, *packages], env=around, **inherit)
        if done.returncode:
            sys.exit(
                "pip could not install the environment: see its message above, then try again."
            )
    if missing := lacking():
        sys.exit(
            f"pip ended well, but .venv lacks {', '.join(missing[:3])}: look with "
            f"`{python()} -m pip config list` for a setting that sends packages elsewhere, and try again."
        )
    _make_importable()
    with writing(stamp()):
        record = {"digest": digest(), "place": str(VENV)}
        stamp().write_text(json.dumps(record), encoding="utf-8")


def _make_importable():
    """Let the environment import the course from this clone.

    The path is relative to the environment, so a clone that is moved or copied with its `.venv`
    imports its own code. (An editable install of pip names an absolute folder.)
    """
    folder = library()
    with writing(folder):
        for old in [*folder.glob("__editable__*asr_course*"), *folder.glob("asr_course-*-info")]:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        line = os.path.relpath(ROOT, folder)
        (folder / "asr_course.pth").write_text(line + "\n", encoding="utf-8")


def start(command, **variables):
    """Run a command in the clone to its end; its exit status. The command itself handles Ctrl-C.

    `variables` are added to its environment.
    """
    process = subprocess.Popen(command, cwd=ROOT, env=surroundings() | variables)
    while True:
        try:
            status = process.wait()
            return status if status >= 0 else 128 - status  # as shells count signals
        except KeyboardInterrupt:
            if not sys.stdin.isatty():  # a terminal has sent it to the command, too
                process.send_signal(signal.SIGINT)


def test(arguments):
    """Run the tests; the exit status. With arguments for pytest, one run with those alone.

    The unit tests come first, in two processes of one thread each. The browser's tests follow in
    one process: a browser that records drops sound on a busy machine. The others, among them the
    runs of all lessons, come last, in two processes again.
    """
    pytest = [str(python()), "-m", "pytest"]
    if arguments:
        return start([*pytest, *arguments])
    two, others = [*pytest, "-n", "2", "--dist", "loadfile"], ["faults", "hub", "lessons"]
    unit = start([*two, "tests/unit"], OMP_NUM_THREADS="1")
    browser = start([*pytest, "tests/browser"])
    # The longest come first, as tests/suites.py orders them; pytest-xdist would sort by number.
    two.append("--no-loadscope-reorder")
    rest = start([*two, *(f"tests/{name}" for name in others)], OMP_NUM_THREADS="1")
    for status, name in ((unit, "unit tests"), (browser, "tests with a browser")):
        if status:
            print(f"There are failures among the {name}, too: see above.", flush=True)
    return unit or browser or rest


def refuse_wrong_arguments(task, arguments):
    """End with one sentence if an argument makes no sense, before minutes are spent on the setup."""
    if sys.version_info[:2] < OLDEST:
        return  # the setup says so
    sys.path.insert(0, str(ROOT))
    from tools import arguments as read

    if task == "run":
        read.of_run(
            [path.relative_to(read.LESSONS).as_posix() for path in read.notebooks()], arguments
        )
    elif task == "catch-up":
        read.of_catch_up(arguments)


def check(arguments):
    """Say whether this machine is ready for the course; the exit status."""
    sys.path.insert(0, str(ROOT))
    from tools.check import main as look

    return look(arguments)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    modules = {
        "run": ["tools.run_lessons"],
        # JupyterLab would ask whether it may fetch news of its project.
        "lab": ["jupyterlab", "--LabApp.news_url=None"],
        "catch-up": ["tools.catch_up"],
    }
    parser.add_argument("task", choices=["setup", "check", "test", *modules])
    chosen, rest = parser.parse_known_args()
    if chosen.task == "check":  # looks at what is there, and changes nothing
        sys.exit(check(rest))
    refuse_wrong_arguments(chosen.task, rest)
    try:
        setup()
    except KeyboardInterrupt:
        sys.exit("The setup was stopped. Run the same command again to go on.")
    if chosen.task == "test":
        sys.exit(test(rest))
    if chosen.task in modules:
        sys.exit(start([str(python()), "-m", *modules[chosen.task], *rest]))


if __name__ == "__main__":
    main()
