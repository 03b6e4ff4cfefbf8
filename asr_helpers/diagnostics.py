"""Why does my WER stay at 1.0? Five checks that tell the usual causes apart."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedModel

from asr_helpers.frames import frame_count, label_fits
from asr_helpers.model import not_finite


@dataclass(frozen=True)
class Finding:
    """One check: its name, the measured value (a fraction or a rate), and a remedy if it is bad."""

    check: str
    value: float
    good: bool
    remedy: str

    def __str__(self):
        return f"{'ok ' if self.good else 'BAD'}  {self.check}: {self.value:.3g}" + (
            "" if self.good else f"\n     → {self.remedy}"
        )


@torch.inference_mode()
def blank_share(model: PreTrainedModel, prepared: Any) -> float:
    """The fraction of all frames whose best token is the blank, each utterance read alone."""
    model.eval()
    blanks = frames = 0
    for row in prepared.with_format("numpy"):
        best = model(torch.tensor(row["input_values"])[None].to(model.device)).logits.argmax(-1)
        blanks += (best == model.config.pad_token_id).sum().item()
        frames += best.numel()
    return blanks / frames


def label_fit(model: PreTrainedModel, prepared: Any) -> float:
    """The fraction of utterances whose label CTC can write in the frames there are."""
    rows = zip(prepared["labels"], prepared["input_length"])
    fits = [label_fits(model.config, labels, length) for labels, length in rows]
    return sum(fits) / len(fits)


def unknown_share(processor: Any, prepared: Any) -> float:
    """The fraction of label tokens that are `<unk>`, because the vocabulary lacks them."""
    tokens = [token for labels in prepared["labels"] for token in labels]
    return tokens.count(processor.tokenizer.unk_token_id) / len(tokens)


def deaf_loss(model: PreTrainedModel, prepared: Any) -> float:
    """The height of the all-blank plateau: the least CTC loss of a model that hears nothing.

    Such a model has one score for each token, the same in every frame. The height depends on the
    numbers of letters and frames, so each set of rows has its own height.

    Args:
        model: gives the vocabulary, the blank and the number of frames of an utterance.
        prepared: rows with labels that fit, and input_length.

    Returns:
        The loss for each letter, averaged over utterances as the model's own loss is.
    """
    labels = [torch.tensor(row) for row in prepared["labels"]]
    frames = torch.tensor([frame_count(model.config, n) for n in prepared["input_length"]])
    sizes = torch.tensor([len(row) for row in labels])
    padded = torch.nn.utils.rnn.pad_sequence(labels, batch_first=True)
    scores = torch.zeros(model.config.vocab_size, requires_grad=True)
    optimizer = torch.optim.LBFGS([scores], line_search_fn="strong_wolfe")
    blank, heights = model.config.pad_token_id, []

    def closure():
        optimizer.zero_grad()
        same = scores.log_softmax(dim=-1).expand(int(frames.max()), len(labels), -1)
        loss = torch.nn.functional.ctc_loss(same, padded, frames, sizes, blank=blank)
        loss.backward()
        heights.append(loss.item())
        return loss

    optimizer.step(closure)
    return min(heights)


@contextmanager
def memory_explained(profile: Any) -> Iterator[None]:
    """Say which setting to change if training needs more memory than there is.

    Raises:
        MemoryError: the GPU's memory, or the machine's, ran out; other errors pass as they are.
    """
    try:
        yield
    except RuntimeError as error:  # torch's out-of-memory error is one
        if not re.search("out of memory|can't allocate memory", str(error)):
            raise
        half = (
            f"batch_seconds ({profile.batch_seconds:g})"
            if profile.equal_seconds
            else f"batch_size ({profile.batch_size}) and double accumulation"
        )
        raise MemoryError(
            f"Memory ran out. In asr_helpers/profiles.py, profile {profile.name!r}: halve {half}, or "
            "set gradient_checkpointing to True, which takes longer. Then restart the kernel, which "
            "frees what is held, and run this again: it goes on from the newest checkpoint."
        ) from error


def diagnose(
    model: PreTrainedModel, processor: Any, prepared: Any, learning_rate: float
) -> list[Finding]:
    """Check a model that does not learn, on some of its training rows.

    Args:
        model: a Wav2Vec2ForCTC, at any point of its training.
        processor: the one that made `prepared`.
        prepared: rows with input_values, input_length and labels; a few dozen are enough.
        learning_rate: the rate in use now, or the schedule's highest.

    Returns:
        A list of Finding. Two bounds are rules of thumb: 95 % of frames blank, and a learning rate
        outside of 1e-5 to 5e-3 (the bounds themselves count as outside). If a model has NaN
        weights, only this finding is reported, since the best token of every frame is then the
        blank.
    """
    broken = len(not_finite(model)) / len(model.state_dict())
    blank = blank_share(model, prepared)
    fit, unknown = label_fit(model, prepared), unknown_share(processor, prepared)
    return [
        Finding(
            "blank share of frames", blank, blank < 0.95 or broken > 0,
            "The model writes (nearly) nothing: the all-blank plateau. Train the head first, on "
            "the frozen encoder (train_head), or go on: it can take hundreds of steps.",
        ),
        Finding(
            "share of utterances whose label fits", fit, fit == 1,
            "A label longer than its frames has an infinite loss. Drop those rows (keep_fitting), "
            "and look at them: the transcript may belong to another clip.",
        ),
        Finding(
            "share of <unk> among label tokens", unknown, unknown == 0,
            "Letters, digits or signs outside the vocabulary teach nothing. Normalise the "
            "transcripts (asr_helpers.text.normalize), case included.",
        ),
        Finding(
            "learning rate", learning_rate, 1e-5 < learning_rate < 5e-3,
            "Below 1e-5 a few hundred steps move nothing; above 5e-3 the encoder is spoiled. "
            "Begin near 1e-4 for a large model, near 1e-3 for a small one, with a warm-up.",
        ),
        Finding(
            "weights that are no numbers (NaN)", broken, broken == 0,
            "A step with an infinite loss or gradient ruined the model, and no further step mends "
            "it. Load the model anew, drop rows whose label does not fit (keep_fitting), lower the "
            "learning rate, and train again.",
        ),
    ]  # fmt: skip
