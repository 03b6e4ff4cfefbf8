"""Transcripts as they are spoken: upper case, numbers and symbols in words, no punctuation."""

import html
import re
import unicodedata
from functools import cache

from asr_helpers.spoken import RULES, SPACES, Speaker

LANGUAGES = tuple(sorted(RULES))  # those that `normalize` has rules for
# Latin letters are allowed in every language, since names use them; Russian has its own, too.
SCRIPTS = {code: ("LATIN", "CYRILLIC") if code == "ru" else ("LATIN",) for code in LANGUAGES}
LATIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Letters that a language has, whether or not a small training split holds them all. Otherwise a
# rare letter that first occurs in the test split would have no token.
ALPHABETS = {
    "en": "'" + LATIN,
    "es": LATIN + "ÁÉÍÑÓÚÜ",
    "fr": "'" + LATIN + "ÀÂÆÇÈÉÊËÎÏÔÙÛÜŒŸ",
    "it": "'" + LATIN + "ÀÈÉÌÎÒÓÙÚ",
    "ru": "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ",
    "de": LATIN + "ÄÖÜ",
    "pt": LATIN + "ÀÁÂÃÇÉÊÍÓÔÕÚÜ",
    "nl": "'" + LATIN + "ÉËÏÓÖÜ",
    "pl": LATIN + "ÓĄĆĘŁŃŚŹŻ",
}
APOSTROPHES = "’‘`´ʼʻʹ′‛＇‚"
HYPHENS, DASHES = "\u2010\u2011\u2212\ufe63\uff0d", "\u2012\u2013\u2014\u2015"
SUPERSCRIPTS = {ord(mark): plain for mark, plain in zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")}
QUOTED = re.compile(r"(?<!\w)'(?!\s)([^']*(?:(?<=\w)'(?=\w)[^']*)*)(?<!\s)'(?!\w)")
# What transcribers write in parentheses or between asterisks. Speakers also say the words of the
# second list. So such a word is a note only if it stands alone or before a word of the third list.
NOTES = (
    "inaudible|unintelligible|indistinct|laugh(?:s|ter|ing)?|chuckl(?:es|ing)|applause|"
    "cough(?:s|ing)?|crosstalk|sigh(?:s|ing)?|sobb?(?:s|ing)?|sniff(?:s|ing)?|hesitation"
)
PERHAPS_NOTES = (
    "unclear|noise|music|silence|pause|breath(?:s|ing)?|beep|static|foreign|blank|overlap(?:ping)?|"
    "background|cheer(?:s|ing)|whisper(?:s|ing)?|ring(?:s|ing)?|click|cross ?talk"
)
FURTHER = "noises?|music|speech|language|voices?|conversation|chatter|playing|stops|starts"
NOTE = re.compile(
    r"#(?:NAME\?|REF!|VALUE!|N/A|DIV/0!|NULL!|NUM!)|"  # of a spreadsheet
    r"\[[^\]]*\]?|[\]}]|<[^<>\s][^<>]*>|\{[^}]*\}?|\(\([^)]*\)*|\(\?+\)|&=\w+|(?<!\S)%[A-Za-z]\w*|"
    rf"\(\s*(?:(?:{NOTES})\b[^)]*|(?:{PERHAPS_NOTES})(?: (?:{FURTHER}))*\s*)\)|"
    rf"\*\s?(?:{NOTES}|{PERHAPS_NOTES})\b[^*]*\*|[〈-】〔-〛]",
    re.IGNORECASE,
)
ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z]+\d*);", re.IGNORECASE)  # of HTML: &amp; &#39;
# What UTF-8 looks like when it is read in an eight-bit encoding (donâ€™t, cafÃ©), and what stands
# for a lost letter. A space, a quote or an ordinal sign behind a capital such as Ã can be right:
# MANHÃ».
MISREAD = re.compile(
    "\ufffd|[\ud800-\udfff]|â[€\x80]|[ÂÃÐÑ][\x80-\x9f¡-©¬-¹¼-¿]|(?<=[a-zа-я])[ÂÃÐÑ][ªº]"
)
MAIL = re.compile(r"[\w.+-]+@\w[\w-]*(?:\.\w[\w-]*)+")  # an e-mail address, said with its dots
PLAIN = "-x-plain"  # the ending of a language code that asks `normalize` to use no rules
PLAIN_CODE = re.compile(rf"[A-Za-z]{{2,3}}(?:[-_][A-Za-z0-9]+)*{PLAIN}")
SPOKEN_MARKS = "#%‰&@§"  # Unicode counts them as punctuation, and people say a word for each
DOTTED = {"tr", "tur", "az", "aze"}  # here the capital of i is İ, and the capital of ı is I
# In English the marks of letters are dropped. Unicode cannot split these into a letter and a mark.
FOLDED = str.maketrans(
    {"Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "ẞ": "SS",
     "Ħ": "H", "Ŋ": "NG", "Ŧ": "T", "ĸ": "K"}
)  # fmt: skip


