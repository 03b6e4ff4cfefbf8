"""Files that one lesson leaves and another reads."""

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
