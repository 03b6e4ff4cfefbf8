"""A Wav2Vec2 with a pretrained encoder and a new CTC head, and functions to freeze its parts."""

import types
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn
from transformers import AutoConfig, AutoModelForCTC, PreTrainedModel

from asr_helpers.devices import device
from asr_helpers.processor import load_processor
from asr_helpers.reach import hub_or_cache

NO_MASKS = {"mask_time_prob": 0.0, "mask_feature_prob": 0.0}
# The least number of masks in an utterance, however short. It is 0, so that `mask_time_prob` is
# never exceeded. The library's default is 2 in time, which hides up to a quarter of a short clip.
NO_LEAST = {"mask_time_min_masks": 0, "mask_feature_min_masks": 0}
PRETRAINED_HEAD = "pretraining_heads.safetensors"
LONG_KERNEL = 256  # frames; a kernel this long is convolved much faster by a Fourier transform


def load_base_model(
    name: str | Path,
    processor: Any,
    seed: int,
    masks: dict[str, float] | None = None,
    pretrained: bool = True,
    keep_head: bool = False,
) -> PreTrainedModel:
    """Add a new CTC head, with one logit for each token, to the encoder of a base model.

    Args:
        name: a folder or a Hub id, such as "facebook/wav2vec2-base".
        processor: tells the vocabulary's size and the blank, its pad token.
        seed: draws the head, and also the encoder if it is not pretrained.
        masks: SpecAugment settings (mask_time_prob, mask_time_length, ...); None for none.
        pretrained: False draws the encoder at random, too, as a control.
        keep_head: keep the head that the checkpoint has, as in a model that was fine-tuned before.

    Returns:
        The model in evaluation mode, on `device()`, its loss averaged over utterances
        (`ctc_loss_reduction="mean"`: each divided by its label's length).

    Raises:
        ValueError: the head is to be kept, and the checkpoint has none, or one of another size.
    """
    torch.manual_seed(seed)
    size = len(processor.tokenizer)
    settings = dict(
        vocab_size=size,
        pad_token_id=processor.tokenizer.pad_token_id,
        ctc_loss_reduction="mean",
        apply_spec_augment=True,  # whether there are masks is said by their shares alone
        **(NO_LEAST | (masks or NO_MASKS)),
    )
    with hub_or_cache(name):
        stored = AutoConfig.from_pretrained(name)
        if keep_head and (stored.vocab_size != size or "CTC" not in str(stored.architectures)):
            has = (
                f"one of {stored.vocab_size} outputs"
                if "CTC" in str(stored.architectures)
                else "none"
            )
            raise ValueError(
                f"{name}: its CTC head cannot be kept: the checkpoint has {has}, and the tokenizer "
                f"has {size} tokens. Use the processor of that same checkpoint, or set keep_head to "
                "False in the profile to train a new head."
            )
        if pretrained:
            model = AutoModelForCTC.from_pretrained(
                name, dtype=torch.float32, **settings,
                # The head alone may differ in size, and it is drawn anew below.
                ignore_mismatched_sizes=stored.vocab_size != size,
            )  # fmt: skip
        else:
            model = AutoModelForCTC.from_config(AutoConfig.from_pretrained(name, **settings))
    if not keep_head:
        torch.manual_seed(seed)
        nn.init.normal_(model.lm_head.weight, std=model.config.initializer_range)
        nn.init.zeros_(model.lm_head.bias)
    if device().type == "cpu":
        # Eager attention trains faster than sdpa on a CPU: its backward pass is the better one.
        model.set_attn_implementation("eager")
    return quick_positions(model.to(device()).eval())


def pretrained_head(name: str | Path, processor: Any) -> dict[str, torch.Tensor] | None:
    """The CTC head that a base model was pretrained with, or None where there is none to use.

    Args:
        name: the base model. Only a folder has such a head, in the file `PRETRAINED_HEAD`.
        processor: its tokenizer must have the tokens of the base model, in the same order.

    Returns:
        {"lm_head.weight": (vocab, hidden), "lm_head.bias": (vocab,)}, float32, on the CPU.
    """
    file = Path(name) / PRETRAINED_HEAD
    if not file.is_file():
        return None
    if load_processor(name).tokenizer.get_vocab() != processor.tokenizer.get_vocab():
        return None
    stored = load_file(file)
    return {
        f"lm_head.{part}": stored[f"model.lm_head.{part}"].float() for part in ("weight", "bias")
    }


