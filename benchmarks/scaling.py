"""What does a second process bring? Seconds of speech trained on in a second, with 1 and 2 processes.

    python -m benchmarks.scaling [--quick]

`asr_helpers.pace` with one thread in each process, and one process with two threads beside them: on
a CPU, threads are the other way to use a second core. Batches of the profile `offline`.
"""

import json
import os
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np

from asr_helpers import plots
from benchmarks.common import alone, in_turn, save, spread, summary

WAYS = {
    "1 process": {"processes": 1, "threads": 1},
    "2 processes": {"processes": 2, "threads": 1},
    "1 process, 2 threads": {"processes": 1, "threads": 2},
}
UPDATES, QUICK_UPDATES = 8, 2
ROUNDS = 3


def measure(processes, threads, updates):
    """What `asr_helpers.pace` prints, in so many processes of so many threads."""
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone",
        "--local-addr", "127.0.0.1", "--nproc-per-node",
        str(processes), "-m", "asr_helpers.pace", "--updates", str(updates),
    ]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found = json.loads(done.stdout.splitlines()[-1])
    return found | {"throughput": found["audio_seconds"] / found["seconds"]}


def run(quick):
    """Every way in turn: {"ways": {name: {"throughput", "parts"}}}."""
    updates, rounds = (QUICK_UPDATES, 1) if quick else (UPDATES, ROUNDS)
    found = in_turn("scaling", {n: w | {"updates": updates} for n, w in WAYS.items()}, rounds)
    ways = {}
    for name, ones in found.items():
        parts = {p: summary([one["parts"][p] for one in ones]) for p in ones[0]["parts"]}
        ways[name] = {
            "processes": WAYS[name]["processes"], "megabytes": ones[0]["megabytes"],
            "throughput": summary([one["throughput"] for one in ones]), "parts": parts,
        }  # fmt: skip
    return {"updates": updates, "ways": ways}


def table(result):
    """Lines for people."""
    lines = [f"{'scaling':<24}{'audio s / s':>24}   ms of an update"]
    for name, way in result["ways"].items():
        parts = ", ".join(f"{p} {1000 * v['median']:.0f}" for p, v in way["parts"].items())
        lines.append(f"{name:<24}{spread(way['throughput'], 1):>24}   {parts}")
    return lines


def draw(result):
    """Throughput of each way, and the parts of its updates."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    names = list(result["ways"])
    speeds = [result["ways"][name]["throughput"] for name in names]
    middle = [one["median"] for one in speeds]
    whisker = [[one["median"] - one["low"] for one in speeds],
               [one["high"] - one["median"] for one in speeds]]  # fmt: skip
    left.bar(names, middle, yerr=whisker, color=plots.BLUE, capsize=4)
    left.set(ylabel="seconds of speech a second")
    bottom = np.zeros(len(names))
    colours = (plots.SKY, plots.BLUE, plots.GREY, plots.ORANGE, plots.GREEN)
    for part, colour in zip(result["ways"][names[0]]["parts"], colours):
        heights = [result["ways"][name]["parts"][part]["median"] for name in names]
        right.bar(names, heights, bottom=bottom, color=colour, label=part)
        bottom += heights
    right.set(ylabel="seconds of an update")
    right.legend(loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=5, frameon=False, fontsize=8)
    save(figure, "scaling")


if __name__ == "__main__":
    alone("scaling")
