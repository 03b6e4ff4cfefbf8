import copy
import json
import shutil

import pytest
import torch
from transformers import AutoModelForCTC, AutoProcessor, Wav2Vec2Config, Wav2Vec2ForCTC

from asr_helpers.corpus import FOLDER
from asr_helpers.model import (
    count_parameters,
    freeze,
    load_base_model,
    load_model,
    not_finite,
    quick_positions,
    redraw_layers,
)

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
    assert sum(file.stat().st_size for file in folder.glob("*.safetensors")) < 20e6
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
    assert logits.shape == (2, 47, 32)  # a frame each 20 ms


def test_frozen_weights_are_not_counted_as_trainable(model):
    trainable, everything = count_parameters(model)
    assert trainable == everything
    model.wav2vec2.requires_grad_(False)
    assert count_parameters(model)[0] == model.lm_head.in_features * 32 + 32


def test_a_missing_folder_is_named(processor):
    with pytest.raises(OSError, match="no_such_model"):
        load_base_model("./no_such_model", processor, seed=0)


def test_masks_that_are_asked_for_are_applied_whatever_the_base_models_config_says(
    profile, processor, tmp_path
):
    base = shutil.copytree(profile.base_model, tmp_path / "base")
    config = json.loads((base / "config.json").read_text()) | {"apply_spec_augment": False}
    (base / "config.json").write_text(json.dumps(config))
    masked = load_base_model(base, processor, 0, profile.masks | {"mask_time_prob": 0.5}).train()
    hidden = torch.ones(1, 100, masked.config.hidden_size)
    assert (masked.wav2vec2._mask_hidden_states(hidden.clone()) != hidden).any()


def test_a_short_clip_gets_no_more_masks_than_asked(profile, processor, model):
    assert model.config.mask_time_min_masks == model.config.mask_feature_min_masks == 0
    masked = load_base_model(profile.base_model, processor, 0, profile.masks)
    assert masked.config.mask_time_min_masks == 0


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory, profile, processor):
    """A saved model with a head of its own."""
    folder = tmp_path_factory.mktemp("recogniser")
    load_base_model(profile.base_model, processor, seed=7).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def test_a_head_that_is_there_is_drawn_anew_or_kept_as_asked(recogniser, processor):
    old = load_base_model(recogniser, processor, seed=1, keep_head=True).lm_head.weight
    same = load_base_model(recogniser, processor, seed=7).lm_head.weight
    new = load_base_model(recogniser, processor, seed=1).lm_head.weight
    assert torch.equal(old, same) and not torch.equal(old, new)


def other_vocabulary(processor, tmp_path):
    """A processor of four tokens more."""
    processor.save_pretrained(tmp_path)
    other = AutoProcessor.from_pretrained(tmp_path)
    other.tokenizer.add_tokens(["À", "É", "Ò", "Ù"])
    return other


def test_another_vocabulary_gets_a_head_of_its_size(recogniser, processor, tmp_path):
    other = other_vocabulary(processor, tmp_path)
    model = load_base_model(recogniser, other, seed=0)
    assert model.lm_head.out_features == 36 and model.lm_head.weight.isfinite().all()


def test_a_head_that_cannot_be_kept_is_told(recogniser, processor, profile, tmp_path):
    other = other_vocabulary(processor, tmp_path)
    with pytest.raises(
        ValueError, match="32 outputs, and the tokenizer has 36.*keep_head to False"
    ):
        load_base_model(recogniser, other, seed=0, keep_head=True)
    with pytest.raises(ValueError, match="the checkpoint has none"):
        load_base_model(profile.base_model, processor, seed=0, keep_head=True)


