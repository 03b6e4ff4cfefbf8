"""The whole recipe of the course: model, batches, trainer, and resuming."""

import copy
import itertools
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, TrainerCallback

from asr_helpers.augment import Augment
from asr_helpers.averaging import best_mixture
from asr_helpers.batches import SecondsBatchSampler
from asr_helpers.checkpoints import begin, describe_run, last_checkpoint, training_in
from asr_helpers.collator import DataCollatorCTCWithPadding
from asr_helpers.devices import device
from asr_helpers.diagnostics import memory_explained
from asr_helpers.frames import frame_count
from asr_helpers.metrics import trainer_metrics
from asr_helpers.model import freeze, load_base_model, pretrained_head, redraw_layers
from asr_helpers.parallel import from_first
from asr_helpers.profiles import Profile
from asr_helpers.stream import StreamedBatches
from asr_helpers.training import (
    HEAD_BATCH,
    CTCTrainer,
    StopWithoutProgress,
    evaluation_batch,
    head_losses,
    train_head,
    training_arguments,
)


def course_model(profile: Profile, processor: Any, pretrained: bool = True) -> PreTrainedModel:
    """The base model with its head, masks, frozen parts and redrawn layers, as the profile says.

    With `pretrained` False all weights are random, and all are trained.
    """
    model = load_base_model(
        profile.base_model, processor, profile.seed, profile.masks, pretrained,
        keep_head=profile.keep_head and pretrained,
    )  # fmt: skip
    if pretrained:
        redraw_layers(model, profile.new_layers, profile.seed)
        freeze(model, profile.frozen, profile.frozen_layers)
    return model


def course_collators(
    profile: Profile, processor: Any
) -> tuple[DataCollatorCTCWithPadding, DataCollatorCTCWithPadding]:
    """(for training, for evaluation): both pad in the same way; only the first augments."""
    step = int(profile.pad_seconds * profile.sampling_rate)
    plain = DataCollatorCTCWithPadding(processor, step)
    if not profile.vary:
        return plain, plain
    return replace(plain, augment=Augment(profile.sampling_rate, profile.seed)), plain


def course_head(profile: Profile, model: PreTrainedModel, train: Any) -> list[float]:
    """The first phase: train the new head alone, and return the loss of each step."""
    return train_head(
        model, train, steps=profile.head_steps, learning_rate=profile.head_learning_rate,
        seed=profile.seed,
    )  # fmt: skip


def course_stream(
    profile: Profile, model: PreTrainedModel, shards: Sequence[str | Path]
) -> StreamedBatches:
    """Training batches from prepared shards; the profile sets their seconds and the seed."""
    return StreamedBatches(
        [shards], model.config, rate=profile.sampling_rate, batch_seconds=profile.batch_seconds,
        seed=profile.seed,
    )  # fmt: skip


def course_trainer(
    profile: Profile,
    *,
    model: PreTrainedModel,
    processor: Any,
    train: Any,
    validation: Any | None,
    folder: str | Path,
    callbacks: Sequence[TrainerCallback] = (),
) -> CTCTrainer:
    """The trainer of the second phase, which trains all parts that are not frozen.

    Args:
        profile: every knob; another seed is `dataclasses.replace(profile, seed=...)`.
        model: from `course_model`, its head trained.
        processor: the base model's.
        train: prepared rows whose labels fit (`keep_fitting`), or `course_stream`.
        validation: prepared rows; their WER chooses the checkpoint. With None, nothing is
            evaluated or kept, as when speed is measured.
        folder: for checkpoints and logs.
        callbacks: further callbacks, beside the one for early stopping.

    Raises:
        ValueError: a label does not fit its frames; the message names the row.
    """
    arguments = training_arguments(profile, folder)
    mask = processor.feature_extractor.return_attention_mask
    arguments.per_device_eval_batch_size = evaluation_batch(model.config, mask)
    if validation is None:
        arguments.eval_strategy = arguments.save_strategy = "no"
        arguments.load_best_model_at_end = False
    varied, plain = course_collators(profile, processor)
    stop = StopWithoutProgress(profile.patience, int(profile.stop_from * profile.max_steps))
    return CTCTrainer(
        model=model, args=arguments, train_dataset=train, eval_dataset=validation,
        processing_class=processor, data_collator=varied, eval_collator=plain,
        compute_metrics=trainer_metrics(processor),
        batch_seconds=profile.batch_seconds if profile.equal_seconds else None,
        callbacks=[stop, *callbacks],
    )  # fmt: skip


