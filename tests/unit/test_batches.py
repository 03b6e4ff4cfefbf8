import numpy as np
import pytest
import torch

from asr_helpers.augment import Augment
from asr_helpers.batches import SIZES, DrawnBatches, DrawnRows, SecondsBatchSampler
from asr_helpers.collator import DataCollatorCTCWithPadding
from asr_helpers.frames import label_fits


def test_batches_come_in_few_sizes():
    sizes = [len(batch) for batch in SecondsBatchSampler(lengths(), 16_000, 24, seed=0)]
    assert (
        len(set(sizes)) <= 10 and sum(size not in SIZES for size in sizes) <= 1
    )  # the last may be any


def lengths():
    return np.random.default_rng(0).integers(8000, 160_000, size=300)


def test_every_row_is_in_one_batch_and_no_batch_is_too_long():
    sizes = lengths()
    batches = list(SecondsBatchSampler(sizes, 16_000, 24, seed=0))
    assert sorted(row for batch in batches for row in batch) == list(range(300))
    for batch in batches:
        assert len(batch) == 1 or sizes[batch].max() / 16_000 * len(batch) <= 24


def test_little_of_a_batch_is_padding():
    sizes = lengths()
    batches = list(SecondsBatchSampler(sizes, 16_000, 24, seed=0))
    padded = sum(sizes[batch].max() * len(batch) for batch in batches)
    assert sizes.sum() / padded > 0.75


def test_epochs_differ_and_seeds_repeat():
    sampler = SecondsBatchSampler(lengths(), 16_000, 24, seed=0)
    first = list(sampler)
    assert first == list(SecondsBatchSampler(lengths(), 16_000, 24, seed=0))
    assert len(first) == len(sampler)
    sampler.set_epoch(1)
    assert first != list(sampler)


def test_an_utterance_longer_than_a_batch_is_its_own():
    assert sorted(SecondsBatchSampler([16_000 * 40, 16_000], 16_000, 24, seed=0)) == [[0], [1]]


def drawn(prepared, config, workers=0):
    """(rows, loader) whose collator varies each utterance."""
    sampler = SecondsBatchSampler(prepared["input_length"], 16_000, 12, seed=0)
    rows = DrawnRows(prepared.with_format("numpy"), config)
    return rows, DrawnBatches(sampler)


def test_rows_know_their_draw_and_how_short_they_may_become(prepared, model):
    rows, batches = drawn(prepared, model.config)
    batches.set_epoch(3)
    places = [place for batch in batches for place in batch]
    assert sorted(places) == [(3, row) for row in range(len(prepared))]
    for place in places:
        row = rows[place]
        assert row["draw"] == place
        assert label_fits(model.config, row["labels"], row["shortest"])
        assert not label_fits(model.config, row["labels"], row["shortest"] - 1)


def test_each_epoch_varies_anew_and_batches_name_their_rows(prepared, processor, model):
    collate = DataCollatorCTCWithPadding(processor, augment=Augment(16_000, 0))
    rows, _ = drawn(prepared, model.config)
    one, two = (collate([rows[epoch, 0]]) for epoch in range(2))
    assert one["input_values"].shape != two["input_values"].shape or not torch.equal(
        one["input_values"], two["input_values"]
    )
    assert torch.equal(one["labels"], two["labels"]) and one["rows"].tolist() == [0]


def test_worker_processes_draw_what_one_process_draws(prepared, processor, model):
    """Also in their second epoch: persistent workers keep what they were started with."""
    collate = DataCollatorCTCWithPadding(processor, augment=Augment(16_000, 0))
    seen = {}
    for workers in (0, 2):
        rows, batches = drawn(prepared, model.config)
        loader = torch.utils.data.DataLoader(
            rows, batch_sampler=batches, collate_fn=collate, num_workers=workers,
            persistent_workers=workers > 0,
        )  # fmt: skip
        for epoch in range(2):
            batches.set_epoch(epoch)
            seen[workers, epoch] = [batch["input_values"] for batch in loader]
    for epoch in range(2):
        assert all(map(torch.equal, seen[0, epoch], seen[2, epoch]))
    assert not all(map(torch.equal, seen[2, 0], seen[2, 1]))


@pytest.mark.parametrize("update", [1, 2, 3, 7])
def test_each_update_has_equally_many_batches_and_the_pass_decides_which_are_left_out(
    prepared, update
):
    sampler = SecondsBatchSampler(prepared["input_length"], 16_000, 4.0, seed=0)
    batches = DrawnBatches(sampler, update)
    left = []
    for epoch in range(6):
        batches.set_epoch(epoch)
        found = [[row for _, row in batch] for batch in batches]
        assert len(found) == len(batches) and len(found) % update == 0
        assert found == sampler.batches()[: len(found)] and len(sampler) - len(found) < update
        left.append(sorted(set(range(len(prepared))) - set(sum(found, []))))
    if any(left):
        assert len({tuple(rows) for rows in left}) > 1


def test_a_corpus_that_fills_no_update_is_repeated(prepared):
    sampler = SecondsBatchSampler(prepared["input_length"], 16_000, 4.0, seed=0)
    batches = list(DrawnBatches(sampler, len(sampler) + 2))
    assert len(batches) == len(sampler) + 2 and batches[-1] == batches[1]
