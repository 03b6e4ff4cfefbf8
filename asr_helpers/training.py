"""Fine-tuning in two phases: the new head on the frozen encoder, then everything."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from tqdm.auto import tqdm
from transformers import (
    PreTrainedModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)
from transformers.trainer_callback import ExportableState

from asr_helpers.batches import DrawnBatches, DrawnRows, SecondsBatchSampler
from asr_helpers.checkpoints import drop_old, keep_record
from asr_helpers.chunks import clip_logits, is_too_long
from asr_helpers.devices import device, loader_workers
from asr_helpers.frames import frame_count, frames_needed, label_fits
from asr_helpers.model import not_finite
from asr_helpers.parallel import from_all, process_number
from asr_helpers.stream import StreamedBatches

HEAD_BATCH = 48  # utterances in a step of the head


@torch.inference_mode()
def encoder_outputs(model: PreTrainedModel, prepared: Any) -> list[torch.Tensor]:
    """The frozen encoder's output for each row: tensors of shape (frames, hidden)."""
    model.eval()
    arrays = prepared.with_format("numpy")
    rows = (torch.tensor(row["input_values"])[None].to(model.device) for row in arrays)
    return [model.base_model(values).last_hidden_state[0] for values in rows]


def head_losses(
    model: PreTrainedModel, hidden: Sequence[torch.Tensor], labels: Sequence[torch.Tensor]
) -> torch.Tensor:
    """The CTC loss of each utterance, divided by its number of label tokens.

    Args:
        model: a Wav2Vec2ForCTC; only its head is used.
        hidden: the encoder's outputs of each utterance, shape (frames, channels).
        labels: the token ids of each utterance, shape (tokens,).

    Returns:
        The losses, shape (utterances,).
    """
    logits = model.lm_head(pad_sequence(list(hidden), batch_first=True))
    sizes = torch.tensor([len(row) for row in labels])
    losses = torch.nn.functional.ctc_loss(
        logits.log_softmax(dim=-1).transpose(0, 1),
        pad_sequence(list(labels), batch_first=True).to(logits.device),
        torch.tensor([len(row) for row in hidden]), sizes,
        blank=model.config.pad_token_id, reduction="none",
    )  # fmt: skip
    return losses / sizes.to(losses.device)


def train_head(
    model: PreTrainedModel,
    prepared: Any,
    *,
    steps: int,
    learning_rate: float,
    seed: int,
    batch_size: int = HEAD_BATCH,
) -> list[float]:
    """Fit only the CTC head, on encoder outputs that are computed once and kept.

    A new head's first gradients are noise. They would damage the encoder while CTC sits on its
    all-blank plateau. With the encoder frozen, a step costs a hundredth of a step that trains
    everything. The idea is fairseq's `freeze_finetune_updates` (wav2vec 2.0,
    Baevski et al. 2020, section 4.3).

    Args:
        model: a Wav2Vec2ForCTC; its head, `lm_head`, changes in place, nothing else.
        prepared: rows with input_values and labels.
        steps, learning_rate, batch_size: for AdamW; the learning rate falls linearly to zero.
        seed: draws the batches.

    Returns:
        The loss of each step, per label token.

    Raises:
        ValueError: a label does not fit the frames of its row; the message names the row.
        FloatingPointError: a loss is not finite for another reason.
    """
    hidden = {}  # of the rows drawn so far
    plain = prepared.with_format(None)
    labels = [torch.tensor(row) for row in plain["labels"]]
    refuse_tight(prepared, model.config)
    optimizer = torch.optim.AdamW(model.lm_head.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=max(1, steps))
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for step in tqdm(range(steps), desc="Training the head", unit="step", disable=steps < 10):
        rows = torch.randperm(len(labels), generator=generator)[:batch_size].tolist()
        new = [row for row in rows if row not in hidden]
        for row, output in zip(new, encoder_outputs(model, prepared.select(new))):
            hidden[row] = output.clone()
        each = head_losses(model, [hidden[row] for row in rows], [labels[row] for row in rows])
        loss = each.mean()
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            wrong = [row for row, ok in zip(rows, each.isfinite().tolist()) if not ok]
            names = [row_name(prepared, row) for row in wrong]
            raise FloatingPointError(_why_not_finite(model, step, names))
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return losses


