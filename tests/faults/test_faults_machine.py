"""What machines do to a course: no network, a full disk, a home or a clone one may not write in."""

import errno
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from processes import environment

from asr_helpers.artifacts import explained, saving
from asr_helpers.checkpoints import last_checkpoint
from asr_helpers.inference import transcribe
from asr_helpers.metrics import wer, wer_interval
from asr_helpers.model import load_base_model
from asr_helpers.processor import load_processor
from asr_helpers.training import train_head

ROOT = Path(__file__).parent.parent.parent

# The offline course in small: everything that could ask the network or write into the home.
COURSE = """
import sys
import evaluate
from asr_helpers.caches import load_wer_metric
from asr_helpers.profiles import ROOT, load_profile
from asr_helpers.corpus import load_corpus
from asr_helpers.processor import load_processor, prepare_dataset
from asr_helpers.model import load_base_model
from asr_helpers.inference import transcribe
from asr_helpers.training import train_head
from test_training import trainer

profile = load_profile("smoke")
processor = load_processor(profile.base_model)
split = load_corpus(profile.corpus, profile.language)["validation"].select(range(6))
prepared = prepare_dataset(split, processor, profile.language)
model = load_base_model(profile.base_model, processor, profile.seed)
train_head(model, prepared, steps=5, learning_rate=profile.head_learning_rate, seed=profile.seed)
trainer(model, prepared, processor, profile, sys.argv[1]).train()
said = transcribe(model, processor, [row["input_values"] for row in prepared])
metric = load_wer_metric()
print("WER", metric.compute(references=list(prepared["text"]), predictions=said))
"""
NO_NETWORK = """
import socket
asked = []
def refuse(*address, **_):
    asked.append(address)
    raise OSError("the network was asked")
def connect(self, address):
    if self.family != getattr(socket, "AF_UNIX", None):
        refuse(address)
socket.socket.connect = socket.socket.connect_ex = connect
socket.create_connection = socket.getaddrinfo = refuse
"""


def python(code, folder, **changed):
    """Run code beside the tests; an environment variable that is None is taken away."""
    # conftest.py of the tests would set HF_HUB_OFFLINE; nothing here imports it.
    command = [sys.executable, "-c", code, str(folder)]
    return subprocess.run(command, env=environment(**changed), capture_output=True, text=True)


@pytest.mark.slow
def test_without_any_network_the_offline_course_runs_and_asks_for_none(tmp_path):
    code = f"{NO_NETWORK}{COURSE}\nprint('asked', asked)"
    unset = {"HF_HUB_OFFLINE": None, "HF_DATASETS_OFFLINE": None, "TRANSFORMERS_OFFLINE": None}
    done = python(code, tmp_path, HF_HOME=str(tmp_path / "home"), **unset)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "WER" in done.stdout and done.stdout.splitlines()[-1] == "asked []"


def test_the_refusal_is_real(tmp_path):
    """Else the test above could not fail."""
    code = f"{NO_NETWORK}import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9')"
    done = python(code, tmp_path)
    assert done.returncode and "the network was asked" in done.stderr


@pytest.mark.slow
def test_with_a_home_that_cannot_be_made_the_course_runs_and_says_where_caches_go(tmp_path):
    (tmp_path / "file").touch()
    nowhere = str(tmp_path / "file" / "home")  # below a file not even root makes a folder
    homes = dict.fromkeys(("HOME", "USERPROFILE", "XDG_CACHE_HOME"), nowhere)
    done = python(COURSE, tmp_path, **homes, HF_HOME=None, HF_HUB_OFFLINE="1", TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]
    assert "WER" in done.stdout
    assert "Your home cannot be written" in done.stderr and "Set HF_HOME to a folder" in done.stderr


def test_a_clone_without_write_permission_is_said(tmp_path, model, prepared, processor, profile):
    from test_training import trainer

    clone = tmp_path / "clone"
    clone.mkdir()
    clone.chmod(0o500)
    if os.access(clone, os.W_OK):
        pytest.skip("root and Windows may write there all the same")
    says = "clone.*you may not write there. Copy the course into a folder of your own"
    with pytest.raises(PermissionError, match=says), saving(clone / "artifacts" / "metrics.json"):
        pass
    folder = clone / "artifacts" / "05_training"
    with pytest.raises(PermissionError, match=says), explained(folder):
        trainer(model, prepared, processor, profile, folder).train()
    assert list(clone.iterdir()) == []


@pytest.fixture
def small_files():
    """A function. Once it is called, no file grows beyond 1 MB, as on a disk that fills up.

    The kernel refuses the write in the middle of the file, as it does on a full disk; only the
    number of the error is another. Not every machine can offer a disk that is truly full.
    """
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def keep(model, processor, folder):
    """As lesson 05 keeps what it has trained."""
    with saving(folder) as half:
        model.save_pretrained(half)
        processor.save_pretrained(half)


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


FULL = "finetuned could not be written: the disk.*is full. Free some space and run this again"


