"""The rows of calls, a file a subject; others import them from here.

Imports go one way: what is said in a call names it as "voice.Call", the call knows what is said, and all others know
the call. What follows from a change elsewhere is hung on by voice.apps, so that no row knows who reads it.
"""

from voice.models.calls import RATING_SALT, Call, agent_identity, room_name
from voice.models.gaps import Gap, GapQuestion
from voice.models.reviews import Scorecard
from voice.models.staff import AuditEntry, CallBack, HandOff, Shift, Watching
from voice.models.turns import Citation, Happening, Turn, search_words
from voice.models.workers import HEARTBEAT_FRESH, Worker

__all__ = [
    "HEARTBEAT_FRESH",
    "RATING_SALT",
    "AuditEntry",
    "Call",
    "CallBack",
    "Citation",
    "Gap",
    "GapQuestion",
    "HandOff",
    "Happening",
    "Scorecard",
    "Shift",
    "Turn",
    "Watching",
    "Worker",
    "agent_identity",
    "room_name",
    "search_words",
]
