import numpy as np
import pytest
import torch

from asr_helpers.chunks import long_logits
from asr_helpers.long_form import Word, transcribe_long, word_times
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


def test_chunks_say_what_the_whole_says(model, processor, prepared, recording):
    from asr_helpers.training import train_head

    train_head(model, prepared, steps=100, learning_rate=5e-3, seed=0)
    chunked = long_logits(model, processor, recording, 6.0, 3.0).argmax(dim=-1)
    whole = long_logits(model, processor, recording, 1e4).argmax(dim=-1)
    assert (chunked != whole).float().mean() < 0.2  # a model this raw is unsure
    assert transcribe_long(model, processor, recording, 1e4) == processor.decode(whole)


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
