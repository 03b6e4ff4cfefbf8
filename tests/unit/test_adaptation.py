import copy

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from asr_helpers.adaptation import (
    _masked,
    adapt,
    lower_outputs,
    pass_layers,
    transcribe_kept,
    upper_logits,
)
from asr_helpers.augment import Augment
from asr_helpers.chunks import clip_logits, is_too_long
from asr_helpers.frames import frame_count
from asr_helpers.inference import transcribe
from asr_helpers.metrics import cer
from asr_helpers.model import freeze, load_model
from asr_helpers.processor import prepare_dataset

FROZEN = ("convolutions", "projection", "positions")


def small(stable, **settings):
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=2, intermediate_size=64,
        conv_dim=(16, 16), conv_kernel=(10, 8), conv_stride=(10, 8), vocab_size=32,
        num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, do_stable_layer_norm=stable,
        feat_extract_norm="layer" if stable else "group", num_feat_extract_layers=2,
        pad_token_id=0, **settings,
    )  # fmt: skip
    return Wav2Vec2ForCTC(config).eval()


TOP = dict(add_adapter=True, adapter_stride=1, num_adapter_layers=2, output_hidden_size=16)


@pytest.mark.parametrize(
    ("stable", "top", "layers"),
    [
        *[(stable, {}, layers) for stable in (True, False) for layers in (0, 1, 2)],
        *[(True, TOP, layers) for layers in (0, 3)],  # a model with a top may be cut below it
    ],
)
def test_both_parts_together_are_the_model(stable, top, layers):
    model, random = small(stable, **top), np.random.default_rng(0)
    arrays = [random.normal(size=n).astype(np.float32) for n in (8000, 5000)]
    kept = lower_outputs(model, arrays, layers)
    with torch.no_grad():
        logits, frames = upper_logits(model, kept, layers)
        for array, row, count in zip(arrays, logits, frames):
            alone = model(torch.tensor(array)[None]).logits[0]
            assert len(alone) == count
            # Padding changes nothing, to the last frame.
            assert torch.allclose(row[:count], alone, atol=1e-4)


@pytest.mark.parametrize("stable", [True, False])
def test_frames_pass_through_more_layers_later(stable):
    model, random = small(stable), np.random.default_rng(0)
    arrays = [random.normal(size=n).astype(np.float32) for n in (8000, 5000)]
    at_once = lower_outputs(model, arrays, 2)
    later = pass_layers(model, lower_outputs(model, arrays, 0), 0, 2)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(at_once, later, strict=True))
    assert not torch.allclose(at_once[0], lower_outputs(model, arrays, 0)[0], atol=1e-2)


def test_a_long_clip_is_kept_in_the_chunks_that_transcribe_reads(lettered, few, processor):
    model = load_model(lettered)
    rows = prepare_dataset(few, processor, "en-US").with_format("numpy")["input_values"]
    long = np.concatenate([*rows] * 2)
    assert is_too_long(model.config, len(long))
    logits, frames = upper_logits(model, lower_outputs(model, [rows[0], long, rows[1]], 4), 4)
    assert frames.tolist() == [
        frame_count(model.config, len(one)) for one in (rows[0], long, rows[1])
    ]
    alone = clip_logits(model, processor, long)
    same = (logits[1, : frames[1]].argmax(dim=-1) == alone.argmax(dim=-1)).float().mean()
    assert same > 0.97  # layers above the cut lack the chunks' overlap, which changes a few frames
    whole = model(torch.from_numpy(long)[None]).logits[0].argmax(dim=-1)
    assert (
        whole == alone.argmax(dim=-1)
    ).float().mean() < 0.9  # what reading it at once would give
    for row, array in ((0, rows[0]), (2, rows[1])):
        text = processor.decode(logits[row, : frames[row]].argmax(dim=-1))
        assert text == transcribe(model, processor, [array])[0]


def test_a_long_clip_passes_through_more_layers_in_its_pieces(lettered, few, processor):
    model = load_model(lettered)
    rows = prepare_dataset(few, processor, "en-US").with_format("numpy")["input_values"]
    long = np.concatenate([*rows] * 2)
    raised = pass_layers(model, lower_outputs(model, [long], 0), 0, 4)
    assert len(raised[0]) == frame_count(model.config, len(long))
    assert torch.isfinite(raised[0]).all()
    written = transcribe_kept(model, processor, raised, 4)
    assert cer(transcribe(model, processor, [long]), written) < 0.1


