"""Written Arabic as it is said: numbers agree with what they count, hours are ordinals, codes are spelled.

The Arabic of num2words was tried first: it says 200 and 2000 as if a noun followed ("مئتا", "ألفا"), and knows neither
gender nor case. Case is told by the preposition before a number; without one it is the nominative, as in the news.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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

DIGITS = ["صفر", "واحد", "اثنان", "ثلاثة", "أربعة", "خمسة", "ستة", "سبعة", "ثمانية", "تسعة"]
ONES = [*DIGITS, "عشرة"]
ONES_OF_FEMININES = ["صفر", "واحدة", "اثنتان", "ثلاث", "أربع", "خمس", "ست", "سبع", "ثماني", "تسع", "عشر"]
TENS = ["", "", "عشرون", "ثلاثون", "أربعون", "خمسون", "ستون", "سبعون", "ثمانون", "تسعون"]
HUNDREDS = [
    *("", "مئة", "مئتان", "ثلاثمئة", "أربعمئة", "خمسمئة", "ستمئة", "سبعمئة", "ثمانمئة", "تسعمئة"),
]
OBLIQUE = {
    **{ten: f"{ten[:-2]}ين" for ten in TENS if ten},
    "اثنان": "اثنين", "اثنتان": "اثنتين", "اثنا": "اثني", "اثنتا": "اثنتي",
    "مئتان": "مئتين", "مئتا": "مئتي", "ألفان": "ألفين", "ألفا": "ألفي", "مليونان": "مليونين", "مليونا": "مليوني",
}  # fmt: skip
HOURS = [
    *("الثانية عشرة", "الواحدة", "الثانية", "الثالثة", "الرابعة", "الخامسة", "السادسة", "السابعة", "الثامنة"),
    *("التاسعة", "العاشرة", "الحادية عشرة"),
]
ORDINALS = ["", "الأول", "الثاني", "الثالث", "الرابع", "الخامس", "السادس", "السابع", "الثامن", "التاسع", "العاشر"]
MONTHS = [
    *("", "يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر"),
    "ديسمبر",
]
BEFORE_OBLIQUE = (
    "من|إلى|الى|حتى|في|على|عن|بين|خلال|قبل|بعد|منذ|حوالي|نحو|"
    "لمدة|بسعر|بمبلغ|مقابل|كل|أقل من|أكثر من|عام|سنة|سعر|بقيمة|خصم|رسوم|مبلغ"
)
PERIODS = {"ص": "صباحاً", "م": "مساءً"}
PERIOD = (
    "صباحًا|صباحاً|صباحا|مساءً|مساءا|مساء|ظهرًا|ظهراً|ظهرا|"
    r"ليلًا|ليلاً|ليلا|عصرًا|عصراً|عصرا|فجرًا|فجراً|فجرا|بعد الظهر|[صم](?=[\s،.؛]|$)"
)
WORD = r"[\u0621-\u064a\u064b-\u0652]"
NO_LETTER_BEFORE = r"(?<![\w.,/:])"


@dataclass(frozen=True)
class Noun:
    """What is counted: one, two (nominative, oblique), three to ten, eleven to ninety-nine."""

    one: str
    two: str
    few: str
    many: str
    is_feminine: bool = False
    feminine_one: str = ""

    @property
    def pair_oblique(self) -> str:
        # Of a noun with an adjective both words are a pair.
        return re.sub(r"ان(?= |$)", "ين", self.two)


def masculine(one: str, few: str, many: str = "") -> Noun:
    return Noun(one, f"{one}ان", few, many or f"{one}اً")


def feminine(one: str, few: str) -> Noun:
    return Noun(one, f"{one[:-1]}تان" if one.endswith("ة") else f"{one}تان", few, one, is_feminine=True)


DIRHAM, FILS = masculine("درهم", "دراهم"), masculine("فلس", "فلوس")
RIYAL, HALALA = masculine("ريال", "ريالات"), feminine("هللة", "هللات")
DOLLAR, CENT = masculine("دولار", "دولارات"), masculine("سنت", "سنتات")
EURO = Noun("يورو", "يورو", "يورو", "يورو")
POUND, PENNY = masculine("جنيه", "جنيهات"), masculine("بنس", "بنسات")
CURRENCIES: dict[str, tuple[Noun, Noun]] = {
    **dict.fromkeys(("AED", "Dhs", "DHS", "Dh", "د.إ.", "د.إ",
        "درهم", "دراهم", "درهماً", "درهمًا", "درهما"), (DIRHAM, FILS)),
    **dict.fromkeys(("SAR", "QAR", "ر.س", "ريال", "ريالات", "ريالاً", "ريالًا"), (RIYAL, HALALA)),
    **dict.fromkeys(("USD", "US$", "$", "دولار", "دولارات", "دولاراً", "دولارًا"), (DOLLAR, CENT)),
    **dict.fromkeys(("EUR", "€", "يورو"), (EURO, CENT)),
    **dict.fromkeys(("GBP", "£"), (POUND, PENNY)),
}  # fmt: skip
MINUTE, HOUR = feminine("دقيقة", "دقائق"), feminine("ساعة", "ساعات")
METRE, KILOMETRE = masculine("متر", "أمتار"), masculine("كيلومتر", "كيلومترات")
UNITS: dict[str, Noun] = {
    "كم/س": Noun("كيلومتر في الساعة", "كيلومتران في الساعة", "كيلومترات في الساعة", "كيلومتراً في الساعة"),
    "km/h": Noun("كيلومتر في الساعة", "كيلومتران في الساعة", "كيلومترات في الساعة", "كيلومتراً في الساعة"),
    "م²": Noun("متر مربع", "متران مربعان", "أمتار مربعة", "متراً مربعاً"),
    "m²": Noun("متر مربع", "متران مربعان", "أمتار مربعة", "متراً مربعاً"),
    "كم": KILOMETRE, "km": KILOMETRE, "سم": masculine("سنتيمتر", "سنتيمترات"), "cm": masculine("سنتيمتر", "سنتيمترات"),
    "كجم": masculine("كيلوغرام", "كيلوغرامات"), "كغ": masculine("كيلوغرام", "كيلوغرامات"),
    "kg": masculine("كيلوغرام", "كيلوغرامات"), "min": MINUTE, "°C": feminine("درجة مئوية", "درجات مئوية"),
    "°م": feminine("درجة مئوية", "درجات مئوية"), "°": feminine("درجة", "درجات"),
}  # fmt: skip
UNITS["°C"] = UNITS["°م"] = Noun("درجة مئوية", "درجتان مئويتان", "درجات مئوية", "درجة مئوية", is_feminine=True)
# Plurals whose ending does not tell that their singular is feminine.
FEMININE_PLURALS = {
    "دقائق",
    "غرف",
    "سنوات",
    "ليالٍ",
    "ليالي",
    "ليال",
    "قطع",
    "وجبات",
    "لغات",
    "قاعات",
    "مرات",
    "شقق",
    "فلل",
}
FEMININE_PLURALS |= {"صالات", "تذاكر", "بطاقات", "دورات", "حدائق", "برك", "نجوم", "نجمات", "ساعات", "درجات", "محطات"}
MASCULINE_PLURALS = {"كيلومترات", "حمامات", "مطارات", "ريالات", "دولارات", "اجتماعات", "مستويات", "ممرات", "إعلانات"}


def say_in_arabic(text: str) -> str:
    """`text` in words that every Arabic voice reads alike."""
    text = without_markup(with_plain_digits(text))
    text = re.sub(f"{EMAIL}|{PAGE}", lambda found: spelled(found[0]), text)
    text = re.sub(r"(?<!\w)24/7(?!\w)", "على مدار الساعة طوال أيام الأسبوع", text)
    for rewrite in (_dates, _telephones, _times, _money, _percent, _units, _floors, _ages, _ranges, _counted, _numbers):
        text = rewrite(text)
    text = re.sub(rf"\s+{DASH}\s+|[–—]", "، ", text)
    return re.sub(r"\s+", " ", text).strip()


# Numbers


def number(value: int, *, feminine: bool = False, oblique: bool = False, construct: bool = False) -> str:
    """12, feminine -> "اثنتا عشرة". `construct`: a counted noun follows, so that 200 is "مئتا"."""
    parts: list[str] = []
    for size, one, two, few in ((1_000_000, "مليون", "مليونان", "ملايين"), (1000, "ألف", "ألفان", "آلاف")):
        many, value = divmod(value, size)
        if many:
            parts.append(_scale(many, one, two, few, construct=construct and value == 0))
    if value or not parts:
        parts.append(_below_1000(value, feminine=feminine, construct=construct))
    said = " و".join(parts)
    if oblique:
        said = re.sub(r"[\u0621-\u064a]+", lambda word: _in_oblique(word[0]), said)
    return said


def _in_oblique(word: str) -> str:
    if word in OBLIQUE:
        return OBLIQUE[word]
    return f"و{OBLIQUE[word[1:]]}" if word.startswith("و") and word[1:] in OBLIQUE else word


def _scale(many: int, one: str, two: str, few: str, *, construct: bool) -> str:
    if many == 1:
        return one
    if many == 2:
        return two[:-1] if construct else two
    rest = many % 100
    if 3 <= rest <= 10:
        return f"{number(many)} {few}"
    if rest >= 11:
        return f"{number(many)} {one}" + ("" if construct else "اً")
    return f"{number(many, construct=True)} {one}"


def _below_1000(value: int, *, feminine: bool, construct: bool) -> str:
    hundreds, rest = divmod(value, 100)
    parts: list[str] = []
    if hundreds:
        word = HUNDREDS[hundreds]
        parts.append("مئتا" if hundreds == 2 and construct and not rest else word)
    if rest or not hundreds:
        parts.append(_below_100(rest, feminine=feminine))
    return " و".join(parts)


def _below_100(value: int, *, feminine: bool) -> str:
    ones = ONES_OF_FEMININES if feminine else ONES
    if value <= 10:
        return ones[value]
    if value < 20:
        ten = "عشرة" if feminine else "عشر"
        one = value - 10
        word = {1: "إحدى" if feminine else "أحد", 2: "اثنتا" if feminine else "اثنا"}.get(one, ones[one])
        return f"{word} {ten}"
    tens, one = divmod(value, 10)
    if not one:
        return TENS[tens]
    word = {1: "إحدى", 8: "ثمانٍ"}.get(one, ones[one]) if feminine else ones[one]
    return f"{word} و{TENS[tens]}"


def counted(value: int, noun: Noun, *, oblique: bool = False) -> str:
    """3, درهم -> "ثلاثة دراهم"."""
    if value == 1:
        return f"{noun.one} {'واحدة' if noun.is_feminine else 'واحد'}"
    if value == 2:
        return noun.pair_oblique if oblique else noun.two
    rest = value % 100
    form = noun.few if 3 <= rest <= 10 or value == 0 else noun.many if rest >= 11 else noun.one
    return f"{number(value, feminine=noun.is_feminine, oblique=oblique, construct=rest == 0)} {form}"


def quantity(written: str, *, oblique: bool = False) -> str:
    """ "1,250.5" -> "ألف ومئتان وخمسون فاصلة خمسة"."""
    whole, _, part = written.replace(",", "").partition(".")
    said = number(int(whole), oblique=oblique) if len(whole) <= 9 else digits(whole)
    return f"{said} فاصلة {digits(part) if part.startswith('0') else number(int(part[:6]))}" if part else said


def digits(written: str) -> str:
    return " ".join(DIGITS[int(digit)] for digit in written if digit.isdigit())


def is_oblique(text: str, at: int, prefix: str = "") -> bool:
    """Does a preposition stand before this place, or one of one letter at the number itself?"""
    if prefix.rstrip("ـ").endswith(("ب", "ل", "ك")):
        return True
    return bool(re.search(rf"(?:^|[\s(])(?:و|ف)?(?:{BEFORE_OBLIQUE})\s+$", text[:at]))


def span(start: str, until: str, before: str, *, joined: str = "إلى") -> str:
    """From one to the other: "من", unless it stands there already; "بين … و…"."""
    if re.search(r"(?:^|\s)بين\s+$", before):
        return f"{start} و{until}"
    return f"{start} {joined} {until}" if re.search(r"(?:^|\s)من\s+$", before) else f"من {start} {joined} {until}"


# Each rewrite knows one kind of thing. Longer shapes come first, so that no part of them is taken for another.


def _dates(text: str) -> str:
    def say(found: re.Match[str]) -> str:
        when = date_in(found)
        if not when:
            return found[0]
        day, month, year = when
        said = ordinal(day)
        if is_oblique(text_before(found), found.start()):
            said = re.sub(r"ون(?= |$)", "ين", said)
        return f"{said} من {MONTHS[month]} {number(year, oblique=True)}"

    return re.sub(DATE, say, text)


def ordinal(value: int) -> str:
    """22 -> "الثاني والعشرون"."""
    if value <= 10:
        return ORDINALS[value]
    if value < 20:
        return f"{'الحادي' if value == 11 else ORDINALS[value - 10]} عشر"
    tens, one = divmod(value, 10)
    if not one:
        return f"ال{TENS[tens]}"
    return f"{'الحادي' if one == 1 else ORDINALS[one]} وال{TENS[tens]}"


def _telephones(text: str) -> str:
    def spell(found: re.Match[str]) -> str:
        groups = "، ".join(digits(group) for group in groups_of(found[0]))
        return f"زائد {groups}" if found[0].startswith("+") else groups

    text = re.sub(TELEPHONE, spell, text)
    # A number that stands behind such a word is a code, not a quantity.
    code = r"((?:تحويلة|التحويلة|الداخلي|الرمز|رمز|كلمة المرور|هاتف|الهاتف|الرقم|رقم)\s*:?\s*)(\d{2,6})(?![\d:/.]|,\d)"
    return re.sub(code, lambda found: found[1] + digits(found[2]), text)


def clock(hour: int, minute: int, period: str) -> str:
    if minute == 45:
        return f"{HOURS[(hour + 1) % 12]} إلا ربعاً{period}"
    said = HOURS[hour % 12]
    match minute:
        case 0:
            return f"{said}{period}"
        case 15:
            return f"{said} والربع{period}"
        case 30:
            return f"{said} والنصف{period}"
    return f"{said} و{counted(minute, MINUTE)}{period}"


def _times(text: str) -> str:
    moment = rf"\d{{1,2}}:[0-5]\d(?!\d)(?:\s*(?:{PERIOD}))?|\d{{1,2}}\s*(?:{PERIOD})"
    has_24_hours = bool(re.search(r"(?<!\d)(?:0\d|1[3-9]|2[0-4]):[0-5]\d", text))

    def period_of(hour: int, written: str) -> str:
        if written:
            return f" {PERIODS.get(written, written)}"
        if hour in (0, 24):
            return " منتصف الليل"
        if hour == 12:
            return " ظهراً" if has_24_hours else ""
        if hour > 12:
            return " بعد الظهر" if hour < 17 else " مساءً"
        return " صباحاً" if has_24_hours else ""

    def one(written: str) -> str:
        found = re.fullmatch(rf"(\d{{1,2}})(?::(\d\d))?\s*({PERIOD})?", written.strip())
        is_metres = found and found[3] in PERIODS and not found[2] and int(found[1]) > 12
        if not found or is_metres or int(found[1]) > 24:
            return written
        hour = int(found[1])
        return clock(hour, int(found[2] or 0), period_of(hour, (found[3] or "").strip()))

    def between(found: re.Match[str]) -> str:
        start, until = one(found["start"]), one(found["until"])
        return span(start, until, text_before(found))

    def say(found: re.Match[str]) -> str:
        said = one(found["time"])
        if said == found["time"]:
            return found[0]
        before = text_before(found)
        is_led = (
            bool(re.search(r"(?:الساعة|من|إلى|الى|حتى|بين|قبل|بعد|عند|منذ|الساعه|و)\s*$", before)) or found["prefix"]
        )
        return f"{found['prefix']}{said}" if is_led else f"الساعة {said}"

    text = re.sub(
        rf"{NO_LETTER_BEFORE}(?P<start>{moment}|\d{{1,2}})\s*{DASH}\s*(?P<until>{moment})(?!\w)", between, text
    )
    text = re.sub(rf"(?<![\d.,/:])(?P<prefix>(?<!\w)[ول]?)(?P<time>{moment})(?![\w:])", say, text)
    after_the_hour = r"((?:الساعة|الساعه)\s+)(\d{1,2})(?![\d:.,/]|\s*[-–—]?\s*\d)(?=\D|$)"
    return re.sub(
        after_the_hour,
        lambda found: f"{found[1]}{clock(int(found[2]), 0, '')}" if int(found[2]) <= 12 else found[0],
        text,
    )


def text_before(found: re.Match[str]) -> str:
    return found.string[: found.start()]


PREFIX = r"(?P<prefix>(?<![\w])[وفبلك]{1,2}ـ?\s?|(?<![\w]))"


def _money(text: str) -> str:
    codes = "|".join(sorted(map(re.escape, CURRENCIES), key=len, reverse=True))

    def amount(written: str, code: str, *, oblique: bool) -> str:
        noun, small = CURRENCIES[code]
        whole, _, part = written.replace(",", "").partition(".")
        value, change = int(whole), int((part + "00")[:2]) if part else 0
        said = counted(value, noun, oblique=oblique)
        if not change:
            return said
        return (
            f"{said} و{counted(change, small, oblique=oblique)}" if value else counted(change, small, oblique=oblique)
        )

    def say(found: re.Match[str]) -> str:
        prefix = found["prefix"].rstrip("ـ ")
        if found["until"]:
            start, until = quantity(found["value"], oblique=True), amount(found["until"], found["code"], oblique=True)
            return prefix + span(start, until, text_before(found)) if not prefix else f"{prefix}{start} إلى {until}"
        oblique = is_oblique(text_before(found), found.start(), prefix)
        return prefix + amount(found["value"], found["code"], oblique=oblique)

    value = rf"(?P<value>{NUMBER})(?:\s*{DASH}\s*(?P<until>{NUMBER}))?"
    text = re.sub(rf"{PREFIX}(?P<code>{codes})\.?\s?{value}(?![\d])", say, text)
    return re.sub(rf"{PREFIX}(?<![.,\d]){value}\s?(?P<code>{codes})(?!\w)", say, text)


def _percent(text: str) -> str:
    def say(found: re.Match[str]) -> str:
        prefix = found["prefix"].rstrip("ـ ")
        oblique = bool(found["until"]) or is_oblique(text_before(found), found.start(), prefix)
        said = quantity(found["value"], oblique=oblique)
        if found["until"]:
            said = span(said, quantity(found["until"], oblique=True), text_before(found))
        return f"{prefix}{said} بالمئة"

    value = rf"(?P<value>{NUMBER})(?:\s*{DASH}\s*(?P<until>{NUMBER}))?"
    return re.sub(rf"{PREFIX}(?<![.,\d]){value}\s?(?:%|بالمئة|بالمائة|في المئة|في المائة)", say, text)


def _units(text: str) -> str:
    units = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))

    def say(found: re.Match[str]) -> str:
        prefix, noun = found["prefix"].rstrip("ـ "), UNITS[found["unit"]]
        if found["until"] and "." not in found["until"]:
            start = number(int(found["value"].split(".")[0].replace(",", "")), feminine=noun.is_feminine, oblique=True)
            until = counted(int(found["until"].replace(",", "")), noun, oblique=True)
            return prefix + span(start, until, text_before(found))
        oblique = is_oblique(text_before(found), found.start(), prefix)
        if "." in found["value"]:
            return f"{prefix}{quantity(found['value'], oblique=oblique)} {noun.one}"
        return prefix + counted(int(found["value"].replace(",", "")), noun, oblique=oblique)

    value = rf"(?P<value>{NUMBER})(?:\s*{DASH}\s*(?P<until>{NUMBER}))?"
    return re.sub(rf"{PREFIX}(?<![.,\d]){value}\s?(?P<unit>{units})(?!\w)", say, text)


def _floors(text: str) -> str:
    """A floor and a day have ordinals: "الطابق 2" is the second one."""
    shape = r"((?:ال)?(?:طابق|دور|يوم)\s+)(?:رقم\s+)?(\d{1,2})(?![\d:/.,-]|\s*[-–—]\s*\d)"

    def say(found: re.Match[str]) -> str:
        value = int(found[2])
        return f"{found[1]}{ordinal(value)}" if value and found[1].startswith("ال") else found[0]

    return re.sub(shape, say, text)


def _ages(text: str) -> str:
    return re.sub(r"(?<![\w.,])(\d{1,2})\+(?!\d)", lambda found: f"{number(int(found[1]))} فما فوق", text)


def _ranges(text: str) -> str:
    """3-5 أيام. Two numbers are a range, three are something else."""

    def say(found: re.Match[str]) -> str:
        is_feminine = counts_feminine(found["noun"] or "", int(found["until"]))
        start = number(int(found["start"]), feminine=is_feminine, oblique=True)
        until = number(int(found["until"]), feminine=is_feminine, oblique=True)
        return span(start, until, text_before(found)) + (f" {found['noun']}" if found["noun"] else "")

    numbers = rf"(?P<start>\d{{1,9}})\s*{DASH}\s*(?P<until>\d{{1,9}})(?!\d|{DASH}\d|[:/])"
    shape = rf"(?<![\w\-–—.,/]){numbers}(?:\s(?P<noun>{WORD}+))?"
    return re.sub(shape, say, text)


def counts_feminine(noun: str, value: int) -> bool:
    """Is one of what is counted feminine? By the ending, where the noun is not known."""
    noun = noun.rstrip("ًٌٍَُِ")
    if noun in FEMININE_PLURALS:
        return True
    return (
        noun not in MASCULINE_PLURALS
        and noun.endswith(("ة", "ات"))
        and not (noun.endswith("ة") and value % 100 in range(3, 11))
    )


def _counted(text: str) -> str:
    """A number that stands before a word agrees with it: "3 غرف" is "ثلاث غرف"."""

    def say(found: re.Match[str]) -> str:
        prefix, noun = found["prefix"].rstrip("ـ "), found["noun"]
        value = int(found["value"].replace(",", ""))
        oblique = is_oblique(text_before(found), found.start(), prefix)
        is_feminine = counts_feminine(noun, value)
        if value == 1:
            return f"{prefix}{noun} {'واحدة' if is_feminine else 'واحد'}"
        said = number(value, feminine=is_feminine, oblique=oblique, construct=value % 100 == 0)
        return f"{prefix}{said} {noun}"

    whole = r"\d{1,3}(?:,\d{3})+|\d{1,9}"
    # Not before a word that begins a phrase of its own.
    noun = (
        r"(?!(?:من|إلى|الى|حتى|في|على|عن|أو|او|ثم|و|مع|بين|عند"
        r"|هو|هي|فقط|لكل|لل\w+|ال\w+|و\w+|ب\w+|ل\w+)(?:\s|[،.؛؟!]|$))"
        rf"{WORD}{{2,}}"
    )
    return re.sub(rf"{PREFIX}(?<![.,/:\d+-])(?P<value>{whole})\s(?P<noun>{noun})", say, text)


def _numbers(text: str) -> str:
    def say(found: re.Match[str]) -> str:
        prefix = found["prefix"].rstrip("ـ ")
        if found["value"].startswith("0") and len(found["value"]) > 1 and "." not in found["value"]:
            return prefix + digits(found["value"])
        oblique = is_oblique(text_before(found), found.start(), prefix)
        return prefix + quantity(found["value"], oblique=oblique)

    return re.sub(rf"{PREFIX}(?<![.,/:\d])(?P<value>{NUMBER})(?![\w/:]|[.,]\d|-\d)", say, text)
