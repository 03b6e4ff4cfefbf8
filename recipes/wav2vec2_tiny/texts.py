"""Sentences for the synthetic voices: telephone talk from `grammar.py`, and WordNet's examples.

    python -m recipes.wav2vec2_tiny.texts 20    # prints twenty of them

No sentence of any corpus split is ever spoken: `make` is given the corpus's transcripts and drops
each sentence that equals one of them, or that contains one of four words or more.
"""

import random
import re
import sys
from pathlib import Path

from num2words import num2words

from recipes.wav2vec2_tiny.grammar import SHORT, TEMPLATES, WORDS

WORDNET = Path("/usr/share/wordnet")  # Debian's wordnet-base
SHARE = {"telephone": 0.42, "short": 0.26, "wordnet": 0.32}


def plain(text):
    """The spelling the model learns: A to Z, apostrophe and single spaces."""
    return " ".join(re.sub(r"[^A-Z' ]", " ", text.upper().replace("-", " ")).split())


def wordnet_examples():
    """The example phrases of WordNet's glosses, 10 to 70 characters, sorted, no duplicates."""
    found = set()
    for part in ("adj", "adv", "noun", "verb"):
        text = (WORDNET / f"data.{part}").read_text(errors="ignore")
        for phrase in re.findall(r'"([A-Za-z][^"\n]{9,69})"', text):
            phrase = phrase.split(";")[0]
            if re.fullmatch(r"[A-Za-z' ,.\-!?]+", phrase):
                found.add(phrase)
    return sorted(found)


def _number(rng):
    size = rng.choice([10, 20, 60, 100, 100, 100, 1000, 10_000, 1_000_000])
    return (
        num2words(rng.randrange(size)).replace(",", "").replace(" and ", rng.choice([" ", " and "]))
    )


def _some(rng, kind, low, high):
    return " ".join(rng.choice(WORDS[kind]) for _ in range(rng.randint(low, high)))


def _clock(rng):
    hour, minute = num2words(rng.randint(1, 12)), rng.randrange(60)
    if minute == 0:
        return hour + rng.choice([" o'clock", " a m", " p m"])
    spoken = ("oh " if minute < 10 else "") + num2words(minute).replace("-", " ")
    return f"{hour} {spoken}" + rng.choice(["", " a m", " p m"])


def _slot(name, rng):
    if name == "np":
        adjective = "{adjective} " if rng.random() < 0.3 else ""
        return fill("{det} " + adjective + "{noun}", rng)
    if name == "number":
        return _number(rng)
    if name == "year":
        return num2words(rng.randint(1900, 2045), to="year").replace("-", " ")
    if name == "clock":
        return _clock(rng)
    if name == "spelled":
        return _some(rng, "digit", 1, 7)
    if name == "letters":
        return _some(rng, "letter", 2, 6)
    if name == "natos":
        return _some(rng, "nato", 1, 4)
    if name == "mixed":
        kinds = ["digit", "letter", "nato", "symbol", "ordinal", "day", "month", "unit"]
        return " ".join(_some(rng, rng.choice(kinds), 1, 1) for _ in range(rng.randint(2, 6)))
    return rng.choice(WORDS[name])


def fill(template, rng):
    """Fill each `{slot}` of a template at random."""
    return re.sub(r"\{(\w+)\}", lambda found: _slot(found.group(1), rng), template)


class Forbidden:
    """What must not be spoken: the corpus's normalised transcripts."""

    def __init__(self, transcripts):
        self.whole = {plain(t) for t in transcripts}
        self.inside = [f" {t} " for t in self.whole if len(t.split()) >= 4]

    def __contains__(self, sentence):
        text = plain(sentence)
        return text in self.whole or any(part in f" {text} " for part in self.inside)


def make(count, seed, transcripts):
    """`count` sentences, seeded, none of which says what `transcripts` say."""
    rng, forbidden, phrases = random.Random(seed), Forbidden(transcripts), wordnet_examples()
    telephone, short = ([t for w, t in rows for _ in range(w)] for rows in (TEMPLATES, SHORT))
    sentences = []
    while len(sentences) < count:
        kind = rng.choices(list(SHARE), SHARE.values())[0]
        if kind == "wordnet":
            sentence = rng.choice(phrases)
        else:
            sentence = fill(rng.choice(telephone if kind == "telephone" else short), rng)
        if plain(sentence) and sentence not in forbidden:
            sentences.append(sentence)
    return sentences


if __name__ == "__main__":
    print(*make(int(sys.argv[1]), 1, []), sep="\n")
