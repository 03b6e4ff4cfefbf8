import pytest
import torch

from asr_helpers import devices


def test_the_gpu_is_chosen_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert devices.device() == torch.device("cuda", 0)
    monkeypatch.setenv("LOCAL_RANK", "3")  # the fourth process on this machine
    assert devices.device() == torch.device("cuda", 3)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.device() == torch.device("cpu")


@pytest.mark.parametrize(
    ("cores", "gpu", "workers"),
    [(2, False, 0), (1, False, 0), (4, False, 2), (16, False, 4), (2, True, 1), (16, True, 4)],
)
def test_workers_leave_the_model_its_cores(monkeypatch, cores, gpu, workers):
    monkeypatch.setattr(devices, "cores", lambda: cores)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert devices.loader_workers() == workers


def test_there_is_a_core():
    assert devices.cores() >= 1
