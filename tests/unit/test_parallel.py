import pytest
import torch

from asr_helpers import parallel


def test_alone_everything_is_done_here(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert parallel.process_count() == 1 and parallel.is_first_process()
    assert parallel.local_number() == 0
    assert parallel.from_first(lambda: "made") == "made"
    assert parallel.any_of_them(True, torch.device("cpu"))
    assert not parallel.any_of_them(False, torch.device("cpu"))


def test_alone_an_error_stays_what_it_is():
    with pytest.raises(ZeroDivisionError):
        parallel.from_first(lambda: 1 / 0)
