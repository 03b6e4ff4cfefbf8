"""Put in place what the lessons before a given one would have left, for a class that fell behind.

    python course.py catch-up 06 [--profile offline]

Where lesson 05 was not run to its end, the fine-tuned model that comes with the course takes its
place. Nothing of your own is changed: your model, your checkpoints and your scores stay.
"""

import sys
from pathlib import Path

from transformers.utils import logging

from asr_helpers.checkpoints import checkpoints_in
from asr_helpers.finished import OWN, finished_metrics, finished_model
from asr_helpers.profiles import Profile
from tools.arguments import of_catch_up


def wants_a_model(lesson: Path) -> bool:
    """Whether a lesson reads a fine-tuned model, which lesson 05 makes."""
    return "finished_model(" in lesson.read_text(encoding="utf-8")


def catch_up(lesson: Path, profile: Profile) -> list[str]:
    """Put in place what `lesson` reads, and say in sentences what it will use.

    Args:
        lesson: its notebook.
        profile: the profile that the lesson will be run with.

    Raises:
        ValueError: the learner's own model, or the course's, is damaged; the message says what to
            do. Nothing is changed then.
        OSError: something cannot be written.
    """
    if not wants_a_model(lesson):
        return ["This lesson reads nothing that an earlier one makes."]
    try:
        finished = finished_model(profile)
    except ValueError as error:
        own = profile.artifacts / OWN
        if not own.is_dir():
            raise
        raise ValueError(
            f"{error} To go on at once, rename the folder {own}, and run this again: the model that "
            "comes with the course is then used."
        ) from error
    said = [f"{finished} It lies in {finished.place}."]
    if finished.whose != "own":
        left = checkpoints_in(profile.artifacts / "05_training")
        if left:
            said.append(
                f"Your own training stopped at {left[-1].name}. It stays: run lesson 05 again to go on "
                "from there, and the later lessons use your model from then on."
            )
    scores = finished_metrics(profile)
    if "validation_wer" in scores:
        said.append(f"The model's validation WER is {scores['validation_wer']:.3f}.")
    return said


def main() -> None:
    options = of_catch_up()
    logging.set_verbosity_error()  # the head that the base model lacks is expected here
    logging.disable_progress_bar()
    try:
        said = catch_up(options.lesson, options.profile)
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(*said, f"Go on with notebooks/{options.lesson.name}.", sep="\n")


if __name__ == "__main__":
    main()
