"""Run every lesson in order, then the solutions of their exercises, with papermill, and report.

    python -m tools.run_lessons [--profile smoke] [--until 05_finetune.ipynb] [--jobs 2] [--store]

Executed copies and `report.json` go to `build/`. `--store` also writes the executed notebooks back
to `notebooks/`, lean, which is how they are meant to be stored. `--jobs 2` runs two at a time, for
the tests; times are then no lesson's own.
"""

import argparse
import ast
import json
import os
import re
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path

import filelock
import papermill
from papermill.exceptions import PapermillExecutionError

from course import pinned
from tools.lean import lean

ROOT = Path(__file__).resolve().parent.parent
LESSONS, BUILD = ROOT / "notebooks", ROOT / "build"
DEFAULT = "offline"
STANDS_ON = "05_finetune.ipynb"  # what lessons 06 and later read is written by this one


@contextmanager
def alone():
    """Let only one run at a time write into this clone's `build` and `artifacts`.

    The lock is the system's: it goes with the process that holds it, however that ends.

    Raises:
        SystemExit: another run is at work; the message names its process and what to do.
    """
    BUILD.mkdir(parents=True, exist_ok=True)
    # Beside the lock, as a locked file cannot be read everywhere, and is emptied by who wants it.
    holder = BUILD / "running.pid"
    try:
        with filelock.FileLock(BUILD / "running.lock", timeout=0):
            holder.write_text(str(os.getpid()))
            yield
    except filelock.Timeout:
        number = holder.read_text() if holder.exists() else "unknown"
        sys.exit(
            f"Another run is at work in {ROOT} (process {number}), and both would write the same "
            "files. Wait for its end, or end that process, and try again; to run two at once, "
            "clone the course a second time."
        )


def notebooks():
    """The lessons in order, then the solutions."""
    return [*sorted(LESSONS.glob("[0-9][0-9]_*.ipynb")), *sorted(LESSONS.glob("solutions/*.ipynb"))]


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
    """Execute one notebook into build/; its seconds, and None or its failure, from `explain`."""
    executed, start = BUILD / lesson.relative_to(LESSONS), time.perf_counter()
    executed.parent.mkdir(parents=True, exist_ok=True)
    # Its own default needs no parameter, and a stored notebook no cell that repeats it.
    parameters = {} if profile == DEFAULT else {"PROFILE": profile}
    try:
        papermill.execute_notebook(
            str(lesson), str(executed), parameters=parameters, cwd=str(LESSONS),
            kernel_name="python3", log_output=False, extra_arguments=["--log-level=ERROR"],
        )  # fmt: skip
        failure = None
    except PapermillExecutionError as error:
        failure = explain(lesson, executed, error)
    return time.perf_counter() - start, failure


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
    """The test metrics that lesson 05 left for the report, or {} before it has run."""
    from asr_helpers.profiles import load_profile

    path = load_profile(profile).artifacts / "metrics.json"
    return json.loads(path.read_text()) if path.exists() else {}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", default=DEFAULT)
    parser.add_argument("--until", help="the last notebook to run, such as 05_finetune.ipynb")
    parser.add_argument("--jobs", type=int, default=1, help="how many run at a time")
    parser.add_argument("--store", action="store_true")
    options = parser.parse_args()
    names = [path.relative_to(LESSONS).as_posix() for path in notebooks()]
    if options.until not in (None, *names):
        parser.error(f"--until: there is no {options.until}, only {', '.join(names)}.")
    with alone():
        failure = run_all(options.profile, options.until, options.store, options.jobs)
    if failure:
        sys.exit(failure["told"])


def in_order(paths, profile):
    """Run one after the other, to the first failure: (path, seconds, failure) of each."""
    for path in paths:
        print(path.relative_to(LESSONS).as_posix(), flush=True)
        seconds, failure = run(path, profile)
        yield path, seconds, failure
        if failure:
            return  # later lessons stand on this one's files


def side_by_side(paths, profile, jobs):
    """Run `jobs` at a time, what stands on no other first: (path, seconds, failure) of each."""
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, os.cpu_count() // jobs)))
    later = [path for path in paths if path.name[:2] > STANDS_ON[:2]]
    first = sorted(set(paths) - set(later), key=lambda path: (path.name != STANDS_ON, str(path)))
    for stage in (first, later):
        failures = []
        with ProcessPoolExecutor(jobs) as pool:
            found = pool.map(partial(run, profile=profile), stage)
            for path, (seconds, failure) in zip(stage, found):
                print(path.relative_to(LESSONS).as_posix(), flush=True)
                failures.append(failure)
                yield path, seconds, failure
        if any(failures):
            return


def run_all(profile, until=None, store=False, jobs=1):
    """Run the notebooks in order, report and store them; None, or the failure that ended it."""
    from asr_helpers.profiles import load_profile

    artifacts = load_profile(profile).artifacts
    (artifacts / "metrics.json").unlink(missing_ok=True)  # an old score is no result of this run
    (BUILD / "report.json").unlink(missing_ok=True)
    paths = notebooks()
    names = [path.relative_to(LESSONS).as_posix() for path in paths]
    paths = paths[: names.index(until) + 1 if until else None]
    done = in_order(paths, profile) if jobs == 1 else side_by_side(paths, profile, jobs)
    rows, failure = [], None
    for path, seconds, failed in done:
        row = {
            "notebook": path.relative_to(LESSONS).as_posix(), "seconds": round(seconds, 1),
            "ok": failed is None, "checks": 0 if failed else checks(path),
        }  # fmt: skip
        rows.append(row | ({"failure": failed} if failed else {}))
        failure = failure or failed
    rows.sort(key=lambda row: names.index(row["notebook"]))
    packages = [pin.split("==")[0] for pin in pinned()]
    report = {
        "notebooks": rows,
        "metrics": metrics(profile),
        "versions": {"python": sys.version.split()[0], **{p: version(p) for p in packages}},
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
    """Each notebook's time and checks, then what was reached on the test split."""
    rows, found = report["notebooks"], report["metrics"]
    print(f"\n{'notebook':<46}{'seconds':>8}{'checks passed':>15}")
    for row in rows:
        result = row["checks"] if row["ok"] else "FAILED"
        print(f"{row['notebook']:<46}{row['seconds']:>8.1f}{result:>15}")
    print(f"{'together':<46}{sum(row['seconds'] for row in rows):>8.1f}")
    if found:
        print(
            f"\nTest WER {found['wer']:.3f} (95 % interval {found['wer_low']:.3f} to "
            f"{found['wer_high']:.3f}), CER {found['cer']:.3f}; trained for "
            f"{found['train_seconds']:.0f} s, {found['peak_memory_mb']:.0f} MB at most."
        )
    if "wer_lm" in found:
        print(
            f"With the language model: test WER {found['wer_lm']:.3f}, CER {found['cer_lm']:.3f}."
        )
    print("Details: build/report.json")


if __name__ == "__main__":
    main()