class CTCTrainer(Trainer):
    """A Trainer whose training batches hold equal seconds of audio, not equally many clips."""

    def __init__(self, *args, batch_seconds: float | None, eval_collator: Any, **kwargs):
        """`batch_seconds` of audio in a training batch; `eval_collator` makes evaluation batches.

        If `batch_seconds` is None, the TrainingArguments set the batch size and the grouping by
        length.

        `train_dataset` is a prepared Dataset or StreamedBatches, whose batches have a size already.

        Raises:
            ValueError: a training row's label does not fit its frames; or `batch_seconds` is None
                although utterances are to be varied (they would vary in the same way each time) or
                although the rows come from a stream.
        """
        super().__init__(*args, preprocess_logits_for_metrics=best_tokens, **kwargs)
        # CTC's loss is a mean over its own batch. If a model's forward has **kwargs, the Trainer
        # assumes that the model divides its loss by the number of labels in all batches of an
        # update. The Trainer would then add up the losses of accumulated batches, and multiply them
        # by the number of processes.
        self.model_accepts_loss_kwargs = False
        self.batch_seconds, self.eval_collator = batch_seconds, eval_collator
        if batch_seconds is None and getattr(self.data_collator, "augment", None):
            raise ValueError(
                "Augmentation needs batches of equal seconds: set equal_seconds to True, or vary to "
                "False, in the profile."
            )
        self.add_callback(BestHere())
        self.stream_place = None
        if isinstance(self.train_dataset, StreamedBatches):
            if batch_seconds is None:
                raise ValueError(
                    "The batches of a stream hold equal seconds: set equal_seconds to True in the "
                    "profile."
                )
            self.stream_place = StreamPlace(self.train_dataset)
            self.add_callback(self.stream_place)
            self.args.ignore_data_skip = True  # the stream itself begins where it was
        elif self.train_dataset is not None:
            refuse_tight(self.train_dataset, self.model.config)

    def get_train_dataloader(self):
        if self.batch_seconds is None:
            return super().get_train_dataloader()
        if self.stream_place is not None:
            # Not prepared by accelerate: every process reads a part of its own already.
            return torch.utils.data.DataLoader(
                self.train_dataset, batch_size=None, collate_fn=self.data_collator,
                num_workers=min(1, self.args.dataloader_num_workers),
                pin_memory=device().type == "cuda",
            )  # fmt: skip
        rate = self.processing_class.feature_extractor.sampling_rate
        sampler = SecondsBatchSampler(
            self.train_dataset["input_length"], rate, self.batch_seconds, self.args.seed
        )
        workers = self.args.dataloader_num_workers
        loader = torch.utils.data.DataLoader(
            # Rows are read as arrays: lists of samples would take longer than the model's step.
            DrawnRows(self.train_dataset.with_format("numpy"), self.model.config),
            batch_sampler=DrawnBatches(
                sampler, self.args.gradient_accumulation_steps * self.args.world_size
            ),
            collate_fn=self.data_collator,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=device().type == "cuda",
        )
        return self.accelerator.prepare(loader)

    def get_eval_dataloader(self, eval_dataset=None):
        loader = torch.utils.data.DataLoader(
            (eval_dataset or self.eval_dataset).with_format("numpy"),
            batch_size=self.args.eval_batch_size,
            collate_fn=self.eval_collator,
        )
        return self.accelerator.prepare(loader)

    def compute_loss(self, model, inputs, *args, **kwargs):
        """The model's loss. If it is not finite, the training stops before any weight changes.

        Masks, dropout and dropped layers are drawn anew for each batch, by the seed, the update and
        the batch's rows. They depend on nothing that was drawn before: they are the same after an
        interruption, and whichever process computes the batch.

        Raises:
            FloatingPointError: the message names the rows and the likely cause.
        """
        inputs = dict(inputs)
        rows, paths = inputs.pop("rows", None), inputs.pop("paths", None)
        if (place := inputs.pop("place", None)) is not None:
            self.stream_place.seen = place
        if rows is not None and model.training:
            draw = [self.args.seed, self.state.global_step, *rows.tolist()]
            set_seed(int(np.random.SeedSequence(draw).generate_state(1)[0]))
        found = super().compute_loss(model, inputs, *args, **kwargs)
        loss = found[0] if isinstance(found, tuple) else found
        if model.training and not loss.isfinite():
            wrong = [] if rows is None else self._not_finite(model, inputs, len(rows))
            names = [
                paths[k] if paths else row_name(self.train_dataset, int(rows[k])) for k in wrong
            ]
            raise FloatingPointError(_why_not_finite(self.model, self.state.global_step, names))
        return found

    def prediction_step(self, model, inputs, *args, **kwargs):
        """(loss, logits, labels) of an evaluation batch; a clip that is too long is read in chunks."""
        values = inputs["input_values"]
        if len(values) > 1 or not is_too_long(self.model.config, values.shape[1]):
            return super().prediction_step(model, inputs, *args, **kwargs)
        config, labels = self.model.config, inputs["labels"]
        with torch.no_grad(), self.compute_loss_context_manager():
            logits = clip_logits(model, self.processing_class, values[0]).float()[None]
        loss = torch.nn.functional.ctc_loss(
            logits.log_softmax(dim=-1).transpose(0, 1), labels[labels >= 0],
            (logits.shape[1],), ((labels >= 0).sum().item(),), blank=config.pad_token_id,
            reduction=config.ctc_loss_reduction, zero_infinity=config.ctc_zero_infinity,
        )  # fmt: skip
        return loss, logits, labels

    @torch.no_grad()
    def _not_finite(self, model, inputs, count: int) -> list[int]:
        """The rows of a batch of `count` whose own loss is not finite; all rows if none is."""
        losses = [
            model(**{name: values[k : k + 1] for name, values in inputs.items()}).loss
            for k in range(count)
        ]
        return [k for k, loss in enumerate(losses) if not loss.isfinite()] or list(range(count))

    def log(self, logs, *args, **kwargs):
        if self.stream_place is not None:  # for the Trainer, the whole training is one epoch
            self.state.epoch = float(self.stream_place.seen["epoch"])
        super().log(logs, *args, **kwargs)

    def _save_checkpoint(self, *args, **kwargs):
        if self.stream_place is not None:
            self.stream_place.places = from_all(self.stream_place.seen)
        # The Trainer deletes old checkpoints by the folders' dates, and counts every folder with a
        # similar name.
        keep, self.args.save_total_limit = self.args.save_total_limit, None
        try:
            super()._save_checkpoint(*args, **kwargs)
        finally:
            self.args.save_total_limit = keep
        if self.args.should_save:
            folder = Path(self.args.output_dir)
            keep_record(folder, folder / f"checkpoint-{self.state.global_step}")
        if keep:
            drop_old(self.args.output_dir, keep, self.state.best_model_checkpoint)


