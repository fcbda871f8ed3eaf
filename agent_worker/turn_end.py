"""When has the visitor finished? The sound of a pause says it (livekit's v1-mini), and so do the words before it.

Nobody ends a sentence with "the" or "because", however the voice may have sunk: after such a word the visitor gets the
long wait. Where the words look whole, the sound must be surer of its doubt than by its own default before they wait.
docs/performance.md has both kinds of error, measured with either part alone and with both.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from livekit.agents import LanguageCode, UserInputTranscribedEvent, inference
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions

from agent_worker.providers.intents import plain
from agent_worker.providers.words import every

ALWAYS = 1.1  # above every probability: wait
# Below it the pause is taken for a pause, although the words look whole. v1-mini's own are 0.2 to 0.4.
DOUBT = 0.15
TRAILING = ("...", "…", "-", "–", "—", ",", "،")


def reads_unfinished(words: str) -> bool:
    """Do the words break off? Transcribers write "..." where a voice trails off."""
    if words.rstrip().endswith(TRAILING):
        return True
    said = plain(words)
    return not said or bool(_open_end().search(said))


@cache
def _open_end() -> re.Pattern[str]:
    return re.compile(rf"(?:^|\s)(?:{'|'.join(map(re.escape, every('turns', 'open_ends')))})$")


class TurnEnd(inference.TurnDetector):
    """livekit's local turn detector, which also heeds the words: tell it each of the session's transcripts."""

    def __init__(self) -> None:
        super().__init__(version="v1-mini")  # its default would ask LiveKit's cloud in development
        self._words = ""

    def hear(self, event: UserInputTranscribedEvent) -> None:
        if event.is_final:
            self._words = event.transcript

    def threshold(self) -> float:
        """The probability of an end, from 0 to 1, below which the turn waits for the longer delay."""
        return ALWAYS if reads_unfinished(self._words) else DOUBT

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> Any:
        return _Stream(super().stream(conn_options=conn_options), self)


class _Stream:
    """The detector's stream in all but the threshold."""

    def __init__(self, sound: Any, detector: TurnEnd) -> None:
        self._sound = sound
        self._detector = detector

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sound, name)

    async def unlikely_threshold(self, language: LanguageCode | None) -> float | None:
        return self._detector.threshold()
