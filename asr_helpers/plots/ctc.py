"""Figures about batches and CTC: how much of a batch is padding, and the lattice of a word's paths."""

from collections import Counter

import matplotlib.pyplot as plt

from asr_helpers.plots import BLUE, GREY, ORANGE, show


def padded(batches):
    """Batches {name: durations in seconds} side by side: a bar an utterance, its padding in grey."""
    longest = max(max(seconds) for seconds in batches.values())
    tallest = max(map(len, batches.values()))
    figure, panels = plt.subplots(
        1, len(batches), figsize=(8, 1.6 + 0.12 * tallest), sharex=True, squeeze=False
    )
    told = []
    for axes, (name, seconds) in zip(panels[0], batches.items()):
        rows = range(1, len(seconds) + 1)
        padding = [max(seconds) - length for length in seconds]
        axes.barh(rows, seconds, color=BLUE, label="speech")
        axes.barh(rows, padding, left=seconds, color=GREY, alpha=0.45, label="padding")
        axes.set_ylim(len(seconds) + 0.6, 0.4)
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.grid(axis="y", visible=False)
        axes.set(xlabel="duration (s)", ylabel="row", title=name, xlim=(0, 1.02 * longest))
        told.append(f"{name}: {sum(padding) / (sum(padding) + sum(seconds)):.0%} padding")
    figure.tight_layout()
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncols=2, bbox_to_anchor=(0.5, 0.02))
    return show(figure, f"Batches with their padding. {'; '.join(told)}.")


def states(path, word, blank="_"):
    """Where in the lattice a path stands, a frame each: 0 is the first blank, 1 the first letter.

    Args:
        path: the tokens of all frames, such as "N_OO".
        word: what the path collapses to, such as "NO".
        blank: the blank's character.

    Raises:
        ValueError: the path does not write the word.
    """
    place, found = 0, []
    for before, token in zip([None, *path], path):
        if token == blank:
            place += place % 2  # from a letter to the blank behind it; a blank stays
        elif token != before:
            place += 1 + place % 2  # from a blank to the next letter, or past a blank
        if place > 2 * len(word) or (token != blank and word[place // 2] != token):
            raise ValueError(f"The path {path!r} does not write {word!r}.")
        found.append(place)
    if place < 2 * len(word) - 1:
        raise ValueError(f"The path {path!r} does not write {word!r}.")
    return found


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
    figure, axes = plt.subplots(figsize=(8, 0.62 * (2 * len(word) + 1) + 1))
    for (frame, one, other), amount in flow.items():
        on_route = route[frame : frame + 2] == [one, other]
        axes.plot(
            [frame + 1, frame + 2], [one, other], color=ORANGE if on_route else BLUE,
            linewidth=1 + 14 * amount / sum(paths.values()), alpha=0.65, solid_capstyle="round",
        )  # fmt: skip
    for frame in range(frames):
        for place in range(2 * len(word) + 1):
            reached = (frame, place) in visited
            token = word[place // 2] if place % 2 else blank
            face = "white" if reached else "#dddddd"
            edge, ink = ("black", "black") if reached else (GREY, GREY)
            axes.plot(frame + 1, place, "o", markersize=20, color=face, markeredgecolor=edge)
            height = place - 0.11 * (token == "_")  # its stroke lies under the line of letters
            axes.text(frame + 1, height, token, ha="center", va="center", color=ink)
    names = [word[place // 2] if place % 2 else "blank" for place in range(2 * len(word) + 1)]
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(range(1, frames + 1))
    axes.set(
        xlabel="frame", ylabel="state", xlim=(0.6, frames + 0.4), ylim=(len(names) - 0.4, -0.6),
        title=f"{len(paths)} paths write {word}; {best} is the most probable",
    )  # fmt: skip
    return show(
        figure,
        f"Lattice of {len(names)} states by {frames} frames. {len(paths)} paths lead through it and "
        f"write {word}; the most probable is {best}. Grey states lie on no path.",
    )
