"""Numbers, money, times and units in words, as they are read aloud in nine languages.

`num2words` knows the numbers. What it does not know is here, a `Rules` for each language: which
mark separates thousands and which one decimals, what a symbol is called, and how a number and a
noun agree.
"""

import re
from dataclasses import dataclass
from functools import cache

from num2words import num2words

LONGEST_NUMBER = 15  # digits; beyond it, num2words runs out of names in one language or another
NUMBER = r"\d+(?:[.,']\d+)*"
CURRENCIES = "$€£¥₽¢"


@dataclass(frozen=True)
class Rules:
    """How one language reads what is not a word.

    A noun is written "gender:one|many", in Russian "gender:one|few|many" and in Polish
    "gender:one|few|many|with a fraction"; the gender is m, f or n.
    """

    symbols: dict  # what a symbol that stands alone is called
    decimal: str  # "." or ",": the mark before decimals; the other one separates thousands
    marks: dict  # the names of "." and "," within a number
    minus: str
    to: str  # between the ends of a range; "" where a range is read as two numbers
    over: str  # between the parts of a fraction that has no name
    joined: str  # between a whole number and a fraction
    half: str  # behind a whole number, "{n}" where the number stands
    fractions: dict  # {denominator: noun}
    powers: tuple  # squared, cubed, to the power of
    number: str  # "No" before a number
    cents: str  # between the whole of an amount and its hundredths
    money: dict  # {symbol: (noun, noun of a hundredth)}
    percent: str  # a noun
    degree: str  # a noun
    scales: tuple  # Celsius, Fahrenheit
    units: dict  # {unit: noun}
    clock: tuple  # how to say a full hour; hour and minutes; the word before minutes below ten


def _units(text):
    """ "km=m:kilometer|kilometers; ..." as a dictionary."""
    return dict(part.strip().split("=") for part in text.split(";"))


