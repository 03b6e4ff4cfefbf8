import itertools
import math
import time

import numpy as np
import pytest

from asr_helpers.beam_search import LanguageModelDecoder, characters
from asr_helpers.language_model import CharacterModel

TOKENS = [None, "A", "B", " "]


def noise(frames, seed, spread=1.5):
    return np.random.default_rng(seed).normal(0, spread, (frames, len(TOKENS)))


def collapse(path):
    kept = [token for token, _ in itertools.groupby(path)]
    return "".join(TOKENS[token] for token in kept if token)


def enumerate_paths(logits):
    """{text: probability} from every path there is."""
    frames = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = {}
    for path in itertools.product(range(len(TOKENS)), repeat=len(frames)):
        p = math.prod(frame[token] for frame, token in zip(frames, path))
        found[collapse(path)] = found.get(collapse(path), 0.0) + p
    return found


@pytest.fixture(scope="module")
def model():
    return CharacterModel(3, [(["AB BA", "ABBA", "A B"], 1)], alphabet="AB ")


@pytest.mark.parametrize("seed", range(5))
def test_without_a_model_it_sums_all_paths(seed):
    logits = noise(6, seed)
    truth = enumerate_paths(logits)
    found = LanguageModelDecoder(TOKENS, beam=10**6).n_best(logits, n=10**6)
    assert len(found) == len(truth)
    for hypothesis in found:
        assert math.exp(hypothesis.score) == pytest.approx(truth[hypothesis.text], abs=1e-9)
        assert hypothesis.acoustic == hypothesis.score
    assert found[0].text == max(truth, key=truth.get)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("alpha, beta", [(0.0, 0.7), (0.6, 0.0), (0.7, 0.8)])
def test_with_a_model_it_scores_as_the_formula_says(model, seed, alpha, beta):
    logits = noise(5, seed)
    decoder = LanguageModelDecoder(TOKENS, model=model, alpha=alpha, beta=beta, beam=10**6)
    truth = {
        text: math.log(p) + alpha * model.score(text) + beta * len(text)
        for text, p in enumerate_paths(logits).items()
    }
    found = decoder.n_best(logits, n=10**6)
    assert [h.text for h in found] == sorted(truth, key=truth.get, reverse=True)
    for h in found:
        assert h.score == pytest.approx(truth[h.text], abs=1e-9)
        assert h.score == pytest.approx(h.acoustic + alpha * h.language + beta * len(h.text))
        assert h.language == pytest.approx(model.score(h.text))


def test_a_small_beam_finds_no_more_than_a_large_one(model):
    small, large = (
        LanguageModelDecoder(TOKENS, model=model, alpha=0.7, beta=0.8, beam=beam)
        for beam in (2, 10**6)
    )
    for seed in range(5):
        assert small.n_best(noise(6, seed))[0].score <= large.n_best(noise(6, seed))[0].score + 1e-9


@pytest.mark.parametrize("beam", [1, 8])
def test_where_every_frame_is_sure_it_agrees_with_greedy(beam):
    path = np.random.default_rng(0).integers(len(TOKENS), size=200)
    logits = np.where(np.arange(len(TOKENS)) == path[:, None], 8.0, 0.0)
    decoder = LanguageModelDecoder(TOKENS, beam=beam)
    assert decoder.n_best(logits)[0].text == collapse(path)
    assert decoder([logits]) == [" ".join(collapse(path).split())]


def test_it_may_beat_greedy():
    # The blank leads in both frames, but three of four paths write an A (0.64 in all).
    logits = np.log([[0.6, 0.4, 1e-9, 1e-9]] * 2)
    assert LanguageModelDecoder(TOKENS).n_best(logits)[0].text == "A"
    assert LanguageModelDecoder(TOKENS, beam=1).n_best(logits)[0].text == ""


def test_a_double_letter_needs_a_blank():
    decoder = LanguageModelDecoder(TOKENS)
    sure = lambda path: np.where(np.arange(4) == np.array(path)[:, None], 20.0, 0.0)  # noqa: E731
    assert decoder([sure([1, 1, 2, 2]), sure([1, 0, 1, 2])]) == ["AB", "AAB"]


def test_floors_change_little_and_save_time(model):
    logits = noise(40, 1, spread=4)
    exact = LanguageModelDecoder(TOKENS, model=model, alpha=0.5, beta=0.5)
    pruned = LanguageModelDecoder(
        TOKENS, model=model, alpha=0.5, beta=0.5, token_floor=1e-3, prefix_floor=1e-5
    )
    assert exact([logits]) == pruned([logits])


def test_long_audio_does_not_underflow(model):
    decoder = LanguageModelDecoder(TOKENS, model=model, alpha=0.7, beta=0.8, beam=4)
    best = decoder.n_best(noise(3000, 0))[0]
    assert -1e5 < best.score < 0 and best.text
    steep = np.where(np.arange(4) == 1, 5000.0, -5000.0)[None].repeat(3, axis=0)
    assert decoder([steep]) == ["A"]


def test_a_token_that_is_never_written_is_survived():
    logits = np.array([[0.0, 5000.0, 0.0], [0.0, 0.0, 9.0]])
    assert LanguageModelDecoder([None, None, "A"])([logits]) == ["A"]


def test_no_frames_give_no_text(model):
    assert LanguageModelDecoder(TOKENS, model=model, alpha=0.5)([np.zeros((0, 4))]) == [""]


def test_it_is_fast_enough(model):
    decoder = LanguageModelDecoder(TOKENS, model=model, alpha=0.7, beta=0.8, beam=8)
    start = time.perf_counter()
    decoder.n_best(noise(1000, 0))  # 30 s of audio in frames of 30 ms
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    "settings",
    [{"beam": 0}, {"alpha": -1}, {"token_floor": 1}, {"prefix_floor": -0.1}, {"blank": 9}],
)
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(ValueError, match="Wanted|Blank"):
        LanguageModelDecoder(TOKENS, **settings)


@pytest.mark.parametrize(
    "logits, message",
    [
        (np.zeros(4), r"\(frames, 4\)"),
        (np.zeros((1, 2, 4)), r"\(frames, 4\)"),
        (np.zeros((2, 5)), r"\(frames, 4\)"),
        (np.full((2, 4), np.nan), "NaN"),
        (np.full((2, 4), -np.inf), "NaN"),
    ],
)
def test_bad_logits_are_named(logits, message):
    with pytest.raises(ValueError, match=message):
        LanguageModelDecoder(TOKENS).n_best(logits)


def test_an_alphabet_too_small_is_named(model):
    with pytest.raises(ValueError, match="lacks"):
        LanguageModelDecoder([None, "A", "É"], model=model)


def test_the_tokens_of_the_course(processor):
    tokens = characters(processor.tokenizer)
    assert len(tokens) == 32 and tokens[processor.tokenizer.pad_token_id] is None
    assert sorted(c for c in tokens if c) == sorted(" 'ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def test_what_is_kept_has_a_bound(model, monkeypatch):
    monkeypatch.setattr("asr_helpers.beam_search.KEPT", 2)
    bounded = LanguageModelDecoder(TOKENS, model=model, alpha=0.5)
    monkeypatch.undo()
    free = LanguageModelDecoder(TOKENS, model=model, alpha=0.5)
    assert bounded([noise(20, 0)]) == free([noise(20, 0)])
    assert bounded._factors.cache_info().currsize <= 2
