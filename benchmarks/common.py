"""What the parts share: a fresh process for each measurement, turns, medians, files, colours."""

import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What --quick finds is kept apart, by this process and by those it starts.
QUICK = "--quick" in sys.argv or "BENCH_QUICK" in os.environ
BUILD = ROOT / "build" / ("bench-quick" if QUICK else "bench")
QUIET = {
    "HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "TQDM_DISABLE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TRANSFORMERS_VERBOSITY": "error", "MPLBACKEND": "Agg",
    "TOKENIZERS_PARALLELISM": "false",
    # Waiting threads sleep and do not spin, so CPU seconds count only work, on a busy machine too.
    "OMP_WAIT_POLICY": "PASSIVE",
}  # fmt: skip


def cores():
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def peak_mb():
    """The most memory this process has held, in MB, less what the parent held before it.

    Linux hands `ru_maxrss` on from the process that started this one; VmHWM begins anew.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        from asr_helpers.training import peak_memory_mb

        return peak_memory_mb()
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def measured(part, **spec):
    """What `measure(**spec)` of `benchmarks.<part>` returns in a process of its own, a dict.

    It computes in `threads` threads if `spec` has that key, or else in one thread for each core.

    Raises:
        RuntimeError: that process failed; the message ends with what it said.
    """
    threads = str(spec.get("threads", cores()))
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = os.environ | QUIET | dict.fromkeys(names, threads)
    if QUICK:
        environment["BENCH_QUICK"] = "1"
    command = [sys.executable, "-m", "benchmarks.common", part, json.dumps(spec)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{part} {spec} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def in_turn(part, specs, rounds):
    """Measure every spec once a round, A B A B: {name: [result of each round]}.

    Neighbours in time meet the same noise, so ratios are taken within a round.

    Args:
        specs: {name: what `measure` of that part is given}.
    """
    found = {name: [] for name in specs}
    for number in range(rounds):
        for name, spec in specs.items():
            found[name].append(measured(part, **spec))
            said = {k: round(v, 2) for k, v in found[name][-1].items() if isinstance(v, float)}
            print(f"  round {number + 1} of {rounds}, {name}: {said}", flush=True)
    return found


def summary(values):
    """{"median", "low", "high", "n"} of numbers: their middle and their range."""
    return {
        "median": statistics.median(values), "low": min(values), "high": max(values),
        "n": len(values),
    }  # fmt: skip


def ratios(above, below, key):
    """The summary of above/below, round by round."""
    return summary([a[key] / b[key] for a, b in zip(above, below)])


def spread(one, digits=2):
    """A summary as text: "2.51 (2.40 to 2.62)"."""
    return f"{one['median']:.{digits}f} ({one['low']:.{digits}f} to {one['high']:.{digits}f})"


def machine():
    """What the figures were measured on: cores, CPU, fast matrix instructions, torch, Python."""
    import torch

    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    has = getattr(torch.cpu, "get_capabilities", dict)()
    fast = [n for n in ("amx_bf16", "avx512_bf16", "avx512_f", "avx2") if has.get(n)]
    return {
        "cores": cores(), "cpu": names[0] if names else platform.processor(),
        "instructions": fast, "torch": torch.__version__, "python": platform.python_version(),
    }  # fmt: skip


def keep(part, result):
    """Write a part's result to `BUILD`, beside the machine it was taken on."""
    BUILD.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"machine": machine(), **result}, indent=1) + "\n"
    (BUILD / f"{part}.json").write_text(text)


def save(figure, name):
    """Store a figure in `BUILD`."""
    BUILD.mkdir(parents=True, exist_ok=True)
    figure.savefig(BUILD / f"{name}.png", dpi=100, bbox_inches="tight")


def alone(part):
    """Run one part from the command line: measure, keep, draw, print."""
    import argparse

    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{part}")
    parser.add_argument("--quick", action="store_true", help="few repetitions, to try it out")
    module = importlib.import_module(f"benchmarks.{part}")
    result = module.run(parser.parse_args().quick)
    keep(part, result)
    module.draw(result)
    print("\n".join(module.table(result)))


if __name__ == "__main__":
    answer = importlib.import_module(f"benchmarks.{sys.argv[1]}").measure(**json.loads(sys.argv[2]))
    print(json.dumps(answer))