RULES = {
    "en": Rules(
        symbols={"&": "and", "%": "percent", "*": "star", "#": "pound", "@": "at", "+": "plus",
                 "=": "equals", "×": "times", "÷": "divided by", "±": "plus or minus"},
        decimal=".", marks={".": "point", ",": ""}, minus="minus", to="to", over="over",
        joined="and", half="{n} and a half", fractions={2: "m:half|halves", 4: "m:quarter|quarters"},
        powers=("squared", "cubed", "to the power of"), number="number", cents="and",
        money={"$": ("m:dollar|dollars", "m:cent|cents"), "€": ("m:euro|euros", "m:cent|cents"),
               "£": ("m:pound|pounds", "m:penny|pence"), "¥": ("m:yen|yen", ""),
               "₽": ("m:ruble|rubles", "m:kopeck|kopecks"), "¢": ("m:cent|cents", "")},
        percent="m:percent|percent", degree="m:degree|degrees", scales=("celsius", "fahrenheit"),
        units=_units(
            "km=m:kilometer|kilometers; m=m:meter|meters; cm=m:centimeter|centimeters; "
            "mm=m:millimeter|millimeters; kg=m:kilogram|kilograms; g=m:gram|grams; "
            "l=m:liter|liters; ml=m:milliliter|milliliters; L=m:liter|liters; mL=m:milliliter|milliliters; "
            "h=m:hour|hours; hr=m:hour|hours; hrs=m:hour|hours; min=m:minute|minutes; "
            "sec=m:second|seconds; mi=m:mile|miles; yd=m:yard|yards; "
            "m/s=m:meter per second|meters per second; km/h=m:kilometer per hour|kilometers per hour; mph=m:mile per hour|miles per hour; "
            "lb=m:pound|pounds; lbs=m:pound|pounds; oz=m:ounce|ounces; ft=m:foot|feet; "
            "Hz=m:hertz|hertz; kHz=m:kilohertz|kilohertz; MHz=m:megahertz|megahertz; "
            "GHz=m:gigahertz|gigahertz; kB=m:kilobyte|kilobytes; KB=m:kilobyte|kilobytes; "
            "MB=m:megabyte|megabytes; GB=m:gigabyte|gigabytes; TB=m:terabyte|terabytes; "
            "m^2=m:square meter|square meters; km^2=m:square kilometer|square kilometers; "
            "cm^2=m:square centimeter|square centimeters; m^3=m:cubic meter|cubic meters"),
        clock=("{h} o'clock", "{h} {m}", "oh"),
    ),
    "es": Rules(
        symbols={"&": "y", "%": "por ciento", "*": "asterisco", "#": "gato", "@": "arroba",
                 "+": "más", "=": "igual", "×": "por", "÷": "entre", "±": "más menos"},
        decimal=",", marks={".": "punto", ",": "coma"}, minus="menos", to="a", over="sobre",
        joined="y", half="{n} y medio", fractions={2: "m:medio|medios", 3: "m:tercio|tercios", 4: "m:cuarto|cuartos",
                               5: "m:quinto|quintos", 8: "m:octavo|octavos", 10: "m:décimo|décimos"},
        powers=("al cuadrado", "al cubo", "elevado a"), number="número", cents="con",
        money={"$": ("m:peso|pesos", "m:centavo|centavos"),
               "€": ("m:euro|euros", "m:céntimo|céntimos"),
               "£": ("f:libra|libras", "m:penique|peniques"), "¥": ("m:yen|yenes", ""),
               "₽": ("m:rublo|rublos", "m:kopek|kopeks"), "¢": ("m:centavo|centavos", "")},
        percent="m:por ciento|por ciento", degree="m:grado|grados",
        scales=("celsius", "fahrenheit"),
        units=_units(
            "km=m:kilómetro|kilómetros; m=m:metro|metros; cm=m:centímetro|centímetros; "
            "mm=m:milímetro|milímetros; kg=m:kilogramo|kilogramos; g=m:gramo|gramos; "
            "l=m:litro|litros; ml=m:mililitro|mililitros; L=m:litro|litros; h=f:hora|horas; "
            "min=m:minuto|minutos; "
            "m/s=m:metro por segundo|metros por segundo; km/h=m:kilómetro por hora|kilómetros por hora; Hz=m:hercio|hercios; "
            "kHz=m:kilohercio|kilohercios; MHz=m:megahercio|megahercios; "
            "GHz=m:gigahercio|gigahercios; MB=m:megabyte|megabytes; GB=m:gigabyte|gigabytes; "
            "m^2=m:metro cuadrado|metros cuadrados; m^3=m:metro cúbico|metros cúbicos; "
            "km^2=m:kilómetro cuadrado|kilómetros cuadrados"),
        clock=("{h}", "{h} y {m}", ""),
    ),
    "fr": Rules(
        symbols={"&": "et", "%": "pour cent", "*": "étoile", "#": "carré", "@": "arobas",
                 "+": "plus", "=": "égale", "×": "fois", "÷": "divisé par", "±": "plus ou moins"},
        decimal=",", marks={".": "point", ",": "virgule"}, minus="moins", to="à", over="sur",
        joined="et", half="{n} et demi", fractions={2: "m:demi|demis", 3: "m:tiers|tiers", 4: "m:quart|quarts"},
        powers=("au carré", "au cube", "puissance"), number="numéro", cents="",
        money={"$": ("m:dollar|dollars", "m:cent|cents"),
               "€": ("m:euro|euros", "m:centime|centimes"),
               "£": ("f:livre|livres", "m:penny|pence"), "¥": ("m:yen|yens", ""),
               "₽": ("m:rouble|roubles", "m:kopeck|kopecks"), "¢": ("m:cent|cents", "")},
        percent="m:pour cent|pour cent", degree="m:degré|degrés", scales=("celsius", "fahrenheit"),
        units=_units(
            "km=m:kilomètre|kilomètres; m=m:mètre|mètres; cm=m:centimètre|centimètres; "
            "mm=m:millimètre|millimètres; kg=m:kilogramme|kilogrammes; g=m:gramme|grammes; "
            "l=m:litre|litres; ml=m:millilitre|millilitres; L=m:litre|litres; cl=m:centilitre|centilitres; "
            "h=f:heure|heures; min=f:minute|minutes; s=f:seconde|secondes; "
            "m/s=m:mètre par seconde|mètres par seconde; Ko=m:kilooctet|kilooctets; "
            "To=m:téraoctet|téraoctets; km/h=m:kilomètre heure|kilomètres heure; Hz=m:hertz|hertz; kHz=m:kilohertz|kilohertz; "
            "MHz=m:mégahertz|mégahertz; GHz=m:gigahertz|gigahertz; Mo=m:mégaoctet|mégaoctets; "
            "Go=m:gigaoctet|gigaoctets; m^2=m:mètre carré|mètres carrés; "
            "m^3=m:mètre cube|mètres cubes; km^2=m:kilomètre carré|kilomètres carrés"),
        clock=("{h} heures", "{h} heures {m}", ""),
    ),
    "it": Rules(
        symbols={"&": "e", "%": "per cento", "*": "asterisco", "#": "cancelletto",
                 "@": "chiocciola", "+": "più", "=": "uguale", "×": "per", "÷": "diviso",
                 "±": "più o meno"},
        decimal=",", marks={".": "punto", ",": "virgola"}, minus="meno", to="a", over="su",
        joined="e", half="{n} e mezzo", fractions={2: "m:mezzo|mezzi", 3: "m:terzo|terzi", 4: "m:quarto|quarti",
                               5: "m:quinto|quinti", 8: "m:ottavo|ottavi", 10: "m:decimo|decimi"},
        powers=("al quadrato", "al cubo", "alla"), number="numero", cents="e",
        money={"$": ("m:dollaro|dollari", "m:centesimo|centesimi"),
               "€": ("m:euro|euro", "m:centesimo|centesimi"),
               "£": ("f:sterlina|sterline", "m:penny|pence"), "¥": ("m:yen|yen", ""),
               "₽": ("m:rublo|rubli", "m:copeco|copechi"), "¢": ("m:centesimo|centesimi", "")},
        percent="m:per cento|per cento", degree="m:grado|gradi", scales=("celsius", "fahrenheit"),
        units=_units(
            "km=m:chilometro|chilometri; m=m:metro|metri; cm=m:centimetro|centimetri; "
            "mm=m:millimetro|millimetri; kg=m:chilogrammo|chilogrammi; g=m:grammo|grammi; "
            "l=m:litro|litri; ml=m:millilitro|millilitri; L=m:litro|litri; h=f:ora|ore; "
            "min=m:minuto|minuti; s=m:secondo|secondi; m/s=m:metro al secondo|metri al secondo; "
            "km/h=m:chilometro all'ora|chilometri all'ora; Hz=m:hertz|hertz; "
            "kHz=m:kilohertz|kilohertz; MHz=m:megahertz|megahertz; GHz=m:gigahertz|gigahertz; "
            "MB=m:megabyte|megabyte; GB=m:gigabyte|gigabyte; m^2=m:metro quadrato|metri quadrati; "
            "m^3=m:metro cubo|metri cubi; km^2=m:chilometro quadrato|chilometri quadrati"),
        clock=("{h}", "{h} e {m}", ""),
    ),
    "ru": Rules(
        symbols={"&": "и", "%": "процентов", "*": "звёздочка", "#": "решётка", "@": "собака",
                 "+": "плюс", "=": "равно", "×": "умножить на", "÷": "разделить на",
                 "±": "плюс минус"},
        decimal=",", marks={".": "точка", ",": "запятая"}, minus="минус", to="", over="дробь",
        joined="и", half="{n} с половиной", fractions={2: "f:вторая|вторых|вторых", 3: "f:третья|третьих|третьих",
                               4: "f:четвёртая|четвёртых|четвёртых", 5: "f:пятая|пятых|пятых",
                               8: "f:восьмая|восьмых|восьмых", 10: "f:десятая|десятых|десятых"},
        powers=("в квадрате", "в кубе", "в степени"), number="номер", cents="",
        money={"$": ("m:доллар|доллара|долларов", "m:цент|цента|центов"),
               "€": ("m:евро|евро|евро", "m:цент|цента|центов"),
               "£": ("m:фунт|фунта|фунтов", "m:пенс|пенса|пенсов"), "¥": ("f:иена|иены|иен", ""),
               "₽": ("m:рубль|рубля|рублей", "f:копейка|копейки|копеек"),
               "руб": ("m:рубль|рубля|рублей", "f:копейка|копейки|копеек"),
               "¢": ("m:цент|цента|центов", "")},
        percent="m:процент|процента|процентов", degree="m:градус|градуса|градусов",
        scales=("цельсия", "фаренгейта"),
        units=_units(
            "км=m:километр|километра|километров; м=m:метр|метра|метров; "
            "см=m:сантиметр|сантиметра|сантиметров; мм=m:миллиметр|миллиметра|миллиметров; "
            "кг=m:килограмм|килограмма|килограммов; г=m:грамм|грамма|граммов; "
            "л=m:литр|литра|литров; мл=m:миллилитр|миллилитра|миллилитров; "
            "ч=m:час|часа|часов; мин=f:минута|минуты|минут; сек=f:секунда|секунды|секунд; "
            "м/с=m:метр в секунду|метра в секунду|метров в секунду; "
            "коп=f:копейка|копейки|копеек; "
            "км/ч=m:километр в час|километра в час|километров в час; Гц=m:герц|герца|герц; "
            "кГц=m:килогерц|килогерца|килогерц; МГц=m:мегагерц|мегагерца|мегагерц; "
            "ГГц=m:гигагерц|гигагерца|гигагерц; МБ=m:мегабайт|мегабайта|мегабайт; "
            "ГБ=m:гигабайт|гигабайта|гигабайт; "
            "м^2=m:квадратный метр|квадратных метра|квадратных метров; "
            "м^3=m:кубический метр|кубических метра|кубических метров"),
        clock=("{h} ноль ноль", "{h} {m}", "ноль"),
    ),
    "de": Rules(
        symbols={"&": "und", "%": "prozent", "*": "stern", "#": "raute", "@": "at", "+": "plus",
                 "=": "gleich", "×": "mal", "÷": "geteilt durch", "±": "plus minus"},
        decimal=",", marks={".": "punkt", ",": "komma"}, minus="minus", to="bis", over="durch",
        joined="", half="{n}einhalb", fractions={2: "n:halb|halbe", 3: "n:drittel|drittel", 4: "n:viertel|viertel",
                              5: "n:fünftel|fünftel", 8: "n:achtel|achtel",
                              10: "n:zehntel|zehntel"},
        powers=("hoch zwei", "hoch drei", "hoch"), number="nummer", cents="",
        money={"$": ("m:dollar|dollar", "m:cent|cent"), "€": ("m:euro|euro", "m:cent|cent"),
               "£": ("n:pfund|pfund", "m:penny|pence"), "¥": ("m:yen|yen", ""),
               "₽": ("m:rubel|rubel", "f:kopeke|kopeken"), "¢": ("m:cent|cent", "")},
        percent="n:prozent|prozent", degree="m:grad|grad", scales=("celsius", "fahrenheit"),
        units=_units(
            "km=m:kilometer|kilometer; m=m:meter|meter; cm=m:zentimeter|zentimeter; "
            "mm=m:millimeter|millimeter; kg=n:kilogramm|kilogramm; g=n:gramm|gramm; "
            "l=m:liter|liter; ml=m:milliliter|milliliter; h=f:stunde|stunden; Std=f:stunde|stunden; "
            "min=f:minute|minuten; Min=f:minute|minuten; s=f:sekunde|sekunden; "
            "Sek=f:sekunde|sekunden; m/s=m:meter pro sekunde|meter pro sekunde; "
            "qm=m:quadratmeter|quadratmeter; km/h=m:kilometer pro stunde|kilometer pro stunde; Hz=n:hertz|hertz; "
            "kHz=n:kilohertz|kilohertz; MHz=n:megahertz|megahertz; GHz=n:gigahertz|gigahertz; "
            "MB=n:megabyte|megabyte; GB=n:gigabyte|gigabyte; m^2=m:quadratmeter|quadratmeter; "
            "m^3=m:kubikmeter|kubikmeter; km^2=m:quadratkilometer|quadratkilometer"),
        clock=("{h} uhr", "{h} uhr {m}", ""),
    ),
    "pt": Rules(
        symbols={"&": "e", "%": "por cento", "*": "asterisco", "#": "cerquilha", "@": "arroba",
                 "+": "mais", "=": "igual", "×": "vezes", "÷": "dividido por",
                 "±": "mais ou menos"},
        decimal=",", marks={".": "ponto", ",": "vírgula"}, minus="menos", to="a", over="sobre",
        joined="e", half="{n} e meio", fractions={2: "m:meio|meios", 3: "m:terço|terços", 4: "m:quarto|quartos",
                               5: "m:quinto|quintos", 8: "m:oitavo|oitavos",
                               10: "m:décimo|décimos"},
        powers=("ao quadrado", "ao cubo", "elevado a"), number="número", cents="e",
        money={"$": ("m:dólar|dólares", "m:centavo|centavos"),
               "€": ("m:euro|euros", "m:cêntimo|cêntimos"),
               "£": ("f:libra|libras", "m:pêni|pence"), "¥": ("m:iene|ienes", ""),
               "₽": ("m:rublo|rublos", "m:copeque|copeques"), "¢": ("m:centavo|centavos", ""),
               "R$": ("m:real|reais", "m:centavo|centavos")},
        percent="m:por cento|por cento", degree="m:grau|graus", scales=("celsius", "fahrenheit"),
        units=_units(
            "km=m:quilômetro|quilômetros; m=m:metro|metros; cm=m:centímetro|centímetros; "
            "mm=m:milímetro|milímetros; kg=m:quilograma|quilogramas; g=m:grama|gramas; "
            "l=m:litro|litros; ml=m:mililitro|mililitros; L=m:litro|litros; h=f:hora|horas; "
            "min=m:minuto|minutos; "
            "m/s=m:metro por segundo|metros por segundo; km/h=m:quilômetro por hora|quilômetros por hora; Hz=m:hertz|hertz; "
            "kHz=m:quilohertz|quilohertz; MHz=m:megahertz|megahertz; GHz=m:gigahertz|gigahertz; "
            "MB=m:megabyte|megabytes; GB=m:gigabyte|gigabytes; "
            "m^2=m:metro quadrado|metros quadrados; m^3=m:metro cúbico|metros cúbicos; "
            "km^2=m:quilômetro quadrado|quilômetros quadrados"),
        clock=("{h} horas", "{h} e {m}", ""),
    ),
    "nl": Rules(
        symbols={"&": "en", "%": "procent", "*": "sterretje", "#": "hekje", "@": "apenstaartje",
                 "+": "plus", "=": "is", "×": "maal", "÷": "gedeeld door", "±": "plus of min"},
        decimal=",", marks={".": "punt", ",": "komma"}, minus="min", to="tot", over="gedeeld door",
        joined="", half="{n} en een half", fractions={2: "m:half|halve", 3: "m:derde|derde", 4: "m:kwart|kwart",
                              5: "m:vijfde|vijfde", 8: "m:achtste|achtste",
                              10: "m:tiende|tiende"},
        powers=("kwadraat", "tot de derde", "tot de macht"), number="nummer", cents="",
        money={"$": ("m:dollar|dollar", "m:cent|cent"), "€": ("m:euro|euro", "m:cent|cent"),
               "£": ("n:pond|pond", "m:penny|pence"), "¥": ("m:yen|yen", ""),
               "₽": ("m:roebel|roebel", "m:kopeke|kopeken"), "¢": ("m:cent|cent", "")},
        percent="n:procent|procent", degree="m:graad|graden", scales=("celsius", "fahrenheit"),
        units=_units(
            "km=m:kilometer|kilometer; m=m:meter|meter; cm=m:centimeter|centimeter; "
            "mm=m:millimeter|millimeter; kg=n:kilogram|kilogram; g=n:gram|gram; l=m:liter|liter; "
            "ml=m:milliliter|milliliter; h=m:uur|uur; min=f:minuut|minuten; s=f:seconde|seconden; "
            "m/s=m:meter per seconde|meter per seconde; km/u=m:kilometer per uur|kilometer per uur; "
            "km/h=m:kilometer per uur|kilometer per uur; Hz=n:hertz|hertz; "
            "kHz=n:kilohertz|kilohertz; MHz=n:megahertz|megahertz; GHz=n:gigahertz|gigahertz; "
            "MB=n:megabyte|megabyte; GB=n:gigabyte|gigabyte; "
            "m^2=m:vierkante meter|vierkante meter; m^3=m:kubieke meter|kubieke meter; "
            "km^2=m:vierkante kilometer|vierkante kilometer"),
        clock=("{h} uur", "{h} uur {m}", ""),
    ),
    "pl": Rules(
        symbols={"&": "i", "%": "procent", "*": "gwiazdka", "#": "krzyżyk", "@": "małpa",
                 "+": "plus", "=": "równa się", "×": "razy", "÷": "podzielić przez",
                 "±": "plus minus"},
        decimal=",", marks={".": "kropka", ",": "przecinek"}, minus="minus", to="",
        over="przez", joined="i", half="{n} i pół",
        fractions={2: "f:druga|drugie|drugich|drugiej", 3: "f:trzecia|trzecie|trzecich|trzeciej",
                   4: "f:czwarta|czwarte|czwartych|czwartej",
                   5: "f:piąta|piąte|piątych|piątej", 8: "f:ósma|ósme|ósmych|ósmej",
                   10: "f:dziesiąta|dziesiąte|dziesiątych|dziesiątej"},
        powers=("do kwadratu", "do sześcianu", "do potęgi"), number="numer", cents="",
        money={"$": ("m:dolar|dolary|dolarów|dolara", "m:cent|centy|centów|centa"),
               "€": ("m:euro|euro|euro|euro", "m:cent|centy|centów|centa"),
               "£": ("m:funt|funty|funtów|funta", "m:pens|pensy|pensów|pensa"),
               "¥": ("m:jen|jeny|jenów|jena", ""),
               "₽": ("m:rubel|ruble|rubli|rubla", "f:kopiejka|kopiejki|kopiejek|kopiejki"),
               "¢": ("m:cent|centy|centów|centa", ""),
               "zł": ("m:złoty|złote|złotych|złotego", "m:grosz|grosze|groszy|grosza")},
        percent="m:procent|procent|procent|procent",
        degree="m:stopień|stopnie|stopni|stopnia", scales=("celsjusza", "fahrenheita"),
        units=_units(
            "km=m:kilometr|kilometry|kilometrów|kilometra; m=m:metr|metry|metrów|metra; "
            "cm=m:centymetr|centymetry|centymetrów|centymetra; "
            "mm=m:milimetr|milimetry|milimetrów|milimetra; "
            "kg=m:kilogram|kilogramy|kilogramów|kilograma; g=m:gram|gramy|gramów|grama; "
            "l=m:litr|litry|litrów|litra; ml=m:mililitr|mililitry|mililitrów|mililitra; "
            "h=f:godzina|godziny|godzin|godziny; min=f:minuta|minuty|minut|minuty; "
            "s=f:sekunda|sekundy|sekund|sekundy; gr=m:grosz|grosze|groszy|grosza; "
            "m/s=m:metr na sekundę|metry na sekundę|metrów na sekundę|metra na sekundę; km/h=m:kilometr na godzinę|kilometry na godzinę|"
            "kilometrów na godzinę|kilometra na godzinę; Hz=m:herc|herce|herców|herca; "
            "kHz=m:kiloherc|kiloherce|kiloherców|kiloherca; "
            "MHz=m:megaherc|megaherce|megaherców|megaherca; "
            "GHz=m:gigaherc|gigaherce|gigaherców|gigaherca; "
            "MB=m:megabajt|megabajty|megabajtów|megabajta; "
            "GB=m:gigabajt|gigabajty|gigabajtów|gigabajta; "
            "m^2=m:metr kwadratowy|metry kwadratowe|metrów kwadratowych|metra kwadratowego; "
            "m^3=m:metr sześcienny|metry sześcienne|metrów sześciennych|metra sześciennego"),
        clock=("{h}", "{h} {m}", "zero"),
    ),
}  # fmt: skip
# Ordinals: the ending after a number, and the gender it means.
ORDINALS = {
    "en": {"st nd rd th": "m"},
    "es": {"er": "short", "º o ro do to mo vo no": "m", "ª a ra da ta ma va na": "f"},
    "fr": {"er e ème eme ième ieme": "m", "re ère ere ière iere": "f", "nd": "second",
           "nde": "seconde", "ers es èmes emes ièmes iemes": "m+", "res ères eres": "f+"},
    "it": {"º": "m", "ª": "f"},
    "pt": {"º o": "m", "ª a": "f"},
    "ru": {"й ый ий ой": "m", "я ая": "f", "е ое": "n", "го ого его": "mg", "му ому ему": "md",
           "м ым им": "mi", "х ых их": "p"},
    "de": {},
    "nl": {"e de ste": "m"},
    "pl": {"szy gi ci ty my wszy": "m", "sza ga cia ta ma": "f", "go ego": "g"},
}  # fmt: skip
MONTHS = {
    "de": "januar februar märz april mai juni juli august september oktober november dezember",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października "
    "listopada grudnia",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
}
SPACES = "\u00a0\u202f\u2009\u2007\u2008"  # what typesetters put between groups of three digits
SPACED = {"fr", "ru", "pl"}  # languages that part thousands with a plain space, too
MILLIONS = {"thousand": "thousand", "million": "million", "billion": "billion",
            "trillion": "trillion", "k": "thousand", "m": "million", "bn": "billion"}  # fmt: skip
