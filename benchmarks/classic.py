"""The classic recipe: the public Wav2Vec2 guide, translated to today's names and to nothing else.

(transformers' task guide "Automatic speech recognition", with Wav2Vec2 and MInDS-14.) What it does
badly it does here too: its grouping looks for a column `length` and finds none, so that all clips
count as equally long; nothing is frozen and no head is trained first; rows are lists of numbers;
clips of any length come into one batch and are padded; evaluation keeps every logit. Two things
differ, as they must: `fp16` needs a GPU, and transcripts go through the course's normalisation, so
that both recipes are scored on the same words.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import Trainer, TrainingArguments

from asr_helpers.audio import Audio
from asr_helpers.metrics import wer
from asr_helpers.text import normalize


def prepare(split, processor, language):
    """The guide's `prepare_dataset`: input_values (a list in a list), labels, input_length."""

    def prepare_dataset(batch):
        audio, text = batch["audio"], normalize(batch["transcription"], language)
        batch = processor(audio["array"], sampling_rate=audio["sampling_rate"], text=text)
        batch["input_length"] = len(batch["input_values"][0])
        return batch

    split = split.cast_column("audio", Audio(sampling_rate=16_000))
    return split.map(prepare_dataset, remove_columns=split.column_names)


@dataclass
class DataCollatorCTCWithPadding:
    """The guide's collator: it pads to the longest clip of the batch."""

    processor: Any

    def __call__(self, features):
        inputs = [{"input_values": feature["input_values"][0]} for feature in features]
        targets = [{"input_ids": feature["labels"]} for feature in features]
        batch = self.processor.pad(inputs, padding="longest", return_tensors="pt")
        labels = self.processor.pad(labels=targets, padding="longest", return_tensors="pt")
        batch["labels"] = labels["input_ids"].masked_fill(labels.attention_mask.ne(1), -100)
        return batch


def metrics(processor):
    """The guide's `compute_metrics`, on every logit of the split."""

    def compute_metrics(pred):
        ids = np.argmax(pred.predictions, axis=-1)
        pred.label_ids[pred.label_ids == -100] = processor.tokenizer.pad_token_id
        said = processor.batch_decode(ids)
        truth = processor.batch_decode(pred.label_ids, group_tokens=False)
        return {"wer": wer(truth, said)}

    return compute_metrics


def arguments(folder, **changed):
    """The guide's TrainingArguments, except the values that `changed` names."""
    import torch

    gpu = torch.cuda.is_available()
    guide = dict(
        output_dir=str(folder), per_device_train_batch_size=8, gradient_accumulation_steps=2,
        learning_rate=1e-5, warmup_steps=500, max_steps=2000, gradient_checkpointing=True,
        fp16=gpu, use_cpu=not gpu, train_sampling_strategy="group_by_length",
        eval_strategy="steps", per_device_eval_batch_size=8, save_steps=1000, eval_steps=1000,
        logging_steps=25, load_best_model_at_end=True, metric_for_best_model="wer",
        greater_is_better=False, report_to="none",
    )  # fmt: skip
    return TrainingArguments(**guide | changed)


def trainer(model, processor, train, evaluation, args, **more):
    """The guide's Trainer."""
    return Trainer(
        model=model, args=args, train_dataset=train, eval_dataset=evaluation,
        processing_class=processor, data_collator=DataCollatorCTCWithPadding(processor),
        compute_metrics=metrics(processor), **more,
    )  # fmt: skip