class BestHere(TrainerCallback):
    """Finds the best checkpoint in the folder of this training, which may have been moved or copied.

    The Trainer keeps the checkpoint's absolute path. Where the old folder was gone, a resumed
    training ended with its last weights in place of the best ones, without a word.
    """

    def on_train_begin(self, args, state, control, **_):
        """Called by the Trainer when it has read the checkpoint."""
        if state.best_global_step:
            best = Path(args.output_dir) / f"checkpoint-{state.best_global_step}"
            if best.is_dir():
                state.best_model_checkpoint = str(best)


class StreamPlace(TrainerCallback, ExportableState):
    """Stores the place of each process's stream in each checkpoint; a resumed run begins there."""

    def __init__(self, stream: StreamedBatches):
        """`stream`: the training's."""
        self.stream = stream
        self.seen = stream.state_dict()  # after the last batch that was computed
        self.places = [self.seen]  # of all processes, when the last checkpoint was written

    def state(self) -> dict:
        """What the Trainer writes to a checkpoint's trainer_state.json."""
        return {"args": {}, "attributes": {"places": self.places}}

    def on_train_begin(self, args, state, control, **_):
        """Called by the Trainer when it has read the checkpoint."""
        if state.global_step:
            kept = state.stateful_callbacks[type(self).__name__]
            self.seen = kept["attributes"]["places"][process_number()]
            self.stream.load_state_dict(self.seen)


