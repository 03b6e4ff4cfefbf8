"""One training a folder, and what is left of one that was cut off (test_faults_training.py kills it)."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from asr_helpers.checkpoints import (
    begin,
    checkpoints_in,
    describe_run,
    drop_old,
    keep_record,
    last_checkpoint,
    training_in,
)

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


def whole(folder, step):
    """A checkpoint that can be resumed from, as small as can be."""
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    save_file({"w": torch.zeros(1)}, path / "model.safetensors")
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        torch.save({}, path / name)
    (path / "trainer_state.json").write_text("{}")
    return path


def patched(whole, *changes):
    harmed = bytearray(whole)
    for place, value in changes:
        harmed[place] = value
    return bytes(harmed)


# What bits that flip and a lost power leave: each gave an error of its own, or was taken as whole.
HARMS = {
    "a zip of another method": ("optimizer.pt", lambda b: b.replace(b"PK\1\2\0\0\0\0\10\10\0\0",
                                                                 b"PK\1\2\0\0\0\0\10\10\x63\0")),
    "a zip of a later version": ("optimizer.pt", lambda b: patched(b, (b.index(b"PK\1\2") + 6, 200))),
    "a zip under a password": ("scheduler.pt", lambda b: patched(b, (b.index(b"PK\1\2") + 8, 1))),
    "a zip that begins before the file": (
        "rng_state.pth", lambda b: patched(b, (b.index(b"PK\6\6") + 49, 255))),
    "brackets without end": ("trainer_state.json", lambda b: b"[" * 200_000),
    "zeros at the end": ("model.safetensors", lambda b: b[:-4096] + bytes(4096)),
}  # fmt: skip


@pytest.mark.parametrize("harm", HARMS)
def test_a_checkpoint_with_any_damage_is_passed_over(tmp_path, harm):
    before = whole(tmp_path, 3)
    newest = whole(tmp_path, 6)
    save_file({"w": torch.ones(4000)}, newest / "model.safetensors")
    assert last_checkpoint(tmp_path) == str(newest)
    name, change = HARMS[harm]
    bytes_before = (newest / name).read_bytes()
    assert change(bytes_before) != bytes_before
    (newest / name).write_bytes(change(bytes_before))
    assert last_checkpoint(tmp_path) == str(before)


def test_a_folder_in_place_of_a_file_is_damage_and_a_shut_file_is_not(tmp_path, monkeypatch):
    before = whole(tmp_path, 3)
    newest = whole(tmp_path, 6)
    (newest / "optimizer.pt").unlink()
    (newest / "optimizer.pt").mkdir()
    assert last_checkpoint(tmp_path) == str(before)

    def shut(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", shut)
    with pytest.raises(PermissionError):
        last_checkpoint(tmp_path)
    assert before.exists()  # it may be whole: it is not deleted


OTHERS = [
    "checkpoint-3-Copy1", "checkpoint-final", "checkpoint-03", "checkpoint--3", "checkpoint-3.bak",
    "my-checkpoint-9", "checkpoint-٣", "checkpoint-",
]  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_only_names_that_are_wholly_ours_are_used_or_touched(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "notes.txt").write_text("mine")
    assert last_checkpoint(tmp_path) is None
    newest = whole(tmp_path, 3)
    assert last_checkpoint(tmp_path) == str(newest)
    drop_old(tmp_path, keep=0, best=None)
    assert (tmp_path / name / "notes.txt").read_text() == "mine"


def test_files_and_links_with_our_names_stay(tmp_path):
    (tmp_path / "checkpoint-5").write_text("a file")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "checkpoint-6").symlink_to(tmp_path / "elsewhere")
    assert last_checkpoint(tmp_path) is None and drop_old(tmp_path, 0, None) is None
    assert len(list(tmp_path.iterdir())) == 3


def test_checkpoints_go_by_their_steps_not_by_the_clock(tmp_path):
    for step in (9, 20, 100):
        whole(tmp_path, step)
    os.utime(tmp_path / "checkpoint-100", (0, 0))  # the clock was set back
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-100")
    drop_old(tmp_path, keep=2, best=str(tmp_path / "checkpoint-9"))
    assert [path.name for path in checkpoints_in(tmp_path)] == ["checkpoint-9", "checkpoint-100"]
    drop_old(tmp_path, keep=1, best=None)
    assert [path.name for path in checkpoints_in(tmp_path)] == ["checkpoint-100"]


def described(profile, processor, model, prepared, **knobs):
    return describe_run(replace(profile, **knobs), processor, model, prepared, prepared)


def test_checkpoints_of_the_same_run_are_resumed(tmp_path, profile, processor, model, prepared):
    run = described(profile, processor, model, prepared)
    begin(tmp_path, run)
    newest = whole(tmp_path, 3)
    other = dict(artifacts=tmp_path, share_as="another", ready_model=str(tmp_path / "moved"))
    decoding = replace(profile.decoding, beam=2)
    again = described(profile, processor, model, prepared, decoding=decoding, **other)
    assert last_checkpoint(tmp_path, again) == str(newest)


@pytest.mark.parametrize(
    ("knobs", "says"),
    [
        ({"learning_rate": 3e-4}, "learning_rate was 0.001 and is 0.0003"),
        ({"seed": 7, "max_steps": 9}, "max_steps was 6 and is 9, seed was 42 and is 7"),
        ({"base_model": "facebook/wav2vec2-base"}, "the base model changed"),
    ],
)
def test_another_run_is_told_with_what_differs(
    tmp_path, profile, processor, model, prepared, knobs, says
):
    begin(tmp_path, described(profile, processor, model, prepared))
    newest = whole(tmp_path, 3)
    other = described(profile, processor, model, prepared, **knobs)
    with pytest.raises(ValueError, match=f"{says}.*delete .* to begin anew"):
        last_checkpoint(tmp_path, other)
    assert newest.exists()


def test_another_corpus_and_another_vocabulary_are_told(
    tmp_path, profile, processor, model, prepared
):
    from transformers import AutoProcessor

    begin(tmp_path, described(profile, processor, model, prepared))
    whole(tmp_path, 3)
    fewer = describe_run(profile, processor, model, prepared.select(range(3)), prepared)
    with pytest.raises(ValueError, match="the training rows changed"):
        last_checkpoint(tmp_path, fewer)
    processor.save_pretrained(tmp_path / "processor")
    larger = AutoProcessor.from_pretrained(tmp_path / "processor")
    larger.tokenizer.add_tokens(["É"])
    with pytest.raises(ValueError, match="the vocabulary changed"):
        last_checkpoint(tmp_path, described(profile, larger, model, prepared))


def test_a_checkpoint_that_was_copied_from_another_run_is_told(
    tmp_path, profile, processor, model, prepared
):
    run = described(profile, processor, model, prepared)
    for name, knobs in {"mine": {}, "other": {"learning_rate": 3e-4}}.items():
        begin(tmp_path / name, described(profile, processor, model, prepared, **knobs))
        keep_record(tmp_path / name, whole(tmp_path / name, 3))
    shutil.copytree(tmp_path / "other" / "checkpoint-3", tmp_path / "mine" / "checkpoint-6")
    with pytest.raises(
        ValueError, match="checkpoint-6 is of another run: learning_rate was 0.0003"
    ):
        last_checkpoint(tmp_path / "mine", run)
    shutil.rmtree(tmp_path / "mine" / "checkpoint-6")
    assert last_checkpoint(tmp_path / "mine", run) == str(tmp_path / "mine" / "checkpoint-3")


def test_a_base_model_in_other_files_is_compared_by_its_weights(
    tmp_path, profile, processor, model, prepared
):
    """As an older save or a large model has them: a .bin, or several parts."""
    found = []
    for content in (b"one", b"two"):
        (tmp_path / "pytorch_model.bin").write_bytes(content)
        run = described(profile, processor, model, prepared, base_model=str(tmp_path))
        found.append(run["base model"])
    assert found[0] != found[1]


@pytest.mark.parametrize("text", [None, "", "{", "[]"])
def test_a_record_that_is_missing_or_damaged_is_told(
    tmp_path, profile, processor, model, prepared, text
):
    whole(tmp_path, 3)
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(ValueError, match="run.json.*missing or damaged: delete"):
        last_checkpoint(tmp_path, described(profile, processor, model, prepared))


def test_the_base_models_place_does_not_matter(tmp_path, profile, processor, model, prepared):
    shutil.copytree(profile.base_model, tmp_path / "moved")
    here = described(profile, processor, model, prepared)
    assert (
        described(profile, processor, model, prepared, base_model=str(tmp_path / "moved")) == here
    )
