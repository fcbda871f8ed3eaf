"""Ending calls that nobody ended, and deleting what a venue promised not to keep."""

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from concierge.models import Venue
from voice import recordings, rooms
from voice.models import AuditEntry, Call, Watching, Worker

NEVER_CAME = timedelta(minutes=2)
# A worker ends its calls at the longest length itself; this is for calls whose worker died.
GRACE = timedelta(minutes=2)
OLD_WORKER = timedelta(days=1)


def end_stale_calls() -> int:
    """End the calls whose visitor never came, whose room is gone, or that are far over time. Returns how many."""
    now = timezone.now()
    ended = sum(call.end("never_came") for call in Call.objects.filter(state="opened", opened_at__lt=now - NEVER_CAME))
    live = list(Call.objects.filter(state="live", began_at__lt=now - GRACE).select_related("venue"))
    if not live:
        return ended
    try:
        rooms_now = rooms.open_rooms()
    except rooms.RoomsError:
        rooms_now = None  # LiveKit is away: judge by the clock alone
    for call in live:
        if rooms_now is not None and call.room not in rooms_now:
            ended += call.end("lost")
        elif call.began_at and call.began_at < now - timedelta(minutes=call.venue.longest_call_minutes) - GRACE:
            ended += call.end("longest_call")
            if rooms_now is not None:
                rooms.close_room(call)
    return ended


def expired(venue: Venue, days: int) -> QuerySet[Call]:
    """The venue's calls that are over for longer than so many days."""
    return Call.objects.filter(venue=venue, state="ended", ended_at__lt=timezone.now() - timedelta(days=days))


def delete_expired() -> int:
    """Delete calls, with all that was said, after each venue's retention days. Returns how many calls."""
    deleted = 0
    for venue in Venue.objects.all():
        calls = expired(venue, venue.retention_days)
        # That somebody listened stays known; what they wrote goes with the call.
        AuditEntry.objects.filter(call__in=calls).update(details={})
        _, counts = calls.delete()
        deleted += counts.get("voice.Call", 0)
    recordings.delete_strays()
    Worker.objects.filter(seen_at__lt=timezone.now() - OLD_WORKER).delete()
    Watching.objects.filter(seen_at__lt=timezone.now() - OLD_WORKER).delete()
    return deleted
