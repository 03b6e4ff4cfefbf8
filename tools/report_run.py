"""Write what a run of lesson 05 measured as a page that can be shared.

    python -m tools.report_run [--profile hub]

The page, `build/run-PROFILE.md`, holds the machine, the versions, the validation curve, the test WER
with its interval, and every knob. It names no path, no person and no token: paste it into an issue.
"""

import argparse
import json
import sys
from pathlib import Path

from asr_helpers.artifacts import require, saving
from asr_helpers.profiles import PROFILES, load_profile
from asr_helpers.report import report_page

BUILD = Path(__file__).resolve().parent.parent / "build"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.report_run")
    parser.add_argument("--profile", default="hub", choices=list(PROFILES))
    profile = load_profile(parser.parse_args(arguments).profile)
    try:
        stored = require(profile.artifacts / "05_run.json", "05")
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    with saving(BUILD / f"run-{profile.name}.md") as half:
        half.write_text(report_page(json.loads(stored.read_text("utf-8"))), encoding="utf-8")
    print(f"build/run-{profile.name}.md")


if __name__ == "__main__":
    main()
