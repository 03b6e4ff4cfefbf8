"""Does memory grow with the corpus when it is streamed? 1, 10 and 100 hours, without a model.

    python -m benchmarks.streaming [--quick]

The embedded English training split, prepared as shards, is listed again and again until the list
holds that many hours. One epoch is read: windows, batches, decoding. Memory is that of the whole
process. The same 16 minutes come many times, so the system keeps the files in its cache: the speed
is that of decoding and not of a disk.
"""

import shutil
import time

import matplotlib.pyplot as plt

from asr_helpers import plots
from benchmarks.common import BUILD, alone, measured, peak_mb, save

HOURS, QUICK_HOURS = (1, 10, 100), (0.2, 0.4)
SHARDS, RATE = 8, 16_000
FOLDER = BUILD / "streaming_shards"


def measure(hours):
    """Read that many hours: {"hours", "seconds", "cpu_seconds", "memory_mb", "course"}.

    "course" holds [hours read, peak memory in MB] at each tenth of the way.
    """
    import json

    from transformers import AutoConfig

    from asr_helpers.profiles import load_profile
    from asr_helpers.shards import shards_in
    from asr_helpers.stream import StreamedBatches

    shards = shards_in(FOLDER)
    about = [json.loads(path.with_suffix(".json").read_text()) for path in shards]
    once = sum(shard["seconds"] for shard in about) / 3600
    profile = load_profile("offline")
    stream = StreamedBatches(
        [shards * max(1, round(hours / once))], AutoConfig.from_pretrained(profile.base_model),
        rate=RATE, batch_seconds=profile.batch_seconds, window_seconds=600.0, seed=profile.seed,
    )  # fmt: skip
    read, course = 0.0, []
    start, processed = time.perf_counter(), time.process_time()
    for batch in stream:
        if batch[0]["place"]["epoch"]:
            break
        read += sum(len(row["input_values"]) for row in batch) / RATE / 3600
        if read >= (len(course) + 1) * hours / 10:
            course.append([read, peak_mb()])
    return {
        "hours": read, "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - processed, "memory_mb": peak_mb(), "course": course,
    }  # fmt: skip


def run(quick):
    """Prepare the shards, and read each number of hours in a process of its own."""
    from asr_helpers.corpus import load_corpus
    from asr_helpers.processor import load_processor
    from asr_helpers.profiles import load_profile
    from asr_helpers.shards import prepare_shards

    rows = load_corpus()["train"]
    if quick:
        rows = rows.select(range(40))
    processor = load_processor(load_profile("offline").base_model)
    shutil.rmtree(FOLDER, ignore_errors=True)  # what a run of another corpus left
    parts = [rows.shard(SHARDS, number, contiguous=True) for number in range(SHARDS)]
    prepare_shards(parts, processor, "en-US", FOLDER)
    found = []
    for hours in QUICK_HOURS if quick else HOURS:
        found.append(measured("streaming", hours=hours))
        print(f"  {hours} hours: {found[-1]['memory_mb']:.0f} MB", flush=True)
    shutil.rmtree(FOLDER)
    return {"runs": found}


def table(result):
    """The lines to print."""
    lines = [f"{'hours':>8}{'CPU s':>10}{'hours a CPU hour':>20}{'peak MB':>10}"]
    for run in result["runs"]:
        speed = run["hours"] * 3600 / run["cpu_seconds"]
        lines.append(
            f"{run['hours']:>8.1f}{run['cpu_seconds']:>10.1f}{speed:>20.0f}{run['memory_mb']:>10.0f}"
        )
    return lines


def draw(result):
    """Peak memory on the way through each number of hours."""
    figure, panel = plt.subplots(figsize=(7, 4), layout="constrained")
    colours = (plots.BLUE, plots.ORANGE, plots.GREEN)
    for run, colour in zip(result["runs"], colours):
        hours, memory = zip(*run["course"])
        panel.plot(hours, memory, "o-", color=colour, label=f"{run['hours']:.1f} hours")
    panel.set(xscale="log", xlabel="hours read", ylabel="peak memory (MB)")
    panel.set_ylim(bottom=0)
    panel.legend()
    save(figure, "streaming")


if __name__ == "__main__":
    alone("streaming")