# Words such as "million" between a number and its noun: {how they are written: the noun}.
# For English, see `MILLIONS`.
SCALES = {
    "es": {"mil": "m:mil|mil", "millón millones M(?=€)": "m:millón|millones"},
    "fr": {"mille k(?=€)": "m:mille|mille", "millions? M(?=€)": "m:million|millions",
           "milliards? Mds? Md(?=€)": "m:milliard|milliards"},
    "it": {"mila k(?=€)": "m:mila|mila", "milione milioni mln M(?=€)": "m:milione|milioni",
           "miliardo miliardi mld": "m:miliardo|miliardi"},
    "ru": {"тыс": "f:тысяча|тысячи|тысяч", "млн": "m:миллион|миллиона|миллионов",
           "млрд": "m:миллиард|миллиарда|миллиардов"},
    "de": {"Tausend Tsd": "n:tausend|tausend", "Million Millionen Mio": "f:million|millionen",
           "Milliarde Milliarden Mrd": "f:milliarde|milliarden"},
    "pt": {"mil": "m:mil|mil", "milhão milhões mi": "m:milhão|milhões",
           "bilhão bilhões bi": "m:bilhão|bilhões"},
    "nl": {"duizend": "m:duizend|duizend", "miljoen mln": "m:miljoen|miljoen",
           "miljard mld": "m:miljard|miljard"},
    "pl": {"tys": "m:tysiąc|tysiące|tysięcy|tysiąca", "mln": "m:milion|miliony|milionów|miliona",
           "mld": "m:miliard|miliardy|miliardów|miliarda"},
}  # fmt: skip
OF = {"es": "de", "pt": "de", "fr": "de", "it": "di"}  # un millón de pesos
DOLLARS = {"es": ("m:dólar|dólares", "m:centavo|centavos")}  # where $ is another money
AMBIGUOUS = {"livre", "livres", "ora"}  # "livre" is also a book, "ora" is also "now": premi 1 ora
MORE_NOUNS = {"de": {"mal": "n"}}


