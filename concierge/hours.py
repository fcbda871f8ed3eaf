"""When a place is open: today, now, next, and as a sentence that can be spoken.

Rules are written in OpenStreetMap's opening_hours syntax. The opening_hours library reads the days ("Mo-Fr", "Jan-Mar
Sa", "2026 Dec 02"); times, public holidays and special days are worked out here, because the library

- ends a night at midnight when the next day has a rule of its own ("Sa 18:00-02:00; Su 10:00-18:00"),
- does not know the holidays of the UAE, and silently skips PH without a country,
- does not know Ramadan.

So each calendar day is worked out alone: the special day that covers it, else the last rule that matches it. A night
belongs to the day on which it began. Nothing here touches the database, apart from `hours.venue` and
`hours.special_days.all()`, which callers may prefetch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

import holidays
import opening_hours

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from concierge.models import OpeningHours, SpecialDay

LOOK_AHEAD = timedelta(days=400)
# Open for longer than this counts as open day and night.
ENDLESS = timedelta(days=14)
DAY = 24 * 60  # minutes

Span = tuple[int, int]  # minutes since the day's midnight; the end may lie in the night after


class BadRules(ValueError):
    """Rules that cannot be read. The message is one plain sentence that says what to write instead."""


@dataclass(frozen=True)
class OpenState:
    is_open: bool
    until: datetime | None  # None while closed, and when open day and night
    opens_at: datetime | None  # None while open, and when no opening is planned
    today: str
    occasion: str
    is_special: bool = False  # whether the occasion has hours of its own, so that it is worth saying


@dataclass(frozen=True)
class DayHours:
    day: date
    text: str
    occasion: str
    spans: tuple[Span, ...] = ()
    is_special: bool = False

    @property
    def is_closed(self) -> bool:
        return not self.spans


def check_rules(rules: str, *, timezone: str = "") -> None:
    """Raise BadRules if these cannot be read, or ask for public holidays that nobody knows in `timezone`."""
    clauses = _read(rules)
    if timezone and any(clause.on_holidays for clause in clauses) and not _country(timezone):
        raise BadRules(f"The public holidays of {timezone} are not known here: add them as special days instead of PH.")


def state_of(hours: OpeningHours, at: datetime, language: str) -> OpenState:
    """Whether the place is open at the moment `at`, and when that changes. Times are in the venue's zone."""
    calendar = _Calendar(hours, language)
    now = at.astimezone(calendar.zone)
    today = calendar.day(now.date())
    is_open, until, opens_at = False, None, None
    for start, end in calendar.intervals(now.date() - timedelta(days=1)):
        if start <= now < end:
            is_open = True
            until = end if end - now < ENDLESS else None
            break
        if start > now:
            opens_at = start
            break
    return OpenState(is_open, until, opens_at, today.text, today.occasion, today.is_special)


def week_of(hours: OpeningHours, start: date, language: str) -> list[DayHours]:
    """Seven days from `start` on."""
    calendar = _Calendar(hours, language)
    return [calendar.day(start + timedelta(days=ahead)) for ahead in range(7)]


