"""Run every lesson in order, then the solutions of their exercises, with papermill, and report.

    python -m tools.run_lessons [--profile smoke] [--until 05_finetune.ipynb] [--jobs 2] [--store]

`--until 05` is enough if only one lesson begins with 05. Executed copies and `report.json` go to
`build/`. `--store` also writes the executed notebooks back to `notebooks/`, without large outputs
(tools/lean.py). `--jobs 2` runs two notebooks at a time, for the tests; the times are then not those
of a lesson that runs alone.
"""

import ast
import json
import os
import re
import shutil
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import filelock
import papermill
import psutil
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from course import pinned, writing
from tools.arguments import DEFAULT, notebooks, of_run
from tools.lean import lean

ROOT = Path(__file__).resolve().parent.parent
LESSONS, BUILD = ROOT / "notebooks", ROOT / "build"
STANDS_ON = "05_finetune.ipynb"  # this lesson writes what lessons 06 and later read


@contextmanager
def alone(name="running"):
    """Let only one run at a time write into this clone's `build`.

    If `name` is a profile's name, only one run at a time writes into the profile's artifacts.

    The lock is the system's: it goes with the process that holds it, however that ends.

    Raises:
        SystemExit: another run is at work; the message names its process and what to do.
    """
    with writing(BUILD):
        BUILD.mkdir(parents=True, exist_ok=True)
        (BUILD / f"{name}.lock").touch()
    # The process id has a file of its own: on some systems a locked file cannot be read.
    holder = BUILD / f"{name}.pid"
    try:
        with filelock.FileLock(BUILD / f"{name}.lock", timeout=0):
            with writing(holder):
                holder.write_text(str(os.getpid()))
            yield
    except filelock.Timeout:
        number = (holder.read_text(errors="replace") if holder.exists() else "") or "unknown"
        sys.exit(
            f"Another run is at work in {ROOT} (process {number}), and both would write the same "
            "files. Wait for its end, or end that process, and try again; to run two at once, "
            "clone the course a second time."
        )


