"""The checkpoints of a training that may be cut off, and that one process at a time may write."""

import json
import shutil
import zipfile
from contextlib import contextmanager
from pathlib import Path

import filelock
from safetensors import SafetensorError, safe_open

from asr_helpers.artifacts import explained

# What a checkpoint needs to be resumed from; the last is written last.
PARTS = ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json")


@contextmanager
def training_in(folder):
    """Train in `folder` alone: two that write checkpoints into one folder would mix them.

    The lock is the system's: it goes with the process that holds it, however that ends.

    Raises:
        RuntimeError: another notebook or run trains there; the message says what to do.
        OSError: something cannot be written there; see `asr_helpers.artifacts.explained`.
    """
    folder = Path(folder)
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder.with_name(f"{folder.name}.lock"), timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise RuntimeError(
                f"Another notebook or run is training in {folder}, and both would write the same "
                "checkpoints. Wait for its end, or shut that notebook's kernel down, and run this "
                "cell again."
            ) from None
        try:
            yield
        finally:
            lock.release()


def last_checkpoint(folder):
    """The newest whole checkpoint in `folder`, a path as text, or None.

    One of whose files any is missing or cut off, because the process or the machine ended while it
    was written, cannot be resumed from, and is deleted.
    """
    steps = {int(path.name.split("-")[1]): path for path in Path(folder).glob("checkpoint-*")}
    for _, path in sorted(steps.items(), reverse=True):
        if all(_is_whole(path / part) for part in PARTS):
            return str(path)
        shutil.rmtree(path)
    return None


def _is_whole(file):
    """Whether the file is there and ends where its own format says."""
    try:
        if file.suffix == ".safetensors":
            with safe_open(file, "np"):
                return True
        if file.suffix == ".json":
            return isinstance(json.loads(file.read_text(encoding="utf-8")), dict)
        with zipfile.ZipFile(file) as archive:  # torch.save's format; its sums are checked
            return archive.testzip() is None
    except (FileNotFoundError, SafetensorError, ValueError, zipfile.BadZipFile):
        return False
