"""Asking the concierge a question in text, outside a call: the port behind the `ask` command and the editor's pages.

The stream of imports turns here: `agent_worker` registers its responder, so that nothing below it imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING

from django.conf import settings

from knowledge.search import Hit

if TYPE_CHECKING:
    from concierge.models import Venue


@dataclass(frozen=True)
class Answer:
    """One turn of the real agent. `citations` are article ids, best first; `ms` is the whole turn, search included."""

    text: str
    citations: tuple[str, ...]
    is_answered: bool
    tools: tuple[str, ...]
    ms: float
    search_ms: float
    hits: tuple[Hit, ...] = ()  # what the model was shown, best first


Responder = Callable[["Venue", str, str, datetime | None], Answer]
_responder: Responder | None = None


def register(responder: Responder) -> None:
    global _responder
    _responder = responder


def load() -> None:
    """Have the responder register itself. By name, since imports point from the agent to here."""
    if _responder is None:
        import_module(settings.RESPONDER)


def ask(venue: Venue, question: str, language: str | None = None, *, at: datetime | None = None) -> Answer:
    """One turn of the venue's concierge, as if it were `at` (now). Blocking; not for an event loop's thread.

    The first question in a process loads the agent and the search model, which takes seconds.
    """
    load()
    assert _responder is not None, f"{settings.RESPONDER} has registered no responder."
    return _responder(venue, question, language or venue.default_language, at)
