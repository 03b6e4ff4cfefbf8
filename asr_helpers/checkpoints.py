"""Checkpoints of a training that may be interrupted; only one process at a time writes them."""

import dataclasses
import errno
import hashlib
import json
import re
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
from safetensors import SafetensorError, safe_open

from asr_helpers.artifacts import explained, saving, zeros_at_the_end
from asr_helpers.parallel import process_count
from asr_helpers.stream import StreamedBatches

# What a checkpoint needs to be resumed from; the last is written last.
PARTS = ("model.safetensors", "optimizer.pt", "scheduler.pt", "trainer_state.json")
# One file where one process trained, or one of each process: rng_state_0.pth, rng_state_1.pth, ...
RANDOM = "rng_state*.pth"
OURS = re.compile(r"checkpoint-(0|[1-9][0-9]*)")
RECORD = "run.json"
# Knobs that say where files go and what the lessons claim, and change no weight.
NOT_TRAINING = {
    "name", "artifacts", "share_as", "measured", "licence", "shares", "heart_steps", "base_model",
    "ready_model", "decoding", "adaptation", "recordings",
}  # fmt: skip


class Busy(RuntimeError):
    """Another process trains in the same folder."""


@contextmanager
def training_in(folder: str | Path) -> Iterator[None]:
    """Lock `folder` for one training: two trainings in one folder would mix their checkpoints.

    The operating system holds the lock. It releases the lock when the process ends in any way.

    Raises:
        Busy: another notebook or run trains in this folder; the message says what to do.
        OSError: something cannot be written there; see `asr_helpers.artifacts.explained`.
    """
    folder = Path(folder)
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder.with_name(f"{folder.name}.lock"), timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise Busy(
                f"Another notebook or run is training in {folder}, and both would write the same "
                "checkpoints. Wait for its end, or shut that notebook's kernel down, and run this "
                "cell again."
            ) from None
        try:
            yield
        finally:
            lock.release()


def describe_run(profile: Any, processor: Any, model: Any, train: Any, validation: Any) -> dict:
    """Everything that the weights of a training depend on, as plain values for JSON.

    Args:
        profile: a Profile; its knobs are kept one by one.
        processor: its vocabulary is kept.
        model: its config tells which commit of the Hub it came from.
        train, validation: prepared splits; a checksum of their lengths and labels is kept. If
            `train` is a stream, its shards and the number of processes are kept instead.
    """
    knobs = {k: v for k, v in dataclasses.asdict(profile).items() if k not in NOT_TRAINING}
    vocabulary = processor.tokenizer.get_vocab()
    run = {f"knob {name}": value for name, value in knobs.items()}
    # Batches in an update, of all processes: a resumed training may have more or fewer processes.
    run["knob accumulation"] = profile.accumulation * process_count()
    run |= {
        "vocabulary": _sum(sorted(vocabulary, key=vocabulary.get)),
        "base model": _base_sum(profile.base_model, model),
        "validation rows": _rows_sum(validation),
    }
    if isinstance(train, StreamedBatches):
        told = train.description()
        # Each process has its own part of the stream, and its own place there.
        run |= {"knob processes": told.pop("processes"), "shards": _sum(told)}
    else:
        run["training rows"] = _rows_sum(train)
    return json.loads(json.dumps(run, default=str))


def last_checkpoint(folder: str | Path, run: Mapping[str, Any] | None = None) -> str | None:
    """The newest whole checkpoint in `folder`, a path as text, or None.

    The newest checkpoint is the one with the most steps, whatever its date. If the process or the
    machine ended during writing, a file of the checkpoint may be missing or truncated. Training
    cannot resume from such a checkpoint, so it is deleted. Only folders named `checkpoint-` and a
    number are deleted.

    Args:
        folder: where the Trainer writes.
        run: from `describe_run`; None compares nothing.

    Raises:
        ValueError: the checkpoints are of another run, or the newest one was copied from another
            run; the message says what differs, and what to do.
    """
    folder = Path(folder)
    checkpoints = checkpoints_in(folder)
    if run is not None and checkpoints:
        _compare(folder, run, f"The checkpoints in {folder} are")
    for path in reversed(checkpoints):
        random = sorted(path.glob(RANDOM))
        files = [*(path / part for part in PARTS), *random]
        if random and all(map(_is_whole, files)):
            if run is not None and (path / RECORD).exists():
                _compare(path, run, f"{path} is")
            return str(path)
        shutil.rmtree(path)
    return None


