"""Files that one lesson writes and another lesson reads."""

import errno
import glob
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch
from safetensors import SafetensorError, safe_open
from transformers import AutoConfig, AutoModelForCTC

RATES = (4000, 192_000)  # samples a second that a model may take
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
SHUT = {errno.EACCES, errno.EPERM, errno.EROFS}
BLOCKED = {errno.EEXIST, errno.ENOTDIR, errno.ELOOP}


# The files of a saved model. One of the two EXTRACTOR_FILES is enough: each tells how sound is read.
MODEL_FILES = ("config.json", "model.safetensors", "vocab.json", "tokenizer_config.json")
EXTRACTOR_FILES = ("processor_config.json", "preprocessor_config.json")


def require(path: str | Path, lesson: str) -> Path:
    """Return `path` if the lesson that makes it has run, and if the files are complete.

    A folder must hold a model whose files can be read, with a CTC head and without NaN in its
    weights. A `.json` file must be readable.

    Args:
        path: a file or folder below `profile.artifacts`.
        lesson: the number of the lesson that makes it, such as "05".

    Raises:
        FileNotFoundError: it is missing, or an empty folder; the message says what to run.
        ValueError: it is damaged; the message names the folder, the file and the lesson.
    """
    path = Path(path)
    _bring_back(path)
    if not (path.is_file() or (path.is_dir() and any(path.iterdir()))):
        raise FileNotFoundError(
            f"{path} is missing: run lesson {lesson}, which makes it, with this same PROFILE, or "
            "run every lesson in order with `make course`."
        )
    if wrong := damage(path):
        raise ValueError(
            f"{path} is damaged: {wrong}. Delete {path.name}, and run lesson {lesson}, which makes "
            "it, with this same PROFILE."
        )
    return path


def damage(path: Path) -> str | None:
    """What is wrong with a `.json` file or a folder with a model, naming the file; None if nothing."""
    if path.is_file():
        return _unreadable(path) if path.suffix == ".json" else None
    for name in MODEL_FILES:
        if not (path / name).is_file():
            return f"{name} is missing"
    readers = [path / name for name in EXTRACTOR_FILES if (path / name).is_file()]
    if not readers:
        return f"{EXTRACTOR_FILES[0]} is missing"
    for file in [path / name for name in MODEL_FILES if name.endswith(".json")] + readers:
        if wrong := _unreadable(file):
            return wrong
    outputs, tokens, tokenizer = (
        json.loads((path / name).read_text(encoding="utf-8"))
        for name in ("config.json", "vocab.json", "tokenizer_config.json")
    )
    if not isinstance(size := outputs.get("vocab_size"), int):
        return "config.json does not say how many tokens the model writes (vocab_size)"
    limit = outputs.get("max_frames")
    if limit is not None and (type(limit) is not int or limit < 1):
        return f"config.json says max_frames {limit!r}, which is no positive whole number"
    for name in ("conv_kernel", "conv_stride"):
        values = outputs.get(name, [1])
        if not isinstance(values, list) or any(type(n) is not int or n < 1 for n in values):
            return f"config.json says {name} {values!r}, which are no positive whole numbers"
    if any(type(n) is not int or not 0 <= n < size for n in tokens.values()):
        return f"vocab.json does not hold tokens numbered 0 to {size - 1}, as config.json says"
    if wrong := _wrong_tokens(tokens, tokenizer, size, outputs.get("pad_token_id")):
        return wrong
    for file in readers:
        stored = json.loads(file.read_text(encoding="utf-8"))
        if file.name == EXTRACTOR_FILES[0]:
            stored = stored.get("feature_extractor")
        rate = stored.get("sampling_rate") if isinstance(stored, dict) else None
        if not isinstance(rate, int) or not RATES[0] <= rate <= RATES[1]:
            return f"{file.name} does not say at how many samples a second sound is read"
    try:
        expected = _expected_weights(path)
    except Exception:  # each wrong value in a config ends in an error of its own kind
        return "config.json does not describe a CTC model"
    return _wrong_weights(path / "model.safetensors", expected)


