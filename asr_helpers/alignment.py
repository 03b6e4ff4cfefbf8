"""Forced alignment: when each word of a known text is said, how well the text fits, and subtitles."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from asr_helpers.long_form import Word


def force_align(
    log_probs: np.ndarray, target: Sequence[int], blank: int
) -> tuple[float, list[int]]:
    """The best CTC path of a known text, by the Viterbi algorithm.

    The states are the tokens of `target` with a blank before, between and behind them. From one
    frame to the next, a path stays in its state, moves to the next state, or skips the blank
    between two different tokens. The algorithm is the forward algorithm of Graves et al. 2006
    (section 4.1) with a maximum in place of the sum.

    Args:
        log_probs: natural logarithms of probabilities, of shape (frames, vocab).
        target: token ids, without blanks.
        blank: the blank's id.

    Returns:
        (ln P of the best path, its state in each frame). State 2k + 1 is token k, even states are
        blanks. If no path fits into the frames, the result is (-inf, []).
    """
    states = [blank]
    for token in target:
        states += [token, blank]
    emitted = log_probs[:, states]  # (frames, states)
    may_skip = [k > 1 and states[k] not in (blank, states[k - 2]) for k in range(len(states))]
    best = np.full(len(states), -np.inf)
    best[:2], came = emitted[0, :2], []
    for frame in emitted[1:]:
        one = np.concatenate([[-np.inf], best])[:-1]
        two = np.where(may_skip, np.concatenate([[-np.inf] * 2, best])[:-2], -np.inf)
        options = np.stack([best, one, two])
        came.append(options.argmax(axis=0))  # how many states back the best path came from
        best = options.max(axis=0) + frame
    state = len(states) - 1 - int(len(states) > 1 and best[-2] > best[-1])
    score, path = float(best[state]), [state]
    if not np.isfinite(score):
        return -np.inf, []
    for back in reversed(came):
        state -= int(back[state])
        path.append(state)
    return score, path[::-1]


def aligned_words(
    log_probs: np.ndarray, text: str, processor: Any, hop_seconds: float
) -> tuple[float, list[Word]]:
    """The words of a known text with their times.

    A word reaches from the first frame of its first letter to the last frame of its last letter. Its
    confidence is the smallest probability of its letters' frames.

    Args:
        log_probs: of one utterance, as for `force_align`.
        text: normalised, its words separated by single spaces.
        processor: the model's; each letter is one token of its tokenizer.
        hop_seconds: the time from one frame to the next.

    Returns:
        (ln P of the best path, divided by the number of tokens; the words). If the text needs more
        frames than there are, the result is (-inf, []).

    Raises:
        ValueError: the text holds no word, or letters that the tokenizer does not know; the message
            names them.
    """
    tokenizer = processor.tokenizer
    letters = text.replace(" ", tokenizer.word_delimiter_token)
    target = tokenizer.convert_tokens_to_ids(list(letters))
    if strange := sorted({a for a, k in zip(letters, target) if k == tokenizer.unk_token_id}):
        raise ValueError(
            f"The tokenizer does not know {', '.join(map(repr, strange))} in {text[:40]!r}: normalise "
            "the text as the training transcripts were (asr_helpers.text.normalize)."
        )
    if not target:
        raise ValueError("There is no word to align: the text is empty.")
    score, path = force_align(log_probs, target, tokenizer.pad_token_id)
    words, letter = [], 0
    for word in text.split() if path else []:
        own = [f for f, s in enumerate(path) if s % 2 and letter <= s // 2 < letter + len(word)]
        sure = np.exp(min(log_probs[f, target[path[f] // 2]] for f in own))
        words.append(Word(word, own[0] * hop_seconds, (own[-1] + 1) * hop_seconds, float(sure)))
        letter += len(word) + 1  # and the space
    return score / len(target), words


def margin(log_probs: np.ndarray, text: str, processor: Any) -> float:
    """ln P of the best path of `text` minus ln P of the best path of any text, for each token.

    The margin is 0 if greedy decoding writes this text, and strongly negative if the text was
    probably not said. It is -inf if the text does not fit into the frames. A transcript with a low
    margin may belong to another clip.

    Args:
        log_probs, text, processor: as for `aligned_words`.
    """
    score, _ = aligned_words(log_probs, text, processor, 1.0)
    return score - float(log_probs.max(axis=1).sum()) / len(text)


def stamp(seconds: float) -> str:
    """Seconds as the format SRT writes a time: hours:minutes:seconds,milliseconds."""
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02},{thousandths:03}"


def subtitles(words: Sequence[Word], most: int = 6, gap: float = 0.6) -> str:
    """The content of an SRT file.

    Args:
        words: with times, in their order.
        most: words in a subtitle.
        gap: seconds of pause that also end a subtitle.
    """
    parts = [[word] for word in words[:1]]
    for before, word in pairwise(words):
        if len(parts[-1]) == most or word.start - before.end > gap:
            parts.append([])
        parts[-1].append(word)
    return "\n".join(
        f"{k}\n{stamp(part[0].start)} --> {stamp(part[-1].end)}\n{' '.join(w.text for w in part)}\n"
        for k, part in enumerate(parts, start=1)
    )
