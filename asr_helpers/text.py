"""Transcripts as they are spoken: upper case, numbers and symbols in words, no punctuation."""

import re
import unicodedata

from num2words import num2words

# How the voices of the corpus read a symbol aloud, a language each.
SPOKEN = {
    "en": {"&": "and", "%": "percent", "$": "dollars", "*": "star", "#": "pound", "@": "at", "+": "plus", "=": "equals"},
    "es": {"&": "y", "%": "por ciento", "$": "pesos", "*": "asterisco", "#": "gato", "@": "arroba", "+": "más", "=": "igual"},
    "fr": {"&": "et", "%": "pour cent", "$": "dollars", "*": "étoile", "#": "carré", "@": "arobas", "+": "plus", "=": "égale"},
    "it": {"&": "e", "%": "per cento", "$": "dollari", "*": "asterisco", "#": "cancelletto", "@": "chiocciola", "+": "più", "=": "uguale"},
    "ru": {"&": "и", "%": "процентов", "$": "долларов", "*": "звёздочка", "#": "решётка", "@": "собака", "+": "плюс", "=": "равно"},
}  # fmt: skip
NUMBER = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+)(st|nd|rd|th)?", re.IGNORECASE)
LONGEST_NUMBER = 15  # digits; beyond it, num2words runs out of names in one language or another
APOSTROPHE = re.compile("[’`ʼ]")


def normalize(text, language="en-US"):
    """Write a transcript as it is spoken, for training and for scoring alike.

    Numbers become words (`num2words`; those longer than 15 digits are read digit by digit), symbols
    are named, accents are dropped in English only, and all that is neither a letter nor an
    apostrophe becomes a space. A letter that the model does not know, say a Cyrillic one, is kept,
    so that the check for `<unk>` finds it. What is normalised already does not change.

    Args:
        text: the readable transcript.
        language: a code such as "en-US"; its first two letters choose the words.

    Returns:
        Upper-case words parted by single spaces; "" if nothing is spoken.

    Raises:
        ValueError: the language has no table of symbols here.
    """
    code = language[:2].lower()
    if code not in SPOKEN:
        known = ", ".join(sorted(SPOKEN))
        raise ValueError(f"No normalisation for language {language!r}: known are {known}.")

    def spoken(found):
        digits, ordinal = found.groups()
        digits = digits.replace(",", "")
        if len(digits) > LONGEST_NUMBER:
            return f" {' '.join(num2words(int(digit), lang=code) for digit in digits)} "
        to = "ordinal" if ordinal and code == "en" else "cardinal"
        return f" {num2words(int(digits), lang=code, to=to)} "

    text = APOSTROPHE.sub("'", unicodedata.normalize("NFKC", text))
    for symbol, word in SPOKEN[code].items():
        text = text.replace(symbol, f" {word} ")
    text = NUMBER.sub(spoken, text).upper()
    if code == "en":
        text = unicodedata.normalize("NFD", text)
    else:  # a stress mark, which no letter contains, does not part a word
        text = unicodedata.normalize("NFC", text)
    text = "".join(c for c in text if not unicodedata.combining(c))
    text = unicodedata.normalize("NFC", text)
    text = "".join(c if c.isalpha() or c == "'" else " " for c in text)
    words = (word.strip("'") if not word.strip("'") else word for word in text.split())
    return " ".join(word for word in words if word)
