import os
import socket
import subprocess
import sys

import evaluate
import pandas as pd
import pytest

from asr_helpers.caches import WER_METRIC
from asr_helpers.metrics import wer

TRUTH = ["PRESS ONE TO ACCEPT", "GOODBYE", "THANK YOU"]
SAID = ["PRESS WON ACCEPT THIS", "", "THANK YOU"]


@pytest.fixture
def metric(monkeypatch):
    def refuse(*_):
        raise AssertionError("the metric asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return evaluate.load(str(WER_METRIC), keep_in_memory=True)


def test_it_counts_as_we_do(metric):
    rate = metric.compute(references=TRUTH, predictions=SAID)
    assert isinstance(rate, float) and rate == pytest.approx(wer(TRUTH, SAID))


def test_concatenated_counts_are_the_pooled_ones(metric):
    rate = metric.compute(references=TRUTH, predictions=SAID, concatenate_texts=True)
    assert isinstance(rate, float) and rate == pytest.approx(wer(TRUTH, SAID))


def test_rows_may_be_added_one_by_one(metric):
    for reference, prediction in zip(TRUTH, SAID):
        metric.add(reference=reference, prediction=prediction)
    assert metric.compute() == pytest.approx(wer(TRUTH, SAID))


def test_it_refuses_what_our_count_refuses(metric):
    with pytest.raises(ValueError, match="empty"):
        metric.compute(references=[" "], predictions=["A"])


def test_white_space_is_white_space(metric):
    assert metric.compute(references=["A\tB\u00a0C"], predictions=["A B C"]) == 0


@pytest.mark.slow
def test_a_fresh_process_loads_it_offline():
    code = f"import evaluate; print(evaluate.load({str(WER_METRIC)!r}, keep_in_memory=True).name)"
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=offline, capture_output=True, text=True)
    assert done.returncode == 0 and "word_error_rate" in done.stdout, done.stderr


def test_rows_are_those_of_our_count_and_never_letters(metric):
    assert metric.compute(references="PRESS", predictions="PRESA") == 1
    shuffled = pd.Series(["PRESS ONE", "GOODBYE"], index=[7, 3])
    assert metric.compute(references=shuffled, predictions=shuffled) == 0
    for references, predictions in [("A", ["A"]), ([None], ["A"]), (["A"], [["A"]]), (5, 5)]:
        with pytest.raises(ValueError, match="list of strings|not a string"):
            metric.compute(references=references, predictions=predictions)
