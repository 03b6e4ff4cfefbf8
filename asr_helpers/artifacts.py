"""Files that one lesson leaves and another reads."""

import errno
import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import psutil
from safetensors import SafetensorError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
SHUT = {errno.EACCES, errno.EPERM, errno.EROFS}


def require(path, lesson):
    """The path, if the lesson that makes it has run.

    Args:
        path: a file or folder below `profile.artifacts`.
        lesson: the number of the lesson that makes it, such as "05".

    Raises:
        FileNotFoundError: it is missing, or an empty folder; the message says what to run.
    """
    path = Path(path)
    _bring_back(path)
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        return path
    raise FileNotFoundError(
        f"{path} is missing: run lesson {lesson}, which makes it, with this same PROFILE, or run "
        "every lesson in order with `make course`."
    )


@contextmanager
def saving(path):
    """Write a file or a folder whole or not at all: `with saving(path) as half:`, and write to `half`.

    What is at `path` stays until all is written, and stays if anything fails; then `half` takes its
    place. What a killed process left half is deleted by the next one that saves there.

    Raises:
        OSError: see `explained`.
    """
    path = Path(path)
    half, old = (path.with_name(f"{path.name}.{kind}-{os.getpid()}") for kind in ("half", "old"))
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _bring_back(path)
        for left in [*_left(path, "half"), *_left(path, "old")]:
            _remove(left)
        try:
            yield half
            if path.is_dir():
                path.rename(old)  # a folder cannot take the place of another
            half.replace(path)
        finally:
            _bring_back(path)
            _remove(half)
            _remove(old)


@contextmanager
def explained(path):
    """Say in a sentence why `path` cannot be written; safetensors and torch hide it in their errors.

    Raises:
        OSError: the disk is full; PermissionError: one may not write there. The message says what
            to do; other errors pass as they are.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        number = getattr(error, "errno", None)
        if found := re.search(r"os error (\d+)", str(error)):
            number = int(found.group(1))
        if re.search("inline_container|iostream", str(error)):  # torch.save on a full disk
            number = errno.ENOSPC
        if number in FULL:
            raise OSError(
                f"{path} could not be written: the disk, or your share of it, is full. Free some "
                "space and run this again; what was saved before is still there."
            ) from error
        if number in SHUT:
            raise PermissionError(
                f"{path} could not be written: you may not write there. Copy the course into a "
                "folder of your own and run it from there."
            ) from error
        raise


def _left(path, kind):
    """What processes that are no longer there left beside `path`."""
    for left in path.parent.glob(f"{path.name}.{kind}-*"):
        number = left.name.rpartition("-")[2]
        if number.isdigit() and (int(number) == os.getpid() or not psutil.pid_exists(int(number))):
            yield left


def _bring_back(path):
    """Undo a replacement that was cut off between its two steps."""
    if not path.exists():
        for old in _left(path, "old"):
            old.rename(path)
            return


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
