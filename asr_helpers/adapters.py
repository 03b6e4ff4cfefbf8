"""Adapters: a few trainable weights in a frozen model (bottleneck adapters and LoRA)."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import PreTrainedModel
from transformers.models.wav2vec2.modeling_wav2vec2 import Wav2Vec2AttnAdapterLayer

from asr_helpers.artifacts import saving


def add_bottlenecks(model: PreTrainedModel, width: int, seed: int, layers: int = 0):
    """Add an adapter after each transformer layer from number `layers` on, and freeze the rest.

    An adapter normalises its input, projects it down to `width` values and up again, and adds the
    result to its input (Houlsby et al. 2019, "Parameter-efficient transfer learning for NLP"). The
    module is that of `transformers`. The multilingual model MMS uses the same module, and its
    config gives the width as `adapter_attn_dim`. The projection up begins at zero, so that the
    model at first computes the same as before. The head stays trainable.

    Args:
        model: a Wav2Vec2ForCTC whose layers take adapters (`do_stable_layer_norm`); it is changed.
        width: values in the middle of the adapter.
        seed: draws the projection down.

    Returns:
        The same model.

    Raises:
        ValueError: its layers have no place for adapters, or have adapters already.
    """
    if not model.config.do_stable_layer_norm:
        raise ValueError(
            "Only models with do_stable_layer_norm (as MMS, XLS-R and the course's own) have a place "
            "for these adapters: use add_lora for this one."
        )
    if model.config.adapter_attn_dim is not None:
        raise ValueError("This model has adapters already: load it anew.")
    torch.manual_seed(seed)
    model.requires_grad_(False)
    model.config.adapter_attn_dim = width
    for layer in model.base_model.encoder.layers[layers:]:
        adapter = Wav2Vec2AttnAdapterLayer(model.config)
        nn.init.normal_(adapter.linear_1.weight, std=model.config.initializer_range)
        nn.init.zeros_(adapter.linear_1.bias)
        nn.init.zeros_(adapter.linear_2.weight)
        nn.init.zeros_(adapter.linear_2.bias)
        layer.adapter_layer = adapter.to(model.device)
    model.lm_head.requires_grad_(True)
    return model


def add_lora(model: PreTrainedModel, rank: int, seed: int, layers: int = 0):
    """Add a product of two thin matrices to the attention's weights, and freeze all else.

    W becomes W + 2 B A, where A has `rank` rows and B as many columns (Hu et al. 2021, "LoRA:
    Low-rank adaptation of large language models"), for queries and values as in the paper. B begins
    at zero. The package `peft` does this. The head stays trainable.

    Args:
        model: a Wav2Vec2ForCTC; it is changed.
        rank: of the product.
        seed: draws A.
        layers: the first transformer layer with LoRA.

    Returns:
        The same model.

    Raises:
        ModuleNotFoundError: `peft` is not installed.
    """
    from peft import LoraConfig, inject_adapter_in_model

    torch.manual_seed(seed)
    model.requires_grad_(False)
    chosen = list(range(layers, len(model.base_model.encoder.layers)))
    config = LoraConfig(
        r=rank, lora_alpha=2 * rank, target_modules=["q_proj", "v_proj"],
        layers_to_transform=chosen, layers_pattern="layers",
    )  # fmt: skip
    inject_adapter_in_model(config, model)
    model.lm_head.requires_grad_(True)
    return model


def trained_weights(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """The trainable weights by name, which is all that an adapted model needs to save."""
    return {n: p.detach().cpu().clone() for n, p in model.named_parameters() if p.requires_grad}


def save_weights(weights: Mapping[str, torch.Tensor], path: str | Path) -> int:
    """Write weights to a safetensors file; its size in bytes."""
    with saving(path) as half:
        save_file({name: weight.contiguous() for name, weight in weights.items()}, half)
    return Path(path).stat().st_size


def switch(model: PreTrainedModel, weights: str | Path | Mapping[str, torch.Tensor]) -> None:
    """Put one language's adapters and head into a model, in place of another's.

    Args:
        model: has adapters of the same kind (`add_bottlenecks` or `add_lora`).
        weights: what `trained_weights` gave, or the file in which `save_weights` wrote it. The head
            may have another size than the model's: each language has letters of its own.

    Raises:
        ValueError: the weights are of other adapters than the model's; the message names one.
    """
    if not isinstance(weights, Mapping):
        weights = load_file(weights)
    size = len(weights["lm_head.weight"])
    if size != model.config.vocab_size:
        old = model.lm_head
        model.lm_head = nn.Linear(old.in_features, size).to(model.device, old.weight.dtype)
        model.config.vocab_size = size
    adapters = {n for n, p in model.named_parameters() if "adapter_layer" in n or "lora_" in n}
    adapters |= {"lm_head.weight", "lm_head.bias"}
    if different := sorted(adapters ^ weights.keys()):
        raise ValueError(
            f"The model and the weights do not both have {different[0]}: these weights are of another "
            "kind of adapter. Load them into a model with the adapters that they were trained in."
        )
    model.load_state_dict(weights, strict=False)
