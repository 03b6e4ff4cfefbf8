import numpy as np
import pytest
import torch
from transformers import pipeline

from asr_helpers.beam_search import LanguageModelDecoder, characters
from asr_helpers.language_model import CharacterModel
from asr_helpers.lm_pipeline import LanguageModelPipeline


@pytest.fixture
def decoder(processor):
    words = CharacterModel(4, [(["PRESS ONE", "THANK YOU"], 1)])
    tokens = characters(processor.tokenizer)
    return LanguageModelDecoder(tokens, 0, words, alpha=1.0, beta=1.0, beam=4)


@pytest.fixture
def recogniser(model, processor, decoder):
    return pipeline(
        "automatic-speech-recognition", model=model, tokenizer=processor.tokenizer,
        feature_extractor=processor.feature_extractor, device="cpu",
        pipeline_class=LanguageModelPipeline, search=decoder,
    )  # fmt: skip


def test_it_writes_what_the_decoder_writes(recogniser, model, processor, decoder, few):
    arrays = [row["audio"]["array"] for row in few.select([0, 1]).with_format(None)]
    inputs = [{"raw": np.repeat(array, 2), "sampling_rate": 16_000} for array in arrays]
    said = [one["text"] for one in recogniser([dict(one) for one in inputs])]
    for text, one in zip(said, inputs):
        values = processor(audio=one["raw"], sampling_rate=16_000, return_tensors="pt")
        with torch.inference_mode():
            logits = model(**values).logits[0].numpy()
        assert text == decoder([logits])[0]
    assert any(said)  # the search's bonus writes letters even with an untrained head


def test_chunks_are_refused_with_what_to_do_instead(recogniser):
    long = {"raw": np.zeros(160_000, np.float32), "sampling_rate": 16_000}
    with pytest.raises(ValueError, match="leave chunk_length_s out"):
        recogniser(long, chunk_length_s=2)


@pytest.mark.parametrize("asked", [{"return_timestamps": "word"}, {"return_timestamps": "char"}])
def test_times_are_refused_with_what_gives_them(recogniser, asked):
    sound = {"raw": np.zeros(16_000, np.float32), "sampling_rate": 16_000}
    with pytest.raises(ValueError, match="leave return_timestamps out, and take word_times"):
        recogniser(sound, **asked)


@pytest.mark.parametrize("asked", [{"decoder_kwargs": {}}, {"max_new_tokens": 5}])
def test_nothing_asked_for_is_ignored(recogniser, asked):
    sound = {"raw": np.zeros(16_000, np.float32), "sampling_rate": 16_000}
    with pytest.raises(ValueError, match="does not know (decoder_kwargs|max_new_tokens)"):
        recogniser(sound, **asked)
