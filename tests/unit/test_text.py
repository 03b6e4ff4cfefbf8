import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_helpers.text import LANGUAGES, normalize


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Press 1 to accept, or 2 to reject it!", "PRESS ONE TO ACCEPT OR TWO TO REJECT IT"),
        ("I'm sorry; that’s wrong.", "I'M SORRY THAT'S WRONG"),
        ("A.M.", "A M"),
        ("dial 21, or 1,000", "DIAL TWENTY ONE OR ONE THOUSAND"),
        ("the 3rd and the 22nd", "THE THIRD AND THE TWENTY SECOND"),
        ("press * or # & wait", "PRESS STAR OR POUND AND WAIT"),
        ("5% of $20", "FIVE PERCENT OF TWENTY DOLLARS"),
        ("touch-tone  café", "TOUCH TONE CAFE"),
        ("3D audio", "THREE D AUDIO"),
        ("'quoted' words'", "QUOTED WORDS'"),
        ("‘quoted’ words", "QUOTED WORDS"),
        ("the '90s, 'tis, rock 'n' roll", "THE NINETIES 'TIS ROCK N ROLL"),
        ("don‘t don´t don`t donʼt don′t don＇t", " ".join(["DON'T"] * 6)),
        ("zero\u200bwidth, soft\u00adhyphen, \ufeffmark", "ZEROWIDTH SOFTHYPHEN MARK"),
        ("non\u00a0breaking\u202fspaces", "NON BREAKING SPACES"),
        ("caf\u00e9 cafe\u0301", "CAFE CAFE"),
        ("\ufb01ne ＨＥＬＬＯ １２ 𝐇𝐢", "FINE HELLO TWELVE HI"),
        ("Łódź, Øre, Æsir, cœur, Straße", "LODZ ORE AESIR COEUR STRASSE"),
        ("touch\u2010tone touch\u2014tone", "TOUCH TONE TOUCH TONE"),
        ("(or two) yes", "OR TWO YES"),
        ("(background check)", "BACKGROUND CHECK"),
        ("press (star)", "PRESS STAR"),
        ("hello 👋", "HELLO"),
        ("rock ' n ' roll", "ROCK N ROLL"),
        ("it&#39;s R&amp;D&nbsp;day, AT&T; yes", "IT'S R AND D DAY AT AND T YES"),
        ("write to jo.doe" + "@" + "example.co.uk", "WRITE TO JO DOT DOE AT EXAMPLE DOT CO DOT UK"),
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


@pytest.mark.parametrize(
    "tag",
    ["[noise]", "<unk>", "{laugh}", "(inaudible)", "(laughs loudly)", "(music playing)", "((x))",
     "*coughs*", "&=laughs", "%hesitation", "(??)", "【noise】", "[", "noise]", "<b>", "［noise］"],
)  # fmt: skip
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_transcriber_noted_is_refused(tag, language):
    with pytest.raises(ValueError, match="is a note and not speech"):
        normalize(f"hello {tag} you", language)


@pytest.mark.parametrize(
    "language, letter", [("en-US", "Ж"), ("en-US", "日"), ("de-DE", "π"), ("ru-RU", "א")]
)
def test_a_letter_of_another_script_is_refused(language, letter):
    with pytest.raises(ValueError, match=f"'the letter {letter}'.*is of a script"):
        normalize(f"the letter {letter}", language)


@pytest.mark.parametrize("symbol", ["∞", "₩5", "~5", "a > b", "x → y"])
def test_a_symbol_without_a_name_is_refused(symbol):
    with pytest.raises(ValueError, match="has no name"):
        normalize(symbol)


@pytest.mark.parametrize("text", [None, 5, float("nan"), b"hello", ["a"]])
def test_what_is_no_string_is_refused(text):
    with pytest.raises(TypeError, match="A transcript is a string"):
        normalize(text)


def test_a_long_transcript_is_quoted_in_part():
    with pytest.raises(ValueError, match="…") as error:
        normalize("very " * 100 + "[noise]")
    assert len(str(error.value)) < 200


def test_it_changes_nothing_twice():
    once = normalize("Press 9 for more entries, it's easy.")
    assert normalize(once) == once


def test_the_docstring_names_the_languages():
    names = "English Spanish French Italian Russian German Portuguese Dutch Polish".split()
    assert len(names) == len(LANGUAGES) and all(name in normalize.__doc__ for name in names)


def test_an_unknown_language_is_named():
    with pytest.raises(ValueError, match="xx-YY.*the course knows"):
        normalize("hello", "xx-YY")


