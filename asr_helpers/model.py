"""A Wav2Vec2 whose encoder is pretrained and whose CTC head is new."""

import torch
from transformers import AutoConfig, AutoModelForCTC

from asr_helpers.reach import hub_or_cache


def load_base_model(name, processor, seed, masks=None, pretrained=True):
    """Put a new CTC head, one logit a token, on a base model's encoder.

    Args:
        name: a folder or a Hub id, such as "facebook/wav2vec2-base".
        processor: tells the vocabulary's size and the blank, its pad token.
        seed: draws the head, and the encoder where it is not pretrained.
        masks: SpecAugment settings (mask_time_prob, mask_time_length, ...); None for none.
        pretrained: False draws the encoder at random too: the control of the experiment.

    Returns:
        The model in evaluation mode, its loss averaged over utterances
        (`ctc_loss_reduction="mean"`: each divided by its label's length).
    """
    torch.manual_seed(seed)
    settings = dict(
        vocab_size=len(processor.tokenizer),
        pad_token_id=processor.tokenizer.pad_token_id,
        ctc_loss_reduction="mean",
        **(masks or {"mask_time_prob": 0.0, "mask_feature_prob": 0.0}),
    )
    with hub_or_cache(name):
        if pretrained:
            model = AutoModelForCTC.from_pretrained(name, dtype=torch.float32, **settings)
        else:
            model = AutoModelForCTC.from_config(AutoConfig.from_pretrained(name, **settings))
    if not torch.cuda.is_available():
        # Eager attention trains faster than sdpa on a CPU: its backward pass is the better one.
        model.set_attn_implementation("eager")
    return model.eval()


def count_parameters(model):
    """(trainable, all) parameters."""
    sizes = [(p.requires_grad, p.numel()) for p in model.parameters()]
    return sum(n for trains, n in sizes if trains), sum(n for _, n in sizes)