def row_name(prepared: Any, row: int) -> str:
    """What to call a row in a message: its path, or its number where it has none."""
    if "path" in prepared.column_names:
        return str(prepared.with_format(None)[row]["path"])
    return f"row {row}"


def refuse_tight(prepared: Any, config: Any) -> None:
    """Check that each label fits the frames of its row, and holds only tokens that the head has.

    Raises:
        ValueError: there is no row, or one of the labels cannot be trained on. A label that does
            not fit has an infinite loss, which would ruin every weight in one step. A label that
            holds the blank, or a token without an output, would make CTC read memory that is not
            its own. The message names the row and what to do.
    """
    if not len(prepared):
        raise ValueError("There is no row to train on: look at how the split was chosen.")
    plain = prepared.with_format(None)
    lengths = (
        plain["input_length"]
        if "input_length" in prepared.column_names
        else [len(values) for values in plain["input_values"]]
    )
    blank, size = config.pad_token_id, config.vocab_size
    for row, (labels, length) in enumerate(zip(plain["labels"], lengths)):
        wrong = [token for token in labels if not 0 <= token < size or token == blank]
        if wrong or not len(labels):
            what = f"holds token {wrong[0]}" if wrong else "is empty"
            raise ValueError(
                f"{row_name(prepared, row)}: its label {what}, and the head writes tokens 0 to "
                f"{size - 1}, where {blank} is the blank. Prepare the rows with the processor that "
                "the model was loaded with."
            )
        if not label_fits(config, labels, length):
            raise ValueError(
                f"{row_name(prepared, row)}: its label needs {frames_needed(labels)} frames, and its "
                f"audio has {frame_count(config, length)}, so CTC's loss is infinite. Drop such rows "
                "with keep_fitting, and look at this row: its transcript may belong to another clip."
            )


def _why_not_finite(model: Any, step: int, names: Sequence[str] = ()) -> str:
    """The sentence for a loss that is not finite."""
    where = f" on {', '.join(names[:5])}{' and others' if len(names) > 5 else ''}" if names else ""
    if broken := not_finite(model):
        why = (
            f"the model has weights that are no numbers any more (one is in {broken[0]}), because an "
            "earlier step was too large. Lower learning_rate in the profile, load the model anew, "
            "and train again"
        )
    else:
        why = (
            "all weights of the model are numbers, so the cause lies in these rows. Listen to them, "
            "and compare their transcripts. Drop them, or lower learning_rate in the profile, and "
            "train again"
        )
    return f"The loss of step {step}{where} is not finite, and training was stopped: {why}."


