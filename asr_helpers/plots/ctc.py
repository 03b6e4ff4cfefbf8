"""Figures about batches and CTC: padding, what a model writes over its sound, the lattice."""

from collections import Counter

import matplotlib.pyplot as plt
import numpy as np

from asr_helpers.plots import BLUE, GREY, ORANGE, WIDTH, draw_spectrogram, show, styled


@styled
def padded(batches, title):
    """Batches {name: durations in seconds} side by side: one bar per utterance, padding in grey."""
    longest = max(max(seconds) for seconds in batches.values())
    tallest = max(map(len, batches.values()))
    figure, panels = plt.subplots(
        1, len(batches), figsize=(WIDTH, 2 + 0.14 * tallest), sharex=True, squeeze=False
    )
    shares = []
    for axes, (name, seconds) in zip(panels[0], batches.items()):
        rows = range(1, len(seconds) + 1)
        padding = [max(seconds) - length for length in seconds]
        axes.barh(rows, seconds, color=BLUE, label="speech")
        axes.barh(rows, padding, left=seconds, color=GREY, alpha=0.45, label="padding")
        axes.set_ylim(len(seconds) + 0.6, 0.4)
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y", visible=False)
        share = sum(padding) / (sum(padding) + sum(seconds))
        axes.set(xlabel="duration (s)", xlim=(0, 1.02 * longest))
        axes.set_title(f"{name}: {share:.0%} padding", size=13, weight="normal")
        shares.append(f"{name}: {share:.0%} padding")
    panels[0][0].set_ylabel("utterance")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    figure.suptitle(title)
    return show(figure, f"Batches with their padding: {title}. {'; '.join(shares)}.")


@styled
def token_maps(array, rate, maps, names, letters, title, blank=0):
    """The spectrogram of a clip, and below it each model's probability of each token in each frame.

    Args:
        array, rate: the clip, samples of shape (samples,) and Hz.
        maps: {name: probabilities of shape (frames, vocab)}, all of the same clip.
        names: what to write for each token, a list as long as the vocabulary.
        letters: the ids of the tokens that get a row, preferably in the order in which they are
            spoken; a last row adds up all others.
        title: of the figure.
        blank: the id of the blank, always the first row.

    Above each map stand the tokens of the best path, each where its run begins.
    """
    rows = [blank, *(token for token in letters if token != blank)]
    height = 0.7 + 0.17 * (len(rows) + 1)
    figure, panels = plt.subplots(
        1 + len(maps), 1, figsize=(WIDTH, 2.4 + len(maps) * height), sharex=True,
        height_ratios=[2.0, *[height] * len(maps)],
    )  # fmt: skip
    seconds = len(array) / rate
    draw_spectrogram(panels[0], array, rate)
    panels[0].set(ylabel="Hz", title=title)
    written = []
    for axes, (name, probabilities) in zip(panels[1:], maps.items()):
        frames = len(probabilities)
        rest = 1 - probabilities[:, rows].sum(axis=1, keepdims=True)
        image = axes.imshow(
            np.hstack([probabilities[:, rows], rest]).T, aspect="auto", interpolation="nearest",
            extent=(0, seconds, len(rows) + 0.5, -0.5), vmin=0, vmax=1, cmap=plt.get_cmap("Blues", 10),
        )  # fmt: skip
        best = probabilities.argmax(axis=1)
        path = zip([None, *best], best)
        runs = [(frame, now) for frame, (before, now) in enumerate(path) if now != before]
        for frame, token in runs:
            if token != blank:
                axes.text(
                    (frame + 0.5) * seconds / frames, -0.7, names[token], size=9, color=ORANGE,
                    ha="center", va="bottom", weight="bold",
                )  # fmt: skip
        axes.set_yticks(range(len(rows) + 1), [*(names[row] for row in rows), "others"], size=8)
        axes.grid(False)
        axes.set_title(name, size=13, weight="normal", pad=16)
        written.append(f"{name}: the best path has {(best == blank).mean():.0%} blanks")
    panels[-1].set_xlabel("time (s)")
    figure.colorbar(image, ax=list(panels), label="probability", shrink=0.5, aspect=30)
    return show(
        figure, f"Spectrogram, and token probabilities below it: {title}. {'; '.join(written)}."
    )


