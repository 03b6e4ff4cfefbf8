import pytest
import torch
from transformers import Wav2Vec2Config

from asr_helpers.frames import (
    frame_count,
    frame_geometry,
    frames_needed,
    label_fits,
    samples_needed,
)


def test_the_published_model_has_20_ms_frames_of_25_ms():
    assert frame_geometry(Wav2Vec2Config()) == (320, 400)


def test_counts_are_the_models_own(model):
    hop, window = frame_geometry(model.config)
    lengths = [window, window + 1, window + hop - 1, window + hop, 16_000, 123_457]
    own = model._get_feat_extract_output_lengths(torch.tensor(lengths)).tolist()
    assert [frame_count(model.config, length) for length in lengths] == own
    assert frame_count(model.config, window - 1) == frame_count(model.config, 0) == 0


@pytest.mark.parametrize("frames", [1, 2, 55])
def test_one_sample_less_is_one_frame_less(model, frames):
    samples = samples_needed(model.config, frames)
    assert frame_count(model.config, samples) == frames
    assert frame_count(model.config, samples - 1) == frames - 1


def test_a_repeated_letter_needs_a_blank_between():
    assert [frames_needed(y) for y in ([5], [5, 6], [5, 5], [5, 5, 5, 6])] == [1, 2, 3, 6]


def test_a_label_fits_or_does_not(model):
    samples = samples_needed(model.config, 3)
    assert label_fits(model.config, [5, 5], samples)
    assert not label_fits(model.config, [5, 5], samples - 1)
