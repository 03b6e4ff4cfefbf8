import numpy as np

from asr_helpers.plots import decode as plots_decode


def alt(shown):
    return shown.data.split('alt="')[1].split('"')[0]


def test_runners_up():
    values = np.random.default_rng(0).dirichlet(np.ones(4), size=6)
    text = alt(plots_decode.runners_up(values, list("·ABC"), "a clip"))
    assert "3 likeliest tokens of 6 frames" in text


def test_plane_tells_the_chosen_point():
    text = alt(plots_decode.plane([[0.9, 0.8], [0.5, 0.4]], (0.0, 0.5), (0.0, 1.0), (0.5, 0.0), "WER", "t"))  # fmt: skip
    assert "α 0.5, β 0, with 0.50" in text


def test_plane_may_be_flat():
    assert "with 1.00" in alt(plots_decode.plane([[1.0]], (0.0,), (0.0,), (0.0, 0.0), "WER", "t"))


def test_beam_cost():
    text = alt(plots_decode.beam_cost((1, 2, 4), (0.5, 0.4, 0.4), (0.01, 0.02, 0.04), "t"))
    assert "0.50 at 1 to 0.40 at 4" in text
