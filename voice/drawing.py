"""News of calls (live) become what screens show: in a web process, and only what somebody there sees.

News says what has changed; a thing is what a screen adds or replaces because of it. Rows are read when things are
drawn, after all the news that they come from: many changes of a call make one card, and that card is of now.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.utils import translation

from voice import screens
from voice.models import CallBack, HandOff, Happening, Turn
from voice.outbox import Message

# News that is two things: walls show the card, the page of the call shows the other.
THINGS = {"call": ("card", "head"), "turn": ("card", "turn")}

Rows = Mapping[str, Mapping[Any, Any]]


class Undrawn:
    """What has changed and is on no screen yet, each thing once, in the order in which screens are to take it."""

    def __init__(self) -> None:
        self.calls: set[str] = set()
        self._things: dict[tuple[str, str, Any], Message] = {}

    def add(self, news: Message) -> None:
        call = news["call"]
        self.calls.add(call)
        for kind in THINGS.get(news["kind"], (news["kind"],)):
            key = (kind, call, None if kind == "card" else news.get("row", news.get("speaker")))
            if kind in ("agent_state", "words"):
                self._things.pop(key, None)  # the newest counts, and nothing that came before it comes after it
            elif kind == "turn":
                self._things.pop(("words", call, news["speaker"]), None)  # they have become the turn
            self._things[key] = self._things.get(key, {}) | news | {"kind": kind}

    def __iter__(self) -> Iterator[Message]:
        return iter(self._things.values())


def draw(asked: Sequence[tuple[Message, Collection[str]]]) -> list[dict[str, Message]]:
    """For each thing, asked for in some languages: what to send to the pages, by language.

    Nothing where there is nothing to show: the row is gone, or the visitor has not come.
    """
    rows = _read([thing for thing, _ in asked])
    drawn: list[dict[str, Message]] = [{} for _ in asked]
    for by_language, (thing, languages) in zip(drawn, asked, strict=True):
        for language in languages:
            with translation.override(language):
                shown = _shown(thing, rows)
            if shown is not None:
                by_language[language] = {"kind": thing["kind"], **shown}
    return drawn


def _read(things: Sequence[Message]) -> Rows:
    """What is to be drawn, by kind, with one query a kind."""
    of_calls = {UUID(thing["call"]) for thing in things if thing["kind"] in ("card", "head", "turn", "happening")}
    rows: dict[str, Mapping[Any, Any]] = {"call": screens.as_they_are_now(of_calls) if of_calls else {}}
    for kind, read in READ.items():
        wanted = [thing["row"] for thing in things if thing["kind"] == kind]
        rows[kind] = read(wanted) if wanted else {}
    return rows


READ: dict[str, Callable[[Collection[int]], Mapping[int, Any]]] = {
    "turn": lambda pks: Turn.objects.prefetch_related("citations__version").in_bulk(pks),
    "happening": lambda pks: Happening.objects.select_related("user").in_bulk(pks),
    "ring": lambda pks: screens.with_venue(HandOff.objects.all()).in_bulk(pks),
    "call_back": lambda pks: screens.with_venue(CallBack.objects.all()).in_bulk(pks),
}


def _shown(thing: Message, rows: Rows) -> Message | None:
    call = rows["call"].get(UUID(thing["call"]))
    row = rows.get(thing["kind"], {}).get(thing.get("row"))
    match thing["kind"]:
        case "card" if call and call.began_at:
            return {"call": thing["call"], "state": call.state, "html": screens.card_html(call)}
        case "head" if call:
            return {"state": call.state, "head": screens.head_html(call), "hold": screens.hold_of(call)}
        case "turn" if call and row:
            return {"number": row.number, "speaker": row.speaker, "turn": screens.turn_html(row, call)}
        case "happening" if call and row:
            return {"at": row.at.timestamp(), "happening": screens.happening_html(row, call)}
        case "agent_state":
            return {"call": thing["call"], "chip": screens.agent_state_html(thing["state"])}
        case "ring" if row:
            return {"hand_off": row.pk, "html": screens.ring_html(row)}
        case "ring_over":
            return {"hand_off": thing["row"]}
        case "call_back" if row:
            return {"call_back": row.pk, "html": screens.call_back_html(row)}
        case "call_back_done":
            return {"call_back": thing["row"]}
        case "gone":
            return {"call": thing["call"]}
        case "words":
            return {fact: thing[fact] for fact in ("call", "speaker", "text")}
    return None
