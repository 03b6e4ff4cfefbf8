import pytest

from asr_helpers.spoken import RULES, Speaker
from asr_helpers.text import normalize

ENGLISH = {
    # decimals, thousands, leading zeros
    "version 3.5": "VERSION THREE POINT FIVE",
    "0.5": "ZERO POINT FIVE",
    ".5": "POINT FIVE",
    "3.05": "THREE POINT ZERO FIVE",
    "1.2.3": "ONE POINT TWO POINT THREE",
    "1,000": "ONE THOUSAND",
    "1,000.50": "ONE THOUSAND POINT FIVE ZERO",
    "10\u202f000": "TEN THOUSAND",
    "press 1,2,3.": "PRESS ONE TWO THREE",
    "007": "ZERO ZERO SEVEN",
    "0": "ZERO",
    "1'000": "ONE THOUSAND",
    # ordinals and decades
    "1st 2nd 3rd 21st 1,000th": "FIRST SECOND THIRD TWENTY FIRST ONE THOUSANDTH",
    "the 1990s and the '80s": "THE NINETEEN NINETIES AND THE EIGHTIES",
    "Henry VIII": "HENRY VIII",
    # money
    "£5": "FIVE POUNDS",
    "$5": "FIVE DOLLARS",
    "$1": "ONE DOLLAR",
    "$5.50": "FIVE DOLLARS AND FIFTY CENTS",
    "£1.01": "ONE POUND AND ONE PENNY",
    "$0.99": "NINETY NINE CENTS",
    "$5.00": "FIVE DOLLARS",
    "20€": "TWENTY EUROS",
    "50¢": "FIFTY CENTS",
    "-$5": "MINUS FIVE DOLLARS",
    "$-5": "MINUS FIVE DOLLARS",
    "$2.5 million": "TWO POINT FIVE MILLION DOLLARS",
    "$3bn": "THREE BILLION DOLLARS",
    # signs, percent, degrees, units
    "-5": "MINUS FIVE",
    "\u22125": "MINUS FIVE",
    "+5": "PLUS FIVE",
    "1.5%": "ONE POINT FIVE PERCENT",
    "-5°C": "MINUS FIVE DEGREES CELSIUS",
    "1°": "ONE DEGREE",
    "72 °F": "SEVENTY TWO DEGREES FAHRENHEIT",
    "5 km": "FIVE KILOMETERS",
    "1kg": "ONE KILOGRAM",
    "60 mph": "SIXTY MILES PER HOUR",
    "2.4 GHz": "TWO POINT FOUR GIGAHERTZ",
    "5 m² and 1 m³": "FIVE SQUARE METERS AND ONE CUBIC METER",
    # powers, fractions
    "x²": "X SQUARED",
    "10³": "TEN CUBED",
    "10⁻³": "TEN TO THE POWER OF MINUS THREE",
    "word¹": "WORD",
    "1/2": "ONE HALF",
    "½": "ONE HALF",
    "3½": "THREE AND A HALF",
    "1 3/4": "ONE AND THREE QUARTERS",
    "2/3": "TWO THIRDS",
    "24/7": "TWENTY FOUR SEVEN",
    "and/or": "AND OR",
    # times
    "12:30": "TWELVE THIRTY",
    "12:05": "TWELVE OH FIVE",
    "12:00": "TWELVE O'CLOCK",
    "14:00": "FOURTEEN HUNDRED",
    "3pm": "THREE P M",
    "3:30 p.m.": "THREE THIRTY P M",
    "12:00 am": "TWELVE A M",
    "3-5pm": "THREE TO FIVE P M",
    "9:30-10:15": "NINE THIRTY TO TEN FIFTEEN",
    "16:9": "SIXTEEN NINE",
    # ranges, telephones
    "5-7": "FIVE TO SEVEN",
    "5–7": "FIVE TO SEVEN",
    "10-20%": "TEN TO TWENTY PERCENT",
    "$5-$7": "FIVE DOLLARS TO SEVEN DOLLARS",
    "50-50": "FIFTY FIFTY",
    "5-year-old": "FIVE YEAR OLD",
    "covid-19": "COVID NINETEEN",
    "555-1234": "FIVE FIVE FIVE ONE TWO THREE FOUR",
    "9-1-1": "NINE ONE ONE",
    "+1 (555) 123-4567": "PLUS ONE FIVE FIVE FIVE ONE TWO THREE FOUR FIVE SIX SEVEN",
    "№ 5": "NUMBER FIVE",
}
ENGLISH |= {
    # both ends of a range have a sign; the sign stands before the first alone
    "50%-60%": "FIFTY PERCENT TO SIXTY PERCENT",
    "5km–10km": "FIVE KILOMETERS TO TEN KILOMETERS",
    "10am-11pm": "TEN A M TO ELEVEN P M",
    "1st-3rd": "FIRST TO THIRD",
    "$5-10": "FIVE TO TEN DOLLARS",
    "$5-10 million": "FIVE TO TEN MILLION DOLLARS",
    "1–2–3": "ONE TWO THREE",
    # a mark in front
    ".50": "POINT FIVE ZERO",
    "$.50": "FIFTY CENTS",
    # decades, possessives, doubled apostrophes
    "the 1800s, the 2000s": "THE EIGHTEEN HUNDREDS THE TWO THOUSANDS",
    "2024's": "TWO THOUSAND AND TWENTY FOUR'S",
    "don''t": "DON'T",
    # units, also behind a fraction
    "5 mi in 2 hrs": "FIVE MILES IN TWO HOURS",
    "5 m/s": "FIVE METERS PER SECOND",
    "½ km, 1/2 km, 2½ km": "ONE HALF KILOMETER ONE HALF KILOMETER TWO AND A HALF KILOMETERS",
    "¼°": "ONE QUARTER DEGREE",
    "¼¾": "ONE QUARTER THREE QUARTERS",
    # long numbers in groups
    "10 000": "TEN THOUSAND",
    "1 000 000": "ONE MILLION",
    "01234 567890": "ZERO ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE ZERO",
    "1234 5678 9012 3456": "ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE ZERO "
    "ONE TWO THREE FOUR FIVE SIX",
    "US$5": "FIVE DOLLARS",
    "Acme™": "ACME",
}
OTHERS = {
    "es-MX": {
        "1.000": "MIL", "1,000": "MIL", "3.5": "TRES PUNTO CINCO", "3,5": "TRES COMA CINCO",
        "1.234,5": "MIL DOSCIENTOS TREINTA Y CUATRO COMA CINCO", "$1": "UN PESO",
        "21 €": "VEINTIÚN EUROS", "200 £": "DOSCIENTAS LIBRAS", "1º y 2ª": "PRIMERO Y SEGUNDA",
        "3er piso": "TERCER PISO", "12:30": "DOCE Y TREINTA", "5%": "CINCO POR CIENTO",
        "-3": "MENOS TRES", "20ºC": "VEINTE GRADOS CELSIUS", "½": "MEDIO", "1½": "UNO Y MEDIO",
        "3/4": "TRES CUARTOS", "5-7": "CINCO A SIETE", "1 a 3": "UNO A TRES",
        "n.º 5": "NÚMERO CINCO", "12 m²": "DOCE METROS CUADRADOS",
    },
    "fr-FR": {
        "1er": "PREMIER", "1re": "PREMIÈRE", "2e": "DEUXIÈME", "2nd": "SECOND", "80e": "QUATRE VINGTIÈME",
        "3,5": "TROIS VIRGULE CINQ", "1 000": "MILLE", "1.000": "MILLE", "5 €": "CINQ EUROS",
        "5,50 €": "CINQ EUROS CINQUANTE CENTIMES", "1 £": "UNE LIVRE", "12h30": "DOUZE HEURES TRENTE",
        "1h": "UNE HEURE", "12:30": "DOUZE HEURES TRENTE", "5 %": "CINQ POUR CENT", "-2": "MOINS DEUX",
        "3/4": "TROIS QUARTS", "2½": "DEUX ET DEMI", "5-7": "CINQ À SEPT",
        "06 12 34 56 78": "ZÉRO SIX DOUZE TRENTE QUATRE CINQUANTE SIX SOIXANTE DIX HUIT",
    },
    "fr-CH": {"70": "SEPTANTE"},
    "it-IT": {
        "1.000": "MILLE", "3,5": "TRE VIRGOLA CINQUE", "1º e 2ª": "PRIMO E SECONDA", "1 €": "UN EURO",
        "12:30": "DODICI E TRENTA", "5%": "CINQUE PER CENTO", "-3": "MENO TRE", "3/4": "TRE QUARTI",
        "1½": "UNO E MEZZO", "20°C": "VENTI GRADI CELSIUS", "5 km": "CINQUE CHILOMETRI",
        "5-7": "CINQUE A SETTE", "l'1234": "L' MILLEDUECENTOTRENTAQUATTRO",
    },
    "ru-RU": {
        "1,5": "ОДНА ЦЕЛАЯ ПЯТЬ ДЕСЯТЫХ", "3.5": "ТРИ ТОЧКА ПЯТЬ", "1 000": "ОДНА ТЫСЯЧА",
        "1% 2% 5% 21%": "ОДИН ПРОЦЕНТ ДВА ПРОЦЕНТА ПЯТЬ ПРОЦЕНТОВ ДВАДЦАТЬ ОДИН ПРОЦЕНТ",
        "11%": "ОДИННАДЦАТЬ ПРОЦЕНТОВ", "2 ₽": "ДВА РУБЛЯ", "1,02 ₽": "ОДИН РУБЛЬ ДВЕ КОПЕЙКИ",
        "1-й 2-я 3-е 1-го": "ПЕРВЫЙ ВТОРАЯ ТРЕТЬЕ ПЕРВОГО", "12:05": "ДВЕНАДЦАТЬ НОЛЬ ПЯТЬ",
        "-5°C": "МИНУС ПЯТЬ ГРАДУСОВ ЦЕЛЬСИЯ", "1/2": "ОДНА ВТОРАЯ", "3½": "ТРИ С ПОЛОВИНОЙ",
        "2 км": "ДВА КИЛОМЕТРА", "5 м²": "ПЯТЬ КВАДРАТНЫХ МЕТРОВ", "2 - чтобы": "ДВА ЧТОБЫ",
        "для Q": "ДЛЯ Q",
    },
    "de-DE": {
        "1.000": "EINTAUSEND", "3,5": "DREI KOMMA FÜNF", "Version 3.5": "VERSION DREI PUNKT FÜNF",
        "1 €": "EIN EURO", "101 €": "EINHUNDERTEIN EURO", "5,50 €": "FÜNF EURO FÜNFZIG CENT",
        "1 min": "EINE MINUTE", "am 3. Mai": "AM DRITTEN MAI", "der 1. Januar": "DER ERSTE JANUAR",
        "Drücken Sie 1. Dann": "DRÜCKEN SIE EINS DANN", "12.30 Uhr": "ZWÖLF UHR DREISSIG",
        "1 Uhr": "EIN UHR", "5 %": "FÜNF PROZENT", "1½": "EINEINHALB", "3/4": "DREI VIERTEL",
        "5-7": "FÜNF BIS SIEBEN", "Straße": "STRASSE", "„Hallo“ ‚du‘": "HALLO DU",
    },
    "pt-BR": {
        "1.000": "MIL", "3,5": "TRÊS VÍRGULA CINCO", "16": "DEZESSEIS", "R$ 1": "UM REAL",
        "R$ 5,50": "CINCO REAIS E CINQUENTA CENTAVOS", "1º e 2ª": "PRIMEIRO E SEGUNDA",
        "14h": "CATORZE HORAS", "12:30": "DOZE E TRINTA", "200 £": "DUZENTAS LIBRAS",
        "1½": "UM E MEIO", "5 km": "CINCO QUILÔMETROS", "-5": "MENOS CINCO",
    },
    "pt-PT": {"16": "DEZASSEIS"},
    "nl-NL": {
        "1.000": "DUIZEND", "3,5": "DRIE KOMMA VIJF", "€ 5,50": "VIJF EURO VIJFTIG CENT",
        "1e 2de 8ste": "EERSTE TWEEDE ACHTSTE", "14:30 uur": "VEERTIEN UUR DERTIG",
        "5%": "VIJF PROCENT", "1 km": "EEN KILOMETER", "5-7": "VIJF TOT ZEVEN", "-5": "MIN VIJF",
    },
    "pl-PL": {
        "1 000": "TYSIĄC", "3,5": "TRZY PRZECINEK PIĘĆ",
        "1 zł 2 zł 5 zł 22 zł": "JEDEN ZŁOTY DWA ZŁOTE PIĘĆ ZŁOTYCH DWADZIEŚCIA DWA ZŁOTE",
        "12:30": "DWUNASTA TRZYDZIEŚCI", "21:00": "DWUDZIESTA PIERWSZA", "3 maja": "TRZECIEGO MAJA",
        "20°C": "DWADZIEŚCIA STOPNI CELSJUSZA", "3/4": "TRZY CZWARTE", "2½": "DWA I PÓŁ",
        "1,5 km": "JEDEN PRZECINEK PIĘĆ KILOMETRA",
    },
}  # fmt: skip

