"""Make the fine-tuned model that comes with the course, from what lesson 05 left.

    python -m tools.ship

Lessons 06 and on use it where lesson 05 has not been run. It holds only the weights that differ
from the base model's, in half precision.
"""

import json
import sys
from pathlib import Path

from asr_helpers.artifacts import require
from asr_helpers.finished import LESSON, METRICS, OWN, ship
from asr_helpers.profiles import load_profile


def main() -> None:
    profile = load_profile("offline")
    try:
        finetuned = require(profile.artifacts / OWN, LESSON)
        metrics = json.loads(require(profile.artifacts / METRICS, LESSON).read_text("utf-8"))
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    target = Path(profile.ready_model)
    changed = ship(finetuned, Path(profile.base_model), target, metrics)
    size = sum(file.stat().st_size for file in target.iterdir()) / 1e6
    print(f"{target.name}: {len(changed)} tensors that fine-tuning changed, {size:.1f} MB")


if __name__ == "__main__":
    main()
