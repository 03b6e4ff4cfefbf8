"""Another language on the same encoder: first a new head, then all layers above the frozen ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from asr_helpers.adaptation import adapt
from asr_helpers.model import freeze, load_base_model
from asr_helpers.profiles import Profile

LOWER = ("convolutions", "projection", "positions")  # what lies below the first layer


def first_minutes(
    rows: Any, minutes: float, sampling_rate: int, seed: int
) -> tuple[list[int], float]:
    """Draw rows at random that together last at most `minutes`: (row numbers, minutes).

    A larger number of minutes gives a superset of the rows. There is always at least one row.

    Args:
        rows: prepared rows, with input_length in samples.
        minutes: how long the rows last together, at most.
        sampling_rate: samples a second.
        seed: draws the order.
    """
    order = np.random.default_rng(seed).permutation(len(rows))
    ends = np.cumsum(np.array(rows["input_length"])[order]) / sampling_rate / 60
    count = max(1, int(np.searchsorted(ends, minutes, side="right")))
    return order[:count].tolist(), float(ends[count - 1])


def learn_above(
    profile: Profile,
    model: PreTrainedModel,
    rows: Any,
    kept: Sequence[torch.Tensor],
    layers: int,
    steps: int,
    learning_rate: float,
) -> list[float]:
    """`adapt` with the profile's batches, masks and seed, on kept frames: the loss of each step."""
    knobs = profile.adaptation
    return adapt(
        model, rows, kept=kept, layers=layers, steps=steps, learning_rate=learning_rate,
        seed=profile.seed, batch_seconds=knobs.batch_seconds, masked=knobs.masked,
    )  # fmt: skip


def with_new_head(
    profile: Profile, processor: Any, rows: Any, kept: Sequence[torch.Tensor]
) -> PreTrainedModel:
    """The base model with a new head, trained on these rows; no other weight changes.

    Args:
        profile: the base model, and how the head learns.
        processor: of the new language: it tells the tokens.
        rows: prepared with this processor.
        kept: `lower_outputs` of the base model for these rows, below layer `adaptation.layers`.
    """
    model = load_base_model(profile.base_model, processor, profile.seed)
    model.requires_grad_(False)
    model.lm_head.requires_grad_(True)
    knobs = profile.adaptation
    learn_above(
        profile, model, rows, kept, knobs.layers, knobs.head_steps, profile.head_learning_rate
    )
    return model


def with_new_top(
    profile: Profile, processor: Any, rows: Any, kept: Sequence[torch.Tensor]
) -> PreTrainedModel:
    """As `with_new_head`, and then all layers above the frozen ones are trained, too.

    Args:
        profile, processor, rows, kept: as for `with_new_head`.
    """
    knobs = profile.adaptation
    model = with_new_head(profile, processor, rows, kept)
    freeze(model.requires_grad_(True), LOWER, knobs.layers)
    learn_above(
        profile, model, rows, kept, knobs.layers, knobs.language_steps, knobs.language_learning_rate
    )
    return model
