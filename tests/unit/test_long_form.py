import tracemalloc

import numpy as np
import pytest
import torch

from asr_helpers.frames import frame_geometry
from asr_helpers.inference import transcribe
from asr_helpers.long_form import (
    Word,
    chunk_spans,
    long_logits,
    transcribe_long,
    word_times,
)
from asr_helpers.metrics import cer
from asr_helpers.model import load_model

RATE = 16_000


@pytest.fixture
def recording(prepared):
    """About half a minute: twelve clips in a row."""
    return np.concatenate([np.array(row["input_values"], dtype=np.float32) for row in prepared])


def path(processor, marks, sure=8.0):
    """Logits (frames, vocab) whose best tokens are `marks`, `_` the blank."""
    tokens = ["<pad>" if mark == "_" else mark for mark in marks]
    ids = torch.tensor(processor.tokenizer.convert_tokens_to_ids(tokens))
    return sure * torch.nn.functional.one_hot(ids, len(processor.tokenizer)).float()


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


def test_chunks_say_what_the_whole_says(model, processor, prepared, recording):
    from asr_helpers.training import train_head

    train_head(model, prepared, steps=100, learning_rate=5e-3, seed=0)
    chunked = long_logits(model, processor, recording, 6.0, 3.0).argmax(dim=-1)
    whole = long_logits(model, processor, recording, 1e4).argmax(dim=-1)
    assert (chunked != whole).float().mean() < 0.2  # a model this raw is unsure
    assert (
        transcribe_long(model, processor, recording, 1e4)
        == (transcribe(model, processor, [recording])[0])
    )


def test_sound_shorter_than_a_frame_is_told(model, processor):
    with pytest.raises(ValueError, match="shorter than one frame needs"):
        transcribe_long(model, processor, np.zeros(600, dtype=np.float32))


def test_it_leaves_training_mode(model, processor, recording):
    transcribe_long(model.train(), processor, recording[:RATE])
    assert not model.training


def test_words_have_the_times_of_their_letters(processor):
    words = word_times(path(processor, "_OON_|__|L_LA__"), processor, 0.5)
    assert [(word.text, word.start, word.end) for word in words] == [
        ("ON", 0.5, 2.0),
        ("LLA", 4.5, 6.5),
    ]


def test_words_agree_with_the_tokenizer(processor):
    logits = path(processor, "__P_RR_E_S_SS||O_N_EE_|___T")
    words = word_times(logits, processor, 1.0)
    found = processor.batch_decode(logits.argmax(-1)[None], output_word_offsets=True)
    assert " ".join(word.text for word in words) == found.text[0]
    assert [(word.text, word.start, word.end) for word in words] == [
        (part["word"], part["start_offset"], part["end_offset"]) for part in found.word_offsets[0]
    ]


def test_a_word_is_as_sure_as_its_least_sure_frame(processor):
    logits = path(processor, "NO|NO")
    logits[1] /= 4
    unsure, sure = word_times(logits, processor, 0.03)
    assert unsure.confidence == pytest.approx(logits[1].softmax(-1).max().item())
    assert sure.confidence == pytest.approx(logits[3].softmax(-1).max().item())
    assert unsure.confidence < sure.confidence


@pytest.mark.parametrize("marks", ["____", "|", "_|_||"])
def test_no_letter_no_word(processor, marks):
    assert word_times(path(processor, marks), processor, 0.03) == []


def test_a_single_word_without_a_delimiter(processor):
    assert word_times(path(processor, "A"), processor, 1.0) == [
        Word("A", 0.0, 1.0, pytest.approx(0.99, abs=0.02))
    ]


def test_chunks_by_default_stay_within_the_places_that_the_model_knows(
    lettered, processor, prepared, recording
):
    model, spoken = load_model(lettered), [" ".join(2 * prepared["text"][:])]
    long = np.concatenate([recording, recording])
    errors = [
        cer(spoken, [transcribe_long(model, processor, long, **chunk)])
        for chunk in ({}, {"chunk_seconds": 20.0})
    ]
    assert errors[0] < 0.9 * errors[1], errors