class Speaker:
    """Reads numbers and symbols of one language.

    Args:
        code: the language, such as "en".
        region: such as "BR"; it chooses among the numbers of one language (Portuguese of Brazil,
            French of Belgium and of Switzerland).
    """

    def __init__(self, code: str, region: str = "") -> None:
        self.code, self.rules = code, RULES[code]
        regional = {"pt": {"BR"}, "fr": {"BE", "CH"}}
        self.lang = f"{code}_{region}" if region in regional.get(code, ()) else code
        money = sorted([*self.rules.money, *CURRENCIES], key=len, reverse=True)
        self.money = "|".join(map(re.escape, dict.fromkeys(money)))
        units = sorted(self.rules.units, key=len, reverse=True)
        self.unit = "|".join(map(re.escape, units))

    def read(self, text: str) -> str:
        """The text with words in the place of numbers, and of the symbols beside a number.

        Raises:
            ValueError: it holds a date in figures, which can be read aloud in several ways.
        """
        text = self._joined_thousands(text)
        # 1h 30m: behind hours, m is minutes.
        text = re.sub(r"(?<![\w.,])(\d\d?\s?h)\s?(\d\d?)\s?m(?!\w)", r"\1 \2 min", text)
        for change in (
            self._dates, self._telephones, self._spans, self._ordinals, self._times, self._ranges,
            self._fractions, self._scales, self._amounts, self._measures, self._powers,
            self._nouns, self._numbers,
        ):  # fmt: skip
            text = change(text)
        return text

    def _joined_thousands(self, text):
        space = f"[{SPACES}{' ' if self.code in SPACED else ''}]"
        groups = rf"(?<![\d.,+])[1-9]\d{{0,2}}(?:{space}\d{{3}})+(?![ ]?\d)"
        text = re.sub(groups, lambda found: re.sub(r"\D", "", found[0]), text)
        # A plain space separates thousands in any language where nothing else can be meant:
        # 10 000, 12 500 €.
        before, group = r"(?<![\d.,+])(?<!\d )", r"[1-9]\d{0,2}"
        for plain in (
            rf"{before}{group}(?: 000)+(?! ?\d)",
            rf"{before}{group}(?: \d{{3}})+(?=(?:[.,]\d\d)?\s?[$€£₽])",
        ):
            text = re.sub(plain, lambda found: found[0].replace(" ", ""), text)
        return text

    def _dates(self, text):
        year = r"(?:19|20)\d\d"
        numeric = rf"(?<![\w.])(?:{year}([./-])\d\d?\1\d\d?|\d\d?([./-])\d\d?\2{year}|\d\d?/\d\d?/\d\d)(?!\w)"
        if found := re.search(numeric, text):
            raise ValueError(
                f"the date {found[0]} can be read aloud in several ways: write it as it is spoken"
            )
        letter = {"ru": "гг?", "pl": "r"}.get(self.code)
        if letter and (found := re.search(rf"(?<![\w.,])[12]\d{{3}}\s?{letter}(?!\w)\.?", text)):
            raise ValueError(
                f"the year {found[0]} can be read aloud in several ways: write it as it is spoken"
            )
        if self.code == "en":  # the 1990s, '90s
            decades = r"(?<!\w)'?((?:1[1-9]|20)\d0|[1-9]0)'?s(?!\w)"
            text = re.sub(decades, lambda found: f" {_decade(found[1])} ", text)
        return text

    def _telephones(self, text):
        """A number in groups, digit by digit: +1 (555) 123-4567, 555-1234, 9-1-1."""
        groups = (
            r"(?<![\w.,])(?:(?:\+\d|\(\d{2,5}\)[ .-]?\d)[\d ().-]{4,}\d|\d{3}-\d{4}|"
            r"\d{3}([.-])\d{3}\1\d{4}|\d{3}-\d{2}-\d{4}|\d(?:[-–]\d){2,}|"
            r"\d{4}([ -])\d{4}\2\d{4}\2\d{4}"  # a card
        )
        if self.code == "fr":  # 01.23.45.67.89, in pairs
            pairs = r"(?<![\w.,])0\d(?:\.\d\d){4}(?![\w.])"
            text = re.sub(pairs, lambda found: found[0].replace(".", " "), text)
        else:
            groups += r"|0\d{1,4}[ /-](?:\d[\d /-]{2,}\d)"
        if self.code == "pt":
            groups += r"|(?:\d\d )?9\d{4}-\d{4}"
        groups += r")(?![\w-])"

        def spelled(found):
            if len(re.sub(r"\D", "", found[0])) < 7 and not re.fullmatch(r"\d([-–]\d)+", found[0]):
                return found[0]
            plus = f" {self.rules.symbols['+']} " if found[0][0] == "+" else " "
            return plus + self.digits(re.sub(r"\D", "", found[0])) + " "

        return re.sub(groups, spelled, text)

    def _ordinals(self, text):
        text = {"de": self._german, "fr": _roman, "ru": self._russian}.get(self.code, str)(text)
        if self.code in (
            "it",
            "es",
            "pt",
        ):  # 1° de mayo, il 3° piano: the degree sign stands for the ordinal sign
            text = re.sub(r"(?<![\w.,])1°(?= [^\W\d])", "1º", text)
        if self.code == "it":
            text = re.sub(r"\b(il|al|del|dal|nel|sul) (\d\d?)°(?= [^\W\d]{3})", r"\1 \2º", text)
        for endings, form in ORDINALS[self.code].items():
            dash = "-" if self.code in ("ru", "pl") else ""
            dot = r"\.?" if self.code in ("es", "pt", "it") else ""
            comma = "," if self.rules.decimal == "." else r"\."
            either = "|".join(sorted(endings.split(), key=len, reverse=True))
            pattern = rf"(?<![\w.,])(\d+|\d{{1,3}}(?:{comma}\d{{3}})+){dot}{dash}(?:{either})(?!\w)"
            text = re.sub(
                pattern, lambda found, form=form: f" {self.ordinal(found[1], form)} ", text,
                flags=re.IGNORECASE,
            )  # fmt: skip
        if self.code in MONTHS:  # "am 3. Mai": the dot makes an ordinal, and ends no sentence
            months = MONTHS[self.code].replace(" ", "|")
            dot = r"\." if self.code == "de" else r"\.?"
            to, both = {"de": ("bis", "und|oder"), "pl": ("do", "i|lub"), "ru": ("", "и|или|по")}[
                self.code
            ]
            either = both if self.code == "ru" else f"{to}|{both}"
            pattern = rf"(?<![\w.,])(\d\d?){dot} ?({either}|[-–]) ?(?=\d\d?{dot} (?:{months})\b)"
            text = re.sub(
                pattern,
                lambda found: (
                    f"{self._date(found[1])} {found[2] if found[2] not in '-–' else to} "
                ),
                text, flags=re.IGNORECASE,
            )  # fmt: skip
            pattern = rf"(?:(?<!\w)(der|die|das) )?(?<![\w.,])(\d\d?){dot} (?=(?:{months})\b)"
            text = re.sub(pattern, self._day, text, flags=re.IGNORECASE)
        return text

    def _day(self, found):
        """The day of a date, in the case that its sentence asks for."""
        article, day = found.groups()
        word = self.ordinal(day, "m") if article else self._date(day)
        return f"{article + ' ' if article else ''}{word} "

    def _date(self, day):
        """The day of a date without an article: am dritten, trzeciego, третьего."""
        if self.code == "de":
            return self.ordinal(day, "m") + "n"
        return self.ordinal(day, "g" if self.code == "pl" else "mg")

    def _german(self, text):
        """German suffixes of a number (90er, 3mal, 100%ig), and ordinals after an article."""
        text = re.sub(r"(?<=\d)\s?%(?=ig)", " prozent", text)
        text = re.sub(
            r"(?<![\w.,])(\d+)er(n?)\b",
            lambda found: (
                num2words(int(found[1]), lang="de", to="year")
                if re.fullmatch(r"1[1-9]\d0", found[1])
                else self.cardinal(found[1])
            ) + "er" + found[2],
            text,
        )  # fmt: skip
        text = re.sub(
            r"(?<![\w.,])(\d+)-?mal\b", lambda found: self.counted(found[1], "n") + "mal", text
        )
        inside = "in|an|auf|aus|mit|nach|von|vor|zu|bei|seit|unter|über|hinter|neben|ab"
        with_n = "den|dem|des|im|am|zum|zur|beim|vom|einem|einen|einer|jedem|jeden|jeder"

        def behind(found):  # im 2. Stock, in der 2. Klasse, der 2. Versuch
            ending = "" if found[1].lower() == "der" else "n"
            return f"{found[1]} {self.ordinal(found[2], 'm')}{ending}"

        return re.sub(
            rf"\b((?:(?:{inside}) der|{with_n}|der)) (\d{{1,3}})\.(?= [^\W\d_])", behind, text,
            flags=re.IGNORECASE,
        )  # fmt: skip

    def _russian(self, text):
        """Russian cardinals in a case (2-х, 5-ти, 5-ю), and suffixes of a number (5-летний)."""
        cases = {"ти": "g", "ю": "i", "мя": "i", "х": "g"}

        def in_case(found):
            number, ending = found.groups()
            if ending == "х" and int(number) not in (2, 3, 4):
                return found[0]  # 90-х is an ordinal
            return num2words(int(number), lang="ru", case=cases[ending])

        text = re.sub(rf"(?<![\w.,-])(\d{{1,3}})-({'|'.join(cases)})(?!\w)", in_case, text)
        odd = {1: "одно", 90: "девяносто", 100: "сто", 1000: "тысяче"}

        def joined(found):
            number = int(found[1])
            return odd.get(number) or num2words(number, lang="ru", case="g").replace(" ", "")

        return re.sub(r"(?<![\w.,-])([1-9]\d?|100|1000)-(?=[а-яё]{4})", joined, text)

    def _spans(self, text):
        """The word between the ends of a range whose first end has a sign: 50%-60%, 5 km-10 km."""
        endings = "|".join(ending for some in ORDINALS[self.code] for ending in some.split())
        hour = {"en": r"|\s?[ap]\.?m\b\.?", "fr": r"|\s?h(?:\d\d)?", "pt": r"|\s?h(?:\d\d)?",
                "nl": r"|u(?:\d\d)?"}.get(self.code, "")  # fmt: skip
        behind = rf"\s?(?:%|°\s?[CF]?|{self.money}|{self.unit}){hour}"
        if endings and self.code not in ("ru", "pl"):
            behind += rf"|\.?(?:{endings})"
        pattern = rf"(?<![\w.,-])((?:{self.money})?\d[\d.,:]*(?:{behind}))\s?[-–]\s?(?=(?:{self.money})?\d)"
        return re.sub(pattern, rf"\1 {self.rules.to} ", text)

    def _times(self, text):
        mark = "[.:]" if self.code in ("de", "nl") else ":"
        time = rf"\d\d?(?:{mark}[0-5]\d)?"
        half_day = {
            "en": r"(?=\s?[ap]\.?m\b)", "de": r"(?= Uhr\b)", "nl": r"(?= uur\b|u(?!\w))",
            "fr": r"(?=\s?h(?![^\W\d]))", "pt": r"(?=\s?h(?![^\W\d]))",
        }.get(self.code, "(?=$^)")  # fmt: skip
        span = rf"(?<![\w.,:-])({time})\s?[-–]\s?(?=(?:{time}{half_day}|\d\d?:[0-5]\d))"
        text = re.sub(span, rf"\1 {self.rules.to} ", text)
        if self.code == "en":
            half = r"(?<![\w.,:])(\d\d?)(?::([0-5]\d))?\s?([ap])\.?\s?m\b\.?"
            text = re.sub(half, self._half_day, text, flags=re.IGNORECASE)
        if self.code == "es":
            text = re.sub(r"(?<=\d)\s?([ap])\.?\s?m\b\.?", r" \1 m ", text)
        if self.code in ("fr", "pt", "nl"):
            hour = "u" if self.code == "nl" else r"\s?h\s?"
            text = re.sub(
                rf"(?<![\w.,:/])([01]?\d|2[0-4]){hour}([0-5]\d)?(?![\w:])",
                lambda found: self.clock(found[1], found[2] or "00"), text,
            )  # fmt: skip
        if self.code in ("de", "nl"):
            name = {"de": "Uhr", "nl": "uur"}[self.code]
            text = re.sub(
                rf"(?<![\w.,:])([01]?\d|2[0-4])(?:[.:]([0-5]\d))? {name}\b(?: (?=\d\d\b))?",
                lambda found: self.clock(found[1], found[2] or "00"), text, flags=re.IGNORECASE,
            )  # fmt: skip
        return re.sub(
            r"(?<![\w.,:])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\w:]|[.,]\d)",
            lambda found: self.clock(*found.groups()), text,
        )  # fmt: skip

    def _half_day(self, found):
        hour, minutes, letter = found.groups()
        if not 1 <= int(hour) <= 12:
            return found[0]
        minutes = "" if minutes in (None, "00") else self.clock(hour, minutes).split(maxsplit=1)[1]
        return f" {self.cardinal(str(int(hour)))} {minutes} {letter} m "

    def clock(self, hour: str, minutes: str, seconds: str | None = None) -> str:
        """The words of a time such as 12:30."""
        full, both, small = self.rules.clock
        h, m = int(hour), int(minutes)
        if self.code == "pl":
            spoken_hour = self.ordinal(str(h), "f") if h else "zerowa"
        else:
            gender = "f" if self.code in ("es", "fr", "it", "pt") else "m"
            spoken_hour = self.counted(str(h), gender, alone=self.code in ("nl", "ru"))
        if self.code == "en" and not m and not 1 <= h <= 12:
            full = "{h} hundred"
        if h in (0, 1) and self.code == "fr" or h == 1 and self.code == "pt":
            full, both = (
                full.replace("heures", "heure").replace("horas", "hora"),
                both.replace("heures", "heure"),
            )
        spoken_minutes = self.cardinal(str(m))
        if small and m < 10:
            spoken_minutes = f"{small} {spoken_minutes}"
        words = (both if m or seconds else full).format(h=spoken_hour, m=spoken_minutes)
        return f" {words} {self.cardinal(str(int(seconds))) if seconds else ''} "

    def _ranges(self, text):
        pattern = (
            rf"(?<![\w.,-])((?:{self.money})?)({NUMBER})\s?[-–]\s?((?:{self.money})?)({NUMBER})"
            rf"(?![\w]*-)"
        )

        def between(found):  # 50-50: fifty fifty, but 5-7: five to seven
            before, low, other, high = found.groups()
            if before and not other:  # $5-10: five to ten dollars
                before, other = "", before
            return f"{before}{low} {self.rules.to if low != high else ''} {other}{high}"

        text = re.sub(pattern, between, text)
        # A minus stands before a number and after no word.
        text = re.sub(rf"({self.money})\s?-(?=\d)", r"-\1", text)
        sign = rf"(?<![\w)\]^-])-(?=(?:{self.money})?[.,]?\d)"
        text = re.sub(sign, f" {self.rules.minus} ", text)
        return re.sub(r"(?<=\d)[-–](?=\d)", " ", text)

    def _fractions(self, text):
        nouns = self.rules.units | {s: noun for s, (noun, _) in self.rules.money.items()}
        nouns |= {"%": self.rules.percent, "°": self.rules.degree}
        either = "|".join(map(re.escape, sorted(nouns, key=len, reverse=True)))
        pattern = (
            r"(?<![\w./,])(?:(\d+) )?(\d+)/(\d+)"
            rf"(?:\s?({either})(?![\w^/']|\s?\d)|(?![\w/]|[.,]\d))"
        )

        def words(found):
            *parts, sign = found.groups()
            said = self._fraction(*parts)
            return f" {self._part_of(said, parts[0], nouns[sign]) if sign else said} "

        return re.sub(pattern, words, text)

    def _part_of(self, said, whole, noun):
        """A fraction and the noun that it is a part of: medio litro, tres cuartos de litro."""
        forms, said = noun[2:].split("|"), said.strip()
        if self.code in ("ru", "pl"):
            return f"{said} {forms[-1 if self.code == 'pl' else 1]}"
        if whole:
            return f"{said} {forms[0 if self.code == 'fr' and int(whole) < 2 else -1]}"
        halves = {
            "es": "medio media",
            "pt": "meio meia",
            "it": "mezzo mezza",
            "fr": "un_demi une_demi",
        }
        masculine, feminine = halves.get(self.code, "_ _").split()
        if said.removeprefix("un ") == masculine.removeprefix("un_"):
            said = (feminine if noun[0] == "f" else masculine).replace("_", " ")
            return f"{said} {forms[0]}"
        return f"{said} {self._of(forms[0])}"

    def _of(self, noun):
        """The noun behind what is counted in millions or in parts: de pesos, d'euros."""
        if self.code == "fr" and noun[0] in "aeiouh" and noun != "hertz":
            return f"d'{noun}"
        return f"{OF.get(self.code, '')} {noun}".strip()

    def _scales(self, text):
        """Millions, and what is counted in them: R$ 1,5 milhão, 1,5 Mio. €, 5 тыс."""
        scales = {form: noun for forms, noun in SCALES.get(self.code, {}).items()
                  for form in forms.split()}  # fmt: skip
        if not scales:
            return text
        either = "|".join(sorted(scales, key=len, reverse=True))
        signs = "|".join(sign for sign in self.money.split("|") if not sign.isalpha())

        def words(symbol, number, written):
            noun = next(
                n for form, n in scales.items() if re.fullmatch(form.split("(")[0], written)
            )
            whole = noun.split("|")[0][2:] in (
                "mil",
                "mille",
                "mila",
                "duizend",
                "tausend",
                "тысяча",
            )
            spelled = written.lower() in noun[2:].split("|") or f"{written.lower()}s" in noun
            count, _, scale = self.noun(number, noun).rpartition(" ")
            said = f" {count}{'' if scale == 'mila' else ' '}{written if spelled else scale} "
            if not symbol or symbol not in self.rules.money:
                return f"{said}{symbol or ''}"
            many = self.form("5", self.rules.money[symbol][0], many=True)
            return f"{said}{many if whole else self._of(many)} "

        text = re.sub(
            rf"({signs})\s?({NUMBER})\s?({either})(?!\w)\.?",
            lambda found: words(*found.groups()), text,
        )  # fmt: skip
        return re.sub(
            rf"(?<![\w.,])({NUMBER})\s?({either})(?!\w)\.?(?:\s?({self.money})(?!\w))?",
            lambda found: words(found[3], found[1], found[2]), text,
        )  # fmt: skip

    def _fraction(self, whole, top, bottom):
        names, over = self.rules.fractions, self.rules.over
        before = f"{self.cardinal(whole)} " if whole else ""
        if whole and top == "1" and bottom == "2":  # the form of the neuter: ein, not eins
            return self.rules.half.format(n=self.counted(whole, "n"))
        usual = int(bottom) <= 4 and int(top) > 0 or 0 < int(top) < int(bottom)
        if usual and int(bottom) in names:
            part = self.noun(top, names[int(bottom)])
            if self.code in ("es", "pt") and top == "1" and bottom == "2":
                part = names[2][2:].split("|")[0]  # medio, not un medio
        elif usual and self.code in ("en", "fr") and 2 < int(bottom) <= 100:
            name = self.ordinal(bottom, "m")
            part = self.noun(top, f"m:{name}|{name}s")
        else:  # 24/7
            between = over if int(top) < int(bottom) else ""
            return f"{before}{self.cardinal(top)} {between} {self.cardinal(bottom)}"
        return f"{before}{self.rules.joined if whole else ''} {part}"

    def _amounts(self, text):
        scale = rf"(?:\s?({'|'.join(MILLIONS)})\b)?" if self.code == "en" else "()"
        signs = "|".join(sign for sign in self.money.split("|") if not sign.isalpha())
        before = rf"({signs})\s?({NUMBER}){scale}"
        behind = rf"({NUMBER})\s?({self.money})(?!\w)"
        foreign = re.search(rf"(?<!\w)(?!{signs})[A-Z]{{1,3}}\$\s?(?=\d)", text)
        if foreign:
            raise ValueError(f"the currency {foreign[0].strip()!r} has no name in the rules")
        text = re.sub(rf"({signs})\s?\.(?=\d)", r"\g<1>0.", text)  # $.50
        between = rf"(?<![\w.,])(\d+)({signs})(\d\d)(?!\w|[.,]\d)"  # 3€50
        text = re.sub(
            between,
            lambda found: (
                f" {self._amount(found[2], found[1] + self.rules.decimal + found[3], None)} "
            ),
            text,
        )

        def amount_behind(found):
            return f" {self._amount(found[2], found[1], None)} "

        # Between two numbers a symbol belongs to the second number, unless the second number has a
        # symbol behind it.
        text = re.sub(rf"{behind}(?!(?<=\W)\s?\d)", amount_behind, text)
        text = re.sub(before, lambda found: f" {self._amount(*found.groups())} ", text)
        return re.sub(behind, amount_behind, text)

    def _amount(self, symbol, number, scale):
        if symbol not in self.rules.money:
            return f"{symbol}{number}"  # `normalize` names the symbol
        noun, hundredth = self.rules.money[symbol]
        whole, mark, fraction = self.split(number)
        if scale:
            return f"{self.number(number)} {MILLIONS[scale]} {self.form('2', noun, many=True)}"
        if mark and len(fraction) in (1, 2) and hundredth and whole is not None:
            cents = str(int(fraction.ljust(2, "0")))
            if cents == "0":
                return self.noun(whole, noun)
            if int(whole) == 0:
                return self.noun(cents, hundredth)
            return f"{self.noun(whole, noun)} {self.rules.cents} {self.noun(cents, hundredth)}"
        return self.noun(number, noun)

    def _measures(self, text):
        rules = self.rules
        text = re.sub(rf"({NUMBER})\s?%", lambda found: self._spaced(found[1], rules.percent), text)

        def degrees(found):
            scale = rules.scales["CF".index(found[2].upper())] if found[2] else ""
            return f"{self._spaced(found[1], rules.degree)}{scale} "

        text = re.sub(rf"({NUMBER})\s?°\s?(?:([CF])(?!\w))?", degrees, text)
        return re.sub(
            rf"(?<![\w.])({NUMBER})\s?({self.unit})(?![\w^/'])",
            lambda found: self._spaced(found[1], rules.units[found[2]]), text,
        )  # fmt: skip

    def _spaced(self, number, noun):
        return f" {self.noun(number, noun)} "

    def _powers(self, text):
        def power(found):
            squared, cubed, general = self.rules.powers
            exponent = found[2]
            if exponent in "23":
                return f"{found[1]} {squared if exponent == '2' else cubed} "
            sign = self.rules.minus if exponent[0] == "-" else ""
            return f"{found[1]} {general} {sign} {self.cardinal(exponent.lstrip('-'))} "

        text = re.sub(r"((?<!\w)\w|\d|\))\^(-?\d+)", power, text)
        return re.sub(r"\^-?\d+", " ", text)  # a raised number after a word is a footnote

    def _nouns(self, text):
        """Numbers that agree with the noun that follows, where its gender is known: dos HORAS."""
        genders = dict(MORE_NOUNS.get(self.code, {}))
        known = [*self.rules.units.values(), *SCALES.get(self.code, {}).values()]
        known += [noun for pair in self.rules.money.values() for noun in pair if noun]
        for noun in known:
            for form in noun[2:].split("|"):
                genders.setdefault(form.split()[0], noun[0])
        either = "|".join(sorted(set(genders) - AMBIGUOUS, key=len, reverse=True))
        return re.sub(
            rf"(?<![\w.,/'-])(\d{{1,15}}) (?=({either})\b)",
            lambda found: f"{self.counted(found[1], genders[found[2].lower()])} ", text,
            flags=re.IGNORECASE,
        )  # fmt: skip

    def _numbers(self, text):
        def fraction(found):  # .5
            mark, digits = found.groups()
            name = self.rules.marks[mark]
            return f" {name} {self.digits(digits)} " if name else found[0]

        text = re.sub(r"(?<![\w.,])([.,])(\d+)(?![.,]?\d)", fraction, text)
        text = re.sub(
            rf"({NUMBER})'s(?!\w)", lambda found: f" {self.number(found[1])}'s ", text
        )  # the 5's
        return re.sub(NUMBER, lambda found: f" {self.number(found[0])} ", text)

    def split(self, number: str) -> tuple[str | None, str, str]:
        """(digits of the whole, the decimal mark or "", digits of the fraction) of a number.

        The whole is None where the number is not one number, such as 1.2.3 or 1,2,3.
        """
        number = re.sub(r"^\d{1,3}(?:'\d{3})+(?!\d|')", lambda f: f[0].replace("'", ""), number)
        if "'" in number:
            return None, "", ""
        marks = re.findall(r"[.,]", number)
        if not marks:
            return number, "", ""
        decimal = self.rules.decimal
        thousands = "," if decimal == "." else "."
        last = marks[-1]
        if len(set(marks)) == 2:
            whole, _, fraction = number.rpartition(last)
            grouped = re.fullmatch(r"[1-9]\d{0,2}(?:[.,]\d{3})+", whole)
            if grouped and last not in whole:
                return re.sub(r"\D", "", whole), last, fraction
            return None, "", ""
        grouped = re.fullmatch(r"[1-9]\d{0,2}(?:[.,]\d{3})+", number)
        many = len(marks) > 1 and decimal == ","
        if grouped and (last == thousands or self.code == "es" or many):
            return re.sub(r"\D", "", number), "", ""
        if len(marks) == 1 and self.rules.marks[last]:
            whole, _, fraction = number.partition(last)
            return whole, last, fraction
        return None, "", ""

    def number(self, number: str) -> str:
        """The words of a number as it is written, such as 1,000.50 or 007 or 1.2.3."""
        whole, mark, fraction = self.split(number)
        if whole is None:
            pieces = re.split(r"([.,'])", number)
            names = {**self.rules.marks, ",": "", "'": ""}
            return " ".join(names[p] if p in names else self.cardinal(p) for p in pieces)
        if not mark:
            return self.cardinal(whole)
        if (
            self.code == "ru"
            and mark == ","
            and len(fraction) <= 3
            and len(whole) <= LONGEST_NUMBER
        ):
            return num2words(f"{whole}.{fraction}", lang="ru")
        return f"{self.cardinal(whole)} {self.rules.marks[mark]} {self.digits(fraction)}"

    def cardinal(self, digits: str) -> str:
        """The words of a whole number; digit by digit if a zero leads it or it is too long."""
        if len(digits) > 1 and digits[0] == "0" or len(digits) > LONGEST_NUMBER:
            return self.digits(digits)
        return _cardinal(self.lang, digits)

    def digits(self, digits: str) -> str:
        """The words of each digit."""
        return " ".join(_cardinal(self.lang, digit) for digit in digits)

    def ordinal(self, digits: str, form: str) -> str:
        """The ordinal of a whole number; `form` is a gender, in Russian with a case."""
        digits = re.sub("[.,]", "", digits)
        if form[-1] == "+":
            return self.ordinal(digits, form[:-1]) + "s"
        if form == "g":  # trzeciego
            words = self.ordinal(digits, "m").split()
            return " ".join(re.sub(r"i$", "iego", re.sub(r"y$", "ego", word)) for word in words)
        if form in ("second", "seconde"):
            return form if digits == "2" else self.ordinal(digits, "m")
        if len(digits) > LONGEST_NUMBER or int(digits) == 0:
            return self.cardinal(digits)
        if self.code == "ru":
            gender = form[0] if form[0] in "mfn" else "m"
            case = "g" if form == "p" else form[1:] or "n"
            return num2words(
                int(digits), lang="ru", to="ordinal", gender=gender, case=case, plural=form == "p"
            )
        word = num2words(int(digits), lang=self.lang, to="ordinal")
        word = word.replace("vingtsième", "vingtième")  # an error of num2words
        if form == "short":  # tercer piso
            return re.sub(r"o$", "", word)
        if form != "f" or self.code in ("en", "de", "nl"):
            return word
        if self.code == "fr":
            return {"premier": "première", "second": "seconde"}.get(word, word)
        if self.code == "pl":
            parts = (re.sub(r"(?<=c)i$|y$|(?<=g)i$", _feminine, part) for part in word.split())
            return " ".join(parts)
        return " ".join(re.sub(r"o$", "a", part) for part in word.split())

    def noun(self, number: str, noun: str) -> str:
        """A number and the noun it counts, both in the forms that fit each other."""
        whole, mark, _ = self.split(number)
        words = self.number(number) if whole is None or mark else self.counted(whole, noun[0])
        named = self.form(number, noun)
        millions = whole and not mark and len(whole) <= LONGEST_NUMBER and whole[0] != "0"
        if self.code in OF and millions and int(whole) % 10**6 == 0:
            named = self._of(named)
        return f"{words} {named}"

    def form(self, number: str, noun: str, many: bool = False) -> str:
        """The form of a noun that a number asks for."""
        forms = noun[2:].split("|")
        whole, mark, _ = self.split(number)
        if many or whole is None:
            return forms[2] if len(forms) > 2 else forms[-1]
        if mark:  # 1.5
            if self.code in ("ru", "pl"):
                return forms[-1] if self.code == "pl" else forms[1]
            return forms[0] if self.code == "fr" and int(whole) < 2 else forms[-1]
        value = int(whole[-LONGEST_NUMBER:])
        if self.code in ("ru", "pl"):
            if value == 1 or (self.code == "ru" and value % 10 == 1 and value % 100 != 11):
                return forms[0]
            few = value % 10 in (2, 3, 4) and value % 100 not in (12, 13, 14)
            return forms[1 if few else 2]
        return forms[0] if value == 1 or (self.code == "fr" and value == 0) else forms[1]

    def counted(self, whole: str, gender: str, alone: bool = False) -> str:
        """A whole number as it stands before a noun of a gender: one pound is UNA libra."""
        words = self.cardinal(whole)
        if alone or (len(whole) > 1 and whole[0] == "0"):
            return words
        for pattern, replacement in COUNTED.get((self.code, gender), ()):
            words = re.sub(pattern, replacement, words)
        return words


