"""What the agent knows of its venue before any search: loaded once a call, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import translation
from django.utils.formats import date_format

from agent_worker.languages import name_of
from agent_worker.phrases import phrase
from agent_worker.pipeline import names_of
from agent_worker.prompts import prompt
from concierge.models import Venue, VenueText


@dataclass(frozen=True)
class Facts:
    language: str
    greeting: str
    instructions: str
    names: tuple[str, ...]  # words that callers will say, for whoever transcribes them
    known: str  # what the venue says of itself, for anybody to hear
    other_venues: tuple[str, ...]  # the names of those that share this installation


def load_facts(venue: Venue, language: str, at: datetime | None = None) -> Facts:
    text = venue.text(language)
    lines = [line for line in (text.intro, text.address) if line]
    lines += [f"Notice for today: {notice.text}" for notice in venue.notices.current(language, at)]
    instructions = prompt(
        "concierge",
        name=text.name,
        language=name_of(language, "en"),
        desk=f" at {venue.desk_phone}" if venue.desk_phone else "",
        now=spoken_now(at.astimezone(venue.zone) if at else venue.now()),
        facts="\n".join(lines),
    )
    own = [venue_text.name for venue_text in venue.texts.all()]
    others = VenueText.objects.exclude(venue=venue).exclude(name__in=own).values_list("name", flat=True)
    return Facts(
        language=language,
        names=tuple(names_of(venue, language)),
        greeting=greeting_of(venue, language),
        instructions=instructions,
        known="\n".join([*own, venue.desk_phone, *lines]),
        other_venues=tuple(others),
    )


def greeting_of(venue: Venue, language: str) -> str:
    text = venue.text(language)
    return text.greeting or phrase(language, "greeting", name=text.name)


def spoken_now(now: datetime) -> str:
    """Such as "Tuesday 24 November 2026 07:10", in English since it is written for the model."""
    with translation.override("en"):
        return date_format(now, "l j F Y H:i")
