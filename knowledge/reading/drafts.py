"""What a reader makes of a file, and what it says of a file that it cannot read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from knowledge.models import LONGEST_BODY, Article, Version, tidy_variants
from knowledge.reading.saying import Sentence

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,6})?")
LONGEST_TITLE = Version._meta.get_field("title").max_length or 200
LONGEST_SLUG = Article._meta.get_field("slug").max_length or 100


class BadInput(Exception):
    """Says in one line where the input is wrong and why."""

    def __init__(self, place: object, words: str, /, **facts: object) -> None:
        super().__init__(place, words, facts)
        self.sentence = Sentence(words, facts, str(place))

    def __str__(self) -> str:
        return str(self.sentence)


@dataclass(frozen=True)
class Draft:
    """An article in one language as a file has it. Nothing is stored yet."""

    place: str  # for messages: the file, and the line if it has several articles
    slug: str
    title: str
    body: str
    language: str = ""  # "" if the file does not say
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    variants: str | None = None  # questions, one a line; None if the file says nothing of them


def make_draft(place: str, fields: dict[str, object], zone: ZoneInfo) -> Draft:
    """The draft that these fields describe. Raises BadInput, with the field's name, if they describe none."""
    slug = _text(place, fields, "id", LONGEST_SLUG)
    if "/" in slug or not slug.isprintable():
        raise BadInput(place, "id may not contain slashes or invisible characters")
    language = str(fields.get("language") or "")
    if language and not _LANGUAGE.fullmatch(language):
        raise BadInput(place, "language is '%(language)s'; write a code such as en or ar", language=language[:20])
    valid_from = _moment(place, fields, "valid_from", zone)
    valid_until = _moment(place, fields, "valid_until", zone)
    if valid_from and valid_until and valid_until <= valid_from:
        raise BadInput(place, "valid_until lies before valid_from")
    title = " ".join(_text(place, fields, "title", LONGEST_TITLE).split())
    body = _text(place, fields, "body", LONGEST_BODY)
    return Draft(place, slug, title, body, language, valid_from, valid_until, _variants(place, fields))


def _text(place: str, fields: dict[str, object], name: str, longest: int) -> str:
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and name == "id":
        value = str(value)
    if value is None:
        raise BadInput(place, "%(field)s is missing", field=name)
    if not isinstance(value, str):
        raise BadInput(place, "%(field)s is not text", field=name)
    value = value.strip()
    if not value:
        raise BadInput(place, "%(field)s is empty", field=name)
    if len(value) > longest:
        raise BadInput(
            place,
            "%(field)s has %(count)s characters; the most is %(most)s",
            field=name,
            count=f"{len(value):,}",
            most=f"{longest:,}",
        )
    check_characters(place, name, value)
    return value


def check_characters(place: str, field: str, text: str) -> None:
    """No database stores these."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise BadInput(place, "%(field)s contains a character that is none (NUL or half of a pair)", field=field)


def _variants(place: str, fields: dict[str, object]) -> str | None:
    """A list of questions, or text with one a line."""
    value = fields.get("variants")
    if value is None:
        return None
    questions = value.splitlines() if isinstance(value, str) else value
    if not isinstance(questions, list) or not all(isinstance(question, str) for question in questions):
        raise BadInput(place, "variants is not a list of questions")
    found = tidy_variants("\n".join(" ".join(question.split()) for question in questions))
    check_characters(place, "variants", found)
    return found


def _moment(place: str, fields: dict[str, object], name: str, zone: ZoneInfo) -> datetime | None:
    """A moment, in the venue's time unless it says another. A day means its beginning, or its end for valid_until."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    try:
        if not isinstance(value, str):
            raise ValueError
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.strip()):
            day = date.fromisoformat(value.strip()) + timedelta(days=name == "valid_until")
            return datetime.combine(day, time.min, zone)
        moment = datetime.fromisoformat(value.strip())
    except (ValueError, OverflowError):
        raise BadInput(
            place, "%(field)s is not a date such as 2026-12-31 or 2026-12-31T18:00+04:00", field=name
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
