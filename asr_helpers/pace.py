"""Where the time of training goes: `torchrun --nproc-per-node 2 -m asr_helpers.pace`.

Each process computes the gradients of its own batches, and the processes average them, as in
training. Here the parts run one after another, so that each part can be timed. In training, part of
the communication happens while the gradients of lower layers are still computed.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence

import numpy as np
import torch
from accelerate import PartialState
from torch import distributed

from asr_helpers.batches import DrawnBatches, DrawnRows, SecondsBatchSampler
from asr_helpers.corpus import load_corpus
from asr_helpers.devices import device
from asr_helpers.parallel import from_all, is_first_process, process_count, process_number
from asr_helpers.processor import keep_fitting, load_processor, prepare_dataset
from asr_helpers.profiles import PROFILES, Profile, load_profile
from asr_helpers.recipe import course_collators, course_model
from asr_helpers.training import fast_bfloat16

PARTS = ("loader", "compute", "waiting", "communication", "optimizer")
SETTLE = 2  # updates in which kernels and memory are prepared; they do not count


def step_times(profile: Profile, updates: int, clips: int = 64) -> dict:
    """Make a few updates, and time their parts. Each process has to call this.

    Args:
        profile: model, corpus, batch_seconds.
        updates: how many are measured. An update is one batch in each process; `SETTLE` updates
            before them are not measured.
        clips: how many clips of the training split are read; the updates repeat these clips.

    Returns:
        A dict. "processes" and "threads" are counts. "audio_seconds" is the speech of an update in
        all processes, on average. "seconds" and "parts" are the times of an update and of each of
        its `PARTS`, as medians over the updates. "megabytes" is the size of the gradients that a
        process sends in an update.
    """
    corpus = load_corpus(profile.corpus, profile.language, profile.revision, profile.seed)
    rows = corpus["train"].select(range(min(clips, len(corpus["train"]))))
    processor = load_processor(profile.base_model)
    torch.manual_seed(profile.seed)
    model = course_model(profile, processor).train()
    prepared = keep_fitting(prepare_dataset(rows, processor, profile.language), model)
    lengths, rate = prepared["input_length"], profile.sampling_rate
    sampler = SecondsBatchSampler(lengths, rate, profile.batch_seconds, profile.seed)
    batches = list(DrawnBatches(sampler, process_count()))[process_number() :: process_count()]
    source = DrawnRows(prepared.with_format("numpy"), model.config)
    collate = course_collators(profile, processor)[0]
    learning = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=profile.learning_rate)

    spans, audio, size = [], 0.0, 0
    for number in range(SETTLE + updates):
        batch = batches[number % len(batches)]
        ends = [_now()]
        inputs = collate([source[place] for place in batch])
        inputs = {key: inputs[key].to(model.device) for key in inputs if key != "rows"}
        ends.append(_now())
        with torch.autocast(model.device.type, torch.bfloat16, enabled=fast_bfloat16()):
            loss = model(**inputs).loss
        loss.backward()
        ends.append(_now())
        if process_count() > 1:
            distributed.barrier()  # the slower process decides
        ends.append(_now())
        size = _add_up(learning)
        ends.append(_now())
        optimizer.step()
        optimizer.zero_grad()
        ends.append(_now())
        if number >= SETTLE:
            spans.append(ends)
            audio += sum(lengths[row] for _, row in batch) / rate
    taken = np.diff(np.array(spans), axis=1)  # (updates, parts)
    audios, everywhere = zip(*from_all((audio / updates, taken)))
    everywhere = np.concatenate(everywhere)
    parts = np.median(everywhere, axis=0).tolist()
    return {
        "processes": process_count(), "threads": torch.get_num_threads(),
        "audio_seconds": sum(audios), "seconds": float(np.median(everywhere.sum(axis=1))),
        "parts": dict(zip(PARTS, parts)), "megabytes": size / 1e6,
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what `step_times` finds as a line of JSON."""
    made = argparse.ArgumentParser(prog="python -m asr_helpers.pace", description=main.__doc__)
    made.add_argument("--profile", choices=PROFILES, default="offline")
    made.add_argument("--updates", type=int, default=6)
    options = made.parse_args(arguments)
    if "RANK" in os.environ:
        PartialState(cpu=device().type == "cpu")
    try:
        found = step_times(load_profile(options.profile), options.updates)
        if is_first_process():
            print(json.dumps(found))
    finally:
        if distributed.is_available() and distributed.is_initialized():
            distributed.destroy_process_group()
    return 0


def _add_up(weights: Sequence[torch.nn.Parameter]) -> int:
    """Give each weight the mean of all processes' gradients; return the bytes that each sends."""
    if process_count() == 1:
        return 0
    # A batch may have no masks, or skip a layer: then the weights for these have no gradient.
    grads = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
    flat = torch.cat([grad.flatten() for grad in grads])
    distributed.all_reduce(flat)
    flat /= process_count()
    for weight, part in zip(weights, flat.split([w.numel() for w in weights])):
        weight.grad = part.view_as(weight)
    return flat.numel() * flat.element_size()


def _now() -> float:
    if device().type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


if __name__ == "__main__":
    sys.exit(main())
