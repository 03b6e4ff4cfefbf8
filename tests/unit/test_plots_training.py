import re

from asr_helpers.plots import training as plots_training
from asr_helpers.plots.training import LiveCurves, training_history

LOG = [
    {"step": 5, "loss": 2.0, "learning_rate": 1e-3, "grad_norm": 3.0},
    {"step": 10, "eval_loss": 1.8, "eval_wer": 0.9, "eval_cer": 0.4},
    {"step": 10, "loss": 1.5, "learning_rate": 5e-4, "grad_norm": 2.0},
]


def test_the_figure_tells_each_last_value():
    alt = re.search('alt="([^"]*)"', training_history(LOG).data).group(1)
    for part in ("training: last 1.5", "WER: last 0.9", "learning rate: last 0.0005", "last 2"):
        assert part in alt


def test_an_empty_log_is_drawn_too():
    assert "data:image/png" in training_history([]).data


def test_the_curves_are_drawn_in_one_place(monkeypatch):
    from types import SimpleNamespace

    updates = []
    place = SimpleNamespace(update=updates.append)
    monkeypatch.setattr(plots_training, "display", lambda *_, **__: place)
    live, state = LiveCurves(), SimpleNamespace(log_history=LOG)
    live.on_evaluate(None, state, None)
    assert not updates  # nothing is drawn before training begins
    live.on_train_begin(None, state, None)
    live.on_evaluate(None, state, None)
    assert len(updates) == 1 and "data:image/png" in updates[0].data
