"""Batches of equal seconds from a stream of utterances that can be interrupted and resumed."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import torch

from asr_helpers.batches import SecondsBatchSampler
from asr_helpers.frames import frames_needed, label_fits, samples_needed
from asr_helpers.parallel import process_count, process_number
from asr_helpers.shards import decoded, name_of, read_stream

WINDOW_SECONDS = 1800.0  # some 30 MB of encoded speech


class StreamedBatches(torch.utils.data.IterableDataset):
    """Endless batches from prepared shards, of similar length and about equal seconds.

    One *window* of the stream is in memory at a time, with its sound still encoded. Its utterances
    are sorted into batches as in `SecondsBatchSampler`, and the batches come in random order. So
    the window is both the shuffle buffer and the source of batches of similar length. Memory grows
    with the window, and not with the corpus.

    Every process has its own stream, which never ends, so that no process waits for another.

    A batch is a list of rows, as `DrawnRows` gives them, each with `place`: a small dict of plain
    values with the position of the stream after this batch. `load_state_dict` takes this dict, also
    in another run, and the same rows follow. If the same rows have to follow, use a DataLoader with
    at most one worker, because each worker has a stream of its own.
    """

    def __init__(
        self,
        corpora: Sequence[Sequence[str | Path]],
        config: Any,
        *,
        rate: int,
        batch_seconds: float,
        window_seconds: float = WINDOW_SECONDS,
        seed: int = 0,
        probabilities: Sequence[float] | None = None,
    ):
        """Read the shards of one corpus, or of several in turn.

        Args:
            corpora: the shards of each, from `shards_in`.
            config: the model's, which tells whether a label fits its frames; rows whose label does
                not are passed over.
            rate: samples a second.
            batch_seconds, window_seconds: audio in a batch and in a window.
            seed: with the epoch, it orders shards, utterances and batches.
            probabilities: for each corpus, that the next utterance comes from it; None takes the
                corpora in turn.
                Shorter corpora are repeated until each corpus was read once.
        """
        if batch_seconds > window_seconds:
            raise ValueError(
                f"A window of {window_seconds:g} s does not hold a batch of {batch_seconds:g} s: "
                "take a larger window_seconds."
            )
        self.corpora, self.config, self.rate = [list(one) for one in corpora], config, rate
        self.batch_seconds, self.window_seconds, self.seed = batch_seconds, window_seconds, seed
        self.probabilities = probabilities
        self.place = {"epoch": 0, "window": 0, "rows": None, "given": 0}

    def state_dict(self) -> dict[str, Any]:
        """Where the stream begins."""
        return copy.deepcopy(self.place)

    def load_state_dict(self, place: Mapping[str, Any]) -> None:
        """Begin after the batch whose rows have this `place`."""
        self.place = copy.deepcopy(dict(place))

    def description(self) -> dict[str, Any]:
        """What the rows depend on, and how many processes share them. Plain values."""
        return {
            "shards": [[name_of(path) for path in shards] for shards in self.corpora],
            "window_seconds": self.window_seconds, "probabilities": self.probabilities,
            "processes": process_count(),
        }  # fmt: skip

    def __iter__(self) -> Iterator[list[dict[str, Any]]]:
        place = self.state_dict()
        while True:
            rows = self._rows(place["epoch"])
            if place["rows"] is not None:
                rows.load_state_dict(place["rows"])
            stream, empty = iter(rows), place["window"] == 0
            while window := self._window(stream):
                empty, after = False, rows.state_dict()
                lengths = [row["json"]["input_length"] for row in window]
                sampler = SecondsBatchSampler(lengths, self.rate, self.batch_seconds, self.seed)
                sampler.set_epoch(_draw(place))
                batches = sampler.batches()
                for batch in batches[place["given"] :]:
                    place["given"] += 1
                    yield [self._row(window[n], n, place) for n in batch]
                place |= {"window": place["window"] + 1, "rows": after, "given": 0}
            if empty:
                worker = torch.utils.data.get_worker_info()
                if worker is not None and worker.num_workers > 1:
                    return  # more workers than shards: this one has nothing to read
                raise ValueError(
                    f"Process {process_number() + 1} of {process_count()} has no row to read in "
                    f"{', '.join(name_of(path) for one in self.corpora for path in one[:3])}: look "
                    "at how the shards were made, and take no more processes than there are rows."
                )
            place = {"epoch": place["epoch"] + 1, "window": 0, "rows": None, "given": 0}

    def _rows(self, epoch: int) -> datasets.IterableDataset:
        streams = [read_stream(shards, epoch, self.seed) for shards in self.corpora]
        if len(streams) == 1:
            return streams[0]
        chances = None if self.probabilities is None else list(self.probabilities)
        return datasets.interleave_datasets(
            streams, chances, seed=self.seed + epoch, stopping_strategy="all_exhausted"
        )

    def _window(self, stream: Iterator[dict]) -> list[dict]:
        window, held = [], 0.0
        while held < self.window_seconds and (row := next(stream, None)) is not None:
            length = row["json"]["input_length"]
            if label_fits(self.config, row["json"]["labels"], length):
                window.append(row)
                held += length / self.rate
        return window

    def _row(self, row: Mapping[str, Any], number: int, place: Mapping[str, Any]) -> dict[str, Any]:
        ready = decoded(row)
        shortest = samples_needed(self.config, frames_needed(ready["labels"]))
        draw = (_draw(place), process_number(), number)
        return ready | {"draw": draw, "shortest": shortest, "place": copy.deepcopy(dict(place))}


def _draw(place: Mapping[str, Any]) -> int:
    """A number of its own for each window of each epoch."""
    return place["epoch"] * 1_000_000 + place["window"]