def test_frozen_parts_get_no_gradient_and_stay_as_they_are(model):
    freeze(model, ("convolutions", "projection", "positions"), layers=2)
    model.train()
    values = torch.randn(1, 16_000)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model(values, labels=torch.tensor([[5, 6]])).loss
    loss.backward()
    base = model.base_model
    frozen = [base.feature_extractor, base.feature_projection, base.encoder.pos_conv_embed]
    frozen += list(base.encoder.layers[:2])
    for part in frozen:
        assert not part.training
        assert all(p.grad is None and not p.requires_grad for p in part.parameters())
    assert all(p.grad is not None for p in base.encoder.layers[2].parameters())


def test_frozen_parts_compute_in_float32_under_autocast(model):
    freeze(model, ("convolutions", "projection", "positions"), layers=1)
    seen = {}

    def keep(name):
        return lambda module, given, gives: seen.update({name: gives})

    base, values = model.base_model, torch.randn(1, 16_000)
    base.feature_extractor.register_forward_hook(keep("convolutions"))
    base.encoder.pos_conv_embed.register_forward_hook(keep("positions"))
    base.encoder.layers[1].attention.q_proj.register_forward_hook(keep("free layer"))
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        model(values)
    halved = dict(seen)
    with torch.no_grad():
        model(values)
    assert torch.equal(halved["convolutions"], seen["convolutions"])
    assert torch.equal(halved["positions"], seen["positions"])
    assert halved["free layer"].dtype == torch.bfloat16


def test_frozen_layers_freeze_what_lies_below_and_keep_no_graph(profile, processor):
    """Their output is the same in training and in use, so that it may be computed once and kept."""
    model = load_base_model(profile.base_model, processor, 0)
    model.config.layerdrop = 1.0
    model.wav2vec2.encoder.dropout.p = 0.5
    freeze(model, (), layers=2)
    outputs, values = [], torch.randn(1, 16_000)
    model.wav2vec2.encoder.layers[2].register_forward_pre_hook(
        lambda module, given: outputs.append(given[0])
    )
    for training in (True, False):
        model.train(training)(values)
    assert len(outputs) == 2 and torch.equal(*outputs)
    assert not any(output.requires_grad for output in outputs)


def test_the_vector_of_masked_frames_stays_below_frozen_layers(profile, processor):
    for layers, learns in ((0, True), (1, False)):
        model = load_base_model(profile.base_model, processor, 0, profile.masks)
        freeze(model, ("convolutions",), layers)
        assert model.wav2vec2.masked_spec_embed.requires_grad is learns


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda w: {n: v for n, v in w.items() if "lm_head" not in n}, "lacks weights.*lm_head"),
        (lambda w: {n: v for n, v in w.items() if "layers.1." not in n}, "lacks weights.*layers.1"),
        (lambda w: w | {"lm_head.bias": torch.zeros(30)}, "another size.*lm_head.bias"),
        (lambda w: w | {"lm_head.bias": torch.full((32,), torch.nan)}, r"\(NaN\), lm_head.bias"),
    ],
    ids=["head", "layer", "size", "NaN"],
)
def test_a_model_that_is_no_recogniser_is_told(recogniser, tmp_path, change, says):
    import shutil

    from safetensors.torch import load_file, save_file

    shutil.copytree(recogniser, tmp_path / "model")
    file = tmp_path / "model" / "model.safetensors"
    save_file(change(load_file(file)), file, {"format": "pt"})
    with pytest.raises(ValueError, match=f"model .*{says}.*fine-tuned with CTC"):
        load_model(tmp_path / "model")


def test_a_frozen_model_can_be_copied_and_saved(model, tmp_path):
    import copy

    values = torch.randn(1, 8000)
    freeze(model, ("convolutions", "positions"), layers=1)
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        alone, changed = twin(values).logits, model(values).logits
    assert not torch.equal(alone, changed)  # the copy computes with its own weights
    twin.save_pretrained(tmp_path)
    assert torch.equal(load_model(tmp_path).lm_head.weight, twin.lm_head.weight)


