"""Vietnamese text normalisation: what is written becomes what a newsreader says.

Speech engines misread dates, `17h30`, `m³/s`, `UBND`, telephone numbers and the decimal comma, so
the hub spells them out before synthesis and shows the reading to the author. Theory of operation:
one left-to-right pass over the text with an ordered list of patterns; the first pattern that
matches at a position wins, everything else is copied. Order therefore carries meaning: telephone
numbers before cardinals, dates before fractions, units before bare numbers.
"""

import json
import re
import unicodedata
from collections import namedtuple
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from hub.numerals import cardinal, decimal, digits
from protocols.errors import RemoteFault

# Half an hour of speech is about 30,000 characters; a bulletin is 10 to 20 minutes.
TEXT_CHARACTERS_MAX = 60_000

NUMBER = r"\d{1,3}(?:\.\d{3})+(?:,\d{1,6})?|\d+,\d{1,6}|\d+"
LETTER = r"[^\W\d_]"

Dictionary = namedtuple("Dictionary", ("abbreviations", "units"))
Reading = namedtuple("Reading", ("written", "spoken"))
"""One piece of text: as written and as spoken; the two are equal where nothing was changed."""


@lru_cache(maxsize=1)
def built_in_dictionary() -> Dictionary:
    """Return the abbreviations and units shipped with the hub."""
    path = Path(__file__).with_name("speech_dictionary.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    return Dictionary(content["abbreviations"], content["units"])


def spoken(text: str, dictionary: Dictionary | None = None) -> str:
    """Return the text as it will be spoken; raises RemoteFault `speech.text` as `readings` does."""
    joined = "".join(reading.spoken for reading in readings(text, dictionary))
    return re.sub(r"[ \t]+", " ", joined).strip()


def readings(text: str, dictionary: Dictionary | None = None) -> list[Reading]:
    """Split a text into pieces with their reading, so that a page can show what changed.

    The written parts joined give the NFC form of the text. Raises RemoteFault `speech.text` for a
    text that is too long or holds control characters.
    """
    text = unicodedata.normalize("NFC", text)
    _refuse_unspeakable(text)
    dictionary = dictionary or built_in_dictionary()
    pattern, rules = _compiled(
        tuple(sorted(dictionary.abbreviations)), tuple(sorted(dictionary.units))
    )
    pieces: list[Reading] = []
    position = 0
    for match in pattern.finditer(text):
        if match.start() > position:
            plain = text[position : match.start()]
            pieces.append(Reading(plain, plain))
        said = rules[str(match.lastgroup)](match.group(), dictionary)
        pieces.append(Reading(match.group(), said))
        position = match.end()
    if position < len(text):
        pieces.append(Reading(text[position:], text[position:]))
    return pieces


def _refuse_unspeakable(text: str) -> None:
    if len(text) > TEXT_CHARACTERS_MAX:
        raise RemoteFault(
            "speech.text",
            "text: %d characters, the most is %d" % (len(text), TEXT_CHARACTERS_MAX),
            "split the bulletin into several",
        )
    for position, character in enumerate(text):
        if unicodedata.category(character) in ("Cc", "Cs", "Co") and character not in "\n\r\t":
            raise RemoteFault(
                "speech.text",
                "text: character U+%04X at position %d" % (ord(character), position + 1),
                "remove the control character and send again",
            )


_GAPS = (" ", ", ", " (")
# Behind one of these a number of two parts is a day and a month: ngày mai 29/11, thứ hai (30/11).
_DAY_WORDS = (
    *(
        "ngày",
        "mai",
        "hôm nay",
        "hôm qua",
        "kia",
        "chủ nhật",
        "sáng",
        "trưa",
        "chiều",
        "tối",
        "đêm",
    ),
    *(f"thứ {day}" for day in ("hai", "ba", "tư", "năm", "sáu", "bảy", *"234567")),
)
_DAY_LEAD = "|".join(f"(?<={re.escape(one + gap)})" for one in _DAY_WORDS for gap in _GAPS)

# Behind one of the first, or before one of the second, it is a part of a whole: hơn 1/4, 2/3 số hộ.
_PART_WORDS = (
    *("hơn", "gần", "trên", "dưới", "chừng", "bằng", "chiếm", "giảm", "tăng", "mất", "còn lại"),
    *("ít nhất", "tối thiểu", "tối đa", "không quá", "chưa đến", "chưa tới", "chưa đầy", "chỉ còn"),
)
_WHOLES = (
    *(
        "số",
        "dân số",
        "tổng",
        "tổng số",
        "diện tích",
        "dung tích",
        "trữ lượng",
        "lượng",
        "sản lượng",
    ),
    *("khối lượng", "giá trị", "kinh phí", "chi phí", "thời gian", "công việc", "kế hoạch"),
    *("chiều dài", "quãng đường", "chặng đường", "đại biểu", "thành viên", "cử tri", "chủ hộ"),
    *("hộ dân", "người dân", "học sinh", "cổ phần", "vốn"),
)
_PART_LEAD = "|".join(rf"(?<=\b{re.escape(one)} )" for one in _PART_WORDS)
_PART_REST = r"(?=\s(?:" + "|".join(_WHOLES) + r")(?!\w))"
_PARTS_MAX = 100


@lru_cache(maxsize=8)
def _compiled(
    abbreviations: tuple[str, ...], units: tuple[str, ...]
) -> tuple[re.Pattern[str], dict[str, Callable[[str, Dictionary], str]]]:
    unit = "|".join(re.escape(word) for word in sorted(units, key=lambda w: (-len(w), w)))
    short = "|".join(re.escape(word) for word in sorted(abbreviations, key=lambda w: (-len(w), w)))
    quantity = rf"(?<![\w.,])(?:{NUMBER})(?:\s?[-–]\s?(?:{NUMBER}))?\s?(?:{unit})(?![\w²³])"
    rules: list[tuple[str, str, Callable[[str, Dictionary], str]]] = [
        ("date", r"(?<![\w/])\d{1,2}[/-]\d{1,2}[/-]\d{4}(?![\w/])", _date),
        ("month", r"(?<=tháng )\d{1,2}/\d{4}(?![\w/])", _month_of_year),
        ("day", rf"(?i:{_DAY_LEAD})\d{{1,2}}/\d{{1,2}}(?![\w/])", _date),
        ("share", rf"(?<![\w.,/])\d{{1,2}}/\d{{1,3}}\s?(?:{unit})(?![\w²³])", _share),
        ("part", rf"(?i:{_PART_LEAD})\d{{1,2}}/\d{{1,3}}(?![\w/]|[.,]\d)", _part),
        ("whole", rf"(?<![\w.,/])\d{{1,2}}/\d{{1,3}}{_PART_REST}", _part),
        ("clock", r"(?<![\w:])\d{1,2}\s?(?:h|giờ|g|:)\s?\d{2}(?![\w:])", _clock),
        ("hour", r"(?<!\w)\d{1,2}h(?!\w)", _hour),
        ("phone", r"(?<![\w.])(?:\+84|0|1[89]00)(?:[ .-]?\d){4,10}(?!\w)", _phone),
        ("hotline", r"(?:(?<=[Ss]ố )|(?<=[Gg]ọi ))11[1-5](?!\w|[.,/]\d)", _phone),
        ("document", rf"(?<![\w/])\d+(?:/\d{{4}})?/(?:{short})(?:-(?:{short}))*(?!\w)", _document),
        ("quantity", quantity, _quantity),
        ("road", r"(?<!\w)(?:QL|TL|ĐT)\.?\s?\d+[A-Z]?(?!\w)", _road),
        ("short", rf"(?<!\w)(?:{short})(?!\w)\.?(?=\s|$|[,;:.!?)\-/])", _abbreviation),
        ("roman", r"(?<=cấp )[IVX]{1,5}(?!\w)|(?<=báo động )[IVX]{1,5}(?!\w)", _roman),
        ("span", rf"(?<![\w.,])(?:{NUMBER})\s?[-–]\s?(?:{NUMBER})(?![\w,.]\d|\w)", _span),
        ("number", rf"(?<!\w)(?:{NUMBER})(?!\w)", lambda written, _: _number(written)),
    ]
    pattern = "|".join(rf"(?P<{name}>{expression})" for name, expression, _ in rules)
    return re.compile(pattern), {name: rule for name, _, rule in rules}


def _number(written: str) -> str:
    whole, _, fraction = written.replace(".", "").partition(",")
    return decimal(whole, fraction) if fraction else cardinal(whole)


def _date(written: str, _: Dictionary) -> str:
    parts = re.split("[/-]", written)
    if not (1 <= int(parts[0]) <= 31 and 1 <= int(parts[1]) <= 12):
        return " ".join(cardinal(part) for part in parts)
    words = cardinal(parts[0]) + " tháng " + _month(parts[1])
    return words + " năm " + cardinal(parts[2]) if len(parts) == 3 else words


def _part(written: str, _: Dictionary) -> str:
    part, whole = written.split("/")
    if not 1 <= int(part) < int(whole) <= _PARTS_MAX:
        return _number(part) + "/" + _number(whole)
    return cardinal(part) + " phần " + ("tư" if int(whole) == 4 else cardinal(whole))


def _share(written: str, dictionary: Dictionary) -> str:
    amount, unit = re.split(r"(?<=\d)\s?(?=\D)(?!/)", written, maxsplit=1)
    return _part(amount, dictionary) + " " + str(dictionary.units[unit])


def _month_of_year(written: str, _: Dictionary) -> str:
    month, year = written.split("/")
    return _month(month) + " năm " + cardinal(year)


def _month(written: str) -> str:
    return "tư" if int(written) == 4 else cardinal(written)


def _clock(written: str, _: Dictionary) -> str:
    hour, minute = re.findall(r"\d+", written)
    if int(hour) > 24 or int(minute) > 59:
        return cardinal(hour) + " " + cardinal(minute)
    said = cardinal(hour) + " giờ"
    return said if int(minute) == 0 else said + " " + cardinal(minute) + " phút"


def _hour(written: str, _: Dictionary) -> str:
    return cardinal(written[:-1]) + " giờ"


def _phone(written: str, _: Dictionary) -> str:
    groups = re.findall(r"\d+", written)
    said = ", ".join(digits(group) for group in groups)
    return "cộng " + said if written.startswith("+") else said


def _document(written: str, dictionary: Dictionary) -> str:
    number, _, issuer = written.rpartition("/")
    words = " ".join(str(dictionary.abbreviations[word]) for word in issuer.split("-"))
    return " năm ".join(cardinal(part) for part in number.split("/")) + " " + words


def _quantity(written: str, dictionary: Dictionary) -> str:
    match = re.match(rf"({NUMBER})(?:\s?[-–]\s?({NUMBER}))?\s?(.+)$", written, re.DOTALL)
    if match is None:
        raise AssertionError("the quantity rule matched what it cannot read: " + written)
    first, second, unit = match.groups()
    amount = _number(first) + (" đến " + _number(second) if second else "")
    return amount + " " + str(dictionary.units[unit])


def _road(written: str, dictionary: Dictionary) -> str:
    name, number, letter = re.split(r"\.?\s?(\d+)", written)
    return (str(dictionary.abbreviations[name]) + " " + cardinal(number) + " " + letter).rstrip()


def _abbreviation(written: str, dictionary: Dictionary) -> str:
    if written in dictionary.abbreviations:
        return str(dictionary.abbreviations[written])
    return str(dictionary.abbreviations[written[:-1]])


def _roman(written: str, _: Dictionary) -> str:
    values = [{"I": 1, "V": 5, "X": 10}[letter] for letter in written]
    total = 0
    for value, following in zip(values, [*values[1:], 0], strict=True):
        total += -value if value < following else value
    return cardinal(str(total))


def _span(written: str, _: Dictionary) -> str:
    first, second = re.split(r"\s?[-–]\s?", written)
    return _number(first) + " đến " + _number(second)
