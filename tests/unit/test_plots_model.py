import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from transformers import Wav2Vec2Config

from asr_helpers.plots import model as plots_model

WAVE = np.sin(np.arange(16_000) / 9)
DRAWN = {
    "pipeline": lambda: plots_model.pipeline(WAVE, 16_000, Wav2Vec2Config(), "HELLO"),
    "pretraining": lambda: plots_model.pretraining(WAVE),
    "masked": lambda: plots_model.masked(np.ones((9, 4)), np.eye(9)[:, :4] > 0, 0.02, "Masked"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_each_drawing_has_a_title_and_alt_text(name, monkeypatch):
    figures = []
    monkeypatch.setattr(plt, "close", figures.append)
    html = DRAWN[name]().data
    assert len(re.search('alt="([^"]*)"', html).group(1)) > 20
    assert figures[0].axes[0].get_title()


def test_the_drawing_of_the_whole_tells_shapes_and_rates(monkeypatch):
    figures = []
    monkeypatch.setattr(plt, "close", figures.append)
    html = DRAWN["pipeline"]().data
    texts = [text.get_text() for text in figures[0].axes[0].texts]
    # wav2vec2-base: 7 convolutions make 49 frames of a second, 50 to the second.
    for part in (
        "(16000,)",
        "(49, 512)",
        "(49, 768)",
        "(49, 32)",
        "(5,)",
        "50 frames/s",
        "“HELLO”",
    ):
        assert part in texts, part
    assert "every 20 ms, each sees 25 ms" in figures[0].axes[0].get_title()
    assert "49 frames of 32 scores" in html


def test_text_stays_inside_the_drawings(monkeypatch):
    figures = []
    monkeypatch.setattr(plt, "close", figures.append)
    DRAWN["pipeline"](), DRAWN["pretraining"]()
    for figure in figures:
        figure.canvas.draw()
        for text in figure.axes[0].texts:
            box = text.get_window_extent()
            assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, text.get_text()


def test_the_table_has_the_published_sizes():
    table = re.sub("<[^>]+>", "|", plots_model.architectures(Wav2Vec2Config()).data)
    assert table.count("94.4 million") == 2  # this configuration is that of wav2vec2-base
    assert "37.8 million" in table and "65 ms" in table and "12 × 768" in table


def test_what_is_masked_is_told(monkeypatch):
    assert (
        "11% of the values are masked"
        in plots_model.masked(np.ones((9, 4)), np.eye(9)[:, :4] > 0, 0.02, "SpecAugment").data
    )


def test_each_convolution_has_a_panel_with_its_channels(monkeypatch):
    figures = []
    monkeypatch.setattr(plt, "close", figures.append)
    outputs = {"one": np.ones((400, 1)), "two": np.random.default_rng(0).normal(size=(40, 6))}
    html = plots_model.stages(outputs, 2.5).data
    assert "2.5 s, with channels: one 1, two 6" in html
    labels = [axes.get_ylabel() for axes in figures[0].axes]
    assert labels == ["one\n1 channel", "two\n6 channels"]
    figures[0].canvas.draw()
    assert all(axes.yaxis.label.get_window_extent().x0 >= 0 for axes in figures[0].axes)


def test_a_top_between_transformer_and_head_is_drawn(monkeypatch):
    figures = []
    monkeypatch.setattr(plt, "close", figures.append)
    top = Wav2Vec2Config(
        add_adapter=True, adapter_stride=1, num_adapter_layers=3, output_hidden_size=224
    )
    html = plots_model.pipeline(WAVE, 16_000, top, "HELLO").data
    texts = [text.get_text() for text in figures[0].axes[0].texts]
    assert "top\n3 convolutions" in texts and "(49, 224)" in texts
    assert "3 convolutions on top" in html
