"""Minutes and costs by arithmetic from a measured run: `python jobs/cost.py RUN/log.jsonl --price 1.20`.

RUN is what `asr_helpers.train` left. The speed is measured there: seconds of speech a second of the
clock, all processes together. Only the time between two logged updates counts, without evaluation,
checkpoints, preparation and the head. The table is no measurement: it takes the speed as constant,
and more machines as a `share` of perfect.

    minutes = hours * passes * 3600 / (speed * machines * share) / 60
    cost    = minutes / 60 * price * machines
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

HOURS = (1, 10, 100, 1000)


def entries(path: str | Path) -> list[dict[str, Any]]:
    """The lines of a log; one that was cut off is left out."""
    found = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def speed(log: Iterable[Mapping[str, Any]]) -> float:
    """Seconds of speech trained on in a second of the clock.

    Raises:
        ValueError: the log has no two updates in a row.
    """
    audio, clock, update, before = 0.0, 0.0, 0.0, None
    for entry in log:
        if entry["event"] == "corpus":
            update = entry["update_seconds"]
        steps = entry["event"] == "training" and "loss" in entry
        if steps and before is not None:
            audio += (entry["step"] - before["step"]) * update
            clock += entry["time"] - before["time"]
        before = entry if steps else None
    if not (audio and clock):
        raise ValueError("The log has no two updates in a row: train longer to measure a speed.")
    return audio / clock


def minutes(
    hours: float, passes: float, speed: float, machines: int = 1, share: float = 1
) -> float:
    """How long `machines` train on `hours` of speech, `passes` times over."""
    return hours * passes * 3600 / (speed * machines * share) / 60


def table(speed: float, passes: float, price: float, machines: int = 1, share: float = 1) -> str:
    """The table for HOURS in Markdown; `price` of one machine for an hour."""
    lines = ["| hours of speech | minutes | cost |", "|---|---|---|"]
    for hours in HOURS:
        taken = minutes(hours, passes, speed, machines, share)
        lines.append(f"| {hours} | {taken:.1f} | {taken / 60 * price * machines:.2f} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the speed, its machine and the table."""
    made = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], prog="python jobs/cost.py"
    )
    made.add_argument("log", type=Path)
    made.add_argument("--price", type=float, required=True, help="of one machine for an hour")
    made.add_argument("--passes", type=float, default=10.0, help="over the corpus")
    made.add_argument("--machines", type=int, default=1)
    made.add_argument("--share", type=float, default=1.0, help="of perfect, with more machines")
    options = made.parse_args(arguments)
    log = entries(options.log)
    found = speed(log)
    start = next(entry for entry in log if entry["event"] == "start")
    print(f"{found:.1f} s of speech a second, {start['processes']} processes on {start['machine']}")
    print(table(found, options.passes, options.price, options.machines, options.share))


if __name__ == "__main__":
    main()