def normalize(text: str, language: str = "en-US") -> str:
    """Write a transcript as it is spoken, for training and for scoring alike.

    There are rules for English, Spanish, French, Italian, Russian, German, Portuguese, Dutch and
    Polish (`LANGUAGES`). They read aloud: whole numbers and decimals with the language's own
    marks, ordinals, signs, percent, degrees, money, common units, fractions, powers, ranges, and
    times of day. Telephone numbers, numbers that begin with zero and numbers of more than 15
    digits are read digit by digit. Symbols are named as on a telephone (# is POUND). The dots of
    e-mail addresses are named. A number of four digits is read as a count, never as a year; Roman
    numerals stay letters. Marks of HTML, such as &amp;, are read as what
    they stand for.

    Accents are dropped in English only. Characters without width are removed. All other marks
    become spaces, and apostrophes stay within words. What is normalised already does not change.

    Any other language can be read without rules, if its code ends with "-x-plain", such as
    "sw-KE-x-plain". The transcripts then have to be written as they are spoken: digits, and symbols
    that people say, are refused. Letters become capitals (Georgian letters stay as they are), all
    accents and other marks of letters stay, and punctuation becomes spaces.

    Args:
        text: the readable transcript.
        language: a code such as "en-US"; its first two letters choose the rules. The ending
            "-x-plain" asks for no rules.

    Returns:
        Upper-case words parted by single spaces; "" if nothing is spoken.

    Raises:
        ValueError: the language has no rules, or the text holds what nobody can say: a tag such
            as [noise] or <unk>, a letter of another script, a symbol or a currency without a name,
            a date in figures, a year with г. or r., or letters that were read in a wrong encoding.
            Without rules: it holds a digit or a symbol.
            The message quotes the text.
        TypeError: the transcript is not a string.
    """
    if not isinstance(text, str):
        raise TypeError(
            f"A transcript is a string, not {text!r}: fill in what is missing, and read the "
            "column as text."
        )
    code, plain = str(language)[:2].lower(), is_plain(language)
    # The codes epo (Esperanto) and est (Estonian) begin with the letters of another code.
    known = code in RULES and re.fullmatch(r"[A-Za-z]{2}(?:[-_].*)?", str(language))
    if not known and not plain:
        raise ValueError(
            f"No normalisation for language {language!r}: the course knows {', '.join(LANGUAGES)}. "
            "You may add a country to each, such as en-US. For another language, write the "
            "transcripts as they are spoken, without digits, and end its code with "
            f"{PLAIN}, such as sw{PLAIN}."
        )
    try:
        if plain:
            return _plainly_normalized(text, str(language))
        return _normalized(text, code, language[3:].upper())
    except ValueError as error:
        start = text if len(text) <= 60 else f"{text[:60]}…"
        raise ValueError(f"The transcript {start!r} cannot be said: {error}.") from None


def is_plain(language: str) -> bool:
    """Whether the code asks `normalize` to use no rules: it ends with "-x-plain"."""
    return PLAIN_CODE.fullmatch(str(language)) is not None


def alphabet(language: str) -> str:
    """The letters of a language that `normalize` has rules for (`ALPHABETS`); else ""."""
    return "" if is_plain(language) else ALPHABETS.get(str(language)[:2].lower(), "")


def _plainly_normalized(text, language):
    text = unicodedata.normalize("NFC", _read_rightly(text))
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    _refuse_tags(text)
    for c in text:
        kind = unicodedata.category(c)
        if kind[0] == "N" or kind in ("Sc", "Sm", "So") or c in SPOKEN_MARKS:
            raise ValueError(
                f"{language!r} has no rules that read {c!r} aloud: write it in words, as it is said"
            )
    if re.split("[-_]", language.lower())[0] in DOTTED:
        text = text.replace("i", "İ")
    # Georgian has capitals in Unicode, but nobody writes them.
    text = "".join(c if unicodedata.name(c, "").startswith("GEORGIAN") else c.upper() for c in text)
    text = "".join("'" if c in APOSTROPHES else c for c in unicodedata.normalize("NFC", text))
    text = "".join(c if unicodedata.category(c)[0] in "LM" or c == "'" else " " for c in text)
    words = _without_quotes(text).split()
    return " ".join(word for word in words if any(c.isalpha() for c in word))


@cache
def _speaker(code, region):
    return Speaker(code, region)


