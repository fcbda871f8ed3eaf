"""Asking the concierge a question in text, outside a call: the port behind the `ask` command and the editor's pages.

The stream of imports turns here: `agent_worker` registers its responder, so that nothing below it imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

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


Responder = Callable[["Venue", str, str], Answer]
_responder: Responder | None = None


def register(responder: Responder) -> None:
    global _responder
    _responder = responder


def ask(venue: Venue, question: str, language: str | None = None) -> Answer:
    """One turn of the venue's concierge. Raises RuntimeError if no responder is registered in this process."""
    if _responder is None:
        raise RuntimeError("No agent is registered here: import agent_worker.asking first.")
    return _responder(venue, question, language or venue.default_language)
