from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pytest

from asr_helpers.plots import ctc as plots_ctc

PATHS = {"NO__": 0.1, "N_O_": 0.2, "_N_O": 0.3, "NNOO": 0.05}


@pytest.fixture
def figures(monkeypatch):
    found = []
    monkeypatch.setattr(plt, "close", found.append)
    return found


def test_padding_is_drawn_up_to_the_longest(figures):
    html = plots_ctc.padded({"random": [1.0, 4.0, 2.0], "alike": [3.0, 3.0]}, "Padding").data
    assert "random: 42% padding" in html and "alike: 0% padding" in html
    random, alike = figures[0].axes
    ends = [bar.get_x() + bar.get_width() for bar in random.patches[3:]]
    assert ends == [4.0, 4.0, 4.0]
    assert random.get_xlim() == alike.get_xlim()
    assert all(axes.get_xlabel() and axes.get_title() for axes in (random, alike))
    assert random.get_ylabel()


def test_one_batch_of_one_row_is_drawn(figures):
    assert "alone: 0% padding" in plots_ctc.padded({"alone": [2.0]}, "One").data


def test_states_count_blanks_and_letters():
    assert plots_ctc.states("NO__", "NO") == [1, 3, 4, 4]
    assert plots_ctc.states("_N_O", "NO") == [0, 1, 2, 3]
    assert plots_ctc.states("NNOO", "NO") == [1, 1, 3, 3]
    assert plots_ctc.states("O_O", "OO") == [1, 2, 3]


def collapse(path):
    merged = [token for before, token in zip([None, *path], path) if token != before]
    return "".join(merged).replace("_", "")


@pytest.mark.parametrize("word", ["NO", "OO", "N", "ONO"])
def test_states_refuse_what_does_not_write_the_word(word):
    for path in map("".join, product("_NO", repeat=5)):
        if collapse(path) == word:
            places = plots_ctc.states(path, word)
            assert places == sorted(places) and places[-1] >= 2 * len(word) - 1
        else:
            with pytest.raises(ValueError, match=f"does not write '{word}'"):
                plots_ctc.states(path, word)


def test_the_lattice_names_its_best_path(figures):
    html = plots_ctc.lattice(PATHS, "NO").data
    assert 'alt="Lattice of 5 states by 4 frames. 4 paths' in html and "is _N_O" in html
    axes = figures[0].axes[0]
    assert axes.get_xlabel() == "frame" and axes.get_ylabel() == "state"
    assert axes.get_title()
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        "blank", "N", "blank", "O", "blank",
    ]  # fmt: skip


def test_wider_lines_carry_more_probability(figures):
    plots_ctc.lattice({"NOO": 0.1, "N_O": 0.8}, "NO")
    lines = figures[0].axes[0].lines
    widths = {
        tuple(line.get_ydata()): line.get_linewidth()
        for line in lines
        if len(line.get_ydata()) == 2
    }
    assert widths[1, 2] > widths[1, 3]


def test_the_forward_lattice_shows_each_number_and_their_sum(figures):
    alphas = np.array(
        [[0.5, 0.25, 0, 0, 0], [0.25, 0.2, 0.1, 0.05, 0], [0.1, 0.1, 0.1, 0.15, 0.05]]
    )
    html = plots_ctc.forward_lattice(alphas, "NO").data
    assert "P(NO) is 0.2000" in html
    axes = figures[0].axes[0]
    shown = [float(text.get_text()) for text in axes.texts if text.get_text()]
    assert shown == alphas.ravel().tolist()


def arrows(figure):
    places = [(note.xyann, note.xy) for note in figure.axes[0].texts if not note.get_text()]
    return {(round(start[0]), int(start[1]), int(end[1])) for start, end in places}


def test_only_different_letters_are_joined_past_the_blank(figures):
    full = np.full((2, 5), 0.1)
    plots_ctc.forward_lattice(full, "NO")
    plots_ctc.forward_lattice(full, "OO")
    different, equal = map(arrows, figures)
    assert (1, 1, 3) in different and (1, 1, 3) not in equal
    assert (1, 0, 2) not in different and (1, 4, 4) in different


MAP = np.array(
    [[0.9, 0.1, 0.0, 0.0], [0.1, 0.0, 0.8, 0.1], [0.2, 0.0, 0.7, 0.1], [0.6, 0.0, 0.0, 0.4]]
)


def test_token_maps_write_each_run_of_the_best_path_once(figures):
    wave = np.sin(np.arange(8000))
    html = plots_ctc.token_maps(
        wave, 8000, {"one": MAP, "two": MAP}, list("_|AB"), [2], "A clip"
    ).data
    assert "one: the best path has 50% blanks" in html
    _, first, second, *_ = figures[0].axes
    for axes in (first, second):
        assert [text.get_text() for text in axes.texts] == ["A"]
        assert [tick.get_text() for tick in axes.get_yticklabels()] == ["_", "A", "others"]


def test_token_maps_add_up_the_other_tokens(figures):
    plots_ctc.token_maps(np.ones(8000), 8000, {"one": MAP}, list("_|AB"), [2], "A clip")
    drawn = figures[0].axes[1].images[0].get_array()
    assert drawn.shape == (3, 4) and np.allclose(drawn.sum(axis=0), 1)
    assert np.allclose(drawn[2], MAP[:, 1] + MAP[:, 3])