def _wrong_tokens(
    tokens: Mapping[str, int], tokenizer: Mapping, size: int, number_of_blank: int | None
) -> str | None:
    """What is wrong with a vocabulary of `size` tokens; tokenizer_config.json may add some."""
    added = tokenizer.get("added_tokens_decoder")
    added = added if isinstance(added, dict) else {}
    known = {*tokens.values(), *(int(number) for number in added if str(number).isdecimal())}
    if missing := [number for number in range(min(size, len(known) + 5)) if number not in known]:
        return f"vocab.json lacks the tokens of the numbers {', '.join(map(str, missing[:5]))}"
    if len(set(tokens.values())) < len(tokens):
        twice = next(t for t, n in tokens.items() if list(tokens.values()).count(n) > 1)
        return f"vocab.json gives the number of {twice!r} to another token, too"
    blank = tokenizer.get("pad_token", "<pad>")
    blank = blank.get("content") if isinstance(blank, dict) else blank
    if blank not in tokens:
        return f"tokenizer_config.json calls the blank {blank!r}, which is not in vocab.json"
    if tokens[blank] != number_of_blank:
        return (
            f"config.json says that the blank is number {number_of_blank}, and the tokenizer's "
            f"blank, {blank!r}, is number {tokens[blank]}"
        )
    space = tokenizer.get("word_delimiter_token", "|")
    space = space.get("content") if isinstance(space, dict) else space
    if space is not None and space not in tokens:
        return f"tokenizer_config.json parts words with {space!r}, which is not in vocab.json"
    if "CTC" not in str(tokenizer.get("tokenizer_class", "CTC")):
        return f"tokenizer_config.json names {tokenizer['tokenizer_class']}, which is not for CTC"
    return None


def zeros_at_the_end(file: Path) -> bool:
    """Whether the last 4096 bytes are zeros, as after a power failure during writing."""
    with file.open("rb") as opened:
        opened.seek(0, os.SEEK_END)
        if opened.tell() < 4096:
            return False
        opened.seek(-4096, os.SEEK_END)
        return not any(opened.read())


def _expected_weights(folder: Path) -> dict[str, list[int]]:
    """The shape of each weight that the folder's config.json asks for. No weight is made."""
    config = AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        model = AutoModelForCTC.from_config(config)
    return {name: list(weight.shape) for name, weight in model.state_dict().items()}


def _unreadable(file: Path) -> str | None:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(stored, dict):
            return None if stored else f"{file.name} holds nothing"
    except (ValueError, RecursionError):  # no JSON, or no text
        pass
    except OSError:
        return f"{file.name} cannot be read"
    return f"{file.name} is {'empty' if not file.stat().st_size else 'cut off or no JSON'}"


def _todays_name(name: str) -> str:
    """The name of a weight in PyTorch's present version of weight norm.

    `facebook/wav2vec2-base` has the former names, and transformers saves a model under the names
    that it was loaded with.
    """
    for before, today in {"weight_g": "original0", "weight_v": "original1"}.items():
        if name.endswith(f".{before}"):
            return f"{name.removesuffix(before)}parametrizations.weight.{today}"
    return name