class StopWithoutProgress(TrainerCallback):
    """Stop when validation CER has not fallen for some evaluations, but not before a given step.

    Letters come right long before whole words do. On CTC's all-blank plateau the WER stays near 1
    for hundreds of steps while the CER already falls. A rule that looks at the WER would stop the
    training too early. What has been seen so far is read from the log, which a resumed training
    brings along.
    """

    def __init__(self, patience: int, not_before: int):
        """`patience`: evaluations without a lower CER. `not_before`: optimiser updates."""
        self.patience, self.not_before = patience, not_before

    def on_evaluate(self, args, state, control, **_):
        """Called by the Trainer after each evaluation."""
        rates = [entry["eval_cer"] for entry in state.log_history if "eval_cer" in entry]
        best = rates.index(min(rates)) if rates else 0
        if state.global_step >= self.not_before and len(rates) - 1 - best >= self.patience:
            control.should_training_stop = True


def best_tokens(logits: torch.Tensor, labels: Any) -> torch.Tensor:
    """The best token of each frame: evaluation keeps these ids, not every logit, in memory."""
    return logits.argmax(dim=-1)


def fast_bfloat16() -> bool:
    """Whether this machine multiplies bfloat16 matrices faster than float32 ones.

    True on GPUs that have it, and on CPUs with AMX or AVX-512 BF16, where a step takes about half
    the time. False if torch is limited to older instructions (`ATEN_CPU_CAPABILITY=avx2`): then
    bfloat16 is emulated, and a step takes several times as long.
    """
    if device().type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if "AVX512" not in torch.backends.cpu.get_cpu_capability():
        return False
    capabilities = getattr(torch.cpu, "get_capabilities", dict)  # older torch cannot tell
    return any(capabilities().get(name, False) for name in ("amx_bf16", "avx512_bf16"))


def evaluation_batch(config: Any, mask: bool) -> int:
    """How many utterances to evaluate at once without changing what is written.

    Padding changes nothing where the convolutions normalise each frame ("layer") and the processor
    makes an attention mask. Elsewhere ("group": over the whole padded clip) utterances are read
    alone. On a CPU they are read alone anyway: padding costs more than a batch saves.

    Args:
        config: the model's.
        mask: whether the processor makes an attention mask.
    """
    alone = device().type == "cpu" or config.feat_extract_norm != "layer" or not mask
    return 1 if alone else 16


def training_arguments(profile: Any, folder: str | Path) -> TrainingArguments:
    """The TrainingArguments of a profile, checkpoints and logs going to `folder`."""
    gpu = device().type == "cuda"
    decay = {"num_decay_steps": profile.decay_steps} if profile.decay_steps else {}
    return TrainingArguments(
        output_dir=str(folder),
        seed=profile.seed,
        use_cpu=not gpu,
        bf16=fast_bfloat16(),
        fp16=gpu and not fast_bfloat16(),  # GPUs such as Colab's T4
        max_steps=profile.max_steps, learning_rate=profile.learning_rate,
        lr_scheduler_type=profile.schedule, lr_scheduler_kwargs=decay,
        warmup_steps=profile.warmup_steps,
        weight_decay=profile.weight_decay, max_grad_norm=1.0,
        per_device_train_batch_size=profile.batch_size,
        gradient_accumulation_steps=profile.accumulation,
        per_device_eval_batch_size=1,  # course_trainer reads more at once where that changes nothing
        dataloader_num_workers=loader_workers(),
        # In a batch, weights of the mask, or of a layer that `layerdrop` drops, may stay unused.
        # This setting lets each process find such weights.
        ddp_find_unused_parameters=True,
        # Passed only where it is True: transformers is about to rename this argument.
        **({"gradient_checkpointing": True} if profile.gradient_checkpointing else {}),
        train_sampling_strategy="group_by_length",
        length_column_name="input_length",  # the default column does not exist here
        eval_strategy="steps", eval_steps=profile.eval_steps, save_steps=profile.eval_steps,
        save_total_limit=2, load_best_model_at_end=True, metric_for_best_model="wer",
        greater_is_better=False, logging_steps=max(1, profile.eval_steps // 4),
        report_to="none", remove_unused_columns=False,
    )  # fmt: skip


def peak_memory_mb() -> float:
    """The most memory this process has held, in MB."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return psutil.Process().memory_info().peak_wset / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
