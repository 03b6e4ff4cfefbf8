"""Fine-tune as a Hugging Face Job: `python jobs/hugging_face.py --image IMAGE --bucket NAME ...`.

The image is made of jobs/Dockerfile and lies where the Hub can fetch it. All that comes after `--`
goes to the training. The run's folder lies in a bucket of the Hub, so that a second attempt goes on
where the first one stopped. Without `--submit` the job is printed, and nothing is sent.
The arguments are checked by a test against huggingface_hub. NOT run on the Hub.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from huggingface_hub import Volume, run_job


def job(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments of `huggingface_hub.run_job`."""
    train = ["-m", "asr_helpers.train", "--out", "/run/out", "--resume", *options.training]
    command = ["python", *train]
    if options.gpus > 1:
        command = ["torchrun", "--standalone", "--nproc-per-node", str(options.gpus), *train]
    return {
        "image": options.image, "command": command, "flavor": options.flavor,
        "timeout": options.timeout, "attempts": options.attempts,
        "volumes": [Volume(type="bucket", source=options.bucket, mount_path="/run")],
    }  # fmt: skip


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; what comes after `--` is kept as it is."""
    made = argparse.ArgumentParser(description=__doc__, prog="python jobs/hugging_face.py")
    made.add_argument("--image", required=True)
    made.add_argument("--bucket", required=True, help="such as name/runs, made before")
    made.add_argument("--flavor", default="a10g-small", help="`hf jobs hardware` lists them")
    made.add_argument("--gpus", type=int, default=1, help="of that flavor: one process each")
    made.add_argument("--timeout", default="6h")
    made.add_argument("--attempts", type=int, default=3)
    made.add_argument("--submit", action="store_true", help="send it; it costs money")
    made.add_argument("training", nargs="*", help="options of asr_helpers.train, after --")
    return made.parse_args(arguments)


if __name__ == "__main__":
    chosen = parsed()
    told = job(chosen)
    if not chosen.submit:
        print(json.dumps(told, indent=1, default=str))
        sys.exit("Not sent: add --submit to start it.")
    print(run_job(**told).url)