def load_model(folder: str | Path) -> PreTrainedModel:
    """Load a fine-tuned CTC model from a folder or the Hub, in float32, on `device()`.

    Raises:
        ValueError: the model lacks weights, such as those of a CTC head, or has weights that are
            NaN or of the wrong size; the message names the model and one of the weights.
    """
    with hub_or_cache(folder):
        model, report = AutoModelForCTC.from_pretrained(
            folder, dtype=torch.float32, ignore_mismatched_sizes=True, output_loading_info=True
        )
    # The vector that stands for masked frames is used in training alone; older files lack it.
    lacks = sorted(n for n in report["missing_keys"] if not n.endswith("masked_spec_embed"))
    sizes = sorted(name for name, *_ in report["mismatched_keys"])
    for names, what in [
        (lacks, "lacks weights that a recogniser needs"),
        (sizes, "has weights of another size than its config.json says"),
        (not_finite(model), "has weights that are no numbers (NaN)"),
    ]:
        if names:
            raise ValueError(
                f"{folder} {what}, {names[0]} for one: choose a model that was fine-tuned with CTC, "
                "or save this one again."
            )
    return quick_positions(model.to(device()).eval())


def quick_positions(model: PreTrainedModel) -> PreTrainedModel:
    """Compute a long positional convolution by a Fourier transform; returns the model.

    The kernel of the offline model is 1,400 frames long and has one channel in each group. PyTorch
    computes such a convolution tap by tap. This took three quarters of the whole model's time (one
    thread of a Xeon with AMX). The product of two Fourier transforms is the same convolution, up to
    rounding. Weights and files do not change. An exported model has the plain convolution.
    """
    embedding = getattr(model.base_model.encoder, "pos_conv_embed", None)
    conv = getattr(embedding, "conv", None)  # None in models with several positional convolutions
    if conv is not None and conv.kernel_size[0] >= LONG_KERNEL and conv.groups == conv.in_channels:
        conv.forward = types.MethodType(_fourier_forward, conv)
    return model


