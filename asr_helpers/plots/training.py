"""The live picture of a training run: loss, validation error rates, learning rate, gradient norm."""

import matplotlib.pyplot as plt
from IPython.display import HTML, display
from transformers import TrainerCallback

from asr_helpers.plots import BLUE, GREEN, ORANGE, PINK, show, styled

PANELS = {
    "CTC loss for each letter": {"loss": ("training", BLUE), "eval_loss": ("validation", ORANGE)},
    "error rate (fraction)": {"eval_wer": ("WER", BLUE), "eval_cer": ("CER", ORANGE)},
    "learning rate": {"learning_rate": ("learning rate", GREEN)},
    "gradient norm": {"grad_norm": ("before clipping", PINK)},
}


@styled
def training_history(log):
    """Four panels over the training step, from a Trainer's `state.log_history`."""
    figure, panels = plt.subplots(2, 2, figsize=(10, 5.5), sharex=True)
    told = []
    for axes, (quantity, lines) in zip(panels.flat, PANELS.items()):
        for key, (name, colour) in lines.items():
            points = [(row["step"], row[key]) for row in log if key in row]
            if points:
                axes.plot(*zip(*points), color=colour, label=name, marker="o", markersize=3)
                told.append(f"{quantity}, {name}: last {points[-1][1]:.3g}")
        axes.set(ylabel=quantity)
        axes.set_ylim(bottom=0)
        if len(lines) > 1 and axes.lines:
            axes.legend()
    for axes in panels[1]:
        axes.set_xlabel("training step")
    return show(figure, f"Four curves of the training. {'; '.join(told)}.")


class LiveCurves(TrainerCallback):
    """Draws the curves anew in one place of the notebook, at each evaluation."""

    def __init__(self):
        self.place = None

    def on_train_begin(self, args, state, control, **_):
        self.place = display(HTML("The curves appear at the first evaluation."), display_id=True)

    def on_evaluate(self, args, state, control, **_):
        if self.place:  # None where there is no notebook
            self.place.update(training_history(state.log_history))