def test_text_from_kept_frames_is_the_text_from_the_sound(lettered, prepared, processor):
    model = load_model(lettered)
    arrays = prepared.with_format("numpy")["input_values"][:3]
    written = transcribe_kept(model, processor, lower_outputs(model, arrays, 2), 2)
    assert written == transcribe(model, processor, arrays) and any(written)


def test_frames_that_were_kept_before_train_alike(model, prepared):
    freeze(model, FROZEN, 2)
    kept = lower_outputs(model, prepared.with_format("numpy")["input_values"], 2)
    again, settings = copy.deepcopy(model), dict(steps=3, learning_rate=1e-3, seed=1, layers=2)
    adapt(model, prepared, **settings)
    adapt(again, prepared, kept=kept, **settings)
    assert torch.equal(model.lm_head.weight, again.lm_head.weight)


def test_frames_of_other_rows_are_refused(model, prepared):
    freeze(model, FROZEN, 2)
    kept = lower_outputs(model, prepared.with_format("numpy")["input_values"][:2], 2)
    with pytest.raises(ValueError, match="2 clips were kept for 12 rows"):
        adapt(model, prepared, kept=kept, steps=1, learning_rate=1e-3, seed=0, layers=2)


def test_with_all_layers_frozen_the_top_learns(prepared):
    model = freeze(small(True, **TOP), FROZEN, 3)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    losses = adapt(model, prepared, steps=8, learning_rate=1e-2, seed=0, layers=3)
    changed = {n for n, w in model.state_dict().items() if not torch.equal(w, before[n])}
    tops = ("lm_head", "wav2vec2.adapter", "wav2vec2.encoder.layer_norm")
    assert losses[-1] < losses[0] and all(name.startswith(tops) for name in changed)
    assert any(name.startswith("wav2vec2.adapter") for name in changed)


def test_it_learns_and_leaves_what_is_frozen(model, prepared):
    freeze(model, FROZEN, 2)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    losses = adapt(model, prepared, steps=8, learning_rate=1e-3, seed=0, layers=2)
    changed = {n for n, w in model.state_dict().items() if not torch.equal(w, before[n])}
    assert losses[-1] < losses[0] and not model.training
    assert changed and all(
        name.startswith(("lm_head", "wav2vec2.encoder.layer_norm", "wav2vec2.adapter"))
        or name.startswith(("wav2vec2.encoder.layers.2", "wav2vec2.encoder.layers.3"))
        for name in changed
    )


def test_the_same_seed_gives_the_same_weights(model, prepared):
    freeze(model, FROZEN, 2)
    runs = []
    for _ in range(2):
        again = copy.deepcopy(model)
        adapt(again, prepared, steps=3, learning_rate=1e-3, seed=1, layers=2, copies=2,
              augment=Augment(16_000, 0), masked=0.2)  # fmt: skip
        runs.append(again.lm_head.weight)
    assert torch.equal(*runs)


def test_what_is_trainable_below_the_cut_is_refused(model, prepared):
    with pytest.raises(ValueError, match="lies below transformer layer 2 .* freeze it"):
        adapt(model, prepared, steps=1, learning_rate=1e-3, seed=0, layers=2)


def test_nothing_to_train_is_refused(model, prepared):
    model.requires_grad_(False)
    with pytest.raises(ValueError, match="Nothing above"):
        adapt(model, prepared, steps=1, learning_rate=1e-3, seed=0, layers=2)


def test_a_label_that_does_not_fit_is_refused_by_name(model, prepared):
    freeze(model, FROZEN, 2)
    row = prepared[0] | {"labels": [5] * 2000}
    tight = prepared.select([0]).map(lambda _: {"labels": row["labels"]})
    with pytest.raises(ValueError, match="needs 3999 frames"):
        adapt(model, tight, steps=1, learning_rate=1e-3, seed=0, layers=2)


def test_masks_hide_spans_and_leave_the_kept_frames_alone():
    torch.manual_seed(0)
    frames = 500 + torch.randn(100, 64)  # a large constant in all channels
    before = frames.clone()
    hidden = _masked(frames, 0.2)
    gone = (hidden - hidden.mean(dim=1, keepdim=True)).abs() < 0.1
    assert torch.equal(frames, before) and gone.all(dim=1).any() and not gone.all()
    assert torch.allclose(hidden.mean(dim=1), frames.mean(dim=1), atol=1)  # no channel stands out
    assert _masked(frames, 0.0) is frames