# How a number's end changes before a noun of a gender, where it does.
COUNTED = {
    ("es", "m"): [(r"veintiuno$", "veintiún"), (r"\buno$", "un")],
    ("es", "f"): [(r"uno$", "una"), (r"(cient|quinient)os\b", r"\1as")],
    ("fr", "f"): [(r"\bun$", "une")],
    ("it", "m"): [(r"^uno$", "un")],
    ("it", "f"): [(r"^uno$", "una")],
    ("pt", "f"): [(r"\bum$", "uma"), (r"\bdois$", "duas"), (r"entos\b", "entas")],
    ("de", "m"): [(r"eins$", "ein")],
    ("de", "n"): [(r"eins$", "ein")],
    ("de", "f"): [(r"eins$", "eine")],
    ("ru", "f"): [(r"\bодин$", "одна"), (r"\bдва$", "две")],
    ("nl", "m"): [(r"^één$", "een")],
    ("nl", "n"): [(r"^één$", "een")],
    ("nl", "f"): [(r"^één$", "een")],
    ("pl", "f"): [(r"^jeden$", "jedna"), (r"\bdwa$", "dwie")],
}


def _roman(text):
    """XIXe as 19e: Roman numerals that have an ending are ordinals."""
    values = {"I": 1, "V": 5, "X": 10}

    def number(found):
        digits = [values[letter] for letter in found[1]]
        total = sum(-a if a < b else a for a, b in zip(digits, [*digits[1:], 0]))
        return f"{total}{found[2]}"

    numeral = r"X{0,3}(?:IX|IV|V?I{0,3})"
    return re.sub(rf"\b(?=[IVX])({numeral})(er|re|ère|e|ème)\b", number, text)


for _code, _rules in RULES.items():  # US$ 5
    _rules.money["US$"] = DOLLARS.get(_code, _rules.money["$"])


@cache
def _cardinal(lang, digits):
    return num2words(int(digits), lang=lang)


def _feminine(found):
    return "ia" if found[0] == "i" and found.string[found.start() - 1] == "c" else "a"


def _decade(digits):
    """1990 as nineteen nineties, 90 as nineties."""
    if digits == "2000":
        return "two thousands"
    word = num2words(int(digits[-2:])) if int(digits[-2:]) else "hundred"
    plural = word[:-1] + "ies" if word.endswith("y") else word + "s"
    return f"{num2words(int(digits[:-2]))} {plural}" if len(digits) > 2 else plural
