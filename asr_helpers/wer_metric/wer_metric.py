"""Word error rate as an `evaluate` metric: a folder to load from, with no network.

    metric = evaluate.load("asr_helpers/wer_metric")
    metric.compute(references=["PRESS ONE"], predictions=["PRESS WON"])  # 0.5

It has the interface of the Hub's "wer", which `evaluate.load("wer")` must download.
"""

import datasets
import evaluate
import jiwer

DESCRIPTION = (
    "Word error rate, a fraction: (substitutions + deletions + insertions) / reference words."
)
INPUTS = """
Args:
    predictions: list of str, one transcript an utterance.
    references: list of str, what was said, in the same order.
    concatenate_texts: let jiwer count all utterances in one call, instead of one by one and
        adding up. jiwer 4 gives the same number either way.

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

    def _compute(self, predictions, references, concatenate_texts=False):
        if concatenate_texts:
            return float(jiwer.process_words(references, predictions).wer)
        errors = words = 0
        for reference, prediction in zip(references, predictions):
            found = jiwer.process_words(reference, prediction)
            errors += found.substitutions + found.deletions + found.insertions
            words += found.substitutions + found.deletions + found.hits
        return errors / words
