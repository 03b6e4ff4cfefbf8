"""Weight interpolation between the weights before and after fine-tuning (WiSE-FT)."""

from collections.abc import Callable, Mapping, Sequence

import torch
from tqdm.auto import tqdm

from asr_helpers.metrics import paired_bootstrap, wer

Weights = Mapping[str, torch.Tensor]
ONE_ERROR = 0.68  # share of a normal distribution within one standard error of its mean


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


def least_change(truth: Sequence[str], written: Mapping[float, Sequence[str]], seed: int) -> float:
    """The smallest share whose WER is within one standard error of the lowest WER.

    A smaller share keeps more of the weights before fine-tuning, and so more of what they knew, such
    as other voices. Validation cannot show this if its only speaker is that of training. So a
    larger share must be clearly better. This is the one-standard-error rule (Breiman et al. 1984;
    Hastie et al. 2009, "The Elements of Statistical Learning", section 7.10). The standard error is
    that of the difference between two mixtures on the same clips, by a paired bootstrap.

    Args:
        truth: the transcripts.
        written: what each mixture wrote: {share: texts}.
        seed: draws the resamples.

    Raises:
        ValueError: see `asr_helpers.metrics.wer`.
    """
    best = min(written, key=lambda share: (wer(truth, written[share]), share))
    return min(
        share
        for share, texts in written.items()
        if paired_bootstrap(truth, written[best], texts, seed, ONE_ERROR).low <= 0
    )


def best_mixture(
    model: torch.nn.Module,
    before: Weights,
    after: Weights,
    shares: Sequence[float],
    *,
    truth: Sequence[str],
    write: Callable[[], list[str]],
    seed: int,
) -> tuple[float, dict[float, list[str]]]:
    """Try mixtures, and load the one that `least_change` chooses.

    Args:
        model: gets the weights.
        before, after: as for `mixed`.
        shares: those to try.
        truth: the transcripts of validation.
        write: called without arguments; it returns the texts that `model` writes at that moment.
        seed: as for `least_change`.

    Returns:
        (share, {share: texts})
    """
    written = {}
    for share in tqdm(shares, desc="Scoring mixtures", unit="mixture"):
        model.load_state_dict(mixed(before, after, share))
        written[share] = write()
    share = least_change(truth, written, seed)
    model.load_state_dict(mixed(before, after, share))
    return share, written