def checks(path):
    """How many assertions a notebook holds; one that has run to its end has passed them all."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [
        "".join(cell["source"])
        for cell in cells
        if cell["cell_type"] == "code" and "colab-setup" not in cell["metadata"].get("tags", [])
    ]
    return sum(
        isinstance(node, ast.Assert) for source in code for node in ast.walk(ast.parse(source))
    )


def run(lesson, profile):
    """Execute one notebook into build/. Returns (seconds, None or a failure as from `explain`)."""
    executed, start = BUILD / lesson.relative_to(LESSONS), time.perf_counter()
    executed.parent.mkdir(parents=True, exist_ok=True)
    # The default profile is not passed on: papermill would add a cell with it to the notebook.
    parameters = {} if profile == DEFAULT else {"PROFILE": profile}
    failure = None
    try:
        papermill.execute_notebook(
            str(lesson), str(executed), parameters=parameters, cwd=str(LESSONS),
            kernel_name="python3", log_output=False, extra_arguments=["--log-level=CRITICAL"],
        )  # fmt: skip
    except PapermillExecutionError as error:
        failure = explain(lesson, executed, error)
    except KeyboardInterrupt:
        failure = stopped(lesson, "KeyboardInterrupt", f"{lesson.name} was stopped by Ctrl-C.")
    except DeadKernelError:
        failure = stopped(
            lesson, "DeadKernelError",
            f"{lesson.name} failed: its kernel died{at_cell(executed)}. It was killed, or there "
            "was not enough memory. Remedy: close other programs, and run again.",
        )  # fmt: skip
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        failure = stopped(
            lesson, type(error).__name__,
            f"{lesson.name} could not be run ({type(error).__name__}: {first}). Remedy: if the "
            f"disk is full, free some space; else open {lesson.relative_to(ROOT)} with `make lab`, "
            "and run again.",
        )  # fmt: skip
    return time.perf_counter() - start, failure


def stopped(lesson, error, told):
    """A failure that no single cell caused, in the form that `explain` returns."""
    return {"cell": None, "source": "", "error": f"{error}: {told}", "told": told}


def at_cell(executed):
    """The last cell that a run began, such as " in cell In [5] (`first line`)"; "" if unknown."""
    try:
        cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError):
        return ""
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    states = [cell["metadata"].get("papermill", {}).get("status", "pending") for cell in code]
    begun = [number for number, state in enumerate(states) if state != "pending"]
    if not begun:
        return ""
    first = ("".join(code[begun[-1]]["source"]).strip().splitlines() or [""])[0]
    return f" in cell In [{begun[-1] + 1}] (`{first}`)"


def explain(lesson, executed, error):
    """A failure as a dict: which cell, its first line, the error, and a text that says what to do."""
    cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
    # papermill counts the cells before it adds two of its own that point at the failure.
    cells = [c for c in cells if "papermill-error-cell-tag" not in c["metadata"].get("tags", [])]
    first = "".join(cells[error.cell_index]["source"]).strip().splitlines()[0]
    message = re.sub(r"\x1b\[[0-9;]*m", "", f"{error.ename}: {error.evalue}")
    told = (
        f"{lesson.name} failed in cell In [{error.exec_count}] (`{first}`).\n  {message}\n"
        f"  Remedy: open {executed.relative_to(ROOT)} to see the whole error, mend the cell in "
        f"{lesson.relative_to(ROOT)} with `make lab`, and run again. If the message names a "
        "missing file, run the lesson that makes it."
    )
    return {"cell": error.exec_count, "source": first, "error": message, "told": told}


def metrics(profile):
    """What lessons 05, 06 and 08 measured, and when; ({}, None) before lesson 05 has run."""
    from asr_helpers.profiles import load_profile

    path = load_profile(profile).artifacts / "metrics.json"
    try:
        return json.loads(path.read_text(encoding="utf-8")), path.stat().st_mtime_ns
    except FileNotFoundError:
        return {}, None
    except (ValueError, OSError):  # no JSON; or a folder, or a link that leads back to itself
        print(f"{path} is damaged: run lesson 05 again, which writes it.", file=sys.stderr)
        return {}, path.lstat().st_mtime_ns


def versions(packages):
    """The version of each package that is installed; a learner may lack the tools of the tests."""
    found = {}
    for name in packages:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _interrupt_once(*_):
    """The first Ctrl-C ends the run; others do not disturb the report that is then written."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _ignore_interrupts():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run_interruptible(path, profile):
    """Call `run` in a worker process, which answers Ctrl-C only during this call."""
    signal.signal(signal.SIGINT, _interrupt_once)
    try:
        return run(path, profile)
    finally:
        _ignore_interrupts()


def main():
    options = of_run([path.relative_to(LESSONS).as_posix() for path in notebooks(LESSONS)])
    signal.signal(signal.SIGINT, _interrupt_once)
    # The asserts of the lessons are checks; with this variable Python leaves them out.
    os.environ.pop("PYTHONOPTIMIZE", None)
    try:
        with alone(), alone(options.profile):
            failure = run_all(
                options.profile, options.until, options.store, options.jobs, options.since
            )
    except KeyboardInterrupt:
        sys.exit("Stopped by Ctrl-C.")
    if failure:
        sys.exit(failure["told"])


def in_order(paths, profile):
    """Run one after the other, to the first failure: (path, seconds, failure) of each."""
    for path in paths:
        print(path.relative_to(LESSONS).as_posix(), flush=True)
        seconds, failure = run(path, profile)
        yield path, seconds, failure
        if failure:
            return  # later lessons need this one's files


