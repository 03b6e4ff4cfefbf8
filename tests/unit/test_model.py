import pytest
import torch
from transformers import AutoModelForCTC, AutoProcessor

from asr_helpers.corpus import FOLDER
from asr_helpers.model import count_parameters, load_base_model

# The tokens of facebook/wav2vec2-base-960h, in its order.
TOKENS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]


def test_the_base_model_is_plain_transformers(profile):
    model = AutoModelForCTC.from_pretrained(profile.base_model)
    processor = AutoProcessor.from_pretrained(profile.base_model)
    assert type(model).__name__ == "Wav2Vec2ForCTC" and model.dtype == torch.float32
    vocabulary = processor.tokenizer.get_vocab()
    assert sorted(vocabulary, key=vocabulary.get) == TOKENS
    assert processor.tokenizer.pad_token_id == model.config.pad_token_id == 0


def test_the_base_model_is_small_and_holds_no_code_and_no_head():
    folder = FOLDER / "wav2vec2-tiny"
    assert sum(file.stat().st_size for file in folder.glob("*.safetensors")) < 16e6
    suffixes = {file.suffix for file in folder.iterdir()}
    assert suffixes <= {".json", ".safetensors", ".md", ".png", ""}  # a licence has none
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", "pt") as weights:
        assert not [name for name in weights.keys() if "lm_head" in name]  # noqa: SIM118


def test_the_head_is_new_and_drawn_by_the_seed(profile, processor):
    one, same, other = (load_base_model(profile.base_model, processor, seed=s) for s in (1, 1, 2))
    assert torch.equal(one.lm_head.weight, same.lm_head.weight)
    assert not torch.equal(one.lm_head.weight, other.lm_head.weight)
    for a, b in zip(one.wav2vec2.parameters(), other.wav2vec2.parameters()):
        assert torch.equal(a, b)


def test_without_pretraining_the_encoder_is_random_too(profile, processor, model):
    control = load_base_model(profile.base_model, processor, seed=0, pretrained=False)
    name = "encoder.layers.0.attention.q_proj.weight"
    assert not torch.equal(model.wav2vec2.get_parameter(name), control.wav2vec2.get_parameter(name))
    assert count_parameters(model)[1] == count_parameters(control)[1]


def test_masks_are_on_only_where_asked(profile, processor, model):
    assert model.config.mask_time_prob == model.config.mask_feature_prob == 0
    masked = load_base_model(profile.base_model, processor, 0, {"mask_time_prob": 0.5})
    assert masked.config.mask_time_prob == 0.5


def test_logits_are_batch_frames_vocab(model):
    with torch.no_grad():
        logits = model(torch.zeros(2, 16_000)).logits
    assert logits.shape == (2, 31, 32)  # a frame each 30 ms


def test_frozen_weights_are_not_counted_as_trainable(model):
    trainable, everything = count_parameters(model)
    assert trainable == everything
    model.wav2vec2.requires_grad_(False)
    assert count_parameters(model)[0] == model.config.hidden_size * 32 + 32


def test_a_missing_folder_is_named(processor):
    with pytest.raises(OSError, match="no_such_model"):
        load_base_model("./no_such_model", processor, seed=0)
