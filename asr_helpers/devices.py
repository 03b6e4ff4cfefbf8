"""The one device that every model of the course computes on."""

import os

import torch

from asr_helpers.parallel import local_number


def device() -> torch.device:
    """The first CUDA GPU where there is one, else the CPU.

    Where several processes train together, each has the GPU of its own number.
    Apple's GPU is left out: PyTorch has no CTC loss for it.
    """
    return (
        torch.device("cuda", local_number()) if torch.cuda.is_available() else torch.device("cpu")
    )


def cores() -> int:
    """How many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def loader_workers() -> int:
    """How many processes prepare batches while the model computes; 0 prepares them in between.

    On a GPU the CPU is free for it. On a CPU of one or two cores a worker would take its core from
    the model. At most four, because no GPU of the course's size uses up batches faster.
    """
    if device().type == "cuda":
        return max(1, min(4, cores() - 1))
    return min(4, cores() - 2) if cores() > 2 else 0
