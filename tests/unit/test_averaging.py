import pytest
import torch

from asr_helpers.averaging import best_share, mixed

BEFORE = {"weight": torch.tensor([[0.0, 4.0]]), "bias": torch.tensor([1.0])}
AFTER = {"weight": torch.tensor([[2.0, 0.0]]), "bias": torch.tensor([1.0])}


def test_a_mixture_is_a_mean_of_each_weight():
    found = mixed(BEFORE, AFTER, 0.25)
    assert found["weight"].tolist() == [[0.5, 3.0]] and found["bias"].tolist() == [1.0]


@pytest.mark.parametrize("share, end", [(0, BEFORE), (1, AFTER)])
def test_its_ends_are_the_two(share, end):
    found = mixed(BEFORE, AFTER, share)
    assert all(torch.equal(found[name], end[name]) for name in end)


def test_what_was_given_stays_as_it_was():
    mixed(BEFORE, AFTER, 0.5)["weight"].zero_()
    assert BEFORE["weight"].tolist() == [[0.0, 4.0]] and AFTER["weight"].tolist() == [[2.0, 0.0]]


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_out_of_range_is_named(share):
    with pytest.raises(ValueError, match=f"not at {share}"):
        mixed(BEFORE, AFTER, share)


def test_weights_of_another_model_are_named():
    with pytest.raises(ValueError, match="only_here"):
        mixed(BEFORE, AFTER | {"only_here": torch.zeros(1)}, 0.5)


def test_the_best_mixture_stays_in_the_model():
    model = torch.nn.Linear(2, 1)

    def distance():  # least where the first weight is 1, half-way
        return abs(model.weight[0, 0].item() - 1)

    best, scores = best_share(model, BEFORE, AFTER, (0.0, 0.5, 1.0), distance)
    assert best == 0.5 and scores == {0.0: 1.0, 0.5: 0.0, 1.0: 1.0}
    assert model.weight.tolist() == [[1.0, 2.0]]


def test_of_equals_the_one_that_keeps_most_is_taken():
    best, _ = best_share(torch.nn.Linear(2, 1), BEFORE, AFTER, (0.0, 1.0, 0.5), lambda: 0.3)
    assert best == 1.0
