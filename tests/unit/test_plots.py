import base64
import re
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import pytest
import soundfile
from PIL import Image

from asr_helpers import plots

WAVE = np.sin(np.arange(8000) / 5)
DRAWN = {
    "waveform": lambda: plots.waveform(WAVE, 8000, "hello"),
    "spectrogram": lambda: plots.spectrogram(WAVE, 8000, "hello"),
    "histograms": lambda: plots.histograms({"seconds": [1, 2, 2, 3], "words": [1, 1]}, "durations"),
    "bars": lambda: plots.bars({"A": 3, "B": 1}, "times", "letters"),
    "curves": lambda: plots.curves(
        {"loss": ([1, 2], [3, 1])}, "step", "loss", "learning", (2.9, "x")
    ),
}


@pytest.fixture
def figures(monkeypatch):
    found = []
    monkeypatch.setattr(plt, "close", found.append)
    return found


@pytest.mark.parametrize("name", DRAWN)
def test_each_figure_has_labels_and_alt_text(name, figures):
    html = DRAWN[name]().data
    assert 'alt="' in html and len(html.split('alt="')[1].split('"')[0]) > 20
    axes = figures[0].axes[0]
    assert axes.get_xlabel() and axes.get_title()
    assert axes.get_ylabel() or name == "bars"


def test_a_picture_is_large_and_shown_at_a_set_width():
    html = DRAWN["waveform"]().data
    picture = Image.open(BytesIO(base64.b64decode(re.search('base64,([^"]*)', html).group(1))))
    assert picture.width == plots.WIDTH * plots.DPI
    assert f'width="{plots.WIDTH * 100}"' in html


def test_no_figure_is_left_open():
    plt.close("all")
    DRAWN["waveform"]()
    assert not plt.get_fignums()


def test_matplotlib_keeps_its_own_settings():
    before = dict(plt.rcParams)
    DRAWN["waveform"]()
    assert dict(plt.rcParams) == before
    assert plt.rcParams["font.size"] != plots.STYLE["font.size"]


def test_quotes_in_a_title_do_not_end_the_alt_text():
    html = plots.waveform(WAVE, 8000, 'say "one"').data
    assert "&quot;one&quot;" in html


def test_the_power_of_a_window_is_that_of_its_transform():
    times, frequencies, power = plots.decibels(WAVE, 8000)
    window = WAVE[80:280] * np.hanning(200)  # the second one: 25 ms, 10 ms later
    expected = 10 * np.log10(np.abs(np.fft.rfft(window, n=512)) ** 2 + 1e-10)
    assert np.allclose(power[:, 1], expected)
    assert times[1] == pytest.approx((80 + 100) / 8000) and frequencies[-1] == 4000
    assert power.shape == (len(frequencies), len(times))


def test_names_at_the_ends_of_lines_stand_apart(figures):
    lines = {"one": ([1, 2], [3, 1.0]), "two": ([1, 2], [3, 1.01])}
    plots.curves(lines, "step", "loss", "two that end alike")
    axes = figures[0].axes[0]
    places = sorted(note.get_position()[1] for note in axes.texts)
    low, high = axes.get_ylim()
    assert {note.get_text() for note in axes.texts} == {"one", "two"}
    assert places[1] - places[0] > 0.08 * (high - low)


def test_a_line_alone_is_not_named(figures):
    plots.curves({"loss": ([1, 2], [3, 1])}, "step", "loss", "one")
    assert not figures[0].axes[0].texts


def heard(html):
    kind, sound = re.search('src="data:audio/(.*?);base64,([^"]*)"', html).groups()
    array, rate = soundfile.read(BytesIO(base64.b64decode(sound)))
    return kind, array, rate, len(base64.b64decode(sound))


def test_a_kept_player_is_small_and_sounds_alike():
    kind, array, rate, size = heard(plots.player(WAVE * 0.1, 8000, "a tone", keep=True).data)
    assert (kind, rate) == ("mpeg", plots.PLAYER_RATE) and size < plots.KEPT_BYTES
    assert len(array) / rate == pytest.approx(1, abs=0.15)
    strength = np.abs(np.fft.rfft(array[: 8 * 2000]))
    tone = np.fft.rfftfreq(8 * 2000, 1 / rate)[strength.argmax()]
    assert tone == pytest.approx(8000 / 5 / (2 * np.pi), abs=3)


