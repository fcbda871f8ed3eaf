"""What of a visitor's wait is ours: all of it in which no provider and no end of turn was waited for.

The simulated providers tell when each was asked and when it answered (docs/simulators.md). An answer waits for the
ears from the last sound to the final words, for the model from a request to the last token of what is spoken first,
for the voice from that text to its first sound. These overlap each other and the end-of-turn wait, so what counts is
the time that none of them covers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from tests.simulators.openai import TOKEN

Turn = dict[str, Any]  # as `GET /control` tells it; moments are seconds since 1970
Span = tuple[float, float]
LOOK_BACK = 3.0  # seconds before the end of speech in which what an answer rests on may have been asked


def own_share(
    ended_at: float, heard_at: float, end_of_turn: float, *, ears: Iterable[Turn], model: Iterable[Turn],
    voice: Iterable[Turn],
) -> float | None:  # fmt: skip
    """Seconds; None if what was heard did not come from the simulated voice."""
    spoken = spoken_first(voice, ended_at, heard_at)
    if spoken is None:
        return None
    spans = [(ended_at, ended_at + end_of_turn), (spoken["text_at"], spoken["first_byte_at"])]
    spans += [(turn["last_loud_at"], turn["final_sent_at"]) for turn in ears if turn["final_sent_at"] < heard_at]
    # A request that was taken back before its first token made nobody wait.
    told = [turn for turn in model if "last_token_at" in turn]
    asked = [turn for turn in told if ended_at - LOOK_BACK < turn["asked_at"] < spoken["text_at"]]
    spans += [(turn["asked_at"], turn["last_token_at"]) for turn in asked[:-1] if turn["call"]]
    spans += [(turn["asked_at"], complete_at(turn, spoken["text"])) for turn in asked[-1:]]
    return heard_at - ended_at - covered(spans, ended_at, heard_at)


def spoken_first(voice: Iterable[Turn], ended_at: float, heard_at: float) -> Turn | None:
    """The text whose sound was heard first: the last that had sound by then, and the first of its context."""
    begins: dict[str, Turn] = {}
    for turn in voice:
        begins.setdefault(turn["context"], turn)
    heard = [turn for turn in begins.values() if ended_at - LOOK_BACK < turn.get("first_byte_at", 0.0) <= heard_at]
    return max(heard, key=lambda turn: turn["first_byte_at"], default=None)


def complete_at(turn: Turn, spoken: str) -> float:
    """When the model had sent all of `spoken`. Where the voice was given other letters, when it had sent everything."""
    wanted, said = letters(spoken), ""
    for token, at in zip(TOKEN.findall(turn["text"]), turn.get("token_at", []), strict=False):
        said += letters(token)
        if said.startswith(wanted):
            return at
    return turn["last_token_at"]


def letters(text: str) -> str:
    return re.sub(r"\W", "", text).casefold()


def covered(spans: Sequence[Span], begin: float, end: float) -> float:
    """Seconds between `begin` and `end` that at least one span covers."""
    total, at = 0.0, begin
    for start, until in sorted(spans):
        start, until = max(start, at), min(until, end)
        if until > start:
            total += until - start
            at = until
    return total
