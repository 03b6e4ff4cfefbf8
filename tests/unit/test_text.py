import pytest

from asr_helpers.text import normalize


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Press 1 to accept, or 2 to reject it!", "PRESS ONE TO ACCEPT OR TWO TO REJECT IT"),
        ("I'm sorry; that’s wrong.", "I'M SORRY THAT'S WRONG"),
        ("A.M.", "A M"),
        ("dial 21, or 1,000", "DIAL TWENTY ONE OR ONE THOUSAND"),
        ("the 3rd and the 22nd", "THE THIRD AND THE TWENTY SECOND"),
        ("press * or # & wait", "PRESS STAR OR POUND AND WAIT"),
        ("5% of $20", "FIVE PERCENT OF DOLLARS TWENTY"),
        ("touch-tone  café", "TOUCH TONE CAFE"),
        ("3D audio", "THREE D AUDIO"),
        ("'quoted' words'", "'QUOTED' WORDS'"),
        ("rock ' n ' roll", "ROCK N ROLL"),
        ("?!… -- ()", ""),
        ("", ""),
    ],
)
def test_english_is_written_as_spoken(written, spoken):
    assert normalize(written) == spoken


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("es-MX", "Presione 2 o #", "PRESIONE DOS O GATO"),
        ("fr-CA", "Appuyez sur 1, s'il vous plaît", "APPUYEZ SUR UN S'IL VOUS PLAÎT"),
        ("it-IT", "premere 3 & *", "PREMERE TRE E ASTERISCO"),
        ("ru-RU", "Нажмите 1", "НАЖМИТЕ ОДИН"),
    ],
)
def test_other_languages_keep_their_letters(language, written, spoken):
    assert normalize(written, language) == spoken


def test_a_letter_of_another_script_is_not_lost():
    assert normalize("the letter Ж") == "THE LETTER Ж"


def test_it_changes_nothing_twice():
    once = normalize("Press 9 for more entries, it's easy.")
    assert normalize(once) == once


def test_an_unknown_language_is_named():
    with pytest.raises(ValueError, match="xx-YY.*known are"):
        normalize("hello", "xx-YY")