def _normalized(text, code, region):
    speaker = _speaker(code, region)
    text = _one_way_of_writing(text, speaker)
    _refuse_tags(text)
    text = _without_quotes(text)
    text = _with_symbols(speaker.read(text), speaker)
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).upper())
    text = text.replace("ẞ", "SS")  # as "ß".upper() is
    if code == "en":
        text = unicodedata.normalize("NFD", text.translate(FOLDED))
    # A mark that no letter contains, such as a stress mark, does not part a word.
    text = "".join(c for c in text if not unicodedata.combining(c))
    text = unicodedata.normalize("NFC", text)
    _refuse_scripts(text, code)
    text = "".join(c if c.isalpha() or c == "'" else " " for c in text)
    words = (word for word in _without_quotes(text).split() if word.strip("'"))
    return " ".join(words)


def _read_rightly(text):
    """The text with each mark of HTML replaced by what it stands for.

    Raises:
        ValueError: it was read in a wrong encoding.
    """
    text = ENTITY.sub(lambda found: html.unescape(found[0]), text)
    if damaged := MISREAD.search(text):
        raise ValueError(
            f"{damaged[0]!r} shows that the text was read in a wrong encoding; read the file as "
            "UTF-8, or write the letter that was lost"
        )
    return text


def _one_way_of_writing(text, speaker):
    """The text with fewer kinds of characters: one apostrophe, one hyphen, one dash, ^ for a power,
    and no characters without width.

    Raises:
        ValueError: it was read in a wrong encoding.
    """
    text = _read_rightly(text)
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    dot = "dot" if speaker.code == "en" else speaker.rules.marks["."]
    text = MAIL.sub(lambda found: found[0].replace(".", f" {dot} "), text)
    text = re.sub("[⁰¹²³⁴-⁹⁻]+", lambda found: f"^{found[0].translate(SUPERSCRIPTS)}", text)
    text = re.sub(r"(?<=[\d¼-¾⅐-⅞↉])(?=[¼-¾⅐-⅞↉])|(?<=[¼-¾⅐-⅞↉])(?=\d)", " ", text)
    text = re.sub("[™℠]", " ", text)
    number = f" {speaker.rules.number} "
    text = re.sub(r"\b[Nn]\.?[º°]\.?\s?(?=\d)|№", number, text)
    short = {"de": "Nr", "nl": "nr", "pl": "nr", "es": "núm"}.get(speaker.code)
    if short:
        text = re.sub(rf"\b{short}\b\.?\s?(?=\d)", number, text, flags=re.IGNORECASE)
    if speaker.code == "en":  # at the start of a sentence, "No." is an answer
        text = re.sub(r"(?<=[a-z,] )No\.\s?(?=\d)", number, text)
    text = re.sub(r"‚(?!\w)", " ", text)  # a low mark; before a word it opens a quotation
    text = "".join("'" if c in APOSTROPHES else c for c in text)
    text = re.sub(r"(?<=\w)''+(?=\w)", "'", text)  # doubled, as databases store it
    degree = r"º" if speaker.code not in ("es", "pt", "it") else r"º(?=\s?[CF]\b)"
    text = re.sub(degree, "°", text)
    # `Speaker` still needs ordinal signs, and the spaces between groups of digits.
    keep = SPACES + "ºª"
    text = "".join(c if c in keep else unicodedata.normalize("NFKC", c) for c in text)
    text = unicodedata.normalize("NFC", text)
    digits = {c: str(unicodedata.decimal(c)) for c in set(text) if c.isdecimal()}
    changes = {c: "-" for c in HYPHENS} | {c: "–" for c in DASHES} | {"⁄": "/", "∕": "/"}
    return text.translate(str.maketrans(changes | digits))


def _refuse_tags(text):
    """Raise ValueError if the text holds a note of the transcriber: [noise], <unk>, (laughs)."""
    tag = NOTE.search(text)
    if tag:
        raise ValueError(f"{tag[0]!r} is a note and not speech")


def _without_quotes(text):
    """Drop single quotes around words; an apostrophe at one end alone stays."""
    while (plain := QUOTED.sub(r"\1", text)) != text:
        text = plain
    return text


def _with_symbols(text, speaker):
    """Symbols by their names.

    Raises:
        ValueError: a symbol has none.
    """
    rules = speaker.rules
    names = rules.symbols | {
        symbol: speaker.form("2", noun, many=True) for symbol, (noun, _) in rules.money.items()
    }
    for symbol, name in sorted(names.items(), key=lambda pair: -len(pair[0])):
        if not symbol.isalpha():
            text = text.replace(symbol, f" {name} ")
    for c in text:
        if unicodedata.category(c) in ("Sc", "Sm", "No") or c in "§‰":
            raise ValueError(f"the symbol {c!r} has no name in the rules of {speaker.code!r}")
    return text


def _refuse_scripts(text, code):
    for c in text:
        if c.isalpha() and not unicodedata.name(c, "?").startswith(SCRIPTS[code]):
            raise ValueError(
                f"{c!r} ({unicodedata.name(c, 'without a name').lower()}) is of a script that "
                f"{code!r} is not written in"
            )
