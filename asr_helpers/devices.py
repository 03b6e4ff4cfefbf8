"""The one device that every model of the course computes on."""

import os
import re
import warnings
from functools import cache
from pathlib import Path

import torch

from asr_helpers.parallel import local_number

DRIVER = Path("/proc/driver/nvidia/version")  # Linux has it where NVIDIA's driver is loaded


def device() -> torch.device:
    """The first CUDA GPU if there is one, else the CPU.

    If several processes train together, each process uses the GPU with its own number. Apple's GPU
    is left out: PyTorch has no CTC loss for it. If NVIDIA's driver is loaded but torch cannot use
    it, a warning says so, once.
    """
    if torch.cuda.is_available():
        return torch.device("cuda", local_number())
    _warn_of_unused_gpu()
    return torch.device("cpu")


@cache
def _warn_of_unused_gpu() -> None:
    """Warn where torch was built for CUDA and cannot use the driver that is loaded."""
    if not (torch.version.cuda and DRIVER.exists()):
        return
    found = re.search(r"\d{3}\.[\d.]+", DRIVER.read_text(encoding="utf-8"))
    number = f" {found[0]}" if found else ""
    warnings.warn(
        f"The course computes on the CPU: torch {torch.__version__} cannot use this machine's NVIDIA "
        f"driver{number}. The driver may be older than CUDA {torch.version.cuda}, for which this "
        "torch was built: install a torch for an older CUDA, see docs/studio_lab.md.",
        stacklevel=3,
    )


def cores() -> int:
    """How many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def loader_workers() -> int:
    """How many processes prepare batches while the model computes; with 0 the main process does.

    If the model runs on a GPU, the CPU is free to prepare batches. On a CPU with one or two cores,
    a worker would take a core from the model. There are at most four workers, because four prepare
    batches fast enough for the course's models.
    """
    if device().type == "cuda":
        return max(1, min(4, cores() - 1))
    return min(4, cores() - 2) if cores() > 2 else 0
