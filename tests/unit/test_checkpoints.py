"""One training a folder, and what is left of one that was cut off (test_faults_training.py kills it)."""

import os
import signal
import subprocess
import sys

import pytest

from asr_helpers.checkpoints import last_checkpoint, training_in

HOLD = """
import sys, time
from asr_helpers.checkpoints import training_in
with training_in(sys.argv[1]):
    print("training", flush=True)
    time.sleep(600)
"""


def test_no_checkpoint_is_none(tmp_path):
    assert last_checkpoint(tmp_path / "nowhere") is None


def test_a_second_training_in_one_folder_is_told_until_the_first_is_gone(tmp_path):
    folder = tmp_path / "training"
    first = subprocess.Popen([sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE)
    try:
        assert first.stdout.readline() == b"training\n"
        with (
            pytest.raises(RuntimeError, match="Another notebook or run is training in .*training,"),
            training_in(folder),
        ):
            raise AssertionError("let in")
        with training_in(tmp_path / "another"):
            pass
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        first.stdout.close()
    with training_in(folder):  # a killed process holds nothing
        assert not any(folder.iterdir())  # the lock lies beside it
    with training_in(folder):
        pass


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError), training_in(tmp_path / "file" / "training"):
        raise AssertionError("let in")


def test_what_fails_inside_is_explained_and_the_lock_given_back(tmp_path):
    with pytest.raises(OSError, match="training could not be written: the disk.*is full"):  # noqa: SIM117
        with training_in(tmp_path / "training"):
            raise OSError(28, "No space left on device")
    with training_in(tmp_path / "training"):
        pass