def train_or_resume(profile: Profile, trainer: CTCTrainer) -> str | None:
    """Train to the end, from the newest complete checkpoint in the trainer's folder if any.

    Validation is scored before the first step, too.

    Returns:
        The checkpoint from which training resumed, or None.

    Raises:
        ValueError: the checkpoints in the folder are of another run (other knobs, base model,
            vocabulary or corpus); the message says which.
        Busy: another process trains in that folder.
        MemoryError: training does not fit into memory; the message names the setting.
        OSError: something cannot be written.
        FloatingPointError: a loss is not finite; the message names the rows.
    """
    folder = trainer.args.output_dir
    run = describe_run(
        profile,
        trainer.processing_class,
        trainer.model,
        trainer.train_dataset,
        trainer.eval_dataset,
    )

    def look():
        found = last_checkpoint(folder, run)
        if found is None:
            begin(folder, run)
        return found

    # If several processes train, only the first one holds the lock and looks for checkpoints.
    with ExitStack() as held:
        from_first(lambda: bool(held.enter_context(training_in(folder))))
        held.enter_context(memory_explained(profile))
        found = from_first(look)
        trainer.args.eval_on_start = found is None
        trainer.train(resume_from_checkpoint=found)
    return found


def trained_model(trainer: CTCTrainer) -> PreTrainedModel:
    """The trainer's model in full precision, without the wrapper that computes in half precision."""
    return trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)


@dataclass(frozen=True)
class Estimate:
    """Minutes that lesson 05 takes on this machine, by its phases."""

    heart: float  # eight clips by heart, twice
    head: float  # the head alone
    train: float  # everything
    evaluate: float  # validation while it trains, and the mixtures after it

    @property
    def total(self) -> float:
        return self.heart + self.head + self.train + self.evaluate

    def __str__(self) -> str:
        parts = ", ".join(f"{k} {v:.1f}" for k, v in vars(self).items())
        return f"about {self.total:.0f} minutes on this machine ({parts})"


