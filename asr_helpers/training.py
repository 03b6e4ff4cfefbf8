"""Fine-tuning in two phases: the new head on the frozen encoder, then everything."""

import sys

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import Trainer, TrainingArguments

from asr_helpers.collator import DrawnRows, SecondsBatchSampler


@torch.inference_mode()
def encoder_outputs(model, prepared):
    """The frozen encoder's output for each row: a list of (frames, hidden) tensors."""
    model.eval()
    arrays = prepared.with_format("numpy")
    rows = (torch.tensor(row["input_values"])[None].to(model.device) for row in arrays)
    return [model.base_model(values).last_hidden_state[0] for values in rows]


def train_head(model, prepared, steps, learning_rate, seed, batch_size=48):
    """Fit only the CTC head, on encoder outputs that are computed once and kept.

    A new head's first gradients are noise: let through, they spoil what the encoder knows while
    CTC sits on its all-blank plateau. With the encoder frozen, a step costs a hundredth. The idea
    is fairseq's `freeze_finetune_updates` (wav2vec 2.0, Baevski et al. 2020, section 4.3).

    Args:
        model: a Wav2Vec2ForCTC; its head, `lm_head`, changes in place, nothing else.
        prepared: rows with input_values and labels.
        steps, learning_rate, batch_size: AdamW's; the rate falls linearly to zero.
        seed: draws the batches.

    Returns:
        The loss of each step, per label token.
    """
    hidden = {}  # of the rows drawn so far
    labels = [torch.tensor(row["labels"]) for row in prepared]
    optimizer = torch.optim.AdamW(model.lm_head.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    generator = torch.Generator().manual_seed(seed)
    blank, losses = model.config.pad_token_id, []
    for _ in range(steps):
        rows = torch.randperm(len(labels), generator=generator)[:batch_size].tolist()
        new = [row for row in rows if row not in hidden]
        for row, output in zip(new, encoder_outputs(model, prepared.select(new))):
            hidden[row] = output.clone()
        logits = model.lm_head(pad_sequence([hidden[r] for r in rows], batch_first=True))
        sizes = torch.tensor([len(labels[r]) for r in rows])
        loss = torch.nn.functional.ctc_loss(
            logits.log_softmax(dim=-1).transpose(0, 1),
            pad_sequence([labels[r] for r in rows], batch_first=True).to(logits.device),
            torch.tensor([len(hidden[r]) for r in rows]), sizes, blank=blank,
        )  # fmt: skip
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


class CTCTrainer(Trainer):
    """A Trainer whose training batches hold equal seconds of audio, not equal utterances."""

    def __init__(self, *args, batch_seconds, eval_collator, **kwargs):
        """`batch_seconds` of audio in a training batch; `eval_collator` makes those to evaluate.

        With `batch_seconds` None the arguments' own batch size and grouping by length hold.
        """
        super().__init__(*args, preprocess_logits_for_metrics=best_tokens, **kwargs)
        self.batch_seconds, self.eval_collator = batch_seconds, eval_collator

    def get_train_dataloader(self):
        if self.batch_seconds is None:
            return super().get_train_dataloader()
        rate = self.processing_class.feature_extractor.sampling_rate
        sampler = SecondsBatchSampler(
            self.train_dataset["input_length"], rate, self.batch_seconds, self.args.seed
        )
        loader = torch.utils.data.DataLoader(
            # As arrays: as lists, the samples would cost more time than the model's step.
            DrawnRows(self.train_dataset.with_format("numpy"), sampler),
            batch_sampler=sampler,
            collate_fn=self.data_collator,
        )
        return self.accelerator.prepare(loader)

    def get_eval_dataloader(self, eval_dataset=None):
        loader = torch.utils.data.DataLoader(
            (eval_dataset or self.eval_dataset).with_format("numpy"),
            batch_size=self.args.eval_batch_size,
            collate_fn=self.eval_collator,
        )
        return self.accelerator.prepare(loader)


def best_tokens(logits, labels):
    """The best token of each frame: evaluation keeps these ids, not every logit, in memory."""
    return logits.argmax(dim=-1)


def fast_bfloat16():
    """Whether this machine multiplies bfloat16 matrices faster than float32 ones.

    True on GPUs that have it, and on CPUs with AMX or AVX-512 BF16, where a step takes about half
    the time.
    """
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = getattr(torch.cpu, "get_capabilities", dict)  # older torch cannot tell
    return any(capabilities().get(name, False) for name in ("amx_bf16", "avx512_bf16"))


def training_arguments(profile, folder):
    """The TrainingArguments of a profile, checkpoints and logs going to `folder`."""
    return TrainingArguments(
        output_dir=str(folder),
        seed=profile.seed,
        # Apple's GPU has no CTC loss: there, too, the CPU trains.
        use_cpu=not torch.cuda.is_available(),
        bf16=fast_bfloat16(),
        fp16=torch.cuda.is_available() and not fast_bfloat16(),  # GPUs such as Colab's T4
        max_steps=profile.max_steps, learning_rate=profile.learning_rate,
        lr_scheduler_type=profile.schedule, warmup_steps=profile.warmup_steps,
        weight_decay=profile.weight_decay, max_grad_norm=1.0,
        per_device_train_batch_size=profile.batch_size,
        gradient_accumulation_steps=profile.accumulation,
        per_device_eval_batch_size=1,  # no padding: half the time on a CPU, far less memory
        # Named only where wanted: the argument is about to get another name.
        **({"gradient_checkpointing": True} if profile.gradient_checkpointing else {}),
        train_sampling_strategy="group_by_length",
        length_column_name="input_length",  # its default is no column here, and groups nothing
        eval_strategy="steps", eval_steps=profile.eval_steps, save_steps=profile.eval_steps,
        save_total_limit=2, load_best_model_at_end=True, metric_for_best_model="wer",
        greater_is_better=False, logging_steps=max(1, profile.eval_steps // 4),
        report_to="none", remove_unused_columns=False,
    )  # fmt: skip


def peak_memory_mb():
    """The most memory this process has held, in MB."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return psutil.Process().memory_info().peak_wset / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