MORE = {
    "es-MX": {
        "$1.5 millones": "UNO PUNTO CINCO MILLONES DE PESOS", "$1,000,000": "UN MILLÓN DE PESOS",
        "US$ 5": "CINCO DÓLARES", "21 libras y 1 peso": "VEINTIUNA LIBRAS Y UN PESO", "3pm": "TRES P M",
        "los 90s": "LOS NOVENTA S", "1° de mayo": "PRIMERO DE MAYO", "núm. 5": "NÚMERO CINCO",
        "½ h": "MEDIA HORA", "¾ l": "TRES CUARTOS DE LITRO", ",5": "COMA CINCO", "10 000": "DIEZ MIL",
        "50%-60%": "CINCUENTA POR CIENTO A SESENTA POR CIENTO", "2 h": "DOS HORAS",
        "01 800 123 4567": "CERO UNO OCHO CERO CERO UNO DOS TRES CUATRO CINCO SEIS SIETE",
    },
    "fr-FR": {
        "1ere, 2èmes": "PREMIÈRE DEUXIÈMES", "le XIXe siècle": "LE DIX NEUVIÈME SIÈCLE",
        "François Ier": "FRANÇOIS PREMIER", "3€50": "TROIS EUROS CINQUANTE CENTIMES",
        "1,5 M€": "UN VIRGULE CINQ MILLION D'EUROS", "2 000 000 €": "DEUX MILLIONS D'EUROS",
        "8h-10h": "HUIT HEURES À DIX HEURES", "8-10h": "HUIT À DIX HEURES",
        "12e-13e": "DOUZIÈME À TREIZIÈME", "1/2 h": "UNE DEMI HEURE", "¾ l": "TROIS QUARTS DE LITRE",
        "01.23.45.67.89": "ZÉRO UN VINGT TROIS QUARANTE CINQ SOIXANTE SEPT QUATRE VINGT NEUF",
        "48 h": "QUARANTE HUIT HEURES", "75 cl": "SOIXANTE QUINZE CENTILITRES", "1 livre": "UN LIVRE",
    },
    "it-IT": {
        "€ 1,5 mln": "UNO VIRGOLA CINQUE MILIONI DI EURO", "10mila": "DIECIMILA",
        "1.000.000 €": "UN MILIONE DI EURO", "il 1° maggio": "IL PRIMO MAGGIO", "20°": "VENTI GRADI",
        "al 2° piano": "AL SECONDO PIANO", "1 h, premi 1 ora": "UNA ORA PREMI UNO ORA", "½ h": "MEZZA ORA",
        "06 12345678": "ZERO SEI UNO DUE TRE QUATTRO CINQUE SEI SETTE OTTO",
    },
    "ru-RU": {
        "3 мая": "ТРЕТЬЕГО МАЯ", "1-2 мая": "ПЕРВОГО ВТОРОГО МАЯ", "2-х и 90-х": "ДВУХ И ДЕВЯНОСТЫХ",
        "5-ти": "ПЯТИ", "5-летний": "ПЯТИЛЕТНИЙ", "100-процентный": "СТОПРОЦЕНТНЫЙ",
        "5 тыс. руб.": "ПЯТЬ ТЫСЯЧ РУБЛЕЙ", "1,5 млн ₽": "ОДНА ЦЕЛАЯ ПЯТЬ ДЕСЯТЫХ МИЛЛИОНА РУБЛЕЙ",
        "1 ч 30 мин": "ОДИН ЧАС ТРИДЦАТЬ МИНУТ", "2 руб. 50 коп.": "ДВА РУБЛЯ ПЯТЬДЕСЯТ КОПЕЕК",
        "2 минуты": "ДВЕ МИНУТЫ", "½ кг": "ОДНА ВТОРАЯ КИЛОГРАММА",
        "50%-60%": "ПЯТЬДЕСЯТ ПРОЦЕНТОВ ШЕСТЬДЕСЯТ ПРОЦЕНТОВ",
    },
    "de-DE": {
        "im 2. Stock": "IM ZWEITEN STOCK", "der 1. FC": "DER ERSTE FC",
        "in der 3. Klasse": "IN DER DRITTEN KLASSE", "zum 2. Mal": "ZUM ZWEITEN MAL",
        "vom 3. bis 5. Mai": "VOM DRITTEN BIS FÜNFTEN MAI", "8-10 Uhr": "ACHT BIS ZEHN UHR",
        "die 90er, 1990er": "DIE NEUNZIGER NEUNZEHNHUNDERTNEUNZIGER", "3mal, 1mal": "DREIMAL EINMAL",
        "100%ig": "EINHUNDERT PROZENTIG", "1,5 Mio. €": "EINS KOMMA FÜNF MILLIONEN EURO",
        "1 Std. 5 Min.": "EINE STUNDE FÜNF MINUTEN", "1 Pfund": "EIN PFUND", "GROẞ": "GROSS",
        "½ l": "EIN HALB LITER", "Nr. 5": "NUMMER FÜNF", "12 500 €": "ZWÖLFTAUSENDFÜNFHUNDERT EURO",
        "0171/1234567": "NULL EINS SIEBEN EINS EINS ZWEI DREI VIER FÜNF SECHS SIEBEN",
    },
    "pt-BR": {
        "R$ 1,5 milhão": "UM VÍRGULA CINCO MILHÃO DE REAIS", "R$ 10 mil": "DEZ MIL REAIS",
        "R$ 1.000.000,00": "UM MILHÃO DE REAIS", "US$ 5": "CINCO DÓLARES", "8h–10h": "OITO HORAS A DEZ HORAS",
        "2 horas, 500 libras": "DUAS HORAS QUINHENTAS LIBRAS", "1.000º": "MILÉSIMO",
        "11 91234-5678": "UM UM NOVE UM DOIS TRÊS QUATRO CINCO SEIS SETE OITO", "½ h": "MEIA HORA",
        "1914-1918": "MIL NOVECENTOS E CATORZE A MIL NOVECENTOS E DEZOITO",
    },
    "nl-NL": {
        "€ 1,5 miljoen": "ÉÉN KOMMA VIJF MILJOEN EURO", "8-10 uur": "ACHT TOT TIEN UUR",
        "8u30": "ACHT UUR DERTIG", "80 km/u": "TACHTIG KILOMETER PER UUR", "nr. 5": "NUMMER VIJF",
        "06-12345678": "NUL ZES ÉÉN TWEE DRIE VIER VIJF ZES ZEVEN ACHT", "1 euro": "EEN EURO",
    },
    "pl-PL": {
        "1,5 mln zł": "JEDEN PRZECINEK PIĘĆ MILIONA ZŁOTYCH", "5 tys.": "PIĘĆ TYSIĘCY", "5-ty": "PIĄTY",
        "3-go maja": "TRZECIEGO MAJA", "1-3 maja": "PIERWSZEGO DO TRZECIEGO MAJA", "2 h": "DWIE GODZINY",
        "od 1 do 3 maja": "OD PIERWSZEGO DO TRZECIEGO MAJA", "nr 5": "NUMER PIĘĆ", "50 gr": "PIĘĆDZIESIĄT GROSZY",
    },
}  # fmt: skip


