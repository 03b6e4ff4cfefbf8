"""Fast fine-tuning on few sentences: the frozen layers run once, and their outputs are kept."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.functional import ctc_loss, pad
from torch.nn.utils.rnn import pad_sequence
from tqdm.auto import tqdm
from transformers import PreTrainedModel

from asr_helpers.augment import Augment
from asr_helpers.batches import SecondsBatchSampler
from asr_helpers.chunks import RATE, clip_spans, joined
from asr_helpers.collator import rounded_up
from asr_helpers.frames import frame_count, frame_geometry, frames_needed, samples_needed
from asr_helpers.training import refuse_tight

SPAN, CHANNELS = 4, 16  # lengths of a mask in time (frames) and in channels
WIDTH = 32  # frames; batches are padded to multiples of it


@torch.no_grad()
def lower_outputs(model: PreTrainedModel, arrays: Sequence[Any], layers: int) -> list[torch.Tensor]:
    """The input of transformer layer `layers` for each clip: tensors of shape (frames, hidden).

    With `layers` 0 this is what the first transformer layer reads: the output of the convolutions,
    projected and with positions added. With all layers of the encoder it is the input of the
    encoder's last layer norm.

    Args:
        model: a Wav2Vec2ForCTC; it is put into evaluation mode.
        arrays: waveforms of shape (samples,), as `prepare_dataset` makes them. One that is longer than
            the model's `max_frames` is read in overlapping chunks, as `transcribe` reads it.
        layers: the number of transformer layers below the cut.
    """
    model.eval()
    caught = []

    def keep(_, args, kwargs):
        hidden = args[0] if args else kwargs["hidden_states"]
        caught.append(hidden[0].clone())

    def read(samples):
        # A copy: arrays of a dataset are read-only, and torch warns about such arrays.
        values = torch.from_numpy(np.array(samples, dtype=np.float32))
        model.base_model(values[None].to(model.device))
        return caught.pop()

    encoder = model.base_model.encoder
    above = [*encoder.layers, encoder.layer_norm][layers]
    hook = above.register_forward_pre_hook(keep, with_kwargs=True)
    try:
        frames = [frame_count(model.config, len(array)) for array in arrays]
        return [
            joined(read, model.config, array, clip_spans(model.config, count))
            for array, count in zip(arrays, frames)
        ]
    finally:
        hook.remove()


def _pieces(config, kept):
    """Kept frames (frames, hidden) of one clip, cut where its chunks met: a list of views.

    The layers above the cut compute each piece alone, because the model reads at most `max_frames`
    frames at once.
    """
    return [kept[start:stop] for _, _, start, stop in clip_spans(config, len(kept))]


def upper_logits(
    model: PreTrainedModel, hidden: Sequence[torch.Tensor], layers: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """(logits (batch, frames, vocab), frames (batch,)) from the outputs of `lower_outputs`."""
    pieces = [_pieces(model.config, rows) for rows in hidden]
    logits, lengths = _logits_of_pieces(model, [one for cut in pieces for one in cut], layers)
    if len(lengths) == len(hidden):  # each clip is one piece
        return logits, lengths
    parts = (row[:length] for row, length in zip(logits, lengths))
    whole = [torch.cat(list(itertools.islice(parts, len(cut)))) for cut in pieces]
    return pad_sequence(whole, batch_first=True), torch.tensor([len(rows) for rows in whole])


def _logits_of_pieces(model, hidden, layers):
    """(logits (batch, frames, vocab), frames (batch,)) of tensors that the layers read as a whole."""
    encoder = model.base_model.encoder
    frames = torch.tensor([len(rows) for rows in hidden])
    state = pad_sequence(list(hidden), batch_first=True)
    # Round the width up, for few different widths: a CPU prepares its work anew for each width.
    state = pad(state, (0, 0, 0, rounded_up(state.shape[1], WIDTH) - state.shape[1]))
    outside = torch.arange(state.shape[1])[None] >= frames[:, None]
    bias = torch.zeros(outside.shape).masked_fill(outside, torch.finfo(torch.float32).min)
    bias = bias[:, None, None].to(
        state.device
    )  # added to the attention's scores, so that no frame attends to padding
    for layer in encoder.layers[layers:]:
        state = layer(state, attention_mask=bias)
        state = state[0] if isinstance(state, tuple) else state  # transformers 5.0 gives a tuple
    if model.config.do_stable_layer_norm:  # else the encoder normalises below its layers
        state = encoder.layer_norm(state)
    if getattr(model.config, "add_adapter", False):
        state = _top(model.base_model.adapter, state, outside.to(state.device))
    return model.lm_head(model.dropout(state)), frames


def _top(top, state, outside):
    """The layers between encoder and head. Their convolutions read zeros where `outside` is True.

    If a clip is read alone, the convolutions read zeros after its end, too. So padding changes
    nothing.
    """
    if top.proj is not None:
        state = top.proj_layer_norm(top.proj(state))
    state = state.transpose(1, 2)  # (batch, channels, frames)
    for layer in top.layers:
        state = layer(state.masked_fill(outside[:, None], 0.0))
    return state.transpose(1, 2)


@torch.no_grad()
def pass_layers(
    model: PreTrainedModel, kept: Sequence[torch.Tensor], low: int, high: int
) -> list[torch.Tensor]:
    """The input of transformer layer `high`, computed from the input of layer `low`.

    The result equals `lower_outputs(model, arrays, high)`, but the layers below `low` do not run. For a
    clip of several chunks it is close: here the chunks do not overlap.

    Args:
        model: a Wav2Vec2ForCTC; it is put into evaluation mode.
        kept: (frames, hidden) tensors of `lower_outputs(model, arrays, low)`.
    """
    model.eval()

    def passed(state):
        state = state[None]
        for layer in model.base_model.encoder.layers[low:high]:
            state = layer(state)
            state = state[0] if isinstance(state, tuple) else state
        return state[0]

    return [torch.cat([passed(one) for one in _pieces(model.config, rows)]) for rows in kept]


@torch.inference_mode()
def transcribe_kept(
    model: PreTrainedModel, processor: Any, kept: Sequence[torch.Tensor], layers: int
) -> list[str]:
    """Greedy CTC transcripts from the kept outputs of the lower layers.

    For clips that the model reads at once (`max_frames`), the result equals that of `transcribe`,
    but only the layers above the cut run. For a longer clip it is close: the layers above the cut
    read the chunks without their overlap.

    Args:
        model: a Wav2Vec2ForCTC; it is put into evaluation mode.
        processor: has the letters of the model's head.
        kept: (frames, hidden) tensors of `lower_outputs(model, arrays, layers)`.
        layers: transformer layers below the cut.
    """
    model.eval()
    best = [upper_logits(model, [one], layers)[0][0, : len(one)].argmax(dim=-1) for one in kept]
    return processor.batch_decode([row.cpu() for row in best])


def adapt(
    model: PreTrainedModel,
    rows: Any,
    *,
    steps: int,
    learning_rate: float,
    seed: int,
    layers: int = 0,
    batch_seconds: float = 16.0,
    augment: Augment | None = None,
    copies: int = 1,
    masked: float = 0.0,
    kept: Sequence[torch.Tensor] | None = None,
) -> list[float]:
    """Train the head and the trainable parts above transformer layer `layers`, with CTC.

    All layers below are frozen. They compute the same outputs in each step, so they run once, and
    their outputs are kept in memory. A step then runs only the upper layers. The learning rate
    rises for a tenth of the steps, and then falls linearly to zero.

    Args:
        model: a Wav2Vec2ForCTC. Its parameters with `requires_grad` change in place.
        rows: prepared rows with input_values and labels.
        steps, learning_rate: of AdamW. Gradients with a norm above 1 are scaled down to norm 1.
        batch_seconds: audio in a batch (`SecondsBatchSampler`).
        seed: draws the batches.
        layers: transformer layers below the cut.
        augment: varies each utterance `copies` times before the lower part reads it; None reads it
            as it is, once.
        kept: what `lower_outputs` gave for these rows, where it has run before; `augment` and
            `copies` are then ignored.
        masked: the share of frames that are hidden in each step; the share of hidden channels is
            half as large. Both are drawn anew in each step (SpecAugment, Park et al. 2019, on the
            kept outputs).

    Returns:
        The loss of each step, per label token.

    Raises:
        ValueError: a part below the cut is trainable, nothing above it is, a label does not fit
            its frames, or `kept` and the rows differ in number.
        FloatingPointError: a loss is not finite.
    """
    trained = _trainable(model, layers)
    refuse_tight(rows, model.config)
    plain = rows.with_format(None)
    labels = [torch.tensor(row) for row in plain["labels"]]
    if kept is None:
        arrays = rows.with_format("numpy")["input_values"]
        kept = lower_outputs(model, list(_varied(arrays, labels, model, augment, copies)), layers)
    elif len(kept) != len(labels):
        raise ValueError(
            f"{len(kept)} clips were kept for {len(labels)} rows: keep the outputs of these rows."
        )
    optimizer = torch.optim.AdamW(trained, lr=learning_rate, weight_decay=0.01)
    warm = max(1, steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (steps - step) / max(1, steps - warm))
    )
    hop, _ = frame_geometry(model.config)
    lengths = [len(frames) * hop for frames in kept]
    batches = _endless(SecondsBatchSampler(lengths, RATE, batch_seconds, seed))
    torch.manual_seed(seed)  # for masks, and for dropout, where the model has some
    losses = []
    model.train()
    for step in tqdm(range(steps), desc="Fine-tuning", unit="step", disable=steps < 10):
        drawn = next(batches)
        logits, frames = upper_logits(model, [_masked(kept[k], masked) for k in drawn], layers)
        target = [labels[k % len(labels)] for k in drawn]
        loss = ctc_loss(
            logits.float().log_softmax(dim=-1).transpose(0, 1),
            pad_sequence(target, batch_first=True).to(logits.device),
            frames, torch.tensor([len(row) for row in target]), blank=model.config.pad_token_id,
        )  # fmt: skip
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise FloatingPointError(
                f"The loss of step {step} is not finite, and training was stopped: lower the "
                "learning rate, load the model anew, and train again."
            )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    model.eval()
    return losses


def _masked(frames, share):
    """Frames (frames, hidden) with spans in time and in channels hidden.

    Hidden values are replaced by the frame's own mean. Zero would be right if the values of a frame
    were centred at zero. But some models add a large constant to a frame, which the next layer norm
    removes.
    """
    if not share:
        return frames
    mean = frames.mean(dim=1, keepdim=True)
    frames = frames - mean
    for axis, length, part in ((0, SPAN, share), (1, CHANNELS, share / 2)):
        spans = round(part * frames.shape[axis] / length)
        for start in torch.randint(frames.shape[axis], (spans,)).tolist():
            frames.narrow(axis, start, min(length, frames.shape[axis] - start)).zero_()
    return frames + mean


def _endless(sampler):
    """Batches of one pass after another."""
    for epoch in itertools.count():
        sampler.set_epoch(epoch)
        yield from sampler


def _trainable(model, layers):
    """The trainable parameters, all of which lie above the cut.

    Raises:
        ValueError: some lie below, or there are none.
    """
    upper = {id(p) for p in model.lm_head.parameters()}
    for layer in model.base_model.encoder.layers[layers:]:
        upper |= {id(p) for p in layer.parameters()}
    if model.config.do_stable_layer_norm:
        upper |= {id(p) for p in model.base_model.encoder.layer_norm.parameters()}
    if getattr(model.config, "add_adapter", False):
        upper |= {id(p) for p in model.base_model.adapter.parameters()}
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    # The model's vector for masked frames is not used here: `_masked` writes other values.
    named = [(name, p) for name, p in named if not name.endswith("masked_spec_embed")]
    below = [name for name, p in named if id(p) not in upper]
    if below:
        raise ValueError(
            f"{below[0]} lies below transformer layer {layers} and is trainable, but its output "
            "would be kept from before training: freeze it (asr_helpers.model.freeze)."
        )
    if not named:
        raise ValueError(
            f"Nothing above transformer layer {layers} is trainable: load the model anew, and freeze "
            "fewer parts."
        )
    return [p for _, p in named]


def _varied(arrays, labels, model, augment, copies):
    """All waveforms `copies` times, varied each time; without `augment` once, as they are."""
    for copy in range(copies if augment else 1):
        for row, array in enumerate(arrays):
            if augment:
                shortest = samples_needed(model.config, frames_needed(labels[row].tolist()))
                array = augment(array, (copy, row), shortest)
            yield array
