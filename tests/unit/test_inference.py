import numpy as np
import pytest
import torch

from asr_helpers.inference import transcribe


def test_it_collapses_repeats_and_drops_blanks(processor):
    """A stand-in model whose frames are known: C C _ A A | T _ T."""

    class Known(torch.nn.Module):
        device = torch.device("cpu")

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
