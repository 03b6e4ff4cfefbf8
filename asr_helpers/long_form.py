"""The transcript of a recording of any length; its words with times and confidences."""

from dataclasses import dataclass

from asr_helpers.chunks import CHUNK_SECONDS, OVERLAP_SECONDS, long_logits


@dataclass(frozen=True)
class Word:
    """A word as written, where its frames start and end (seconds), and its confidence, 0 to 1."""

    text: str
    start: float
    end: float
    confidence: float


def transcribe_long(
    model,
    processor,
    waveform,
    chunk_seconds: float = CHUNK_SECONDS,
    overlap_seconds: float = OVERLAP_SECONDS,
) -> str:
    """The greedy CTC transcript of a recording of any length; see `long_logits`."""
    logits = long_logits(model, processor, waveform, chunk_seconds, overlap_seconds)
    return processor.batch_decode(logits.argmax(dim=-1)[None])[0]


def word_times(logits, processor, hop_seconds):
    """The words of the best CTC path, each with its time and confidence.

    A word reaches from the first frame of its first letter to the last frame of its last letter.
    In each of these frames the best token has a probability. The confidence of the word is the
    smallest of these probabilities: a word is as sure as its least sure frame. CTC puts a letter
    into few frames, often late in its sound, so times are good to about a tenth of a second.

    Args:
        logits: of one utterance, shape (frames, vocab).
        processor: tells the letters, the blank (its pad token) and the word delimiter.
        hop_seconds: the time from one frame to the next.

    Returns:
        A list of `Word`, from left to right; their texts are the words of the transcript.
    """
    tokenizer = processor.tokenizer
    best = logits.softmax(dim=-1).max(dim=-1)
    probabilities, ids = best.values.tolist(), best.indices.tolist()
    words, letters, first, last = [], "", 0, 0

    def close():
        if letters:
            sure = min(probabilities[first : last + 1])
            words.append(Word(letters, first * hop_seconds, (last + 1) * hop_seconds, sure))

    before = None
    for frame, token in enumerate(ids):
        letter = tokenizer.convert_ids_to_tokens(token)
        if letter == tokenizer.word_delimiter_token:
            close()
            letters = ""
        elif token != tokenizer.pad_token_id:
            if not letters:
                first = frame
            if token != before:
                letters += letter
            last = frame
        before = token
    close()
    return words
