"""Word error rate as an `evaluate` metric: a folder to load from, with no network.

    metric = evaluate.load("asr_helpers/wer_metric")
    metric.compute(references=["PRESS ONE"], predictions=["PRESS WON"])  # 0.5

It has the interface of the Hub's "wer", which `evaluate.load("wer")` must download, and counts as
`asr_helpers.metrics.wer` does.
"""

import datasets
import evaluate

from asr_helpers.errors import checked_pairs
from asr_helpers.metrics import wer

DESCRIPTION = (
    "Word error rate, a fraction: (substitutions + deletions + insertions) / reference words."
)
INPUTS = """
Args:
    predictions: list of str, one transcript an utterance.
    references: list of str, what was said, in the same order.
    concatenate_texts: of the Hub's metric. It changes nothing here: the errors of all utterances
        are added up either way.

Returns:
    The word error rate over all utterances together, a float.
"""


class WordErrorRate(evaluate.Metric):
    """See `INPUTS`."""

    def _info(self):
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation="",
            inputs_description=INPUTS,
            features=datasets.Features({"predictions": text, "references": text}),
            reference_urls=["https://github.com/jitsi/jiwer"],
        )

    def add_batch(self, *, predictions=None, references=None, **kwargs):
        """Add rows. Given two strings, `evaluate` alone would read each letter as a row.

        Raises:
            ValueError: see `asr_helpers.errors.checked_pairs`.
        """
        references, predictions = checked_pairs(references, predictions)
        return super().add_batch(predictions=predictions, references=references, **kwargs)

    def _compute(self, predictions, references, concatenate_texts=False):
        return wer(references, predictions)
