"""How slow a simulated provider is."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeVar

T = TypeVar("T")


class BadControl(ValueError):
    """What was sent to /control makes no sense; the message says which part."""


@dataclass(frozen=True)
class Delays:
    """Seconds, but for the two rates. Each simulator reads those that are its own."""

    interim: float = 0.1  # between two interim transcripts
    final: float = 0.15  # from the end of speech to the final transcript
    first_token: float = 0.4
    tokens_per_second: float = 80.0
    first_byte: float = 0.15  # from the text to its first audio
    times_real_time: float = 2.0
    jitter: float = 0.0  # the most that is added to a delay, evenly spread
    seed: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 0:
                raise BadControl(f"delays.{field.name} is negative")
        if not self.tokens_per_second or not self.times_real_time or not self.interim:
            raise BadControl("delays.tokens_per_second, delays.times_real_time and delays.interim cannot be 0")

    def dice(self) -> Callable[[float], float]:
        """A function that adds jitter to a delay: the same seed, the same delays."""
        source = random.Random(self.seed)
        return lambda seconds: seconds + source.uniform(0.0, self.jitter)


def built(kind: type[T], given: Any, name: str) -> T:
    """A dataclass from JSON. Raises BadControl for fields that it does not have and for values of another type."""
    if not isinstance(given, dict):
        raise BadControl(f"{name} is {given!r}, and should be an object")
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(given) - set(known)):
        raise BadControl(f"{name} has no {', '.join(unknown)}; it has {', '.join(known)}")
    for key, value in given.items():
        default = known[key].default
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if (isinstance(default, int | float) and not is_number) or (
            isinstance(default, str) and not isinstance(value, str)
        ):
            raise BadControl(f"{name}.{key} is {value!r}")
    try:
        return kind(**given)
    except TypeError as error:  # a field without a default is missing
        raise BadControl(f"{name}: {error}") from error