def test_all_layers_may_be_frozen_only_below_a_top(profile):
    from transformers import AutoConfig, Wav2Vec2ForCTC

    config = AutoConfig.from_pretrained(profile.base_model)
    every = config.num_hidden_layers
    config.update({"add_adapter": False})
    with pytest.raises(ValueError, match=f"{every} layers.*at most {every - 1}"):
        freeze(Wav2Vec2ForCTC(config), (), every)
    config.update({"add_adapter": True, "adapter_stride": 1})
    model = freeze(Wav2Vec2ForCTC(config), (), every)
    learns = {name.split(".")[1] for name, p in model.named_parameters() if p.requires_grad}
    assert "adapter" in learns and count_parameters(model)[0] > 0
    assert not any(p.requires_grad for p in model.wav2vec2.encoder.layers.parameters())


@pytest.mark.parametrize(
    ("parts", "layers", "says"),
    [(("ears",), 0, "no part 'ears'.*convolutions"), ((), 99, "99 layers.*frozen_layers")],
)
def test_what_cannot_be_frozen_is_told(model, parts, layers, says):
    with pytest.raises(ValueError, match=says):
        freeze(model, parts, layers)


def test_only_the_top_layers_are_drawn_anew(profile, processor, model):
    other = load_base_model(profile.base_model, processor, seed=0)
    redraw_layers(other, 1, seed=3)
    pairs = list(zip(model.base_model.encoder.layers, other.base_model.encoder.layers))
    same = [all(map(torch.equal, old.parameters(), new.parameters())) for old, new in pairs]
    assert same == [True] * (len(pairs) - 1) + [False]
    with pytest.raises(ValueError, match="99 layers cannot be drawn anew"):
        redraw_layers(other, 99, seed=0)


def test_weights_that_are_no_numbers_are_named(model):
    assert not_finite(model) == []
    with torch.no_grad():
        model.lm_head.bias[3] = torch.inf
    assert not_finite(model) == ["lm_head.bias"]


@pytest.fixture
def long_kernel():
    """A model whose positional convolution is long and has one channel in each group."""
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8,) * 7, num_conv_pos_embeddings=300, num_conv_pos_embedding_groups=16,
    )  # fmt: skip
    return Wav2Vec2ForCTC(config).eval()


@pytest.mark.parametrize("frames", [1, 299, 300, 301, 1000])
def test_quick_positions_convolve_as_the_plain_convolution_does(long_kernel, frames):
    embedding = long_kernel.wav2vec2.encoder.pos_conv_embed
    hidden = 100 + torch.randn(2, frames, 16)  # a large constant, as the offline model has
    plain = embedding(hidden)
    quick_positions(long_kernel)
    assert embedding.conv.forward.__func__ is not type(embedding.conv).forward
    quick = embedding(hidden)
    assert quick.shape == plain.shape == hidden.shape
    assert torch.allclose(quick, plain, atol=1e-4 * plain.abs().max().item())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.allclose(embedding(hidden), plain, atol=1e-4 * plain.abs().max().item())


def test_quick_positions_learn_are_copied_and_leave_files_as_they_are(long_kernel, tmp_path):
    values = torch.randn(1, 8000)
    plain = long_kernel(values).logits
    before = long_kernel.state_dict()
    twin = copy.deepcopy(quick_positions(long_kernel))
    assert torch.allclose(twin(values).logits, plain, atol=1e-4)
    twin(values).logits.sum().backward()
    weight = dict(twin.named_parameters())[
        "wav2vec2.encoder.pos_conv_embed.conv.parametrizations.weight.original1"
    ]
    assert weight.grad.abs().sum() > 0
    assert before.keys() == twin.state_dict().keys()
    freeze(twin, ("positions",))
    assert torch.allclose(twin(values).logits, plain, atol=1e-4)


def test_a_short_or_grouped_positional_convolution_stays_plain(model):
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8,) * 7, num_conv_pos_embeddings=300, num_conv_pos_embedding_groups=4,
    )  # fmt: skip
    conv = quick_positions(Wav2Vec2ForCTC(config)).wav2vec2.encoder.pos_conv_embed.conv
    assert "forward" not in vars(conv)
