import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import SafetensorError

from asr_helpers.artifacts import explained, require, saving


def test_what_exists_is_given_back(tmp_path):
    (tmp_path / "model.safetensors").write_text("weights")
    assert require(tmp_path, "05") == tmp_path
    assert require(str(tmp_path / "model.safetensors"), "05").read_text() == "weights"


def test_what_is_missing_names_its_lesson_and_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match="no_such.*lesson 05.*make course"):
        require(tmp_path / "no_such", "05")


def test_an_empty_folder_counts_as_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="lesson 05"):
        require(tmp_path, "05")


def save(path, text):
    """A folder of two files, as a model is saved."""
    with saving(path) as half:
        half.mkdir()
        (half / "a.txt").write_text(text)
        (half / "b.txt").write_text(text)


def told(path):
    return {file.name: file.read_text() for file in path.iterdir()}


def test_a_folder_takes_the_place_of_the_earlier_one(tmp_path):
    for text in ("first", "second"):
        save(tmp_path / "deep" / "model", text)
        assert told(tmp_path / "deep" / "model") == {"a.txt": text, "b.txt": text}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model"]


def test_a_file_is_saved_the_same_way(tmp_path):
    for text in ("first", "second"):
        with saving(tmp_path / "metrics.json") as half:
            half.write_text(text)
    assert told(tmp_path) == {"metrics.json": "second"}


def test_what_fails_leaves_what_was_there(tmp_path):
    save(tmp_path / "model", "first")
    with pytest.raises(KeyboardInterrupt), saving(tmp_path / "model") as half:
        half.mkdir()
        (half / "a.txt").write_text("sec")
        raise KeyboardInterrupt
    assert told(tmp_path / "model") == {"a.txt": "first", "b.txt": "first"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


# Each ends the process at one moment of saving the second time.
MOMENTS = {
    "while it writes": "pathlib.Path.write_text",
    "before it swaps": "pathlib.Path.rename",
    "amid the swap": "pathlib.Path.replace",
    "before it tidies up": "shutil.rmtree",
}


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_leaves_one_of_the_two_whole(tmp_path, moment):
    save(tmp_path / "model", "first")
    code = (
        "import os, pathlib, shutil, signal, sys\n"
        "from test_artifacts import save\n"
        f"{MOMENTS[moment]} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "save(pathlib.Path(sys.argv[1]), 'second')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "model"], cwd=Path(__file__).parent
    )
    assert done.returncode == -9
    found = told(require(tmp_path / "model", "05"))
    wanted = "second" if moment == "before it tidies up" else "first"
    assert found == {"a.txt": wanted, "b.txt": wanted}
    save(tmp_path / "model", "third")
    assert told(tmp_path / "model")["a.txt"] == "third"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    ("error", "becomes", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), OSError, "is full.*Free some space"),
        (SafetensorError("I/O error: No space left on device (os error 28)"), OSError, "is full"),
        (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),
         OSError, "is full"),
        (SafetensorError("Permission denied (os error 13)"), PermissionError, "may not write"),
        (OSError(errno.EROFS, "Read-only file system"), PermissionError, "folder of your own"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), RuntimeError, "mat1"),
        (FileNotFoundError("another file"), FileNotFoundError, "another file"),
    ],
)  # fmt: skip
def test_what_keeps_a_file_from_being_written_is_said(error, becomes, says):
    with pytest.raises(becomes, match=says) as caught, explained("artifacts/05_finetuned"):
        raise error
    assert type(caught.value) is becomes
    assert caught.value is error or "artifacts/05_finetuned" in str(caught.value)
