import itertools
import json
import multiprocessing
import os

import numpy as np
import pytest
import torch

from asr_helpers.augment import Augment
from asr_helpers.collator import DataCollatorCTCWithPadding
from asr_helpers.shards import prepare_shards, shards_in
from asr_helpers.stream import StreamedBatches


@pytest.fixture(scope="module")
def folder(few, processor, tmp_path_factory):
    """Four shards of three clips, and one of another corpus."""
    folder = tmp_path_factory.mktemp("stream")
    parts = [few.shard(4, number, contiguous=True) for number in range(4)]
    prepare_shards(parts, processor, "en-US", folder)
    prepare_shards([few.select([0, 1])], processor, "en-US", folder, name="other")
    return folder


@pytest.fixture
def stream(folder, model):
    def make(corpora=("train",), **more):
        knobs = {"rate": 16_000, "batch_seconds": 5.0, "window_seconds": 9.0, "seed": 1} | more
        return StreamedBatches([shards_in(folder, n) for n in corpora], model.config, **knobs)

    return make


def names(batches):
    return [[row["path"] for row in batch] for batch in batches]


def one_epoch(stream):
    return list(itertools.takewhile(lambda batch: batch[0]["place"]["epoch"] == 0, stream))


def test_each_row_comes_once_in_an_epoch_in_batches_of_bounded_seconds(stream, prepared):
    batches = one_epoch(stream())
    assert sorted(sum(names(batches), [])) == sorted(prepared["path"])
    for batch in batches:
        longest = max(row["input_length"] for row in batch) / 16_000
        assert len(batch) == 1 or longest * len(batch) <= 5.0
    assert max(len(batch) for batch in batches) > 1


def test_the_stream_has_no_end_and_each_epoch_has_its_own_order(stream):
    batches = list(itertools.islice(stream(), 60))
    epochs = {k: list(g) for k, g in itertools.groupby(batches, lambda b: b[0]["place"]["epoch"])}
    assert len(epochs) >= 3
    orders = [names(epochs[k]) for k in range(2)]
    assert orders[0] != orders[1]
    assert sorted(sum(orders[0], [])) == sorted(sum(orders[1], []))
    draws = [row["draw"] for batch in batches for row in batch]
    assert len(set(draws)) == len(draws)  # no variation comes twice


@pytest.mark.parametrize("corpora", [("train",), ("train", "other")])
def test_from_any_batch_it_goes_on_with_the_same_rows(stream, corpora):
    whole = list(itertools.islice(stream(corpora), 30))
    for stop in (0, 1, 2, 5, 11, 17):
        again = stream(corpora)
        # As a checkpoint keeps it.
        again.load_state_dict(json.loads(json.dumps(whole[stop][0]["place"])))
        rest = list(itertools.islice(again, 29 - stop))
        assert names(rest) == names(whole[stop + 1 :])
        assert [b[0]["draw"] for b in rest] == [b[0]["draw"] for b in whole[stop + 1 :]]
        assert np.array_equal(rest[0][0]["input_values"], whole[stop + 1][0]["input_values"])


def test_a_loader_with_a_worker_reads_the_same_and_knows_the_place(stream, processor):
    collate = DataCollatorCTCWithPadding(processor, augment=Augment(16_000, 0))

    def loader(source, workers):
        return torch.utils.data.DataLoader(
            source, batch_size=None, collate_fn=collate, num_workers=workers
        )

    alone = list(itertools.islice(loader(stream(), 0), 6))
    other = list(itertools.islice(loader(stream(), 1), 6))
    for one, two in zip(alone, other):
        assert torch.equal(one["input_values"], two["input_values"])
        assert one["place"] == two["place"]
    resumed = stream()
    resumed.load_state_dict(alone[3]["place"])
    assert torch.equal(next(iter(loader(resumed, 1)))["input_values"], alone[4]["input_values"])


def test_corpora_are_mixed_as_their_probabilities_say(stream, few):
    other = set(few["path"][:2])
    shares = []
    for first in (0.2, 0.8):
        mixed = stream(("train", "other"), probabilities=[1 - first, first])
        rows = sum(names(itertools.islice(mixed, 60)), [])
        shares.append(sum(path in other for path in rows) / len(rows))
    assert shares[0] < shares[1]


def test_a_window_that_holds_no_batch_is_refused(stream):
    with pytest.raises(ValueError, match="take a larger window_seconds"):
        stream(window_seconds=3.0)


def test_rows_whose_label_does_not_fit_are_passed_over(stream, monkeypatch, prepared):
    import asr_helpers.stream as module

    longest = max(prepared["input_length"])
    monkeypatch.setattr(module, "label_fits", lambda config, labels, length: length < longest)
    assert len(sum(names(one_epoch(stream())), [])) < len(prepared)


def test_a_stream_without_a_row_is_refused(stream, monkeypatch):
    import asr_helpers.stream as module

    monkeypatch.setattr(module, "label_fits", lambda *_: False)
    with pytest.raises(ValueError, match=r"Process 1 of 1 has no row to read in train-00000.tar"):
        next(iter(stream()))


def in_one_of_two(number, port, folder, config, results):
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.distributed.init_process_group("gloo", rank=number, world_size=2)
    stream = StreamedBatches(
        [shards_in(folder)], config, rate=16_000, batch_seconds=5.0, window_seconds=9.0
    )
    results.put((number, sum(names(one_epoch(stream)), [])))
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_share_an_epochs_rows(folder, model, prepared):
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = multiprocessing.get_context("forkserver")
    start.set_forkserver_preload(["asr_helpers.train"])
    results = start.Queue()
    started = [
        start.Process(target=in_one_of_two, args=(k, port, folder, model.config, results))
        for k in range(2)
    ]
    for process in started:
        process.start()
    found = dict(results.get(timeout=200) for _ in started)
    for process in started:
        process.join()
    assert not set(found[0]) & set(found[1])
    assert sorted(found[0] + found[1]) == sorted(prepared["path"])