def begin(folder: str | Path, run: Mapping[str, Any]) -> None:
    """Write the description of a run into `folder`, before its first checkpoint."""
    with saving(Path(folder) / RECORD) as half:
        half.write_text(json.dumps(run, indent=1, sort_keys=True), encoding="utf-8")


def keep_record(folder: str | Path, checkpoint: str | Path) -> None:
    """Copy the description of the run in `folder`, if there is one, into one of its checkpoints."""
    if (Path(folder) / RECORD).is_file():
        shutil.copy(Path(folder) / RECORD, checkpoint)


def checkpoints_in(folder: str | Path) -> list[Path]:
    """The folders in `folder` that are named `checkpoint-` and a number, by that number."""
    found = {
        int(match.group(1)): path
        for path in (Path(folder).iterdir() if Path(folder).is_dir() else ())
        if (match := OURS.fullmatch(path.name)) and path.is_dir() and not path.is_symlink()
    }
    return [path for _, path in sorted(found.items())]


def drop_old(folder: str | Path, keep: int, best: str | None) -> None:
    """Delete the oldest checkpoints until `keep` are left; the best checkpoint is kept."""
    found = checkpoints_in(folder)
    spare = [path for path in found[:-1] if best is None or path.name != Path(best).name]
    for path in spare[: max(0, len(found) - keep)]:
        shutil.rmtree(path)


def _compare(folder: Path, run: Mapping[str, Any], which: str) -> None:
    """Raise ValueError if `folder` holds the description of another run than `run`.

    `which` begins the message, such as "The checkpoints in 05_training are".
    """
    anew = f"delete {folder} to begin anew"
    try:
        kept = dict(json.loads((folder / RECORD).read_text(encoding="utf-8")) or None)
    except (OSError, TypeError, ValueError):
        raise ValueError(
            f"{folder / RECORD} is missing or damaged: {anew}. This file says with which settings "
            "the files beside it were trained."
        ) from None
    changes = [name for name in sorted({*kept, *run}) if kept.get(name) != run.get(name)]
    if not changes:
        return
    told = [
        f"{name[5:]} was {kept.get(name)} and is {run.get(name)}"
        if name.startswith("knob")
        else f"the {name} changed"
        for name in changes[:4]
    ]
    raise ValueError(
        f"{which} of another run: {', '.join(told)}. Undo this change to go "
        f"on with that run, or {anew}."
    )


def _sum(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def _rows_sum(rows: Any) -> str:
    plain = rows.with_format(None)
    return _sum([list(plain["input_length"]), [list(labels) for labels in plain["labels"]]])


def _base_sum(name: str, model: Any) -> str:
    """A folder's weights, wherever it lies; or the name on the Hub with the commit."""
    weights = [Path(name) / "model.safetensors"]
    if not weights[0].is_file():  # in parts, or in the former format
        weights = sorted(p for end in ("safetensors", "bin") for p in Path(name).glob(f"*.{end}"))
    if weights:
        return hashlib.sha256(b"".join(path.read_bytes() for path in weights)).hexdigest()[:16]
    return f"{name} {getattr(model.config, '_commit_hash', None)}"


def _is_whole(file: Path) -> bool:
    """Whether the file exists and is not truncated.

    Raises:
        OSError: it cannot be opened, and may be whole.
    """
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        try:
            if file.suffix == ".safetensors":
                with safe_open(file, "np"):  # the format has no checksums
                    return not zeros_at_the_end(file)
            if file.suffix == ".json":
                return isinstance(json.loads(opened.read()), dict)
            with zipfile.ZipFile(opened) as archive:  # torch.save's format; its sums are checked
                return archive.testzip() is None
        except OSError as error:
            if error.errno != errno.EINVAL:  # a place before the file's beginning
                raise
            return False
        except (
            SafetensorError, ValueError, RecursionError, zipfile.BadZipFile, zlib.error, EOFError,
            RuntimeError, struct.error,
        ):  # fmt: skip
            return False
