"""Measure the course against what people would pick instead, side by side.

    python -m benchmarks [--quick] [part ...]

Parts: training, time_to_wer, transcription, growth, real_size, step_profile, learning, languages,
browser, streaming, scaling; all if none is named.
Prints a table, and writes plots to `build/bench/` and all results to `build/bench.json`. The parts
that are not named keep their earlier results there. With --quick the names begin with
`build/bench-quick`. See benchmarks/README.md.
"""

import argparse
import importlib
import json
import time

from benchmarks.common import BUILD, ROOT, keep, machine

# In this order, since a part may need what an earlier part made.
PARTS = [
    "training", "time_to_wer", "transcription", "growth", "real_size", "step_profile", "learning",
    "languages", "browser", "streaming", "scaling",
]  # fmt: skip


def report():
    """What every part has left in build/bench/, as `build/bench.json` has it."""
    kept = {
        part: json.loads((BUILD / f"{part}.json").read_text())
        for part in PARTS
        if (BUILD / f"{part}.json").exists()
    }
    found = {"machine": machine(), "train": kept.pop("training", {})}
    transcription = kept.pop("transcription", {})
    found["transcribe"] = transcription.pop("systems", [])
    return found | {"transcribe_conditions": transcription} | kept


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="few repetitions, to try it out")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    start, lines = time.perf_counter(), []
    for number, part in enumerate(wanted := options.parts or PARTS):
        print(f"[{number + 1} of {len(wanted)}] {part}", flush=True)
        module = importlib.import_module(f"benchmarks.{part}")
        result = module.run(options.quick)
        keep(part, result)
        module.draw(result)
        lines += ["", *module.table(result)]
    text = json.dumps(report(), indent=1) + "\n"
    BUILD.with_suffix(".json").write_text(text)
    print("\n".join(lines))
    place = BUILD.relative_to(ROOT)
    print(f"\n{time.perf_counter() - start:.0f} s. Details: {place}.json, plots: {place}/")


if __name__ == "__main__":
    main()
