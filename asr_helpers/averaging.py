"""Part of the way back: between what a model knew before fine-tuning and what it knows after."""

import torch


def mixed(before, after, share):
    """Each weight as a mean of two: (1 - share) * before + share * after.

    Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", section 3: what fine-tuning
    learned by heart shrinks, and what the model knew before comes back in part.

    Args:
        before, after: state_dicts of one model.
        share: of the change that is kept, 0 to 1.

    Raises:
        ValueError: share is out of range, or the two hold different weights.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"A share lies between 0 and 1, not at {share}.")
    if strange := sorted(before.keys() ^ after.keys()):
        raise ValueError(f"Only one of the two has {strange}: give two states of one model.")
    return {name: torch.lerp(before[name], after[name], share) for name in before}


def best_share(model, before, after, shares, score):
    """Leave in `model` the mixture that scores lowest; of equals, the one that keeps most.

    Args:
        model: gets the weights.
        before, after: as for `mixed`.
        shares: those to try.
        score: called without arguments, judges the model as it is then; lower is better.

    Returns:
        (share, {share: score})
    """
    scores = {}
    for share in shares:
        model.load_state_dict(mixed(before, after, share))
        scores[share] = score()
    best = min(scores, key=lambda share: (scores[share], -share))
    model.load_state_dict(mixed(before, after, best))
    return best, scores
