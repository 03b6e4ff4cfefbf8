"""Fine-tune as a SageMaker training job: `python jobs/sagemaker_job.py --image URI --role ARN ...`.

For the SDK of version 3 (`pip install sagemaker`), whose ModelTrainer took the place of the
estimators of version 2. The image is made of jobs/Dockerfile and lies in your registry. All that
comes after `--` goes to the training. On spot instances the folder of checkpoints is kept in S3, so
that the job goes on after an interruption. Without `--submit` the job is printed, and nothing is
sent. The names of classes and fields were compared with sagemaker-train 1.27.0. NOT run on SageMaker.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

CHECKPOINTS, CORPUS = "/opt/ml/checkpoints", "/opt/ml/input/data/corpus"


def job(options: argparse.Namespace) -> dict[str, Any]:
    """The job as plain values, by the names of the SDK's classes and their fields."""
    train = [
        "-m",
        "asr_helpers.train",
        "--corpus",
        CORPUS,
        "--out",
        f"{CHECKPOINTS}/run",
        "--resume",
    ]
    launch = ["torchrun", "--standalone", "--nproc-per-node", str(options.gpus)]
    start = launch if options.gpus > 1 else ["python"]
    seconds = int(options.hours * 3600)
    return {
        "ModelTrainer": {
            "training_image": options.image, "role": options.role, "base_job_name": "asr-course",
        },
        "SourceCode": {"command": shlex.join([*start, *train, *options.training])},
        "Compute": {
            "instance_type": options.instance, "instance_count": 1,
            "enable_managed_spot_training": options.spot,
        },
        "StoppingCondition": {
            "max_runtime_in_seconds": seconds,
            **({"max_wait_time_in_seconds": 2 * seconds} if options.spot else {}),
        },
        "CheckpointConfig": {"s3_uri": f"{options.bucket}/run", "local_path": CHECKPOINTS},
        "InputData": {"channel_name": "corpus", "data_source": options.corpus},
    }  # fmt: skip


def submit(told: Mapping[str, Mapping[str, Any]]) -> None:
    """Send the job. It costs money."""
    from sagemaker.core.training import configs
    from sagemaker.train import ModelTrainer

    trainer = ModelTrainer(
        **told["ModelTrainer"],
        source_code=configs.SourceCode(**told["SourceCode"]),
        compute=configs.Compute(**told["Compute"]),
        stopping_condition=configs.StoppingCondition(**told["StoppingCondition"]),
        checkpoint_config=configs.CheckpointConfig(**told["CheckpointConfig"]),
    )
    trainer.train(input_data_config=[configs.InputData(**told["InputData"])], wait=False)


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; what comes after `--` is kept as it is."""
    made = argparse.ArgumentParser(description=__doc__, prog="python jobs/sagemaker_job.py")
    made.add_argument("--image", required=True, help="URI in your registry")
    made.add_argument("--role", required=True, help="ARN of the role that the job has")
    made.add_argument("--corpus", required=True, help="s3:// folder, as `load_folder` reads it")
    made.add_argument("--bucket", required=True, help="s3:// folder for what the run leaves")
    made.add_argument("--instance", default="ml.g5.xlarge")
    made.add_argument("--gpus", type=int, default=1, help="of that instance: one process each")
    made.add_argument("--hours", type=float, default=6.0, help="after which the job is stopped")
    made.add_argument("--spot", action=argparse.BooleanOptionalAction, default=True)
    made.add_argument("--submit", action="store_true", help="send it; it costs money")
    made.add_argument("training", nargs="*", help="options of asr_helpers.train, after --")
    options = made.parse_args(arguments)
    for name in ("corpus", "bucket"):
        if not getattr(options, name).startswith("s3://"):
            made.error(f"--{name} is no s3:// address: {getattr(options, name)}")
    if not options.role.startswith("arn:"):
        made.error(f"--role is no ARN, such as arn:aws:iam::123456789012:role/name: {options.role}")
    return options


if __name__ == "__main__":
    chosen = parsed()
    found = job(chosen)
    if not chosen.submit:
        print(json.dumps(found, indent=1))
        sys.exit("Not sent: add --submit to start it.")
    submit(found)
