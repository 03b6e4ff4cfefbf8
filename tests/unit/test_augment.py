import numpy as np
import pytest

from asr_helpers.augment import Augment
from asr_helpers.frames import frame_count, frames_needed, samples_needed


def test_augmentation_varies_and_repeats_by_seed():
    wave = np.sin(np.arange(16_000) / 10).astype(np.float32)
    draws = [(1, (0, 3)), (1, (0, 3)), (2, (0, 3)), (1, (1, 3)), (1, (0, 4))]
    first, again, *others = (Augment(16_000, seed)(wave, draw) for seed, draw in draws)
    assert np.array_equal(first, again)
    for other in others:
        assert len(first) != len(other) or not np.allclose(first, other)
    assert first.dtype == np.float32
    assert abs(first.mean()) < 1e-3 and abs(first.std() - 1) < 1e-3


def test_augmentation_stays_within_its_bounds():
    wave = np.random.default_rng(0).normal(size=16_000).astype(np.float32)
    vary = Augment(16_000, 0)
    lengths = [len(vary(wave, (k,))) for k in range(50)]
    assert min(lengths) >= 16_000 / 1.13 and max(lengths) <= 16_000 / 0.87 + 0.3 * 16_000


@pytest.mark.parametrize("spare", [0, 1, 100])
def test_a_clip_is_never_made_shorter_than_its_label_needs(spare):
    wave = np.random.default_rng(0).normal(size=16_000).astype(np.float32)
    vary = Augment(16_000, 0)
    lengths = [len(vary(wave, (k,), len(wave) - spare)) for k in range(100)]
    assert min(lengths) >= len(wave) - spare
    assert len(set(lengths)) > 50  # it still varies, towards longer


def test_a_clip_that_is_too_short_already_is_made_no_shorter():
    wave = np.random.default_rng(0).normal(size=16_000).astype(np.float32)
    assert all(len(Augment(16_000, 0)(wave, (k,), 20_000)) >= 16_000 for k in range(30))


def test_a_row_with_exactly_enough_frames_keeps_them_in_300_draws(model):
    """At 55 frames of 55, 49 of 300 draws were too short, and each would have ruined the model."""
    labels = [5, 6] * 27 + [5]
    shortest = samples_needed(model.config, frames_needed(labels))
    wave = np.random.default_rng(1).normal(size=shortest).astype(np.float32)
    vary = Augment(16_000, 0)
    free = [frame_count(model.config, len(vary(wave, (0, k)))) for k in range(300)]
    held = [frame_count(model.config, len(vary(wave, (0, k), shortest))) for k in range(300)]
    assert min(held) >= frames_needed(labels) == 55 > min(free)