@pytest.mark.parametrize("written", ENGLISH)
def test_english_numbers_and_symbols_are_read_aloud(written):
    assert normalize(written) == ENGLISH[written]


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [(code, *pair) for table in (OTHERS, MORE) for code in table for pair in table[code].items()],
)
def test_each_language_reads_them_in_its_own_way(language, written, spoken):
    assert normalize(written, language) == spoken


@pytest.mark.parametrize(
    ("language", "written", "says"),
    [
        ("ru-RU", "в 2024 г.", "year 2024 г"), ("pl-PL", "w 1990 r.", "year 1990 r"),
        ("es-MX", "R$ 5", r"currency 'R\$' has no name"), ("en-US", "A$5", r"currency 'A\$' has no name"),
        ("de-DE", "§ 5", "'§' has no name"), ("en-US", "5‰", "'‰' has no name"),
        ("en-US", "#NAME?", "is a note and not speech"), ("fr-FR", "#REF!", "is a note"),
    ],
)  # fmt: skip
def test_what_has_several_readings_or_none_is_refused(language, written, says):
    with pytest.raises(ValueError, match=says):
        normalize(written, language)


@pytest.mark.parametrize("code", RULES)
def test_every_language_has_words_for_every_number_symbol_and_unit(code):
    speaker = Speaker(code)
    names = [*RULES[code].money, *RULES[code].units, "%", "°C"]
    for number in ("0", "1", "2", "5", "21", "1000", "0.5", "1,5", "12:30", "0:00", "1/2", "7/8"):
        assert normalize(number, code).replace("'", "").replace(" ", "").isalpha(), number
    for name in names:
        for number in ("1", "2", "5", "1.5", "1,5", "1,000,000", "007"):
            words = normalize(f"{number} {name}", code)
            assert words.replace("'", "").replace(" ", "").isalpha()
            assert words != normalize(number, code), (number, name)
    assert speaker.cardinal("1" * 40) == " ".join([speaker.cardinal("1")] * 40)


@pytest.mark.parametrize("code", RULES)
@pytest.mark.parametrize("date", ["2024-11-25", "25.12.2024", "12/25/2024", "12/25/24"])
def test_a_date_in_figures_is_refused_as_it_has_several_readings(code, date):
    with pytest.raises(ValueError, match="write it as it is spoken"):
        normalize(f"a {date} b", code)


def test_a_number_of_several_numbers_is_no_number():
    assert Speaker("en").split("1,000.5") == ("1000", ".", "5")
    assert Speaker("de").split("1.000,5") == ("1000", ",", "5")
    assert Speaker("en").split("1.000.000") == (None, "", "")
    assert Speaker("de").split("1.000.000") == ("1000000", "", "")
