"""Small real implementations of the outside world."""

from dataclasses import dataclass, field
from typing import Any

from voice import rooms


@dataclass
class FakeLiveKit:
    """Stands where LiveKit's server would: remembers what it was asked, or refuses."""

    opened: list[Any] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    orders: list[tuple[str, str]] = field(default_factory=list)
    rooms: set[str] = field(default_factory=set)
    is_away: bool = False

    def open_room(self, call):
        self._answer()
        self.opened.append(call)
        self.rooms.add(call.room)

    def close_room(self, call):
        self._answer()
        self.closed.append(call.room)
        self.rooms.discard(call.room)

    def open_rooms(self):
        self._answer()
        return set(self.rooms)

    def steer(self, call, verb, **details):
        self._answer()
        self.orders.append((call.room, verb))

    def _answer(self):
        if self.is_away:
            raise rooms.RoomsError("LiveKit does not answer.")
