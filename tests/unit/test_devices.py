import warnings
from pathlib import Path

import pytest
import torch

from asr_helpers import devices

ROOT = Path(__file__).parent.parent.parent
VERSION = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.163.01  Tue Apr  8 12:41:17 UTC 2025\n"
)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """machine(driver, cuda): the driver that is loaded, the CUDA of torch's build; torch sees no GPU."""

    def make(driver, cuda):
        monkeypatch.setattr(devices, "DRIVER", tmp_path / "version")
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr(torch.version, "cuda", cuda)
        if driver:
            devices.DRIVER.write_text(driver)
        devices._warn_of_unused_gpu.cache_clear()

    yield make
    devices._warn_of_unused_gpu.cache_clear()


@pytest.mark.parametrize(("driver", "told"), [(VERSION, "driver 550.163.01."), ("odd", "driver.")])
def test_a_driver_that_torch_cannot_use_is_told_once(machine, driver, told):
    machine(driver, "13.0")
    with pytest.warns(UserWarning, match=r"computes on the CPU.*CUDA 13\.0") as warned:
        assert devices.device() == devices.device() == torch.device("cpu")
    (warning,) = warned
    assert told in str(warning.message)
    assert (ROOT / str(warning.message).rstrip(".").rpartition(" ")[2]).exists()


@pytest.mark.parametrize(("driver", "cuda"), [(None, "13.0"), (VERSION, None)])
def test_nothing_is_said_without_a_driver_or_with_a_torch_for_the_cpu(machine, driver, cuda):
    machine(driver, cuda)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert devices.device() == torch.device("cpu")


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
