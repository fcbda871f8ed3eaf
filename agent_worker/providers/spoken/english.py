"""Written English as it is said: prices, times, telephone numbers, units. Pure, and the same for every voice."""

from __future__ import annotations

import re
from collections.abc import Callable

from agent_worker.providers.spoken.marks import (
    DASH,
    DATE,
    EMAIL,
    NUMBER,
    PAGE,
    TELEPHONE,
    date_in,
    groups_of,
    spelled,
    with_plain_digits,
    without_markup,
)

ONES = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SCALES = ((1_000_000, "million"), (1_000, "thousand"))

# code or sign -> one, many, a hundredth of it (one, many)
CURRENCIES = {
    "AED": ("dirham", "dirhams", "fils", "fils"),
    "SAR": ("riyal", "riyals", "halala", "halalas"),
    "QAR": ("riyal", "riyals", "dirham", "dirhams"),
    "OMR": ("rial", "rials", "baisa", "baisa"),
    "USD": ("dollar", "dollars", "cent", "cents"),
    "EUR": ("euro", "euros", "cent", "cents"),
    "GBP": ("pound", "pounds", "penny", "pence"),
}
SIGNS = {"DHS": "AED", "DH": "AED", "US$": "USD", "$": "USD", "€": "EUR", "£": "GBP"}
UNITS = {
    "km": ("kilometre", "kilometres"),
    "m": ("metre", "metres"),
    "cm": ("centimetre", "centimetres"),
    "m²": ("square metre", "square metres"),
    "sqm": ("square metre", "square metres"),
    "kg": ("kilogram", "kilograms"),
    "km/h": ("kilometre an hour", "kilometres an hour"),
    "kW": ("kilowatt", "kilowatts"),
    "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "°C": ("degree Celsius", "degrees Celsius"),
    "°": ("degree", "degrees"),
    "%": ("percent", "percent"),
}
ABBREVIATIONS = {
    "e.g.": "for example",
    "i.e.": "that is",
    "etc.": "and so on",
    "approx.": "about",
    "incl.": "including",
    "excl.": "excluding",
    "ext.": "extension",
    "tel.": "telephone",
    "ave.": "avenue",
    "rd.": "road",
    "no.": "number",
}
ORDINALS = [
    *("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh"),
    *("twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth"),
]
MONTHS = [
    *("", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
]
# What has a number for a name.
NUMBERED = "rooms?|suites?|apartments?|villas?|offices?|units?|shops?|stands?|wards?|flights?"
STREETS = {"St": "Street", "Rd": "Road", "Ave": "Avenue"}
HALF_OF_DAY = r"(?:a\.?m\b\.?|p\.?m\b\.?)"


def say_in_english(text: str) -> str:
    """`text` in words that every English voice reads alike. Letters and order of sentences stay."""
    for rewrite in _REWRITES:
        text = rewrite(text)
    return re.sub(r"\s+", " ", text).strip()


# Numbers


def number(value: int) -> str:
    """412 -> "four hundred twelve"."""
    if value < 20:
        return ONES[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return TENS[tens] + (f"-{ONES[ones]}" if ones else "")
    if value < 1000:
        hundreds, rest = divmod(value, 100)
        return f"{ONES[hundreds]} hundred" + (f" {number(rest)}" if rest else "")
    for size, name in SCALES:
        if value >= size:
            many, rest = divmod(value, size)
            return f"{number(many)} {name}" + (f" {number(rest)}" if rest else "")
    raise AssertionError("every number has a scale")


def quantity(written: str) -> str:
    """ "1,250.5" -> "one thousand two hundred fifty point five"."""
    whole, _, part = written.replace(",", "").partition(".")
    said = number(int(whole)) if len(whole) <= 9 else digits(whole)
    return f"{said} point {digits(part)}" if part else said


def digits(written: str) -> str:
    return " ".join(ONES[int(digit)] for digit in written if digit.isdigit())


def ordinal(value: int) -> str:
    """22 -> "twenty-second"."""
    if value < 20:
        return ORDINALS[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return f"{TENS[tens]}-{ORDINALS[ones]}" if ones else f"{TENS[tens][:-1]}ieth"
    hundreds, rest = divmod(value, 100)
    return f"{number(hundreds)} hundred" + (f" {ordinal(rest)}" if rest else "th")


def year(value: int) -> str:
    """2026 -> "twenty twenty-six"."""
    century, rest = divmod(value, 100)
    if rest == 0 or 2000 < value < 2010:
        return number(value) if value < 2010 and value >= 2000 else f"{number(century)} hundred"
    return f"{number(century)} {'oh ' if rest < 10 else ''}{number(rest)}"


def name(written: str) -> str:
    """The number of a room: 412 -> "four twelve", 1204 -> "twelve oh four", 400 -> "four hundred"."""
    if len(written) not in (3, 4) or written.startswith("0"):
        return number(int(written)) if len(written) < 3 else digits(written)
    before, rest = int(written[:-2]), int(written[-2:])
    if rest == 0:
        return number(int(written)) if before % 10 == 0 else f"{number(before)} hundred"
    return f"{number(before)} {'oh ' if rest < 10 else ''}{number(rest)}"


def amount(written: str, currency: str) -> str:
    """ "12.50", "AED" -> "twelve dirhams and fifty fils"."""
    one, many, hundredth, hundredths = CURRENCIES[currency]
    whole, _, part = written.replace(",", "").partition(".")
    value, small = int(whole), int((part + "00")[:2]) if part else 0
    said = f"{quantity(whole)} {one if value == 1 else many}"
    if small:
        change = f"{number(small)} {hundredth if small == 1 else hundredths}"
        return f"{said} and {change}" if value else change
    return said


# Each rewrite knows one kind of thing. Longer shapes come first, so that no part of them is taken for another.


def _round_the_clock(text: str) -> str:
    return re.sub(r"\b24/7\b", "twenty-four hours a day, seven days a week", text)


def _addresses(text: str) -> str:
    return re.sub(f"{EMAIL}|{PAGE}", lambda found: spelled(found[0]), text)


def _telephones(text: str) -> str:
    def spell(found: re.Match[str]) -> str:
        groups = ", ".join(digits(group) for group in groups_of(found[0]))
        return f"plus {groups}" if found[0].startswith("+") else groups

    text = re.sub(
        r"\b(ext\.?|extension)\s*(\d{2,5})\b", lambda found: f"extension {digits(found[2])}", text, flags=re.I
    )
    return re.sub(TELEPHONE, spell, text)


def _dates(text: str) -> str:
    def say(found: re.Match[str]) -> str:
        when = date_in(found)
        return f"the {ordinal(when[0])} of {MONTHS[when[1]]} {year(when[2])}" if when else found[0]

    return re.sub(DATE, say, text)


def _names(text: str) -> str:
    def say(found: re.Match[str]) -> str:
        until = f" to {name(found['until'])}" if found["until"] else ""
        return f"{found['what']} {name(found['number'])}{until}"

    span = rf"(?P<number>\d{{1,4}})(?:\s*{DASH}\s*(?P<until>\d{{1,4}}))?"
    shape = rf"\b(?P<what>{NUMBERED})\s(?:no\.\s*|#)?{span}(?![\w:.,]\d|[\w%])"
    return re.sub(shape, say, text, flags=re.IGNORECASE)


def _money(text: str) -> str:
    codes = "|".join(sorted(map(re.escape, (*CURRENCIES, *SIGNS)), key=len, reverse=True))

    def currency(written: str) -> str:
        return SIGNS.get(written.upper(), written.upper())

    def before(found: re.Match[str]) -> str:
        if found["until"]:
            return f"{quantity(found['value'])} to {amount(found['until'], currency(found['code']))}"
        return amount(found["value"], currency(found["code"]))

    def behind(found: re.Match[str]) -> str:
        return amount(found["value"], currency(found["code"]))

    span = rf"(?P<value>{NUMBER})(?:\s*{DASH}\s*(?P<until>{NUMBER}))?"
    text = re.sub(rf"(?<!\w)(?P<code>{codes})\.?\s?{span}(?![\d])", before, text, flags=re.IGNORECASE)
    return re.sub(rf"(?<![\w.,])(?P<value>{NUMBER})\s?(?P<code>{codes})(?!\w)", behind, text, flags=re.IGNORECASE)


def _times(text: str) -> str:
    # "6.30 to 10.30 am": a dot stands for a colon where "am" or "pm" follows, also behind a "to".
    later = rf"\d{{1,2}}(?:[.:]\d\d)?\s*{HALF_OF_DAY}"
    dotted = rf"\b(\d{{1,2}})\.([0-5]\d)(?=\s*{HALF_OF_DAY}|\s*(?:to|and|until|till|{DASH})\s*{later})"
    text = re.sub(dotted, r"\1:\2", text, flags=re.IGNORECASE)
    moment = rf"\d{{1,2}}(?::[0-5]\d)?\s*{HALF_OF_DAY}|\d{{1,2}}:[0-5]\d"
    text = re.sub(rf"\b({moment}|\d{{1,2}})\s*{DASH}\s*(?=(?:{moment}))", r"\1 to ", text, flags=re.IGNORECASE)

    # A day of twenty-four hours: one time after noon, or a zero in front, tells it of all that are near.
    has_24_hours = bool(re.search(r"(?<!\d)(?:0\d|1[3-9]|2[0-4]):[0-5]\d", text))

    def say(found: re.Match[str]) -> str:
        hour, minute = int(found["hour"]), int(found["minute"] or 0)
        half = (found["half"] or "").replace(".", "").upper()
        if hour > 24 or (half and not 1 <= hour <= 12):
            return found[0]
        if not half and has_24_hours and 1 <= hour < 12:
            half = "AM"
        ending = "." if (found["half"] or "").endswith(".") and _ends_a_sentence(found) else ""
        return clock(hour, minute, half) + ending

    pattern = rf"(?<![\d:.,])(?P<hour>\d{{1,2}})(?::(?P<minute>[0-5]\d)(?!\d))?(?:\s*(?P<half>{HALF_OF_DAY}))?"

    def if_time(found: re.Match[str]) -> str:
        return say(found) if found["minute"] is not None or found["half"] else found[0]

    return re.sub(pattern, if_time, text, flags=re.IGNORECASE)


def _ends_a_sentence(found: re.Match[str]) -> bool:
    rest = found.string[found.end() :].lstrip()
    return not rest or rest[0].isupper()


def clock(hour: int, minute: int, half: str = "") -> str:
    """19, 5 -> "seven oh five PM"."""
    if not half:
        if minute == 0 and hour % 12 == 0:
            return "noon" if hour == 12 else "midnight"
        if hour > 12 or hour == 0:
            half = "PM" if 12 < hour < 24 else "AM"
            hour = hour % 12 or 12
        elif minute == 0:
            return f"{number(hour)} o'clock"
    minutes = "" if minute == 0 else f" oh {number(minute)}" if minute < 10 else f" {number(minute)}"
    return f"{number(hour)}{minutes}{f' {half}' if half else ''}"


def _units(text: str) -> str:
    units = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))

    def say(found: re.Match[str]) -> str:
        value, until, unit = found["value"], found["until"], found["unit"]
        one, many = UNITS[unit]
        said = quantity(value) + (f" to {quantity(until)}" if until else "")
        return f"{said} {one if value == '1' and not until else many}"

    span = rf"(?P<value>{NUMBER})(?:\s*{DASH}\s*(?P<until>{NUMBER}))?"
    return re.sub(rf"(?<![\w.,]){span}\s?(?P<unit>{units})(?!\w)", say, text)


def _abbreviations(text: str) -> str:
    for short, long in ABBREVIATIONS.items():
        behind = r"(?=\s*\d)" if short == "no." else ""
        text = re.sub(rf"(?<!\w){re.escape(short)}{behind}", long, text, flags=re.IGNORECASE)
    text = re.sub(r"(?<!\w)Dr\.?(?=\s+[A-Z])", "Doctor", text)
    text = re.sub(r"(?<!\w)St\.(?=\s+[A-Z])", "Saint", text)
    text = re.sub(r"(?<=[a-z]\s)(St|Rd|Ave)\b\.?(?=\s*(?:[,;.]|$))", lambda found: STREETS[found[1]], text)
    text = re.sub(r"#(?=\d)", "number ", text)
    text = re.sub(r"\b(\d+)\+(?!\d)", lambda found: f"{quantity(found[1])} and over", text)
    return re.sub(r"\s*&\s*", " and ", text)


def _numbers(text: str) -> str:
    text = re.sub(r"\b(\d{1,3})(?:st|nd|rd|th)\b", lambda found: ordinal(int(found[1])) or found[0], text)
    # Two numbers are a range, three are a date.
    text = re.sub(rf"(?<![\d\-–—])(\d+)\s*{DASH}\s*(?=\d+(?!\d|{DASH}\d))", r"\1 to ", text)
    text = re.sub(r"(?<![\w.,/])\d{1,3}(?:,\d{3})+(?![\w,])", lambda found: quantity(found[0]), text)
    return re.sub(rf"\s+{DASH}\s+|[–—]", ", ", text)


_REWRITES: tuple[Callable[[str], str], ...] = (
    with_plain_digits,
    without_markup,
    _addresses,
    _round_the_clock,
    _dates,
    _money,
    _telephones,
    _names,
    _times,
    _units,
    _abbreviations,
    _numbers,
)
