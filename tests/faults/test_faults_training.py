"""Training is killed as power cuts and schedulers kill: at once, at any moment, more than once.

This file is also the program that is killed: `python test_faults_training.py folder stop`.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from processes import environment

from asr_helpers.checkpoints import PARTS, last_checkpoint

STEPS, EVERY = 9, 3  # a checkpoint at 3, 6 and 9
SIZES = {"weights.safetensors": 1_000_000, "wers.json": 2}  # bytes, at least, of a finished run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does"),
]


def train(folder, stop):
    """Train on a dozen clips, from the newest whole checkpoint in `folder` if there is one.

    `stop` is a number of steps after which the process waits to be killed; or the name of a method
    of the Trainer, during whose call for step 6 it kills itself; or "never".
    """
    from conftest import load_base_model, load_corpus, load_processor, prepare_dataset
    from safetensors.torch import save_file
    from test_training import trainer
    from transformers import TrainerCallback

    from asr_helpers.augment import Augment
    from asr_helpers.collator import DataCollatorCTCWithPadding
    from asr_helpers.profiles import load_profile

    class Wait(TrainerCallback):
        def on_step_end(self, args, state, control, **_):
            if str(state.global_step) == stop:
                (folder / f"at-{stop}").touch()
                time.sleep(600)

    profile = replace(load_profile("smoke"), max_steps=STEPS, eval_steps=EVERY)
    split = load_corpus()["train"]
    short = [i for i, text in enumerate(split["transcription"]) if 6 < len(text) < 30][:12]
    processor = load_processor(profile.base_model)
    prepared = prepare_dataset(split.select(short), processor, profile.language)
    # Masks and variations draw at random: what they drew has to be drawn again after a kill.
    model = load_base_model(profile.base_model, processor, 0, {"mask_time_prob": 0.1})
    run = trainer(model, prepared, processor, profile, folder)
    run.data_collator = DataCollatorCTCWithPadding(processor, 8000, Augment(16_000, 1))
    run.args.load_best_model_at_end = False
    run.add_callback(Wait())
    if hasattr(run, stop):
        cut_off(run, stop)
    found = last_checkpoint(folder)
    with (folder / "resumed.txt").open("a") as told:
        told.write(f"{found and Path(found).name}\n")
    run.train(resume_from_checkpoint=found)
    save_file(run.model.state_dict(), folder / "weights.safetensors")
    wers = [entry["eval_wer"] for entry in run.state.log_history if "eval_wer" in entry]
    (folder / "wers.json").write_text(json.dumps([*wers, run.evaluate()["eval_wer"]]))


def cut_off(run, method):
    """Kill the process as step 6 calls `method`, leaving half a file of what it would write."""
    whole = getattr(run, method)

    def half(folder):
        if run.state.global_step != 6:
            return whole(folder)
        (Path(folder) / "rng_state.pth").write_bytes(b"PK\3\4 half")
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(run, method, half)


def start(folder, stop="never"):
    folder.mkdir(exist_ok=True)
    with (folder / "log.txt").open("a") as log:
        command = [sys.executable, __file__, str(folder), str(stop)]
        surroundings = environment(HF_HUB_OFFLINE="1")
        return subprocess.Popen(command, env=surroundings, stdout=log, stderr=log)


def kill_after(folder, step):
    """Train until `step` steps are done and the checkpoint before them is whole, then kill -9."""
    process = start(folder, step)
    checkpoint = folder / f"checkpoint-{step // EVERY * EVERY}" / "trainer_state.json"
    deadline = time.monotonic() + 300
    while not ((folder / f"at-{step}").exists() and checkpoint.exists()):
        assert process.poll() is None, (folder / "log.txt").read_text()[-2000:]
        assert time.monotonic() < deadline, "it takes too long to train a few steps"
        time.sleep(0.05)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (folder / "weights.safetensors").exists()


def finish(folder):
    """Train to the end. Returns (checkpoint of each start, bytes of the weights, WERs)."""
    assert start(folder).wait() == 0, (folder / "log.txt").read_text()[-2000:]
    for name, size in SIZES.items():
        assert (folder / name).stat().st_size > size
    return (
        (folder / "resumed.txt").read_text().split(),
        (folder / "weights.safetensors").read_bytes(),
        json.loads((folder / "wers.json").read_text()),
    )


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    starts, weights, wers = finish(tmp_path_factory.mktemp("uninterrupted"))
    assert starts == ["None"] and len(wers) == STEPS // EVERY + 1
    return weights, wers


@pytest.fixture(scope="module")
def killed_once(tmp_path_factory):
    """A folder in which training was killed after step 7: checkpoints 3 and 6 are whole."""
    folder = tmp_path_factory.mktemp("killed")
    kill_after(folder, 7)
    (folder / "at-7").unlink()
    return folder


def test_killed_twice_it_ends_at_the_very_weights_and_wers(tmp_path, uninterrupted):
    kill_after(tmp_path, 4)
    kill_after(tmp_path, 8)
    starts, weights, wers = finish(tmp_path)
    assert starts == ["None", "checkpoint-3", "checkpoint-6"]
    assert wers == uninterrupted[1]
    assert weights == uninterrupted[0]


# The Trainer writes weights, then optimiser and schedule, then the generators, then its own state.
@pytest.mark.parametrize("moment", ["_save_optimizer_and_scheduler", "_save_rng_state"])
def test_killed_while_it_writes_a_checkpoint_it_goes_on_from_the_one_before(
    tmp_path, uninterrupted, moment
):
    assert start(tmp_path, moment).wait() == -signal.SIGKILL
    assert (tmp_path / "checkpoint-6" / "model.safetensors").exists()  # half of one was left
    starts, weights, wers = finish(tmp_path)
    assert starts == ["None", "checkpoint-3"]
    assert (weights, wers) == uninterrupted


FAULTS = {
    "missing": None,
    "empty": lambda whole: b"",
    "cut": lambda whole: whole[: len(whole) // 2],
    "zeros at its end": lambda whole: whole[: len(whole) // 2].ljust(len(whole), b"\0"),
}


@pytest.mark.parametrize("part", [*PARTS, "rng_state.pth"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_checkpoint_with_a_broken_file_is_passed_over(tmp_path, killed_once, part, fault):
    """A machine that loses power can leave this: the files reach the disk in any order."""
    shutil.copytree(killed_once, tmp_path, dirs_exist_ok=True)
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-6")
    broken = tmp_path / "checkpoint-6" / part
    whole = broken.read_bytes()
    broken.unlink()
    if FAULTS[fault]:
        broken.write_bytes(FAULTS[fault](whole))
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-3")
    assert not broken.parent.exists()  # else the Trainer would count it among those it keeps


def test_after_a_kill_and_a_broken_file_it_ends_at_the_very_weights(
    tmp_path, killed_once, uninterrupted
):
    shutil.copytree(killed_once, tmp_path, dirs_exist_ok=True)
    optimizer = tmp_path / "checkpoint-6" / "optimizer.pt"
    optimizer.write_bytes(optimizer.read_bytes()[:-1000])
    starts, weights, wers = finish(tmp_path)
    assert starts == ["None", "checkpoint-3"]
    assert (weights, wers) == uninterrupted


def test_preparing_leaves_no_file_that_a_kill_could_cut_off(tmp_path):
    """What is prepared goes through a temporary file: no later run looks for it, half or whole."""
    code = (
        "from asr_helpers.corpus import load_corpus\n"
        "from asr_helpers.processor import load_processor, prepare_dataset\n"
        "from asr_helpers.profiles import load_profile\n"
        "profile = load_profile('smoke')\n"
        "rows = load_corpus()['validation'].select(range(4))\n"
        "prepare_dataset(rows, load_processor(profile.base_model), profile.language)\n"
    )
    homes = environment(HF_HOME=str(tmp_path), TMPDIR=str(tmp_path), HF_HUB_OFFLINE="1")
    subprocess.run([sys.executable, "-c", code], env=homes, check=True)
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size]
    assert [path.name for path in left] == []


if __name__ == "__main__":
    train(Path(sys.argv[1]), sys.argv[2])
