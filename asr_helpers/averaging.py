"""Weight interpolation between the weights before and after fine-tuning (WiSE-FT)."""

from collections.abc import Callable, Mapping, Sequence

import torch
from tqdm.auto import tqdm

Weights = Mapping[str, torch.Tensor]


def mixed(before: Weights, after: Weights, share: float) -> dict[str, torch.Tensor]:
    """Each weight as a mean of two: (1 - share) * before + share * after.

    Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (WiSE-FT), section 3. This takes
    back a part of the memorised training data, and brings back a part of the earlier knowledge.

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


def best_share(
    model: torch.nn.Module,
    before: Weights,
    after: Weights,
    shares: Sequence[float],
    score: Callable[[], float],
) -> tuple[float, dict[float, float]]:
    """Try mixtures, and load the one with the lowest score; of equal ones, the largest share.

    Args:
        model: gets the weights.
        before, after: as for `mixed`.
        shares: those to try.
        score: called without arguments, scores `model` as it is at that moment; lower is better.

    Returns:
        (share, {share: score})
    """
    scores = {}
    for share in tqdm(shares, desc="Scoring mixtures", unit="mixture"):
        model.load_state_dict(mixed(before, after, share))
        scores[share] = score()
    best = min(scores, key=lambda share: (scores[share], -share))
    model.load_state_dict(mixed(before, after, best))
    return best, scores