def estimate_minutes(
    profile: Profile, *, model: PreTrainedModel, processor: Any, train: Any, validation: Any
) -> Estimate:
    """How long training will take here, from steps that are measured now (some seconds).

    A copy of the model makes four updates with the profile's batches. The first two updates are
    slower, because they load code and reserve memory. Only the other two updates count. Two clips
    are read once more, to measure the time of reading, and the head takes two steps on zeros
    instead of the encoder's outputs. The estimate assumes that time is proportional to the seconds
    of audio, and that other work on the machine stays the same.

    Args:
        model: from `course_model`; it stays as it is.
        train, validation: prepared rows; `train` has been through `keep_fitting`.
    """
    rate = profile.sampling_rate
    ends = _Clock()
    few = replace(
        profile, max_steps=4, warmup_steps=1, decay_steps=min(1, profile.decay_steps), accumulation=1,
        eval_steps=4,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        trainer = course_trainer(
            few, model=copy.deepcopy(model), processor=processor, train=train, validation=None,
            folder=folder, callbacks=[ends],
        )  # fmt: skip
        trainer.args.disable_tqdm, trainer.args.dataloader_num_workers = True, 0
        trainer.train()
    lengths = train["input_length"]
    if profile.equal_seconds:
        batches = SecondsBatchSampler(lengths, rate, profile.batch_seconds, profile.seed).batches()
        seen = [_padded(lengths, batch) / rate for batch in batches]
    else:
        seen = [sum(lengths) / len(lengths) * profile.batch_size / rate]
    costs = [taken / audio for taken, audio in zip(ends.seconds, itertools.cycle(seen))][2:]
    update = sum(costs) / len(costs)  # seconds for a second of audio
    read = _reading_cost(model, train, rate)
    checked = sum(validation["input_length"]) / rate
    eight = sum(lengths[:8]) / rate
    evaluations = profile.max_steps // profile.eval_steps + 1 + len(profile.shares)
    drawn = profile.max_steps * profile.accumulation * sum(seen) / len(seen)
    return Estimate(
        heart=2 * profile.heart_steps * eight * update / 60,
        head=_head_seconds(profile, model, train, read) / 60,
        train=drawn * update / 60,
        evaluate=evaluations * checked * read / 60,
    )


def _wait_for_the_device():
    """A GPU computes while Python goes on: without waiting, only the start would be timed."""
    if device().type == "cuda":
        torch.cuda.synchronize()


class _Clock(TrainerCallback):
    """Keeps the seconds of each update."""

    def __init__(self):
        self.seconds, self.last = [], 0.0

    def on_step_begin(self, *_, **__):
        self.last = time.perf_counter()

    def on_step_end(self, *_, **__):
        _wait_for_the_device()
        self.seconds.append(time.perf_counter() - self.last)


def _head_seconds(profile: Profile, model: PreTrainedModel, train: Any, read: float) -> float:
    """Seconds that `train_head` takes, if reading a second of audio takes `read` seconds."""
    if not profile.head_steps:
        return 0.0
    head, lengths = copy.deepcopy(model), train["input_length"]
    generator = torch.Generator().manual_seed(profile.seed)
    rows = torch.randperm(len(train), generator=generator)[:HEAD_BATCH].tolist()
    wide = head.lm_head.in_features
    hidden = [
        torch.zeros(frame_count(model.config, lengths[row]), wide, device=model.device)
        for row in rows
    ]
    labels = [torch.tensor(train[row]["labels"]) for row in rows]
    for _ in range(2):  # the first step is slower: it loads code and reserves memory
        start = time.perf_counter()
        head_losses(head, hidden, labels).mean().backward()
        _wait_for_the_device()
        step = time.perf_counter() - start
    return sum(lengths) / profile.sampling_rate * read + profile.head_steps * step


def _padded(lengths: Sequence[int], batch: Sequence[int]) -> int:
    return len(batch) * max(lengths[row] for row in batch)


@torch.inference_mode()
def _reading_cost(model: PreTrainedModel, rows: Any, rate: int) -> float:
    """Seconds that the model takes to read a second of audio."""
    arrays = [
        torch.tensor(row["input_values"])[None] for row in rows.select(range(min(2, len(rows))))
    ]
    model.eval()
    taken = []
    for _ in range(2):
        start = time.perf_counter()
        for values in arrays:
            model(values.to(model.device)).logits.cpu()
        taken.append(time.perf_counter() - start)
    return taken[-1] / (sum(values.shape[1] for values in arrays) / rate)


def weights_to_mix(
    profile: Profile, processor: Any, started: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The weights that the fine-tuned weights are mixed with.

    These are the weights of `started`, with another head if the base model has one. The head of
    `started` has learned from the training clips alone. The head of pretraining has learned from
    other speech (see `pretrained_head`), and mixing with it raises the WER of strangers less
    (benchmarks/README.md).

    Args:
        started: the state_dict before the second phase; it stays as it is.
    """
    head = pretrained_head(profile.base_model, processor) or {}
    return started | {name: weight.to(started[name].device) for name, weight in head.items()}


def course_mixture(
    profile: Profile,
    processor: Any,
    *,
    before: dict[str, torch.Tensor],
    after: dict[str, torch.Tensor],
    truth: Sequence[str],
    write: Callable[[PreTrainedModel], list[str]],
) -> tuple[PreTrainedModel, float, dict[float, list[str]]]:
    """A new model that holds the chosen mixture of two states: (model, share, {share: texts}).

    Args:
        before: from `weights_to_mix`.
        after: the state_dict after the second phase.
        truth: the transcripts of validation.
        write: the texts that a model writes for validation.
    """
    model = load_base_model(profile.base_model, processor, profile.seed, profile.masks)
    share, written = best_mixture(
        model, before, after, profile.shares, truth=truth, write=lambda: write(model),
        seed=profile.seed,
    )  # fmt: skip
    return model, share, written
