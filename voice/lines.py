"""May this visitor call now? The limits, in the order in which they are checked: address, venue, worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import F, Sum
from django.db.models.functions import Coalesce, Now
from django.http import HttpRequest
from django.utils.translation import gettext as _
from limits import RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from voice.models import Worker

if TYPE_CHECKING:
    from concierge.models import Venue


@dataclass
class NoLine(Exception):
    """The visitor cannot call now: why, in plain words, and when to try again."""

    code: str
    message: str
    status: int
    retry_after_seconds: int = field(default=10)


def check_address(request: HttpRequest) -> None:
    """Raises NoLine if this address asked too often. A hotel's Wi-Fi is one address, so the limit is generous."""
    limit = RateLimitItemPerMinute(settings.TOKENS_PER_MINUTE_PER_ADDRESS)
    if not _limiter().hit(limit, "token", client_address(request)):
        message = _("Too many calls were started from your network just now. Please try again in a minute.")
        raise NoLine("too_many", message, 429, retry_after_seconds=60)


def check_venue(venue: Venue) -> None:
    """Raises NoLine if the venue's lines are all taken or its minutes for today are used up."""
    if venue.calls.going_on().count() >= venue.concurrent_calls:
        raise line_busy()
    if minutes_today(venue) >= venue.daily_minutes:
        message = _("The concierge has talked enough for today. Please call the desk instead.")
        raise NoLine("out_of_minutes", message, 503, retry_after_seconds=3600)


def check_worker() -> None:
    """Raises NoLine if no agent worker is there, or none has a free slot."""
    if not Worker.objects.present().exists():
        raise not_available()
    if not Worker.objects.free_slots():
        raise line_busy()


def line_busy() -> NoLine:
    return NoLine("line_busy", _("All lines are busy. Please try again in a moment."), 503, retry_after_seconds=15)


def not_available() -> NoLine:
    return NoLine("not_available", _("The concierge is not available right now. Please call the desk."), 503, 30)


def minutes_today(venue: Venue) -> float:
    """Minutes of calls that began today, in the venue's own time zone; a live call counts until now."""
    midnight = venue.now().replace(hour=0, minute=0, second=0, microsecond=0)
    total = venue.calls.filter(began_at__gte=midnight).aggregate(
        total=Sum(Coalesce(F("ended_at"), Now()) - F("began_at"))
    )["total"]
    return (total or timedelta()).total_seconds() / 60


def voice_notice(language: str) -> str:
    """One sentence for before Talk if `language` cannot be spoken or heard by the workers that are there, else ""."""
    worker = Worker.objects.present().order_by("-free_slots").first()
    if worker is None:
        return ""
    can_hear, can_speak = language in worker.hears, language in worker.speaks
    if can_hear and can_speak:
        return _("Voice in this language is simple here; typing works best.") if language in worker.rough else ""
    if can_hear:
        return _("The concierge understands you, but answers in writing in this language.")
    if can_speak:
        return _("The concierge cannot hear this language here. Please type; it answers aloud.")
    return _("In this language the concierge reads and writes. Please type your question.")


def client_address(request: HttpRequest) -> str:
    """The visitor's address; X-Forwarded-For counts only as far as our own proxies wrote it."""
    if settings.TRUSTED_PROXIES:
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
        if len(hops) >= settings.TRUSTED_PROXIES:
            return hops[-settings.TRUSTED_PROXIES]
    return request.META.get("REMOTE_ADDR", "")


@cache
def _limiter() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(storage_from_string(settings.RATE_LIMIT_STORAGE))


def forget_addresses() -> None:
    """Start counting anew. For tests."""
    _limiter().storage.reset()
