"""Word and character error rates, as fractions, and how far to trust them."""

import jiwer
import numpy as np


def _counts(references, predictions, process):
    """(errors, reference tokens) of each pair, as two arrays of shape (utterances,)."""
    if len(references) != len(predictions):
        raise ValueError(
            f"{len(references)} references but {len(predictions)} predictions: score the rows of "
            "one split, in its order."
        )
    empty = [row for row, text in enumerate(references) if not text.strip()]
    if empty:
        raise ValueError(f"References {empty[:5]} are empty: drop those rows before scoring.")
    result = process(list(references), list(predictions))
    errors = [
        sum(
            max(part.ref_end_idx - part.ref_start_idx, part.hyp_end_idx - part.hyp_start_idx)
            for part in alignment
            if part.type != "equal"
        )
        for alignment in result.alignments
    ]
    return np.array(errors), np.array([len(reference) for reference in result.references])


def wer(references, predictions):
    """Word error rate of all pairs together: (substitutions + deletions + insertions) / words.

    Raises:
        ValueError: the lists differ in length, or a reference is empty.
    """
    errors, words = _counts(references, predictions, jiwer.process_words)
    return float(errors.sum() / words.sum())


def cer(references, predictions):
    """Character error rate, spaces counted; see `wer`."""
    errors, characters = _counts(references, predictions, jiwer.process_characters)
    return float(errors.sum() / characters.sum())


def wer_interval(references, predictions, seed, level=0.95, resamples=2000):
    """(low, high): the percentile bootstrap interval of the WER over utterances.

    Utterances, not words, are drawn with replacement: errors within one belong together
    (Bisani and Ney 2004, "Bootstrap estimates for confidence intervals in ASR").
    """
    errors, words = _counts(references, predictions, jiwer.process_words)
    random = np.random.default_rng(seed)
    drawn = random.integers(len(words), size=(resamples, len(words)))
    rates = errors[drawn].sum(axis=1) / words[drawn].sum(axis=1)
    low, high = np.quantile(rates, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def trainer_metrics(processor):
    """`compute_metrics` for a Trainer whose predictions are token ids, padded with -100."""
    blank = processor.tokenizer.pad_token_id

    def compute_metrics(prediction):
        ids = np.where(prediction.predictions == -100, blank, prediction.predictions)
        labels = np.where(prediction.label_ids == -100, blank, prediction.label_ids)
        said = processor.batch_decode(ids)
        # Labels repeat letters on purpose: only what CTC wrote is collapsed.
        truth = processor.tokenizer.batch_decode(labels, group_tokens=False)
        return {"wer": wer(truth, said), "cer": cer(truth, said)}

    return compute_metrics
