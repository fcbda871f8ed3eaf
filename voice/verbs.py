"""What staff can do to a call: note, say, mute, take over, hand back, listen, end. Each is one order to the agent.

One person owns a call that was taken over. What changes what the visitor hears is then theirs alone; notes and
listening are open to all who work there. Each verb leaves an AuditEntry.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from voice import masking, rooms
from voice.models import AuditEntry, Call, Happening, Worker

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LONGEST_LINE = 500  # characters


class Refused(Exception):
    """Not done, and nothing changed. The message is a plain sentence in the user's language."""


class BadLine(Refused):
    """The line that goes with the verb is missing, too long, or cannot be spoken in this call."""


class LineDown(Refused):
    """LiveKit's server does not answer."""


@dataclass(frozen=True)
class Done:
    message: str
    # For a browser that joins the room: {"url", "token"}.
    room: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verb:
    act: Callable[[Call, User, str], Done]
    needs_line: bool = False
    is_for_all: bool = False  # also while somebody else has the call
    needs_visitor: bool = False  # the agent takes no order before it knows the visitor, and this leaves no row to read


def do(call: Call, user: User, verb: str, line: str = "") -> Done:
    """Do `verb`, one of VERBS, to a call that `user` may steer, as the call is now. Raises Refused."""
    known = VERBS[verb]
    call.refresh_from_db()
    if call.state == Call.State.ENDED:
        raise Refused(_("This call is over already."))
    if call.owner and call.owner != user and not known.is_for_all:
        raise Refused(_("%(name)s has taken over this call.") % {"name": call.owner.get_username()})
    line = " ".join(line.split())
    if known.needs_line:
        check_line(call, line)
    if known.needs_visitor and call.state == Call.State.OPENED:
        raise Refused(_("The visitor is not in the call yet."))
    try:
        done = known.act(call, user, line)
    except rooms.RoomGone:
        raise Refused(_("This call is over already.")) from None
    except rooms.RoomsError:
        if verb == "end":
            raise LineDown(_("The call could not be ended: its line does not answer. Please try again.")) from None
        raise LineDown(_("The line of this call does not answer. Please try again.")) from None
    AuditEntry.objects.create(
        user=user,
        call=call,
        venue_id=call.venue_id,
        verb=verb,
        details={"line": masking.masked(line, call.venue)} if line else {},
    )
    call.add_happening(Happening.Kind.VERB, verb, line, user=user)
    return done


def check_line(call: Call, line: str) -> None:
    """Raises BadLine."""
    if not line:
        raise BadLine(_("Write a line first."))
    if len(line) > LONGEST_LINE:
        raise BadLine(_("This line is too long: at most %(most)d characters.") % {"most": LONGEST_LINE})
    if call.mode == Call.Mode.VOICE and call.language == "en" and not translates() and not is_latin(line):
        # The voice that speaks English here knows Latin letters only.
        raise BadLine(_("The voice in this call speaks English only. Please write in English."))


def is_latin(line: str) -> bool:
    return all(unicodedata.name(letter, "?").startswith("LATIN") for letter in line if letter.isalpha())


def translates() -> bool:
    """Whether agents here have a model that can translate what staff type."""
    return Worker.objects.present().filter(profile="cloud").exists()


def spoken_language(call: Call) -> str:
    """In which language typed lines are spoken: one sentence for the console."""
    if translates():
        name = get_language_info(call.language)["name_local"] if call.language in dict(settings.LANGUAGES) else ""
        return _("What you write is translated to %(language)s where it differs.") % {"language": name or call.language}
    return _("What you write is spoken as it stands, in the language in which you write.")


# The verbs


def note(call: Call, user: User, line: str) -> Done:
    rooms.steer(call, "note", text=line)
    return Done(_("The concierge has your note for its next answer."))


def say(call: Call, user: User, line: str) -> Done:
    rooms.steer(call, "say", text=line)
    return Done(_("The concierge says it."))


def mute(call: Call, user: User, line: str) -> Done:
    if call.owner or call.is_muted:
        raise Refused(_("The concierge is silent already."))
    rooms.steer(call, "mute")
    call.mute_agent(is_muted=True)
    return Done(_("The concierge listens and does not answer."))


def unmute(call: Call, user: User, line: str) -> Done:
    if not call.is_muted:
        raise Refused(_("The concierge is not muted."))
    rooms.steer(call, "unmute")
    call.mute_agent(is_muted=False)
    return Done(_("The concierge answers again."))


def take_over_by_typing(call: Call, user: User, line: str) -> Done:
    _take(call, user, Call.Held.TYPING)
    return Done(_("The call is yours. What you write is spoken to the visitor."))


def take_over_by_voice(call: Call, user: User, line: str) -> Done:
    if call.mode == Call.Mode.TEXT:
        raise Refused(_("This visitor reads and types. Take over by typing."))
    identity = f"staff-{user.pk}-{secrets.token_hex(6)}"
    _take(call, user, Call.Held.VOICE, identity=identity)
    token = rooms.staff_token(call, identity, _("Staff"), speaks=True)
    return Done(_("The call is yours. The visitor hears you."), {"url": settings.LIVEKIT_PUBLIC_URL, "token": token})


def hand_back(call: Call, user: User, line: str) -> Done:
    """`line` is what the agent should keep in mind, such as "promised late check-out 14:00"; it may be empty."""
    if not call.owner:
        raise Refused(_("Nobody has taken over this call."))
    if line:
        check_line(call, line)
    rooms.steer(call, "hand_back", promise=line)
    call.give_back(user)
    return Done(_("The concierge has the word again."))


def listen(call: Call, user: User, line: str) -> Done:
    identity = f"listener-{user.pk}-{secrets.token_hex(6)}"
    token = rooms.staff_token(call, identity, "", speaks=False)
    return Done(_("You hear the call. Nobody hears you."), {"url": settings.LIVEKIT_PUBLIC_URL, "token": token})


def end(call: Call, user: User, line: str) -> Done:
    if call.state == Call.State.OPENED:  # nobody to say goodbye to, and the agent takes no order yet
        rooms.close_room(call)
        call.end("staff")
    else:
        rooms.steer(call, "hang_up")
    return Done(_("The concierge says goodbye and hangs up."))


def _take(call: Call, user: User, how: str, **details: str) -> None:
    before = call.owner
    if not call.take(user, how):
        call.refresh_from_db()
        if call.owner:
            raise Refused(_("%(name)s has taken over this call.") % {"name": call.owner.get_username()})
        raise Refused(_("This call is over already."))
    try:
        rooms.steer(call, "take_over", how=how, **details)
    except rooms.RoomsError:
        if before is None:
            call.give_back(user)
        raise


VERBS: dict[str, Verb] = {
    "note": Verb(note, needs_line=True, is_for_all=True, needs_visitor=True),
    "say": Verb(say, needs_line=True, needs_visitor=True),
    "mute": Verb(mute),
    "unmute": Verb(unmute),
    "type": Verb(take_over_by_typing),
    "talk": Verb(take_over_by_voice),
    "hand_back": Verb(hand_back),
    "listen": Verb(listen, is_for_all=True),
    "end": Verb(end),
}