def states(path, word, blank="_"):
    """The state of the lattice for each frame of a path: 0 is the first blank, 1 the first letter.

    Args:
        path: the tokens of all frames, such as "N_OO".
        word: what the path collapses to, such as "NO".
        blank: the blank's character.

    Raises:
        ValueError: the path does not write the word.
    """
    place, places = 0, []
    for before, token in zip([None, *path], path):
        if token == blank:
            place += place % 2  # from a letter to the blank behind it; a blank stays
        elif token != before:
            place += 1 + place % 2  # from a blank to the next letter, or past a blank
        if place > 2 * len(word) or (token != blank and word[place // 2] != token):
            raise ValueError(f"The path {path!r} does not write {word!r}.")
        places.append(place)
    if place < 2 * len(word) - 1:
        raise ValueError(f"The path {path!r} does not write {word!r}.")
    return places


def _state_axes(word, frames, blank, height):
    """A figure with a row for each state of a word and a column for each frame."""
    names = [word[place // 2] if place % 2 else blank for place in range(2 * len(word) + 1)]
    figure, axes = plt.subplots(figsize=(WIDTH, height * len(names) + 1.2))
    axes.set_yticks(range(len(names)), ["blank" if name == blank else name for name in names])
    axes.set_xticks(range(1, frames + 1))
    axes.set(
        xlabel="frame", ylabel="state", xlim=(0.6, frames + 0.4), ylim=(len(names) - 0.4, -0.6)
    )
    return figure, axes, names


@styled
def lattice(paths, word, blank="_"):
    """All paths of a word through the frames, wider where more probability flows.

    Args:
        paths: {path: its probability}, all of one length and all writing `word`.
        word, blank: as for `states`.

    The most probable path is orange. Source of the drawing: Graves et al. 2006, figure 3.
    """
    flow, visited = Counter(), set()
    for path, probability in paths.items():
        places = states(path, word, blank)
        visited.update(enumerate(places))
        for frame, step in enumerate(zip(places, places[1:])):
            flow[frame, *step] += probability
    frames = len(places)
    best = max(paths, key=paths.get)
    route = states(best, word, blank)
    figure, axes, names = _state_axes(word, frames, blank, 0.62)
    for (frame, start, end), amount in flow.items():
        on_route = route[frame : frame + 2] == [start, end]
        axes.plot(
            [frame + 1, frame + 2], [start, end], color=ORANGE if on_route else BLUE,
            linewidth=1 + 14 * amount / sum(paths.values()), alpha=0.65, solid_capstyle="round",
        )  # fmt: skip
    for frame in range(frames):
        for place, token in enumerate(names):
            reached = (frame, place) in visited
            face = "white" if reached else "#dddddd"
            edge, ink = ("black", "black") if reached else (GREY, GREY)
            axes.plot(frame + 1, place, "o", markersize=24, color=face, markeredgecolor=edge)
            height = place - 0.11 * (token == "_")  # the stroke of "_" lies below the letters
            axes.text(frame + 1, height, token, ha="center", va="center", color=ink)
    axes.set_title(f"{len(paths)} paths write {word}; {best} is the most probable")
    return show(
        figure,
        f"Lattice of {len(names)} states by {frames} frames. {len(paths)} paths lead through it and "
        f"write {word}; the most probable is {best}. Grey states lie on no path.",
    )


@styled
def forward_lattice(alphas, word, blank="_"):
    """The numbers of the forward algorithm on the lattice, each state darker the larger its number.

    Args:
        alphas: of shape (frames, states); alphas[t, s] is the probability of all beginnings of
            paths that stand in state s at frame t.
        word, blank: as for `states`.
    """
    frames = len(alphas)
    figure, axes, names = _state_axes(word, frames, blank, 0.66)
    for frame in range(frames - 1):
        for place, token in enumerate(names):
            if not alphas[frame, place]:
                continue
            skip = token != blank and place + 2 < len(names) and names[place + 2] != token
            for end in range(place, min(place + 2 + skip, len(names))):
                axes.annotate(
                    "", (frame + 1.72, end), (frame + 1.28, place),
                    arrowprops={"arrowstyle": "->", "color": GREY, "linewidth": 1.2},
                )  # fmt: skip
    for frame, place in np.ndindex(alphas.shape):
        share = alphas[frame, place] / alphas.max()
        axes.text(
            frame + 1, place, f"{alphas[frame, place]:.3f}", ha="center", va="center",
            color="white" if share > 0.6 else "black",
            bbox={"boxstyle": "round,pad=0.35", "facecolor": plt.get_cmap("Blues")(share),
                  "edgecolor": GREY},
        )  # fmt: skip
    total = alphas[-1, -2:].sum()
    axes.grid(False)
    axes.set_title(f"α on the lattice: the last two states add up to P({word}) = {total:.4f}")
    return show(
        figure,
        f"Lattice of {len(names)} states by {frames} frames with the number of each state. Arrows "
        f"lead to the states of the next frame. P({word}) is {total:.4f}.",
    )
