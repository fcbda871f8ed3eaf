"""Tells those who watch what has changed in a call: which row it is, and not what is in it.

Called where a row was stored, after commit, in agent workers, web processes and commands, in any thread. A few words
go to one group a venue; the web processes in which somebody watches read the row and draw it (fanout, drawing). So a
call costs its worker the same whether anybody watches or not. Only words still being spoken travel themselves, since
they are stored nowhere. Nothing here raises, reads a row or waits for the channel layer: a call goes on when nobody
can watch it. And no row is known here, so that models can say what they have stored.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec

from voice import masking, outbox

if TYPE_CHECKING:
    from voice.models import Call, CallBack, HandOff, Happening, Turn

logger = logging.getLogger(__name__)

LONGEST_INTERIM = 500  # characters; the end of a long sentence is what staff want to see

P = ParamSpec("P")


def _never_raises(show: Callable[P, None]) -> Callable[P, None]:
    @functools.wraps(show)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            show(*args, **kwargs)
        except Exception:
            # The row and never its words: a log is not erased.
            logger.exception("%s of %s was not told to the staff", show.__name__, getattr(args[0], "pk", "?"))

    return guarded


@_never_raises
def show_call(call: Call) -> None:
    """Its state changed, who has it, or what its visitor's line is like."""
    _tell(call, "call")


@_never_raises
def show_agent_state(call: Call, state: str) -> None:
    """What the agent does now: four in five of the news of a call, so no row has to be read for it."""
    _tell(call, "agent_state", state=state)


@_never_raises
def show_turn(turn: Turn) -> None:
    """A turn was stored, or learned something new such as its milliseconds at the visitor's ear."""
    _tell(turn.call, "turn", row=turn.pk, speaker=turn.speaker)


@_never_raises
def show_happening(happening: Happening) -> None:
    """A tool was called, something failed, or staff did something."""
    _tell(happening.call, "happening", row=happening.pk)


@_never_raises
def ring(hand_off: HandOff) -> None:
    """Somebody is wanted. Reaches the consoles of those on shift."""
    _tell(hand_off.call, "ring", row=hand_off.pk)


@_never_raises
def stop_ringing(hand_off: HandOff) -> None:
    """Somebody comes, or nobody came."""
    _tell(hand_off.call, "ring_over", row=hand_off.pk)


@_never_raises
def show_call_back(call_back: CallBack) -> None:
    """A visitor wants to be called back."""
    _tell(call_back.call, "call_back", row=call_back.pk)


@_never_raises
def take_down_call_back(call_back: CallBack) -> None:
    """Somebody has called the visitor."""
    _tell(call_back.call, "call_back_done", row=call_back.pk)


@_never_raises
def forget_call(call: Call) -> None:
    """The call was erased: what shows it has to take it away."""
    _tell(call, "gone")


@_never_raises
def show_interim(call: Call, speaker: str, text: str) -> None:
    """Words still being spoken, masked as soon as they are a number. They are never stored."""
    # Called in the loop of the agent, where no row may be read.
    text = masking.masked(text, call.venue, asks_rows=False)
    _tell(call, "words", speaker=speaker, text=text[-LONGEST_INTERIM:], may_be_lost=True)


def _tell(call: Call, kind: str, *, may_be_lost: bool = False, **facts: Any) -> None:
    news = {"venue": call.venue_id, "call": str(call.pk), "kind": kind, **facts}
    outbox.send(call.venue_id, news, may_be_lost=may_be_lost)
