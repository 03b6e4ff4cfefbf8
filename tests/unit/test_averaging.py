import pytest
import torch

from asr_helpers.averaging import best_mixture, least_change, mixed

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


TRUTH = [f"{word} TWO" for word in "AN ON IN AT".split()] * 10  # 80 words


def with_errors(clips):
    """The texts of TRUTH, with the first word of some clips missing."""
    return ["TWO" if number in clips else text for number, text in enumerate(TRUTH)]


def test_a_larger_change_must_be_clearly_better():
    written = {0.25: with_errors(range(20)), 0.5: with_errors(range(3)), 1.0: with_errors(range(2))}
    assert least_change(TRUTH, written, seed=0) == 0.5  # 3 errors are as good as 2, 20 are not
    del written[0.5]
    assert least_change(TRUTH, written, seed=0) == 1.0


def test_a_larger_change_that_is_worse_is_not_taken():
    written = {0.25: with_errors(range(2)), 1.0: with_errors(range(20))}
    assert least_change(TRUTH, written, seed=0) == 0.25


def test_the_chosen_mixture_stays_in_the_model():
    model = torch.nn.Linear(2, 1)

    def write():  # right where the first weight is 1, half-way
        return with_errors(range(round(40 * abs(model.weight[0, 0].item() - 1))))

    share, written = best_mixture(
        model, BEFORE, AFTER, (0.0, 0.5, 1.0), truth=TRUTH, write=write, seed=0
    )
    assert share == 0.5 and written == {0.0: ["TWO"] * 40, 0.5: TRUTH, 1.0: ["TWO"] * 40}
    assert model.weight.tolist() == [[1.0, 2.0]]