class _Calendar:
    """The days of one place, with its rows and holidays read once."""

    def __init__(self, hours: OpeningHours, language: str) -> None:
        self.zone: ZoneInfo = hours.venue.zone
        self.country = _country(hours.venue.timezone)
        self.language = language
        self.clauses = _read(hours.rules)
        self.special_days: list[SpecialDay] = list(hours.special_days.all())

    def day(self, day: date) -> DayHours:
        holiday = _holiday_names(self.country, day.year, self.language).get(day, "") if self.country else ""
        special = self._special(day)
        clauses = _read(special.rules) if special else self.clauses
        spans, rule = _spans(clauses, day, is_holiday=bool(holiday))
        return DayHours(
            day=day,
            text=_text(spans, self.language),
            occasion=special.name(self.language) if special else holiday,
            spans=spans,
            is_special=bool(special) or bool(holiday and rule and not rule.covers(day, is_holiday=False)),
        )

    def intervals(self, start: date) -> Iterator[tuple[datetime, datetime]]:
        """Stretches of being open, in order; what touches or overlaps is one stretch."""
        current: tuple[datetime, datetime] | None = None
        for ahead in range(LOOK_AHEAD.days):
            day = start + timedelta(days=ahead)
            for opens, closes in self.day(day).spans:
                begin, end = self._moment(day, opens), self._moment(day, closes)
                if current and begin <= current[1]:
                    current = current[0], max(current[1], end)
                else:
                    if current:
                        yield current
                    current = begin, end
            if current and current[1] - current[0] > ENDLESS + timedelta(days=2):
                break
        if current:
            yield current

    def _special(self, day: date) -> SpecialDay | None:
        covering = [special for special in self.special_days if special.starts_on <= day <= special.ends_on]
        # The shortest stretch is the most specific: a closed Friday within Ramadan beats Ramadan.
        return min(
            covering,
            key=lambda special: (special.ends_on - special.starts_on, -special.starts_on.toordinal()),
            default=None,
        )

    def _moment(self, day: date, minutes: int) -> datetime:
        days, minutes = divmod(minutes, DAY)
        return datetime.combine(day + timedelta(days=days), time(minutes // 60, minutes % 60), self.zone)


# Reading rules

WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_CLOCK = r"\d{1,2}:\d{2}"
_SPAN = rf"{_CLOCK}-{_CLOCK}"
_CLAUSE = re.compile(rf"(?P<days>.*?)\s*\b(?P<times>{_SPAN}(?:\s*,\s*{_SPAN})*|off|closed)")
_WEEKDAY = rf"(?:{'|'.join(WEEKDAYS)})"
_PART = rf"(?:PH|{_WEEKDAY}(?:-{_WEEKDAY})?)"
_WITH_HOLIDAYS = re.compile(rf"{_PART}(?:\s*,\s*{_PART})*")
_EXAMPLE = "such as Mo-Fr 08:00-20:00; Sa,Su 10:00-18:00"

# What people write instead, and what to tell them. The first that is found answers.
_HINTS = [
    (r"ramadan|رمضان", "Ramadan moves every year: add its dates and times as special days instead."),
    (r"\beid\b|عيد", "Write PH for public holidays such as Eid, or add its dates and times as special days."),
    (r"\bSH\b", "School holidays are not known here: add their dates and times as special days."),
    (r"\beaster\b", "Easter is not known here: add its dates and times as special days."),
    (r"sunrise|sunset|dawn|dusk", f"Write times of the clock instead of the sun's, {_EXAMPLE}."),
    (r"\d\s*[ap]\.?m\b", f"Write times with 24 hours, 7 pm as 19:00, {_EXAMPLE}."),
    (
        r"\b(mon|tues?|wed(nes)?|thu(rs)?|fri|sat(ur)?|sun)(day)?s?\b",
        f"Write days with two letters, Monday as Mo, {_EXAMPLE}.",
    ),
    (r"\b(weekdays?|weekends?|daily|every ?day)\b", f"Write days with two letters, every day as Mo-Su, {_EXAMPLE}."),
    (r"[\"“”]", "Leave out the words in quotes: only days and times can be read, a notice can hold the rest."),
    (r"\|\||\bunknown\b|\bopen\b", f"Write only days and times, {_EXAMPLE}."),
    (r":\d\d\+", "Write when it closes too, such as 18:00-23:00 instead of 18:00+."),
    (r"\d:\d\d\s*(to|until|till|bis)\b", f"Write a hyphen between two times, {_EXAMPLE}."),
    (r"\b\d{1,2}\s*-\s*\d{1,2}\s*$", f"Write times with minutes, 7-23 as 07:00-23:00, {_EXAMPLE}."),
    (r"\d\.\d\d", f"Write times with a colon, 8.30 as 08:30, {_EXAMPLE}."),
]


@dataclass(frozen=True)
class _Clause:
    days: opening_hours.OpeningHours | None  # None with on_holidays means holidays only
    on_holidays: bool
    spans: tuple[Span, ...]
    is_additional: bool  # after a comma: adds its times to those of the day instead of replacing them

    def covers(self, day: date, *, is_holiday: bool) -> bool:
        if self.on_holidays and is_holiday:
            return True
        return self.days is not None and self.days.is_open(datetime.combine(day, time(12)))


def _spans(clauses: tuple[_Clause, ...], day: date, *, is_holiday: bool) -> tuple[tuple[Span, ...], _Clause | None]:
    """The times of one day, joined where they touch, and the rule that set them: the last that matches."""
    spans: list[Span] = []
    rule = None
    for clause in clauses:
        if clause.covers(day, is_holiday=is_holiday):
            spans = [*spans, *clause.spans] if clause.is_additional else list(clause.spans)
            rule = clause
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return tuple(joined), rule


@lru_cache(maxsize=1000)
def _read(rules: str) -> tuple[_Clause, ...]:
    text = _tidy(rules)
    if not text:
        raise BadRules(f"Write days and times, {_EXAMPLE}, or 'closed'.")
    clauses: list[_Clause] = []
    for part in text.split(";"):
        # A comma between a time and a day begins one more rule; between times or days it is a list.
        for number, clause in enumerate(re.split(r"(?<=:\d\d)\s*,\s*(?=[A-Za-z])", part)):
            clauses.append(_read_clause(clause.strip(), is_additional=number > 0))
    return tuple(clauses)


def _tidy(rules: str) -> str:
    """The same rules with one kind of dash, digit, space and capital letter."""
    text = "".join(str(int(letter)) if letter.isdecimal() else letter for letter in rules)
    text = re.sub(r"\s*[-–—−]\s*", "-", " ".join(text.split()))
    text = re.sub(rf"\b({'|'.join(WEEKDAYS)})\b", lambda match: match[0].capitalize(), text, flags=re.IGNORECASE)
    text = re.sub(r"\bph\b", "PH", text)
    return text.strip(" ;")


def _read_clause(clause: str, *, is_additional: bool) -> _Clause:
    match = _CLAUSE.fullmatch("00:00-24:00" if clause == "24/7" else clause)
    if not match:
        raise BadRules(_hint(clause))
    days, times = match["days"].rstrip(" :"), match["times"]
    spans = () if times in {"off", "closed"} else tuple(_read_span(span.strip()) for span in times.split(","))
    on_holidays = bool(re.search(r"\bPH\b", days))
    if on_holidays:
        if not _WITH_HOLIDAYS.fullmatch(days):
            raise BadRules("Write PH alone or beside days of the week, such as PH off or Su,PH 10:00-18:00.")
        days = ",".join(part for part in re.split(r"\s*,\s*", days) if part != "PH")
    return _Clause(
        days=None if on_holidays and not days else _read_days(days, clause),
        on_holidays=on_holidays,
        spans=spans,
        is_additional=is_additional,
    )


def _read_days(days: str, clause: str) -> opening_hours.OpeningHours:
    for pattern, hint in _HINTS:
        if re.search(pattern, days, re.IGNORECASE):
            raise BadRules(hint)
    try:
        return opening_hours.OpeningHours(f"{days} 00:00-24:00".strip())
    except opening_hours.ParserError:  # type: ignore[attr-defined]  # missing in its stubs
        raise BadRules(
            f"'{days}' cannot be read as days: write Mo-Fr, or Sa,Su, or a date such as 2026 Dec 02."
        ) from None


def _read_span(span: str) -> Span:
    hours_and_minutes = [int(number) for number in re.split("[:-]", span)]
    opens, closes = (hours_and_minutes[0] * 60 + hours_and_minutes[1], hours_and_minutes[2] * 60 + hours_and_minutes[3])
    if hours_and_minutes[1] > 59 or hours_and_minutes[3] > 59 or opens >= DAY or closes > 2 * DAY:
        raise BadRules(f"{span} is not a time of the clock: write hours from 00 to 24 and minutes from 00 to 59.")
    if opens == closes:
        raise BadRules(f"{span} begins and ends at once: write 00:00-24:00 for the whole day, or 'closed'.")
    return opens, closes if closes > opens else closes + DAY


def _hint(clause: str) -> str:
    for pattern, hint in _HINTS:
        if re.search(pattern, clause, re.IGNORECASE):
            return hint
    if not re.search(r"\d:\d\d", clause):
        return f"Write times after '{clause}', {_EXAMPLE}."
    return f"'{clause}' cannot be read: write days, then times, {_EXAMPLE}."


# Public holidays


@lru_cache
def _countries() -> dict[str, str]:
    """The country of each time zone."""
    table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    return {row[2]: row[0] for row in rows}


def _country(timezone: str) -> str:
    """The country of a time zone, if its holidays are known. The library's list of those it knows would load each one,
    which takes a second."""
    country = _countries().get(timezone, "")
    return country if country and hasattr(holidays, country) else ""


@lru_cache(maxsize=100)  # 20 ms each
def _holiday_names(country: str, year: int, language: str) -> dict[date, str]:
    """Public holidays by day. Dates that hang on the moon carry "(estimated)" in the language asked for."""
    languages = getattr(holidays, country).supported_languages
    wanted = [name for name in languages if name.split("_")[0] == language] or [
        name for name in languages if name.startswith("en")
    ]
    return dict(holidays.country_holidays(country, years=year, language=wanted[0] if wanted else None))


def next_holiday(timezone: str, name: str, after: date) -> tuple[date, bool] | None:
    """The first day of the next holiday whose English name begins so, from `after` on, and whether it is estimated."""
    country = _country(timezone)
    for year in (after.year, after.year + 1):
        for day, names in sorted(_holiday_names(country, year, "en").items()) if country else ():
            if day >= after and any(one.startswith(name) for one in names.split("; ")):
                return day, "estimated" in names
    return None


# Words

_CLOSED = {"en": "closed", "ar": "مغلق"}
_ALL_DAY = {"en": "24 hours", "ar": "24 ساعة"}


def _text(spans: tuple[Span, ...], language: str) -> str:
    if not spans:
        return _CLOSED.get(language, _CLOSED["en"])
    if spans[0][0] == 0 and spans[0][1] >= DAY:
        return _ALL_DAY.get(language, _ALL_DAY["en"])
    return ", ".join(f"{_clock(opens)}-{_clock(closes)}" for opens, closes in spans)


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def spoken_sentence(name: str, state: OpenState, language: str, at: datetime) -> str:
    """One sentence, for the ear, about the place `name` at the moment `at`. Languages other than ar get English."""
    words = _Arabic if language == "ar" else _English
    change = state.until or state.opens_at
    now = at.astimezone(change.tzinfo) if change else at
    return words.now(name, state, now)


def spoken_day(name: str, day: DayHours, language: str, today: date) -> str:
    """One sentence, for the ear, about the hours of the place `name` on one day."""
    words = _Arabic if language == "ar" else _English
    return words.day(name, day, today)


def _words(row: str) -> list[str]:
    """The words of a row; an underscore stands for a space within one."""
    return [word.replace("_", " ") for word in row.split()]


class _English:
    HOURS = _words("twelve one two three four five six seven eight nine ten eleven")
    DAYS = _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
    MONTHS = _words("January February March April May June July August September October November December")
    TENS = {5: "oh five", 10: "ten", 15: "fifteen", 20: "twenty", 25: "twenty-five", 30: "thirty", 35: "thirty-five"}
    TENS |= {40: "forty", 45: "forty-five", 50: "fifty", 55: "fifty-five"}

    @classmethod
    def now(cls, name: str, state: OpenState, at: datetime) -> str:
        subject = cls.subject(name)
        special = cls.special(state.occasion) if state.is_special else ""
        if state.is_open and not state.until:
            return f"{subject} open day and night{special}."
        if state.is_open and state.until:
            return f"{subject} open now, until {cls.until(state.until, at)}{special}."
        if state.opens_at:
            day = cls.when(state.opens_at.date(), at.date())
            return f"{subject} closed now, and will open {day} at {cls.clock(state.opens_at.time())}{special}."
        return f"{subject} closed until further notice{special}."

    @classmethod
    def day(cls, name: str, day: DayHours, today: date) -> str:
        subject, when = cls.subject(name), cls.when(day.day, today)
        special = cls.special(day.occasion) if day.is_special else ""
        if day.is_closed:
            return f"{subject} closed {when}{special}."
        if day.spans[0][0] == 0 and day.spans[0][1] >= DAY:
            return f"{subject} open all day {when}{special}."
        spans = [f"from {cls.clock(_time(opens))} until {cls.clock(_time(closes))}" for opens, closes in day.spans]
        return f"{subject} open {when} {' and '.join(spans)}{special}."

    @staticmethod
    def subject(name: str) -> str:
        """With article and verb. "Front desk" is a thing and takes "the"; "Palm Court" and "Spa" are names."""
        words = name.split()
        if len(words) > 1 and all(word[0].islower() or not word[0].isalpha() for word in words[1:]):
            name = f"The {name[0].lower()}{name[1:]}"
        is_plural = re.search(r"(?<![su'’])s$", name)
        return f"{name} {'are' if is_plural else 'is'}"

    @classmethod
    def clock(cls, moment: time) -> str:
        if moment == time(0):
            return "midnight"
        if moment == time(12):
            return "noon"
        hour = cls.HOURS[moment.hour % 12]
        minutes = cls.TENS.get(moment.minute, f"{moment.minute:02}")
        part = "at night"
        for begins, name in (4, "in the morning"), (12, "in the afternoon"), (17, "in the evening"):
            part = name if moment.hour >= begins else part
        return f"{hour} {minutes} {part}" if moment.minute else f"{hour} {part}"

    @classmethod
    def when(cls, day: date, today: date) -> str:
        ahead = (day - today).days
        if ahead in (0, 1):
            return "tomorrow" if ahead else "today"
        name = cls.DAYS[day.weekday()]
        return f"on {name}" if 0 < ahead < 7 else f"on {name} {day.day} {cls.MONTHS[day.month - 1]}"

    @classmethod
    def until(cls, end: datetime, at: datetime) -> str:
        if _is_this_night(end, at):
            return cls.clock(end.time())
        if end.time() == time(0):
            return f"the end of {cls.when(end.date() - timedelta(days=1), at.date()).removeprefix('on ')}"
        return f"{cls.when(end.date(), at.date()).removeprefix('on ')} at {cls.clock(end.time())}"

    @staticmethod
    def special(occasion: str) -> str:
        if not occasion:
            return ", with special hours"
        name = occasion.removesuffix("(estimated)").strip()
        moon = ", whose date is still estimated" if name != occasion else ""
        return f", with special hours for {name}{moon}"


class _Arabic:
    HOURS = _words(
        "الثانية_عشرة الواحدة الثانية الثالثة الرابعة الخامسة السادسة السابعة الثامنة التاسعة العاشرة الحادية_عشرة"
    )
    DAYS = _words("الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد")
    MONTHS = _words("يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر")
    MINUTES = {5: "وخمس دقائق", 10: "وعشر دقائق", 15: "والربع", 20: "والثلث", 25: "وخمس وعشرين دقيقة", 30: "والنصف"}
    MINUTES |= {35: "وخمس وثلاثين دقيقة", 40: "وأربعين دقيقة", 45: "وخمس وأربعين دقيقة"}
    MINUTES |= {50: "وخمسين دقيقة", 55: "وخمس وخمسين دقيقة"}

    @classmethod
    def now(cls, name: str, state: OpenState, at: datetime) -> str:
        is_feminine = cls.is_feminine(name)
        opened, closed, opens = ("مفتوحة", "مغلقة", "ستفتح") if is_feminine else ("مفتوح", "مغلق", "سيفتح")
        special = cls.special(state.occasion) if state.is_special else ""
        if state.is_open and not state.until:
            return f"{name} {opened} على مدار الساعة{special}."
        if state.is_open and state.until:
            return f"{name} {opened} الآن حتى {cls.until(state.until, at)}{special}."
        if state.opens_at:
            day = cls.when(state.opens_at.date(), at.date())
            return f"{name} {closed} الآن، و{opens} {day} {cls.at(state.opens_at.time())}{special}."
        return f"{name} {closed} حتى إشعار آخر{special}."

    @classmethod
    def day(cls, name: str, day: DayHours, today: date) -> str:
        opened, closed = ("مفتوحة", "مغلقة") if cls.is_feminine(name) else ("مفتوح", "مغلق")
        when = cls.when(day.day, today)
        special = cls.special(day.occasion) if day.is_special else ""
        if day.is_closed:
            return f"{name} {closed} {when}{special}."
        if day.spans[0][0] == 0 and day.spans[0][1] >= DAY:
            return f"{name} {opened} {when} على مدار الساعة{special}."
        spans = [f"من {cls.clock(_time(opens))} حتى {cls.clock(_time(closes))}" for opens, closes in day.spans]
        return f"{name} {opened} {when} {' و'.join(spans)}{special}."

    @staticmethod
    def is_feminine(name: str) -> bool:
        """By the ending of the head word: صالة, قاعات. A name that breaks the rule is best put in other words."""
        return name.split()[0].endswith(("ة", "ات")) if name.split() else False

    @classmethod
    def clock(cls, moment: time) -> str:
        if moment == time(0):
            return "منتصف الليل"
        hour = cls.HOURS[moment.hour % 12]
        minutes = cls.MINUTES.get(moment.minute, f"و{moment.minute} دقيقة") if moment.minute else ""
        part = "بعد منتصف الليل"
        for begins, name in (4, "صباحًا"), (12, "ظهرًا"), (13, "بعد الظهر"), (17, "مساءً"):
            part = name if moment.hour >= begins else part
        return " ".join(filter(None, [hour, minutes, part]))

    @classmethod
    def at(cls, moment: time) -> str:
        return "عند منتصف الليل" if moment == time(0) else f"الساعة {cls.clock(moment)}"

    @classmethod
    def when(cls, day: date, today: date) -> str:
        ahead = (day - today).days
        if ahead in (0, 1):
            return "غدًا" if ahead else "اليوم"
        name = f"يوم {cls.DAYS[day.weekday()]}"
        return name if 0 < ahead < 7 else f"{name} {day.day} {cls.MONTHS[day.month - 1]}"

    @classmethod
    def until(cls, end: datetime, at: datetime) -> str:
        if _is_this_night(end, at):
            return cls.clock(end.time())
        if end.time() == time(0):
            return f"نهاية {cls.when(end.date() - timedelta(days=1), at.date())}"
        return f"{cls.when(end.date(), at.date())} {cls.at(end.time())}"

    @staticmethod
    def special(occasion: str) -> str:
        if not occasion:
            return "، وهذه مواعيد خاصة"
        name = occasion.removesuffix("(تقديري)").strip()
        moon = "، وموعده تقديري" if name != occasion else ""
        return f"، وهذه مواعيد خاصة: {name}{moon}"


def _time(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)


def _is_this_night(end: datetime, at: datetime) -> bool:
    """Later today, or in the night that follows: the clock alone tells it."""
    ahead = (end.date() - at.date()).days
    return ahead == 0 or (ahead == 1 and end.time() < time(6))