@pytest.mark.parametrize("language", ["esperanto", "est", "english", "", None, "e", "en US"])
def test_a_language_that_only_begins_as_another_is_refused(language):
    with pytest.raises(ValueError, match="No normalisation for language .*such as en-US"):
        normalize("uno", language)


@pytest.mark.parametrize("language", ["EN", "en_US", "es_419", "pt-br"])
def test_codes_are_taken_in_any_common_form(language):
    assert normalize("a", language) == "A"


@pytest.mark.parametrize("language", [*LANGUAGES, "sw-x-plain"])
@pytest.mark.parametrize("text", ["donâ€™t", "cafÃ©", "Â£5", "caf\ufffd", "Ð¿Ñ€Ð¸Ð²Ðµ", "a\ud800b"])
def test_text_that_was_read_in_a_wrong_encoding_is_refused(language, text):
    with pytest.raises(ValueError, match="encoding.*UTF-8"):
        normalize(text, language)


@pytest.mark.parametrize("text", ["MANHÃ», É", "«IRMû", "Â ", "Ã\u00a0", "IRMÃº"])
def test_capitals_with_marks_are_no_wrong_encoding(text):
    assert normalize(text, "pt-PT")


def test_mail_addresses_name_their_dots_in_every_language():
    dots = "DOT PUNTO POINT PUNTO ТОЧКА PUNKT PONTO PUNT KROPKA".split()
    for code, dot in zip("en es fr it ru de pt nl pl".split(), dots):
        assert normalize("a" + "@" + "b.eu", code).split()[-2:] == [dot, "EU"]


def test_html_marks_of_tags_are_tags():
    with pytest.raises(ValueError, match="<unk>"):
        normalize("&lt;unk&gt; yes")


@pytest.mark.parametrize(
    ("written", "language", "spoken"),
    [
        ("1h 30m", "en", "ONE HOUR THIRTY MINUTES"),
        ("2h30m", "en", "TWO HOURS THIRTY MINUTES"),
        ("1 h 1 m", "es", "UNA HORA UN MINUTO"),
        ("2h 5m", "de", "ZWEI STUNDEN FÜNF MINUTEN"),
        ("5 m", "en", "FIVE METERS"),
    ],
)
def test_behind_hours_m_is_minutes(written, language, spoken):
    assert normalize(written, language) == spoken


@pytest.mark.parametrize(
    ("written", "language", "spoken"),
    [
        ("Habari za asubuhi, ng'ombe!", "sw-KE-x-plain", "HABARI ZA ASUBUHI NG'OMBE"),
        ("Kaixo, zer moduz?", "eu-x-plain", "KAIXO ZER MODUZ"),
        ("გამარჯობა, როგორ ხარ?", "ka-GE-x-plain", "გამარჯობა როგორ ხარ"),
        ("Iğdır’da ışık ‘ilk’", "tr-x-plain", "IĞDIR'DA IŞIK İLK"),
        ("Ẹ kú àárọ̀", "yo-x-plain", "Ẹ KÚ ÀÁRỌ̀"),
        ("नमस्ते, आप कैसे हैं?", "hi-x-plain", "नमस्ते आप कैसे हैं"),
        ("Weiß – café", "bar-x-plain", "WEISS CAFÉ"),
        ("Él   dijo\tno", "est-x-plain", "ÉL DIJO NO"),
        ("... -", "eu-x-plain", ""),
    ],
)
def test_without_rules_text_is_read_as_it_is_written(written, language, spoken):
    assert normalize(unicodedata.normalize("NFD", written), language) == spoken
    assert normalize(spoken, language) == spoken


@pytest.mark.parametrize("mark", ["3", "٣", "½", "Ⅳ", "€", "%", "+", "&", "@", "©"])
def test_without_rules_nothing_is_read_aloud(mark):
    with pytest.raises(ValueError, match="has no rules that read .* aloud: write it in words"):
        normalize(f"saa {mark} usiku", "sw-x-plain")


def test_without_rules_notes_are_refused_too():
    with pytest.raises(ValueError, match="is a note and not speech"):
        normalize("habari [kelele]", "sw-x-plain")


@given(st.text())
def test_without_rules_it_changes_nothing_twice(text):
    for language in ("sw-x-plain", "tr-x-plain"):
        try:
            once = normalize(text, language)
        except ValueError:
            continue
        assert normalize(once, language) == once == unicodedata.normalize("NFC", once)


@pytest.mark.parametrize(
    "language", ["sw", "sw-KE", "sw-plain", "-x-plain", "x-plain", "swahili-x-plain"]
)
def test_who_does_not_ask_for_it_gets_the_error_and_the_remedy(language):
    with pytest.raises(ValueError, match="No normalisation for .*such as sw-x-plain"):
        normalize("habari", language)
