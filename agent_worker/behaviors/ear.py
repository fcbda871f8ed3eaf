"""The visitor's page says when its ear heard an answer; that is kept beside the stages that the server saw.

A visitor can send what they like, so a report is a number shown to staff and nothing more: it decides nothing, it is
taken once an answer, and only while that answer is heard or just after. The page knows no turns. Which answer is meant
follows from when the report comes: audio and report travel the same road, so it comes while the answer is being
spoken, or shortly after a very short one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from livekit import rtc
from livekit.agents import AgentSession, AgentStateChangedEvent, JobContext

from agent_worker.conversation import Conversation, rows
from voice.models import Call, Turn

TOPIC = "concierge.ear"
LARGEST_REPORT = 100  # bytes
LONGEST_MS = 20_000  # whoever waits longer has not waited for this answer
LATE_SECONDS = 3.0  # from the end of an answer to the report about it


class Answer(Protocol):
    """A turn on its way to the database. `stored` is its row once it is there."""

    metrics: dict[str, int]
    stored: Turn | None


class BadReport(ValueError):
    """Nothing that the page sends."""


@dataclass(frozen=True)
class Report:
    kind: str  # ear: from the end of the visitor's speech; greeting: from the click
    ms: int


def read(payload: bytes) -> Report:
    """Raises BadReport for all but {"kind": "ear" | "greeting", "ms": 0 to LONGEST_MS}."""
    if len(payload) > LARGEST_REPORT:
        raise BadReport("too large")
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        raise BadReport("no JSON") from None
    if not isinstance(told, dict) or told.get("kind") not in ("ear", "greeting"):
        raise BadReport("unknown kind")
    ms = told.get("ms")
    if not isinstance(ms, int) or isinstance(ms, bool) or not 0 <= ms <= LONGEST_MS:
        raise BadReport("absurd milliseconds")
    return Report(told["kind"], ms)


class Ear:
    """Brings reports and answers together, whichever comes first.

    `store` takes work that writes rows and does it in the order in which it came.
    """

    def __init__(self, store: Callable[[Callable[[], Any]], None]) -> None:
        self._store = store
        self._speaking_since: float | None = None
        self._early: tuple[float, int] | None = None  # when it came, milliseconds
        self._last: tuple[Answer, float] | None = None  # an answer without a report, when it ended
        self._opened_at: float | None = None  # when an opener began that stands before the answer
        self._opener_ms: int | None = None  # when the ear heard it

    def opens(self) -> None:
        """What is heard now is no answer yet. The page cannot tell, so its report is about this."""
        self.speaks()
        self._opened_at = self._speaking_since

    def speaks(self) -> None:
        if self._opened_at is not None and self._early:
            self._opener_ms = self._early[1]
        self._speaking_since, self._early, self._last = time.time(), None, None

    def is_silent(self) -> None:
        self._speaking_since = None

    def report(self, ms: int) -> None:
        now = time.time()
        if self._last and now - self._last[1] <= LATE_SECONDS:
            answer, self._last = self._last[0], None
            self._store(lambda: add_to(answer, ms))
        elif self._speaking_since is not None and self._early is None:
            self._early = now, ms

    def answered(self, answer: Answer, began_at: float) -> None:
        """An answer was spoken, from `began_at` until now, and will be stored; the report may be here already."""
        early, self._early = self._early, None
        opened_at, self._opened_at = self._opened_at, None
        opener_ms, self._opener_ms = self._opener_ms, None
        if opened_at is not None:
            if opener_ms is not None:
                answer.metrics["opener_ms"] = opener_ms
                answer.metrics["ear_ms"] = opener_ms + round((began_at - opened_at) * 1000)
        elif early and early[0] >= began_at:
            answer.metrics["ear_ms"] = early[1]
        else:
            self._last = answer, time.time()

    def said_something_else(self) -> None:
        """What was spoken answered nothing, so a report about it has no turn."""
        self._early = self._last = self._opened_at = self._opener_ms = None


def add_to(answer: Answer, ms: int) -> None:
    if answer.stored:  # else storing it failed
        answer.stored.note_ear(ms)


def listen_to_the_ear(
    ctx: JobContext, session: AgentSession[Conversation], store: Callable[[Callable[[], Any]], None]
) -> Ear:
    call = session.userdata.call
    assert call is not None
    ear = Ear(store)
    if call.mode == Call.Mode.TEXT:
        return ear

    @session.on("agent_state_changed")
    def state(event: AgentStateChangedEvent) -> None:
        if event.new_state == "speaking" and session.userdata.opener:
            ear.opens()
        elif event.new_state == "speaking":
            ear.speaks()
        else:
            ear.is_silent()

    has_greeted = False

    @ctx.room.on("data_received")
    def received(packet: rtc.DataPacket) -> None:
        nonlocal has_greeted
        if packet.topic != TOPIC or packet.participant is None or packet.participant.identity != call.visitor_identity:
            return
        try:
            report = read(packet.data)
        except BadReport:
            return
        if report.kind == "ear":
            ear.report(report.ms)
        elif not has_greeted:
            has_greeted = True
            session.userdata.in_background(rows(call.note_greeting, report.ms))

    return ear
