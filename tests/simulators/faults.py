"""What can go wrong with a provider, on demand."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.delays import BadControl

# At the door: no answer at all, a status. Before or in the middle of an answer: silence, the line cut, nonsense.
KINDS = ("refuse", "rate_limit", "broken", "hang", "cut", "garbage", "noise")
AT_THE_DOOR = ("refuse", "rate_limit", "broken")
# What a garbled field may hold: of another type, beyond all bounds, or half of a letter.
WRONG = (None, "x", -1, [], {}, 1e308, True, 10**30, "y" * 100_000, "\ud800")


@dataclass(frozen=True)
class Fault:
    kind: str = ""
    after: int = 0  # messages of an answer that still come as they should: 0 is before a turn, more is in its middle
    times: int = -1  # how often it happens; -1 is for ever
    retry_after: float = 1.0  # seconds, told with a 429
    at: str = ""  # garbage: the dotted path of the field, "*" for each in turn; empty is no JSON at all
    value: int = -1  # garbage: which wrong value the field has (len(WRONG): it is left out); -1 is each in turn

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadControl(f"fault.kind is {self.kind!r}; it is one of {', '.join(KINDS)}")

    @property
    def is_at_the_door(self) -> bool:
        return self.kind in AT_THE_DOOR


@dataclass
class Garbler:
    """Spoils one field of each message: every field in turn, with every wrong value in turn."""

    at: str
    value: int = -1
    done: int = field(default=0)

    def garble(self, message: dict[str, Any]) -> dict[str, Any]:
        known = list(paths_of(message))
        if self.at != "*" and self.at not in known:
            return message  # a message of another kind
        path = self.at if self.at != "*" else known[self.done % len(known)]
        # One more than the wrong values: the last choice leaves the field out. 11 and most numbers of fields share no
        # factor, so that in time each field holds each.
        choice = self.done % (len(WRONG) + 1) if self.value < 0 else self.value
        self.done += 1
        return garbled(message, path, *WRONG[choice : choice + 1])


def paths_of(message: Any, before: str = "") -> Iterator[str]:
    """The dotted path of every field, inner ones too."""
    inner = message.items() if isinstance(message, dict) else enumerate(message) if isinstance(message, list) else ()
    for key, value in inner:
        path = f"{before}.{key}" if before else str(key)
        yield path
        yield from paths_of(value, path)


def garbled(message: dict[str, Any], path: str, *value: Any) -> dict[str, Any]:
    """A copy with another value at `path`, or without that field if no value is given."""
    spoiled = copy.deepcopy(message)
    *way, last = path.split(".")
    at: Any = spoiled
    for step in way:
        at = at[int(step)] if isinstance(at, list) else at[step]
    key: Any = int(last) if isinstance(at, list) else last
    if value:
        at[key] = value[0]
    else:
        del at[key]
    return spoiled
