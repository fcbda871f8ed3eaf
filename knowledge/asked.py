"""What visitors really asked, for the pages where editors prove their words.

Calls are rows of `voice`, which imports this package; so `voice` registers who tells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from concierge.models import Venue


@dataclass(frozen=True)
class Asked:
    """A question of a visitor. `is_answered` is None if no answer followed, or none that says."""

    turn: int
    call: UUID
    text: str
    language: str
    at: datetime
    is_answered: bool | None


Teller = Callable[[Venue, int], list[Asked]]
_teller: Teller = lambda venue, limit: []  # noqa: E731


def register(teller: Teller) -> None:
    global _teller
    _teller = teller


def recent_questions(venue: Venue, limit: int) -> list[Asked]:
    """The last questions at this venue, newest first, the same words once."""
    return _teller(venue, limit)