def _fourier_forward(self, frames: torch.Tensor) -> torch.Tensor:
    """A depthwise convolution of frames (batch, channels, frames), by the convolution theorem."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return type(self).forward(self, frames)
    with torch.autocast(frames.device.type, enabled=False):
        frames, kernel = frames.float(), self.weight[:, 0].float()
        before, taps, count = self.padding[0], kernel.shape[1], frames.shape[-1]
        # Zeros at the end, so that the ends do not overlap. A multiple of 256 is fast to transform.
        size = -(-(count + taps) // 256) * 256
        product = torch.fft.rfft(frames, n=size) * torch.fft.rfft(kernel, n=size).conj()
        circle = torch.fft.irfft(product, n=size)
        # Frame 0 of the output begins `before` frames left of the input's frame 0.
        line = torch.roll(circle, before, -1)[..., : count + 2 * before - taps + 1]
        return line if self.bias is None else line + self.bias[:, None]


def freeze(model: PreTrainedModel, parts: tuple[str, ...], layers: int = 0) -> PreTrainedModel:
    """Keep parts of the encoder as they were pretrained.

    A frozen part gets no gradient, stays in evaluation mode (no dropout), and computes in float32
    even where training computes in bfloat16 or float16: its output is then the same in training
    and in use, and the same as in any other run.

    Freezing layers also freezes all parts below them, because the output of a frozen layer stays
    the same only if its input does. Layers are then never dropped (`layerdrop`), and the vector for
    masked frames stays fixed, so that no graph is kept below the lowest trainable layer.

    Args:
        model: a Wav2Vec2ForCTC; it is changed in place.
        parts: of "convolutions" (the front end), "projection" (from its channels to the encoder's
            width) and "positions" (the positional convolution, with the layer norm at its side).
        layers: how many transformer layers, from the lowest up; 0 freezes none. A model with a top
            of its own (`add_adapter` in its config) may have all of them frozen.

    Returns:
        The same model.

    Raises:
        ValueError: there is no such part, or not that many layers.
    """
    encoder = model.base_model.encoder
    # A post-norm encoder such as wav2vec2-base's has its layer norm below the layers.
    norm = [] if model.config.do_stable_layer_norm else [encoder.layer_norm]
    known = {
        "convolutions": [model.base_model.feature_extractor],
        "projection": [model.base_model.feature_projection],
        "positions": [encoder.pos_conv_embed, *norm],
    }
    if unknown := sorted(set(parts) - set(known)):
        raise ValueError(f"There is no part {unknown[0]!r} to freeze: name {', '.join(known)}.")
    # With layers between the encoder and the head, none of the encoder's has to learn.
    most = len(encoder.layers) - (0 if getattr(model.config, "add_adapter", False) else 1)
    if not 0 <= layers <= most:
        raise ValueError(
            f"{layers} layers cannot be frozen: the encoder has {len(encoder.layers)}, and at most "
            f"{most} of them can be frozen. Lower frozen_layers in the profile."
        )
    if layers:
        parts = tuple(known)
        model.config.layerdrop = 0.0
        encoder.dropout.train = types.MethodType(_frozen_train, encoder.dropout)
        encoder.dropout.eval()
        if hasattr(model.base_model, "masked_spec_embed"):
            model.base_model.masked_spec_embed.requires_grad_(False)
    frozen = [module for part in parts for module in known[part]] + list(encoder.layers[:layers])
    if "convolutions" in parts:
        model.freeze_feature_encoder()  # it also keeps no graph through them
    for module in frozen:
        module.requires_grad_(False)
        _keep(module)
    return model


def _keep(module: nn.Module) -> None:
    """Bind `_frozen_forward` and `_frozen_train` to a module (bound methods survive a deepcopy)."""
    module.forward = types.MethodType(_frozen_forward, module)
    module.train = types.MethodType(_frozen_train, module)
    module.eval()


def _frozen_forward(self, *args, **kwargs):
    """The forward of the class, always in float32, also under autocast."""

    def full(value):
        return value.float() if torch.is_tensor(value) and value.is_floating_point() else value

    args, kwargs = [full(value) for value in args], {k: full(v) for k, v in kwargs.items()}
    with torch.autocast(next(self.parameters()).device.type, enabled=False):
        return type(self).forward(self, *args, **kwargs)


def _frozen_train(self, mode: bool = True):
    """A frozen module stays in evaluation mode."""
    return type(self).train(self, False)


def redraw_layers(model: PreTrainedModel, layers: int, seed: int) -> PreTrainedModel:
    """Draw the top `layers` transformer layers anew; the model itself is returned.

    In wav2vec2-base the last layers become more similar to the input again, as in an autoencoder,
    and hold less information about phones and words than the middle layers. With little labelled
    speech, drawing the top layers anew before fine-tuning lowered the WER (Pasad et al. 2021,
    "Layer-wise analysis of a self-supervised speech representation model").

    Raises:
        ValueError: there are not that many layers.
    """
    encoder = model.base_model.encoder
    if not 0 <= layers < len(encoder.layers):
        raise ValueError(
            f"{layers} layers cannot be drawn anew: the encoder has {len(encoder.layers)}, and at "
            "least one has to stay. Lower new_layers in the profile."
        )
    torch.manual_seed(seed)
    spread = model.config.initializer_range
    for layer in encoder.layers[len(encoder.layers) - layers :]:
        for module in layer.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=spread)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.LayerNorm):
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
    return model


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """(trainable, all) parameters."""
    sizes = [(p.requires_grad, p.numel()) for p in model.parameters()]
    return sum(n for trains, n in sizes if trains), sum(n for _, n in sizes)


def not_finite(model: nn.Module) -> list[str]:
    """The names of weights that hold a value which is not finite (NaN or infinite)."""
    return [name for name, w in model.state_dict().items() if not w.isfinite().all()]
