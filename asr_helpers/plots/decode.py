"""Figures about decoding: the best tokens of each frame, a map over two weights, a beam's cost."""

import matplotlib.pyplot as plt
import numpy as np

from asr_helpers.plots import BLUE, ORANGE, show, styled


@styled
def runners_up(probabilities, names, title, ranks=3):
    """The best tokens of each frame in a table; the cell of a likelier token is darker.

    Args:
        probabilities: an array of shape (frames, vocab).
        names: what to write for each token.
        title: of the figure.
        ranks: how many tokens of a frame are shown.
    """
    best = np.argsort(-probabilities, axis=1)[:, :ranks].T
    shares = np.take_along_axis(probabilities.T, best, axis=0)
    figure, axes = plt.subplots(figsize=(12, 0.45 * ranks + 1.2))
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for rank, frame in np.ndindex(best.shape):
        colour = "white" if shares[rank, frame] > 0.55 else "black"
        name = names[best[rank, frame]]
        axes.text(frame, rank, name, ha="center", va="center", color=colour, size=9)
    axes.set_yticks(range(ranks), [str(rank + 1) for rank in range(ranks)])
    axes.grid(False)
    axes.set(xlabel="frame", ylabel="rank", title=title)
    figure.colorbar(image, label="probability")
    return show(figure, f"The {ranks} likeliest tokens of {len(probabilities)} frames: {title}.")


@styled
def plane(rates, alphas, betas, chosen, label, title):
    """A heat map of `rates`, an array (alphas, betas), lower is better; `chosen` is (alpha, beta)."""
    rates = np.asarray(rates)
    figure, axes = plt.subplots(figsize=(7, 4))
    image = axes.imshow(rates, cmap="cividis", aspect="auto", origin="lower")
    middle = (rates.min() + rates.max()) / 2
    for i, j in np.ndindex(rates.shape):
        colour = "white" if rates[i, j] <= middle else "black"
        axes.text(j, i, f"{rates[i, j]:.2f}", ha="center", va="center", color=colour)
    place = betas.index(chosen[1]), alphas.index(chosen[0])
    corner = (place[0] - 0.47, place[1] - 0.47)
    axes.add_patch(plt.Rectangle(corner, 0.94, 0.94, fill=False, edgecolor=ORANGE, linewidth=4))
    axes.set_xticks(range(len(betas)), betas)
    axes.set_yticks(range(len(alphas)), alphas)
    axes.grid(False)
    axes.set(xlabel="β, bonus of a character (nats)", ylabel="α, weight of the n-gram", title=title)
    figure.colorbar(image, label=label)
    best = f"chosen: α {chosen[0]:g}, β {chosen[1]:g}, with {rates[place[1], place[0]]:.2f}"
    return show(figure, f"Heat map: {title}; {best}.")


@styled
def beam_cost(beams, rates, seconds, title):
    """WER and decoding time against the beam's width, two panels over one axis."""
    figure, panels = plt.subplots(1, 2, figsize=(10, 3))
    named = (("WER (fraction)", rates, BLUE), ("decoding (s) / audio (s)", seconds, ORANGE))
    for axes, (label, values, colour) in zip(panels, named):
        axes.plot(beams, values, color=colour, marker="o")
        axes.set_xscale("log", base=2)
        axes.set_xticks(beams, beams)
        axes.set(xlabel="beam (prefixes kept)", ylabel=label)
    panels[1].set_ylim(bottom=0)
    figure.suptitle(title)
    told = f"WER from {rates[0]:.2f} at {beams[0]} to {rates[-1]:.2f} at {beams[-1]}"
    return show(figure, f"Curves: {title}; {told}; {seconds[-1]:.3f} s a second at the last.")
