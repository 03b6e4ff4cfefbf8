"""Files that one lesson leaves and another reads, or the same lesson when it was cut off."""

import json
import shutil
from pathlib import Path


def require(path, lesson):
    """The path, if the lesson that makes it has run.

    Args:
        path: a file or folder below `profile.artifacts`.
        lesson: the number of the lesson that makes it, such as "04".

    Raises:
        FileNotFoundError: it is missing, or an empty folder; the message says what to run.
    """
    path = Path(path)
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        return path
    raise FileNotFoundError(
        f"{path} is missing: run lesson {lesson}, which makes it, with this same PROFILE, or run "
        "every lesson in order with `make course`."
    )


def last_checkpoint(folder):
    """The newest whole checkpoint in `folder`, a path as text, or None.

    The Trainer writes `trainer_state.json` last: a checkpoint without it, or with half of it, was
    cut off while being written. Such a one cannot be resumed from, and is deleted.
    """
    steps = {int(path.name.split("-")[1]): path for path in Path(folder).glob("checkpoint-*")}
    for _, path in sorted(steps.items(), reverse=True):
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
            return str(path)
        except (FileNotFoundError, json.JSONDecodeError):
            shutil.rmtree(path)
    return None