def test_a_clip_that_is_too_long_to_keep_is_played_all_the_same():
    noise = np.random.default_rng(0).normal(size=20 * 16_000)
    html = plots.player(noise, 16_000, "noise", keep=True).data
    assert "data-kept" not in html and heard(html)[0] == "wav"


def test_a_player_is_as_loud_as_was_asked():
    _, array, _, _ = heard(plots.player(WAVE * 0.01, 16_000, "quiet").data)
    assert np.abs(array).max() == pytest.approx(0.9, abs=0.01)
    _, array, _, _ = heard(plots.player(WAVE, 16_000, "quieter", peak=0.3).data)
    assert np.abs(array).max() == pytest.approx(0.3, abs=0.01)
    _, array, _, _ = heard(plots.player(np.zeros(1600), 16_000, "silence").data)
    assert not array.any()


def test_a_player_says_what_it_plays():
    html = plots.player(WAVE, 8000, 'a "tone" <b>').data
    assert 'aria-label="a &quot;tone&quot; &lt;b&gt;"' in html and "<b>" not in html


def test_the_alignment_shades_each_kind_of_error_and_names_it():
    html = plots.alignment("A B C", "A X C D").data
    for kind in ("substitute", "insert"):
        name, shade = plots.CELLS[kind]
        assert html.count(shade) == 3 and name in html  # spoken, written, legend
    assert plots.CELLS["delete"][0] not in html
    assert plots.CELLS["delete"][1] in plots.alignment("A B", "A").data
    assert "∅" in plots.alignment("A B", "A").data


def test_an_alignment_without_errors_needs_no_legend():
    assert "legend" not in plots.alignment("A B", "A B").data


def test_nothing_written_is_aligned():
    assert plots.alignment("A B", "").data.count("∅") == 2


def test_a_long_alignment_goes_on_below():
    rows = plots.alignment("A " * 20, "A " * 20).data.split("<tr>")[1:]
    assert [row.count("<td") for row in rows] == [8, 8, 8, 8, 4, 4]
    assert ["spoken" in row for row in rows] == [True, False] * 3


HOSTILE = '<svg/onload=alert(1)> "quoted" $x^ {'


def test_what_a_model_or_a_file_says_is_never_html():
    """A token of a model's vocabulary may be a tag, and a file may bear any name."""
    shown = [
        plots.alignment(f"{HOSTILE} ONE", f"ONE {HOSTILE}").data,
        plots.waveform(WAVE, 8000, HOSTILE).data,
        plots.spectrogram(WAVE, 8000, HOSTILE).data,
        plots.histograms({HOSTILE: [1, 2, 2]}, HOSTILE).data,
        plots.bars({HOSTILE: 3, "B": 1}, HOSTILE, HOSTILE).data,
        plots.curves({HOSTILE: ([1, 2], [3, 1])}, HOSTILE, HOSTILE, HOSTILE, (2, HOSTILE)).data,
    ]
    for html in shown:
        assert "<svg" not in html and 'alert(1)> "' not in html
        assert "&lt;svg/onload=alert(1)&gt;" in html


def test_drawing_leaves_matplotlibs_settings_as_they_were():
    before = dict(plt.rcParams)
    for draw in DRAWN.values():
        draw()
    assert dict(plt.rcParams) == before


def test_bars_write_large_values_without_an_exponent(figures):
    plots.bars({"compute": 1083.4, "loader": 36.12, "clips": 8}, "ms", "where the time goes")
    shown = {text.get_text() for text in figures[0].axes[0].texts}
    assert shown == {"1083", "36.1", "8"}


@pytest.mark.parametrize(("xs", "whole"), [([1, 2], True), ([0.25, 1.0], False)])
def test_only_whole_steps_are_marked_where_all_are_whole(figures, xs, whole):
    plots.curves({"speed": (xs, [30, 55])}, "processes", "speed", "two processes")
    ticks = figures[0].axes[0].get_xticks()
    assert all(tick % 1 == 0 for tick in ticks) == whole
