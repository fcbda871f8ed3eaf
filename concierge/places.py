"""The opening hours of a venue as a page shows them: each of its places now, and in the seven days from today."""

import logging
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.utils.dateformat import format as format_date
from django.utils.translation import gettext as _

from concierge.hours import BadRules, DayHours, OpenState, state_of, week_of
from concierge.models import Venue

logger = logging.getLogger(__name__)

HOUSE = "house"  # the slug of the venue itself among its places
A_DAY = timedelta(days=1)
TODAY_ENOUGH = timedelta(hours=12)  # within these, a time needs no day beside it


@dataclass(frozen=True)
class Place:
    slug: str
    name: str
    state: OpenState
    status: str  # such as "Open until 23:00"
    week: list[DayHours]

    @property
    def is_every_day_alike(self) -> bool:
        # A holiday on which nothing is different makes no day of its own.
        return len({(day.text, day.occasion if day.is_special else "") for day in self.week}) == 1


def places_of(venue: Venue, at: datetime, language: str) -> list[Place]:
    """The places of the venue, in its order. One whose rules cannot be read is left out, and logged."""
    places = []
    for hours in venue.hours.prefetch_related("special_days"):
        try:
            state, week = state_of(hours, at, language), week_of(hours, at.date(), language)
        except BadRules as error:
            logger.warning("The hours of %s are not shown: %s", hours, error)
            continue
        places.append(Place(hours.slug, hours.name(language), state, status_of(state, at), week))
    return places


def status_of(state: OpenState, at: datetime) -> str:
    if state.is_open:
        if state.until is None:
            return _("Open day and night")
        return _("Open until %(time)s") % {"time": moment(state.until, at)}
    if state.opens_at is None:
        return _("Closed")
    return _("Closed, opens %(time)s") % {"time": moment(state.opens_at, at)}


def moment(moment: datetime, at: datetime) -> str:
    """A time, with its day if that is not plain: 23:00, midnight, or Monday 08:00."""
    if moment.time() == time(0) and moment - at <= A_DAY:
        return _("midnight")
    is_plain = moment.date() == at.date() or moment - at < TODAY_ENOUGH
    return format_date(moment, "H:i" if is_plain else "l H:i")
