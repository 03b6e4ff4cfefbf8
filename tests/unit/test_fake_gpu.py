"""The fake GPU refuses what a real one refuses, and lets pass what a real one lets pass."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
BEGIN = """
import torch
from asr_helpers.devices import device
here, there = torch.ones(3), torch.ones(3).to(device())
"""


def run(code):
    paths = [str(ROOT / "tests" / "refusing"), str(ROOT)]
    environment = {**os.environ, "FAKE_GPU": "1", "PYTHONPATH": os.pathsep.join(paths)}
    environment.pop("ASKED", None)
    command = [sys.executable, "-c", BEGIN + code]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    "code",
    [
        "here + there", "there.numpy()", "import numpy; numpy.asarray(there)",
        "torch.cat([here, there])", "torch.nn.Linear(3, 2)(there)",
        "torch.nn.Linear(3, 2).to(device())(here)", "here[torch.ones(3, dtype=bool).to(device())]",
        "torch.nn.functional.ctc_loss(torch.zeros(9, 1, 4).to(device()).log_softmax(-1), "
        "torch.ones(1, 2, dtype=int), [9], [2])",
        "import threading\n"
        "def work():\n    try: here + there\n    except RuntimeError as error: print(error, flush=True)\n"
        "t = threading.Thread(target=work); t.start(); t.join(); raise RuntimeError('cuda:0')",
    ],
)  # fmt: skip
def test_what_a_gpu_refuses_is_refused(code):
    done = run(code)
    assert done.returncode and "cuda:0" in done.stderr, done.stdout + done.stderr
    assert "thread" not in code or "two devices" in done.stdout


def test_what_a_gpu_allows_is_allowed():
    done = run("""
import copy
for tensor in (
    there + 1, there + torch.tensor(2.0), there[1:], there.clone(), torch.stack([there, there]),
    there[torch.tensor([0, 2])], torch.zeros(3, device=device()), here.to(there), there.new_zeros(2),
    torch.nn.Linear(3, 2).to(device())(there), here.to(device(), torch.float64),
    copy.deepcopy(torch.nn.Linear(3, 2).to(device())).weight,
):
    assert tensor.device == device() and tensor.is_cuda, tensor
assert here.device.type == there.cpu().device.type == "cpu" and there.sum().item() == 3
there[0], here[1] = here[0], there[1]
layer = torch.nn.Linear(3, 2).to(device())
layer.load_state_dict({name: w.cpu() for name, w in layer.state_dict().items()})
optimizer = torch.optim.AdamW(layer.parameters())
layer(there).sum().backward()
assert layer.weight.grad.device == device()
before = layer.weight.clone()
optimizer.step()
assert (layer.weight != before).any() and layer.weight.device == device()
""")
    assert not done.returncode, done.stderr


def test_a_model_that_stayed_on_the_cpu_is_found():
    done = run("""
from transformers import AutoConfig, AutoModelForCTC
from asr_helpers.profiles import load_profile
model = AutoModelForCTC.from_config(AutoConfig.from_pretrained(load_profile("smoke").base_model))
model(torch.zeros(1, 16_000))
""")
    assert done.returncode and "computes on the CPU beside an idle GPU" in done.stderr


def test_without_being_asked_for_it_is_not_there():
    environment = {k: v for k, v in os.environ.items() if k != "FAKE_GPU"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "tests" / "refusing"), str(ROOT)])
    code = "import torch; from asr_helpers.devices import device; print(device().type, torch.cuda.is_available())"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.stdout.split() in (["cpu", "False"], ["cuda", "True"])


def test_it_can_be_hidden_as_a_real_one_can(monkeypatch):
    assert run("assert device().type == 'cuda'").returncode == 0
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    done = run("assert device().type == 'cpu'")
    assert done.returncode == 0, done.stderr
