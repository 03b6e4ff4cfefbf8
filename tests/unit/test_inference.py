import numpy as np
import pytest
import torch

from asr_helpers.inference import transcribe


def test_it_collapses_repeats_and_drops_blanks(processor):
    """A stand-in model whose frames are known: C C _ A A | T _ T."""

    class Known(torch.nn.Module):
        device = torch.device("cpu")
        config = type("Config", (), {"conv_kernel": [1], "conv_stride": [1]})

        def forward(self, input_values, **_):
            tokens = processor.tokenizer.convert_tokens_to_ids(list("CC_AA|T_T"))
            ids = torch.tensor([i if t != "_" else 0 for i, t in zip(tokens, "CC_AA|T_T")])
            logits = torch.nn.functional.one_hot(ids, 32).float()[None]
            return type("Output", (), {"logits": logits.repeat(len(input_values), 1, 1)})

        def _get_feat_extract_output_lengths(self, lengths):
            return torch.full_like(lengths, 9)

    assert transcribe(Known(), processor, [torch.zeros(1600).numpy()]) == ["CA TT"]


def test_batches_say_what_single_clips_say(model, processor, prepared):
    from asr_helpers.training import train_head

    train_head(model, prepared, steps=100, learning_rate=5e-3, seed=0)
    waves = [row["input_values"] for row in prepared]
    alone, together = (transcribe(model, processor, waves, batch_size=n) for n in (1, 4))
    assert len(alone) == len(together) == len(waves) and any(alone)
    agree = sum(a == b for a, b in zip(alone, together))
    assert agree >= len(waves) - 1  # the last bits of a sum may tip a frame


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_clip_that_is_too_long_is_read_in_chunks_and_keeps_its_place(
    lettered, processor, prepared, batch_size
):
    from asr_helpers.long_form import transcribe_long
    from asr_helpers.model import load_model

    model = load_model(lettered)
    waves = [np.array(row["input_values"], dtype=np.float32) for row in prepared]
    long = np.concatenate(waves)
    assert len(long) > 18 * 16_000
    texts = transcribe(model, processor, [waves[0], long, waves[1]], batch_size=batch_size)
    assert texts[1] == transcribe_long(model, processor, long)
    assert texts[::2] == transcribe(model, processor, waves[:2], batch_size=batch_size)
    del model.config.max_frames
    assert transcribe(model, processor, [long]) != texts[1:2]


def test_it_leaves_training_mode(model, processor, prepared):
    model.train()
    transcribe(model, processor, [prepared[0]["input_values"]])
    assert not model.training


def test_no_waveform_no_text(model, processor):
    assert transcribe(model, processor, []) == []


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried")])
def test_too_little_memory_is_told(model, processor, monkeypatch, error):
    def full(**_):
        raise error

    monkeypatch.setattr(model, "forward", full)
    with pytest.raises(MemoryError, match="more memory than there is. Take a smaller batch_size"):
        transcribe(model, processor, [np.ones(16_000, np.float32)])


def test_other_errors_keep_their_own_words(model, processor, monkeypatch):
    def broken(**_):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(model, "forward", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        transcribe(model, processor, [np.ones(16_000, np.float32)])