def side_by_side(paths, profile, jobs):
    """Run `jobs` notebooks at a time: (path, seconds, failure) of each.

    The notebooks up to lesson 05 come first, since later lessons read the files of lesson 05.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, os.cpu_count() // jobs)))
    later = [path for path in paths if path.name[:2] > STANDS_ON[:2]]
    first = sorted(set(paths) - set(later), key=lambda path: (path.name != STANDS_ON, str(path)))
    for stage in (first, later):
        failures = []
        with ProcessPoolExecutor(jobs, initializer=_ignore_interrupts) as pool:
            done = {pool.submit(_run_interruptible, path, profile): path for path in stage}
            try:
                for future, path in done.items():
                    seconds, failure = future.result()
                    print(path.relative_to(LESSONS).as_posix(), flush=True)
                    failures.append(failure)
                    yield path, seconds, failure
            except KeyboardInterrupt:
                for worker in psutil.Process().children():
                    worker.send_signal(signal.SIGINT)
                pool.shutdown(wait=True, cancel_futures=True)
                message = f"{path.name} was stopped by Ctrl-C."
                yield path, 0.0, stopped(path, "KeyboardInterrupt", message)
                return
            except BrokenProcessPool:
                message = (
                    f"{path.name} failed: the process that ran it was killed, or there was not "
                    "enough memory. Remedy: close other programs, or run one at a time."
                )
                yield path, 0.0, stopped(path, "BrokenProcessPool", message)
                return
        if any(failures):
            return


def run_all(profile, until=None, store=False, jobs=1, since=None):
    """Run the notebooks in order, report and store them; None, or the failure that ended it."""
    _, before = metrics(profile)
    (BUILD / "report.json").unlink(missing_ok=True)
    paths = notebooks(LESSONS)
    names = [path.relative_to(LESSONS).as_posix() for path in paths]
    paths = paths[names.index(since) if since else 0 : names.index(until) + 1 if until else None]
    done = in_order(paths, profile) if jobs == 1 else side_by_side(paths, profile, jobs)
    rows, failure = [], None
    try:
        for path, seconds, failed in done:
            row = {
                "notebook": path.relative_to(LESSONS).as_posix(), "seconds": round(seconds, 1),
                "ok": failed is None, "checks": 0 if failed else checks(path),
            }  # fmt: skip
            rows.append(row | ({"failure": failed} if failed else {}))
            failure = failure or failed
    except KeyboardInterrupt:  # between two notebooks
        failure = stopped(paths[len(rows)], "KeyboardInterrupt", "The run was stopped by Ctrl-C.")
    found, when = metrics(profile)
    rows.sort(key=lambda row: names.index(row["notebook"]))
    packages = [pin.split("==")[0] for pin in pinned()]
    report = {
        "notebooks": rows,
        "metrics": found if when != before else {},  # an older score is no result of this run
        "versions": {"python": sys.version.split()[0], **versions(packages)},
        "profile": profile,
    }
    (BUILD / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    print_table(report)
    if store:
        for row in filter(lambda row: row["ok"], rows):
            shutil.copy(BUILD / row["notebook"], LESSONS / row["notebook"])
            lean(LESSONS / row["notebook"])
    return failure


def print_table(report):
    """Each notebook's time and checks, then what was reached on validation and test."""
    rows, found = report["notebooks"], report["metrics"]
    print(f"\n{'notebook':<46}{'seconds':>8}{'checks passed':>15}")
    for row in rows:
        result = row["checks"] if row["ok"] else "FAILED"
        print(f"{row['notebook']:<46}{row['seconds']:>8.1f}{result:>15}")
    print(f"{'together':<46}{sum(row['seconds'] for row in rows):>8.1f}")
    try:
        print_scores(found)
    except (KeyError, TypeError, ValueError):
        print("\nmetrics.json lacks some of its numbers: run lesson 05 again, which writes it.")
    print("Details: build/report.json")


def print_scores(found):
    """What was reached on validation and test, as far as it was measured."""
    if "validation_wer" in found:
        print(
            f"\nValidation WER {found['validation_wer']:.3f}; trained for "
            f"{found['train_seconds']:.0f} s, {found['peak_memory_mb']:.0f} MB at most."
        )
    if "wer" in found:
        print(
            f"Test WER {found['wer']:.3f} (95 % interval {found['wer_low']:.3f} to "
            f"{found['wer_high']:.3f}), CER {found['cer']:.3f}."
        )
    if "wer_lm" in found:
        print(
            f"With the language model: test WER {found['wer_lm']:.3f}, CER {found['cer_lm']:.3f}."
        )


if __name__ == "__main__":
    main()
