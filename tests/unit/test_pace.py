import dataclasses
import json

import pytest
import torch

from asr_helpers import pace
from asr_helpers.profiles import PROFILES


@pytest.fixture
def small(profile):
    return dataclasses.replace(profile, batch_seconds=6.0)


def test_the_parts_are_timed_and_nothing_is_sent_alone(small):
    found = pace.step_times(small, updates=2, clips=6)
    assert list(found["parts"]) == list(pace.PARTS) and found["processes"] == 1
    assert max(found["parts"].values()) < found["seconds"]
    assert found["parts"]["compute"] > found["parts"]["communication"] >= 0
    assert found["megabytes"] == 0 and found["audio_seconds"] > 0


def test_with_others_each_weight_gets_the_mean_gradient(monkeypatch):
    weights = [torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(2, 2))]
    weights[0].grad = torch.tensor([2.0, 4.0, 6.0])  # the other weight was not used here
    monkeypatch.setattr(pace, "process_count", lambda: 2)
    # The other process has the same gradients, and 1 for each value.
    monkeypatch.setattr(pace.distributed, "all_reduce", lambda flat: flat.add_(1.0))
    assert pace._add_up(weights) == 7 * 4
    assert weights[0].grad.tolist() == [1.5, 2.5, 3.5]
    assert weights[1].grad.tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_the_command_prints_a_line_of_json(small, monkeypatch, capsys):
    monkeypatch.setitem(PROFILES, "smoke", small)
    monkeypatch.setattr(pace, "step_times", lambda profile, updates: {"updates": updates})
    assert pace.main(["--profile", "smoke", "--updates", "3"]) == 0
    assert json.loads(capsys.readouterr().out) == {"updates": 3}
    with pytest.raises(SystemExit):
        pace.main(["--profile", "none"])
