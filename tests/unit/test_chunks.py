import tracemalloc

import numpy as np
import pytest
import torch

from asr_helpers.chunks import chunk_spans, clip_logits, is_too_long, long_logits
from asr_helpers.frames import frame_geometry, samples_needed

RATE = 16_000


@pytest.fixture
def recording(prepared):
    """About half a minute: twelve clips in a row."""
    return np.concatenate([np.array(row["input_values"], dtype=np.float32) for row in prepared])


@pytest.mark.parametrize("samples", [1280, 1759, 1760, 16_000, 45_678])
def test_the_geometry_counts_the_model_s_frames(model, samples):
    hop, window = frame_geometry(model.config)
    assert hop == np.prod(model.config.conv_stride)
    frames = int(model._get_feat_extract_output_lengths(torch.tensor(samples)))
    assert (samples - window) // hop + 1 == frames


@pytest.mark.parametrize("frames", [1, 9, 10, 11, 16, 100, 101])
@pytest.mark.parametrize("chunk,overlap", [(10, 0), (10, 4), (10, 5), (10, 9)])
def test_the_kept_parts_cover_every_frame_once(frames, chunk, overlap):
    spans = chunk_spans(frames, chunk, overlap)
    kept = [frame for _, _, start, stop in spans for frame in range(start, stop)]
    assert kept == list(range(frames))
    for start, stop, keep_from, keep_to in spans:
        assert 0 <= start <= keep_from < keep_to <= stop <= frames and stop - start <= chunk
    for (_, stop, _, keep_to), (start, _, keep_from, _) in zip(spans, spans[1:]):
        assert stop - start == overlap and keep_to == keep_from
        assert stop - keep_to == overlap // 2


@pytest.mark.parametrize("overlap", [-1, 10, 11])
def test_an_overlap_that_does_not_fit_is_told(overlap):
    with pytest.raises(ValueError, match="does not fit a chunk of 10: choose overlap_seconds"):
        chunk_spans(100, 10, overlap)


def test_one_chunk_is_the_whole(model, processor, recording):
    clip = recording[: 3 * RATE]
    values = processor(audio=clip, sampling_rate=RATE, return_tensors="pt").input_values
    with torch.inference_mode():
        whole = model(values).logits[0]
    # The two normalise in other steps; the offline model's logarithm enlarges the rounding.
    assert torch.allclose(long_logits(model, processor, clip), whole, atol=2e-3)


class Sums(torch.nn.Module):
    """A stand-in whose frame k is the sum of what it hears: a shift by one sample would show."""

    device = torch.device("cpu")
    config = type("Config", (), {"conv_kernel": (400, 4, 5), "conv_stride": (80, 2, 3)})

    def forward(self, values):
        logits = values.unfold(1, 1280, 480).sum(dim=-1, keepdim=True)
        return type("Output", (), {"logits": logits})


@pytest.mark.parametrize("level", [0.0, 0.01, 1.0])
def test_it_normalises_as_the_processor_does(processor, level):
    sound = 0.5 + level * np.random.default_rng(0).standard_normal(200 * RATE, dtype=np.float32)
    values = processor(audio=sound, sampling_rate=RATE, return_tensors="pt").input_values
    whole = Sums()(values).logits[0]
    chunked = long_logits(Sums(), processor, sound)
    assert torch.allclose(chunked, whole, atol=1280 * 1e-3) and chunked.isfinite().all()


def test_memory_does_not_grow_with_the_recording(processor):
    peaks = []
    for minutes in (2, 20):
        recording = np.ones(minutes * 60 * RATE, dtype=np.float32)
        tracemalloc.start()
        long_logits(Sums(), processor, recording)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + recording.nbytes / 10  # the processor makes four copies


def test_frames_of_chunks_line_up_with_those_of_the_whole(processor, recording):
    whole = long_logits(Sums(), processor, recording, 1e4)
    for chunk, overlap in [(1.0, 0.0), (1.0, 0.3), (2.5, 1.1)]:
        chunked = long_logits(Sums(), processor, recording, chunk, overlap)
        assert torch.allclose(chunked, whole, atol=1e-2)


def test_a_clip_that_is_too_long_is_read_in_chunks(model, processor, recording):
    longest = samples_needed(model.config, model.config.max_frames)
    assert not is_too_long(model.config, longest) and is_too_long(model.config, longest + 320)
    assert torch.equal(
        clip_logits(model, processor, recording), long_logits(model, processor, recording)
    )
    short = recording[:longest]
    whole = long_logits(model, processor, short, 1e4)
    assert torch.equal(clip_logits(model, processor, short), whole)
    del model.config.max_frames  # as wav2vec2-base, which sets no limit
    whole = long_logits(model, processor, recording, 1e4)
    assert torch.equal(clip_logits(model, processor, recording), whole)
    assert not torch.allclose(long_logits(model, processor, recording), whole, atol=0.1)


def test_both_models_of_the_course_say_how_much_they_read_at_once(lettered):
    from transformers import AutoConfig

    from asr_helpers.profiles import load_profile

    profile = load_profile("offline")
    for folder in (profile.base_model, profile.ready_model, lettered):
        config = AutoConfig.from_pretrained(folder)
        hop, _ = frame_geometry(config)
        assert config.max_frames * hop == 12 * RATE
        assert config.max_frames < config.num_conv_pos_embeddings // 2  # its places
