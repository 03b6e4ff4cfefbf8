"""Several processes that train one model together, as `torchrun` or `accelerate launch` starts them.

In a notebook there is one process: `process_count` is 1, and `process_number` is 0.
"""

import os
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import distributed

Found = TypeVar("Found")


def process_count() -> int:
    """How many processes train together; 1 where nothing started more."""
    return distributed.get_world_size() if _joined() else 1


def process_number() -> int:
    """The number of this process among all; 0 for the first."""
    return distributed.get_rank() if _joined() else 0


def is_first_process() -> bool:
    """Whether this process is the one that writes files and reports."""
    return process_number() == 0


def local_number() -> int:
    """The number of this process among those of its machine: the number of its GPU."""
    return int(os.environ.get("LOCAL_RANK", 0))


def from_first(make: Callable[[], Found]) -> Found:
    """Return the result of `make` in the first process to all processes. Each has to call this.

    An error of `make` is raised in all processes, too, so that no process waits for one that has
    ended. The result has to be small and picklable, such as a path.
    """
    if process_count() == 1:
        return make()
    answer = [None, None]
    if is_first_process():
        try:
            answer = [make(), None]
        except Exception as error:
            answer = [None, error]
    distributed.broadcast_object_list(answer)
    found, error = answer
    if error is not None:
        raise error
    return found


def any_of_them(flag: bool, device: torch.device) -> bool:
    """Whether `flag` is True in any of the processes. Each process has to call this."""
    if process_count() == 1:
        return flag
    found = torch.tensor(int(flag), device=device)
    distributed.all_reduce(found, distributed.ReduceOp.MAX)
    return bool(found)


def from_all(value: Found) -> list[Found]:
    """The value of each process, by its number, in all of them. Each process has to call this.

    Values have to be small and picklable.
    """
    found = [value] * process_count()
    if process_count() > 1:
        distributed.all_gather_object(found, value)
    return found


def _joined() -> bool:
    return distributed.is_available() and distributed.is_initialized()
