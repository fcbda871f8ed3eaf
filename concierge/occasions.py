"""Moments at which answers may differ, for those who try them: a Friday at noon, Eid, Ramadan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.utils.translation import gettext as _

from concierge.hours import next_holiday
from concierge.models import SpecialDay, Venue

FRIDAY = 4
NOON = time(13, 30)
RAMADAN = ("ramadan", "رمضان")


@dataclass(frozen=True)
class Occasion:
    """`at` is None where nobody has said when it is; then `note` says what to do about it."""

    name: str
    at: datetime | None
    note: str = ""


def occasions(venue: Venue) -> list[Occasion]:
    """Always the same three, from now on, at half past one in the venue's time."""
    now = venue.now()
    first = now.date() if now.time() < NOON else now.date() + timedelta(days=1)
    friday = first + timedelta(days=(FRIDAY - first.weekday()) % 7)
    return [Occasion(_("Friday 13:30"), _at(venue, friday)), _eid(venue, first), _ramadan(venue, first)]


def _eid(venue: Venue, first: date) -> Occasion:
    name = _("Eid al-Fitr")
    found = next_holiday(venue.timezone, "Eid al-Fitr", first)
    if found is None:
        return Occasion(name, None, _("The holidays of %(zone)s are not known here.") % {"zone": venue.timezone})
    day, is_estimated = found
    return Occasion(name, _at(venue, day), _("estimated: the moon decides") if is_estimated else "")


def _ramadan(venue: Venue, first: date) -> Occasion:
    """No calendar here knows it; a venue that keeps other hours then has its days among its special days."""
    days = SpecialDay.objects.filter(hours__venue=venue, ends_on__gte=first).order_by("starts_on")
    for row in days:
        if any(word in str(name).casefold() for name in row.names.values() for word in RAMADAN):
            return Occasion(_("Ramadan"), _at(venue, max(row.starts_on, first)))
    return Occasion(_("Ramadan"), None, _("The venue has no days of Ramadan among its special days."))


def _at(venue: Venue, day: date) -> datetime:
    return datetime.combine(day, NOON, venue.zone)
