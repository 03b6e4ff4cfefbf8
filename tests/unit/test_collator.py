import copy

import pytest

from asr_helpers.augment import Augment
from asr_helpers.collator import DataCollatorCTCWithPadding, rounded_up


@pytest.mark.parametrize("masked", [True, False])
def test_each_side_is_padded_in_its_own_way(prepared, processor, masked):
    rows = [prepared[i] for i in range(4)]
    processor = copy.deepcopy(processor)
    processor.feature_extractor.return_attention_mask = masked
    batch = DataCollatorCTCWithPadding(processor)(rows)
    longest = max(row["input_length"] for row in rows)
    assert batch["input_values"].shape == (4, longest)
    assert ("attention_mask" in batch) == masked
    if masked:
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


def test_rows_without_a_draw_are_varied_alike_and_not_numbered(prepared, processor):
    collate = DataCollatorCTCWithPadding(processor, augment=Augment(16_000, 0))
    one, two = (collate([prepared[0]]) for _ in range(2))
    assert (one["input_values"] == two["input_values"]).all() and "rows" not in one
