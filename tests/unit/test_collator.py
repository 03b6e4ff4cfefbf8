import numpy as np
import torch

from asr_helpers.collator import (
    SIZES,
    Augment,
    DataCollatorCTCWithPadding,
    DrawnRows,
    SecondsBatchSampler,
    rounded_up,
)


def test_each_side_is_padded_in_its_own_way(prepared, processor):
    rows = [prepared[i] for i in range(4)]
    batch = DataCollatorCTCWithPadding(processor)(rows)
    longest = max(row["input_length"] for row in rows)
    assert batch["input_values"].shape == batch["attention_mask"].shape == (4, longest)
    assert batch["attention_mask"].sum(1).tolist() == [row["input_length"] for row in rows]
    for row, values, labels in zip(rows, batch["input_values"], batch["labels"]):
        assert (values[row["input_length"] :] == 0).all()
        assert labels[: len(row["labels"])].tolist() == row["labels"]
        assert (labels[len(row["labels"]) :] == -100).all()


def test_lengths_are_rounded_up(prepared, processor):
    batch = DataCollatorCTCWithPadding(processor, step=8000)([prepared[0]])
    assert batch["input_values"].shape[1] % 8000 == 0


def test_few_lengths_hold_all_utterances():
    lengths = range(1, 640_000, 997)
    rounded = [rounded_up(length, 8000) for length in lengths]
    assert all(short <= long < 1.25 * short + 8000 for short, long in zip(lengths, rounded))
    assert len(set(rounded)) < 30 and rounded == sorted(rounded)


def test_batches_come_in_few_sizes():
    sizes = [len(batch) for batch in SecondsBatchSampler(lengths(), 16_000, 24, seed=0)]
    assert (
        len(set(sizes)) <= 10 and sum(size not in SIZES for size in sizes) <= 1
    )  # the last may be any


def test_augmentation_varies_and_repeats_by_seed():
    wave = np.sin(np.arange(16_000) / 10).astype(np.float32)
    draws = [(1, (0, 3)), (1, (0, 3)), (2, (0, 3)), (1, (1, 3)), (1, (0, 4))]
    first, again, *others = (Augment(16_000, seed)(wave, draw) for seed, draw in draws)
    assert np.array_equal(first, again)
    for other in others:
        assert len(first) != len(other) or not np.allclose(first, other)
    assert first.dtype == np.float32
    assert abs(first.mean()) < 1e-3 and abs(first.std() - 1) < 1e-3


def test_augmentation_stays_within_its_bounds():
    wave = np.random.default_rng(0).normal(size=16_000).astype(np.float32)
    vary = Augment(16_000, 0)
    lengths = [len(vary(wave, (k,))) for k in range(50)]
    assert min(lengths) >= 16_000 / 1.13 and max(lengths) <= 16_000 / 0.87 + 0.3 * 16_000


def test_the_collator_varies_each_utterance_anew(prepared, processor):
    collate = DataCollatorCTCWithPadding(processor, augment=Augment(16_000, 0))
    sampler = SecondsBatchSampler(prepared["input_length"], 16_000, 24, seed=0)
    rows, batches = DrawnRows(prepared, sampler), []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        batches.append(collate([rows[0]]))
    one, two = batches
    assert one["input_values"].shape != two["input_values"].shape or not torch.equal(
        one["input_values"], two["input_values"]
    )
    assert torch.equal(one["labels"], two["labels"])


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
