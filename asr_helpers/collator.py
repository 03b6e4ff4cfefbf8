"""Pad utterances of several lengths to one batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from asr_helpers.augment import Augment


def rounded_up(length: int, step: int) -> int:
    """Round `length` up to one of few lengths: at most 8 between a length and its double."""
    while length > 8 * step:
        step *= 2
    return -(-length // step) * step


@dataclass
class DataCollatorCTCWithPadding:
    """Pad utterances to one batch: `input_values` with silence, `labels` with -100.

    Args:
        processor: pads each side in its own way.
        step: in samples. Lengths are rounded up to a multiple of `step`; from 8 steps on to a
            multiple of twice `step`, from 16 steps on to a multiple of four times `step`, and so
            on. A CPU prepares a kernel for each new shape, which takes as long as one use of it. So
            few distinct lengths are fast. None does not round.
        augment: applied to each utterance first, or None. It is given the row's `draw` and
            `shortest` if the row has them (see `asr_helpers.batches.DrawnRows`).

    Returns (from a call on a list of prepared rows):
        input_values (batch, samples), attention_mask of the same shape where the processor makes
        one, and labels (batch, letters), whose -100 the loss does not count. Rows that have a
        `draw` are numbered in `rows` (batch,). Rows of a stream tell its `place`, a dict, and their
        `paths`.
    """

    processor: Any
    step: int | None = None
    augment: Augment | None = None

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, torch.Tensor]:
        inputs = [{"input_values": self._varied(row)} for row in rows]
        longest = max(len(row["input_values"]) for row in inputs)
        batch = self.processor.pad(
            inputs,
            padding="max_length",
            max_length=rounded_up(longest, self.step) if self.step else longest,
            return_tensors="pt",
        )
        targets = [{"input_ids": row["labels"]} for row in rows]
        labels = self.processor.pad(labels=targets, padding=True, return_tensors="pt")
        batch["labels"] = labels["input_ids"].masked_fill(labels["attention_mask"].ne(1), -100)
        if all("draw" in row for row in rows):
            batch["rows"] = torch.tensor([row["draw"][-1] for row in rows])
        if all("place" in row for row in rows):
            batch["place"], batch["paths"] = rows[0]["place"], [row["path"] for row in rows]
        return batch

    def _varied(self, row: Mapping[str, Any]) -> np.ndarray:
        if self.augment is None:
            return np.asarray(row["input_values"])
        return self.augment(row["input_values"], row.get("draw", ()), row.get("shortest", 0))
