"""What went wrong in a transcript, word by word, for the analysis of errors."""

import jiwer


def align_words(reference, prediction):
    """One best alignment of two texts: [(kind, spoken, written), ...], from left to right.

    `kind` is "equal", "substitute", "delete" (nothing was written, `written` is "") or "insert"
    (nothing was spoken, `spoken` is ""). Where several alignments have as few errors, jiwer
    chooses; their number of errors is the same (Wagner and Fischer 1974, "The string-to-string
    correction problem").

    Raises:
        ValueError: the reference is empty.
    """
    if not reference.strip():
        raise ValueError("The reference is empty: drop such rows before scoring.")
    spoken, written = reference.split(), prediction.split()
    pairs = []
    for part in jiwer.process_words(reference, prediction).alignments[0]:
        above = spoken[part.ref_start_idx : part.ref_end_idx]
        below = written[part.hyp_start_idx : part.hyp_end_idx]
        above, below = above or [""] * len(below), below or [""] * len(above)
        pairs += [(part.type, one, other) for one, other in zip(above, below)]
    return pairs
