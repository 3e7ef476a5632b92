"""Vietnamese numerals: digits to the words a newsreader says."""

DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
SCALES = ("", " nghìn", " triệu", " tỷ", " nghìn tỷ", " triệu tỷ")
# Six groups of three digits are all the scale words there are; longer strings are read as digits.
CARDINAL_DIGITS_MAX = 18


def digits(text: str) -> str:
    """Read each digit alone, as telephone numbers are read: "0256" → "không hai năm sáu"."""
    return " ".join(DIGITS[int(character)] for character in text if character.isdecimal())


def cardinal(text: str) -> str:
    """Read a whole number: "2026" → "hai nghìn không trăm hai mươi sáu".

    A number longer than 18 digits, or one with a leading zero ("05"), keeps every digit audible:
    the first is read digit by digit, the second drops its zeros.
    """
    stripped = text.lstrip("0")
    if not stripped:
        return DIGITS[0]
    if len(stripped) > CARDINAL_DIGITS_MAX:
        return digits(text)
    groups = []
    for end in range(len(stripped), 0, -3):
        groups.append(int(stripped[max(0, end - 3) : end]))
    words = []
    for index in range(len(groups) - 1, -1, -1):
        if groups[index]:
            leading = index == len(groups) - 1
            words.append(_hundreds(groups[index], leading) + SCALES[index])
    return " ".join(words)


def decimal(whole: str, fraction: str) -> str:
    """Read a decimal: ("3", "5") → "ba phẩy năm"; a fraction of up to two digits reads as one
    number unless it starts with zero ("3,05" → "ba phẩy không năm")."""
    if len(fraction) <= 2 and not fraction.startswith("0"):
        return cardinal(whole) + " phẩy " + cardinal(fraction)
    return cardinal(whole) + " phẩy " + digits(fraction)


def _hundreds(value: int, leading: bool) -> str:
    hundreds, rest = divmod(value, 100)
    if hundreds == 0 and leading:
        return _tens(rest)
    words = DIGITS[hundreds] + " trăm"
    if rest == 0:
        return words
    if rest < 10:
        return words + " lẻ " + DIGITS[rest]
    return words + " " + _tens(rest)


def _tens(value: int) -> str:
    tens, units = divmod(value, 10)
    if tens == 0:
        return DIGITS[units]
    words = "mười" if tens == 1 else DIGITS[tens] + " mươi"
    if units == 0:
        return words
    if units == 1 and tens > 1:
        return words + " mốt"
    if units == 4 and tens > 1:
        return words + " tư"
    if units == 5:
        return words + " lăm"
    return words + " " + DIGITS[units]