def test_a_disk_that_fills_up_while_saving_leaves_the_earlier_model_whole(
    tmp_path, model, processor, small_files
):
    keep(model, processor, tmp_path / "finetuned")
    before = contents(tmp_path / "finetuned")
    with torch.no_grad():
        model.lm_head.bias += 1
    small_files()
    with pytest.raises(OSError, match=FULL):
        keep(model, processor, tmp_path / "finetuned")
    assert contents(tmp_path / "finetuned") == before
    assert [path.name for path in tmp_path.iterdir()] == ["finetuned"]  # no half one takes up space


def test_a_full_disk_is_said_and_the_earlier_file_left_whichever_call_meets_it(
    tmp_path, model, processor, monkeypatch
):
    from safetensors import SafetensorError

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    def full_in_safetensors(*_, **__):
        raise SafetensorError("Error while serializing: I/O error: No space left (os error 28)")

    keep(model, processor, tmp_path / "finetuned")
    before = contents(tmp_path / "finetuned")
    for place, error in [
        ("pathlib.Path.mkdir", full),
        ("transformers.modeling_utils.safe_save_file", full_in_safetensors),
        ("transformers.PretrainedConfig.save_pretrained", full),
        ("pathlib.Path.replace", full),
    ]:
        with monkeypatch.context() as patch, pytest.raises(OSError, match=FULL):
            patch.setattr(place, error)
            keep(model, processor, tmp_path / "finetuned")
        assert contents(tmp_path / "finetuned") == before, place
        assert [path.name for path in tmp_path.iterdir()] == ["finetuned"], place
    keep(model, processor, tmp_path / "finetuned")  # there is space again


def test_a_disk_that_fills_up_while_training_is_said_and_the_checkpoint_before_it_goes_on(
    tmp_path, model, prepared, processor, profile, small_files
):
    import resource
    from dataclasses import replace

    from test_training import trainer
    from transformers import TrainerCallback

    class FillsUp(TrainerCallback):
        def on_step_end(self, args, state, control, **_):
            if state.global_step == 3:
                small_files()

    short = replace(profile, max_steps=4, eval_steps=2)
    run = trainer(model, prepared, processor, short, tmp_path / "training")
    run.add_callback(FillsUp())
    with pytest.raises(OSError, match="training could not be written: the disk.*is full"):  # noqa: SIM117
        with explained(tmp_path / "training"):
            run.train()
    assert (tmp_path / "training" / "checkpoint-4").exists()  # half of it
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))  # there is space again
    found = last_checkpoint(tmp_path / "training")
    assert Path(found).name == "checkpoint-2"
    again = trainer(model, prepared, processor, short, tmp_path / "training")
    again.train(resume_from_checkpoint=found)
    assert again.state.global_step == 4


def test_one_and_two_threads_give_wers_within_each_others_interval(prepared, processor, profile):
    """Another order of sums rounds differently: last digits of weights differ, scores hardly."""
    texts, waves = list(prepared["text"]), [row["input_values"] for row in prepared]
    rates, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            model = load_base_model(profile.base_model, processor, seed=0)
            train_head(model, prepared, steps=100, learning_rate=5e-3, seed=0)
            said = transcribe(model, processor, waves)
            rates.append((wer(texts, said), *wer_interval(texts, said, seed=0)))
    finally:
        torch.set_num_threads(before)
    (one, low, high), (other, low_other, high_other) = rates
    assert low < high and one < 1  # it learned; a score that never changes would always agree
    assert low_other <= one <= high_other and low <= other <= high


@pytest.fixture
def no_pickle(monkeypatch):
    """Nothing is unpickled: that would run what the file says."""

    def refuse(*_, **__):
        raise AssertionError("a pickle was opened")

    for place in ("pickle.load", "pickle.loads", "pickle.Unpickler", "torch.load"):
        monkeypatch.setattr(place, refuse)


def test_what_lesson_05_keeps_loads_without_pickle(
    tmp_path, model, prepared, processor, profile, no_pickle
):
    from test_training import trainer

    run = trainer(model, prepared, processor, profile, tmp_path / "training")
    run.save_model(tmp_path / "finetuned")
    processor.save_pretrained(tmp_path / "finetuned")
    for file in [*tmp_path.rglob("*.bin"), *tmp_path.rglob("*.pt*"), *tmp_path.rglob("*.pkl")]:
        file.unlink()
    assert (tmp_path / "finetuned" / "model.safetensors").exists()
    again = load_base_model(str(tmp_path / "finetuned"), processor, seed=1, keep_head=True)
    assert all(torch.equal(w, again.state_dict()[n]) for n, w in model.state_dict().items())
    assert load_processor(str(tmp_path / "finetuned")).tokenizer.get_vocab() == (
        processor.tokenizer.get_vocab()
    )


def test_the_refusal_of_pickles_is_real(tmp_path, no_pickle):
    (tmp_path / "weights.pt").write_bytes(b"")
    with pytest.raises(AssertionError, match="a pickle was opened"):
        torch.load(tmp_path / "weights.pt")
    with pytest.raises(AssertionError, match="a pickle was opened"):
        pickle.loads(pickle.dumps(1))


def test_what_comes_with_the_course_holds_no_pickle():
    data = ROOT / "asr_helpers" / "data"
    kinds = {file.suffix for file in data.rglob("*") if file.is_file()}
    assert ".safetensors" in kinds
    assert not kinds & {".bin", ".pt", ".pth", ".pkl", ".ckpt", ".npy", ".npz"}
