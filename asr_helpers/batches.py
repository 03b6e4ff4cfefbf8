"""Training batches of utterances of similar length, with about equal seconds in each batch."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from asr_helpers.frames import frames_needed, samples_needed

SIZES = [k * 2**octave for octave in range(12) for k in (2, 3)] + [1]  # 1, 2, 3, 4, 6, 8, 12, ...


class SecondsBatchSampler(torch.utils.data.Sampler):
    """Batches of utterances of like length that hold about equal seconds of audio.

    An utterance longer than `seconds` is a batch of its own. Each pass has another order, drawn by
    `seed` and the number of the pass.
    """

    def __init__(self, lengths: Sequence[int], rate: int, seconds: float, seed: int):
        """`lengths` in samples, `rate` in samples a second."""
        self.lengths = np.asarray(lengths) / rate
        self.seconds, self.seed, self.epoch = seconds, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the pass: 0 for the first."""
        self.epoch = epoch

    def batches(self) -> list[list[int]]:
        """Row numbers, batch by batch."""
        random = np.random.default_rng([self.seed, self.epoch])
        # Lengths are blurred a little before sorting, so that neighbours differ between passes.
        order = np.argsort(self.lengths * random.uniform(0.8, 1.2, len(self.lengths)))
        batches, batch = [], []
        for row in order.tolist():
            longest = max((self.lengths[r] for r in [*batch, row]), default=0)
            if batch and longest * (len(batch) + 1) > self.seconds:
                # Few distinct sizes, too: 1, 2, 3, 4, 6, 8, 12, ... The rest begins the next batch.
                size = max(n for n in SIZES if n <= len(batch))
                batches.append(batch[:size])
                batch = batch[size:]
            batch.append(row)
        batches.append(batch)
        return [batches[i] for i in random.permutation(len(batches))]

    def __iter__(self) -> Iterator[list[int]]:
        yield from self.batches()

    def __len__(self) -> int:
        return len(self.batches())


class DrawnBatches(torch.utils.data.Sampler):
    """The batches of a SecondsBatchSampler, each row as (epoch, row).

    Each row carries its epoch. Otherwise a worker process that was started in an earlier epoch
    would not know the present epoch, and would repeat earlier variations.

    Each update has the same number of batches. The last batches of a pass are left out if they are
    too few for an update; in another pass these are other batches. So several processes get the
    same number of batches, and none waits for the others. A corpus that is too small for one update
    is repeated.
    """

    def __init__(self, sampler: SecondsBatchSampler, update: int = 1):
        """`update`: batches in an update, those of all processes counted."""
        self.sampler, self.update = sampler, update

    def set_epoch(self, epoch: int) -> None:
        """Choose the pass: 0 for the first."""
        self.sampler.set_epoch(epoch)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        batches = itertools.cycle(self.sampler.batches())
        for batch in itertools.islice(batches, len(self)):
            yield [(self.sampler.epoch, row) for row in batch]

    def __len__(self) -> int:
        return max(1, len(self.sampler) // self.update) * self.update


class DrawnRows(torch.utils.data.Dataset):
    """The rows of a dataset by (epoch, row), with the arguments that `Augment` needs for each row.

    Each row has its own columns, `draw` (the epoch and the row's number), and `shortest`: the
    fewest samples whose frames its label fits.
    """

    def __init__(self, rows: Any, config: Any):
        """`rows`: a prepared Dataset. `config`: the model's config."""
        self.rows = rows
        self.shortest = [
            samples_needed(config, frames_needed(labels))
            for labels in rows.with_format(None)["labels"]
        ]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: tuple[int, int]) -> dict[str, Any]:
        _, row = place
        return {**self.rows[row], "draw": place, "shortest": self.shortest[row]}