def _wrong_weights(file: Path, expected: Mapping[str, Sequence[int]]) -> str | None:
    try:
        with safe_open(file, "pt") as stored:
            names = list(stored.keys())
            if "lm_head.weight" not in names:
                return f"{file.name} has no CTC head (lm_head.weight)"
            known = {_todays_name(name): name for name in names}
            for name, shape in expected.items():
                if name not in known:
                    return f"{file.name} lacks {name}, which config.json asks for"
                if (has := stored.get_slice(known[name]).get_shape()) != shape:
                    return f"{file.name} has {name} of shape {has}, and config.json says {shape}"
            # The vector of masked frames is made for training alone.
            spare = {n for n in known if n not in expected and not n.endswith("masked_spec_embed")}
            if spare:
                return f"{file.name} has {min(spare)}, which config.json does not ask for"
            for name in names:
                tensor = stored.get_tensor(name)
                if not tensor.is_floating_point():
                    return f"{file.name} holds whole numbers and no weights in {name}"
                if tensor.dtype.itemsize < 2:
                    return f"{file.name} holds weights of 8 bits in {name}, and 16 are the fewest"
                if tensor.ndim > 1 and not tensor.any():
                    return f"{file.name} holds zeros alone in {name}: its end was never written"
                if not torch.isfinite(tensor).all():
                    return f"{file.name} holds weights that are no numbers (NaN), in {name}"
        if zeros_at_the_end(file):
            return f"{file.name} ends in zeros: its end was never written"
    except (SafetensorError, OSError):
        return f"{file.name} is {'empty' if not file.stat().st_size else 'cut off or damaged'}"
    return None


@contextmanager
def saving(path: str | Path) -> Iterator[Path]:
    """Write a file or a folder whole or not at all: `with saving(path) as half:`, and write to `half`.

    The old content of `path` stays until all is written, and also if anything fails. Then `half`
    takes its place. If a process was killed while saving, the next call deletes its incomplete
    files. Where `path` is a symbolic link, what it points to is written, and the link stays.

    Raises:
        OSError: see `explained`.
    """
    path = Path(path)
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    half, old = (path.with_name(f"{path.name}.{kind}-{os.getpid()}") for kind in ("half", "old"))
    with explained(path):
        if path.is_symlink():  # in a circle
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        _bring_back(path)
        for left in [*_left(path, "half"), *_left(path, "old")]:
            discard(left)
        try:
            yield half
            _refuse_another_kind(path, half)
            if path.is_dir():
                path.rename(old)  # a folder cannot take the place of another
            half.replace(path)
        finally:
            _bring_back(path)
            discard(half)
            discard(old)


def discard(path: str | Path) -> None:
    """Delete a file or a folder, if it is there; with a symbolic link, also its target."""
    path = Path(path)
    if path.is_symlink():
        target = Path(os.path.realpath(path))
        path.unlink()
        path = target
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def explained(path: str | Path) -> Iterator[None]:
    """Say in a sentence why `path` cannot be written; safetensors and torch hide the reason.

    Raises:
        OSError: the disk is full; PermissionError: writing is not allowed there. The message says
            what to do; other errors pass as they are.
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
        if number in BLOCKED and (place := _in_the_way(Path(path))):
            raise NotADirectoryError(
                f"{path} could not be written: {place} is no folder, but a file or a link that leads "
                "nowhere. Remove it, or connect the disk that it leads to, and run this again."
            ) from error
        raise


def _in_the_way(path):
    """The first part of a path that is no folder where a folder should be; None if there is none."""
    for part in [*reversed(path.parents), path]:
        last = part == path and not part.is_symlink()
        if os.path.lexists(part) and not part.is_dir() and not last:
            return part
    return None


def _refuse_another_kind(path, half):
    """Raise OSError if a file would take the place of a folder, or a folder that of a file."""
    if half.exists() and path.exists() and path.is_dir() != half.is_dir():
        there, new = ("folder", "file") if path.is_dir() else ("file", "folder")
        raise OSError(
            f"{path} is a {there}, and a {new} is to be written there. Rename the {there}, and run "
            "this again; nothing was changed."
        )


def _left(path, kind):
    """The files that ended processes left beside `path`."""
    for left in path.parent.glob(f"{glob.escape(path.name)}.{kind}-*"):
        number = left.name.rpartition("-")[2]
        # Another name, such as one with more digits than a process number has, is not ours.
        if re.fullmatch("[0-9]{1,9}", number) and (
            int(number) == os.getpid() or not psutil.pid_exists(int(number))
        ):
            yield left


def _bring_back(path):
    """Undo a replacement that was cut off between its two steps."""
    if not path.exists():
        for old in _left(path, "old"):
            old.rename(path)
            return
