"""When has the visitor finished? The sound of a pause says it (livekit's v1-mini), and so do the words before it.

Nobody ends a sentence with "the" or "because", however the voice may have sunk: after such a word the visitor gets the
long wait. Where the words look whole, the sound must be surer of its doubt than by its own default before they wait.
Whisper, the local profile's ear, writes a whole sentence even where one breaks off ("to get to them" for "to get to
the"), but tells how likely a broken-off word is: in that doubt there is a shorter wait, since many such sentences are
whole. docs/performance.md has both kinds of error, measured with each part alone and together.
"""

from __future__ import annotations

import asyncio
import re
from functools import cache
from typing import Any

from livekit.agents import AgentSession, LanguageCode, inference, stt
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.agents.voice.turn import TurnDetectionEvent

from agent_worker.providers.intents import plain
from agent_worker.providers.words import every

ALWAYS, NEVER = 1.1, -0.1  # above and below every probability
# Below it the pause is taken for a pause, although the words look whole. v1-mini's own are 0.2 to 0.4.
DOUBT = 0.15
# What Whisper says of a broken-off word, in SpeechData.metadata, and what is much of it: chosen on the sentences of
# tests/halting.py, not on those that docs/performance.md tells of.
BREAKS_OFF = "breaks_off"
BROKEN = 0.0008
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
    """livekit's local turn detector, which also heeds the words: tell it each final transcript.

    `in_doubt` and `unfinished` are the seconds of silence that end a turn which may not be over, and one which is
    probably not. `attend` it to the session that it is built into.
    """

    def __init__(self, *, in_doubt: float, unfinished: float) -> None:
        super().__init__(version="v1-mini")  # its default would ask LiveKit's cloud in development
        self.in_doubt = in_doubt
        self.unfinished = unfinished
        self._words = ""
        self._breaks_off = 0.0
        self._session: AgentSession[Any] | None = None

    def attend(self, session: AgentSession[Any]) -> None:
        self._session = session

    def hear(self, event: stt.SpeechEvent) -> None:
        if event.type == stt.SpeechEventType.FINAL_TRANSCRIPT and event.alternatives:
            heard = event.alternatives[0]
            self._words = heard.text
            self._breaks_off = float((heard.metadata or {}).get(BREAKS_OFF, 0.0))

    def patience(self, sound: float) -> float | None:
        """Seconds of silence that end the turn, or None for the session's shortest.

        `sound` is how likely it sounds like an end, from 0 to 1.
        """
        if sound < DOUBT or reads_unfinished(self._words):
            return self.unfinished
        return self.in_doubt if self._breaks_off > BROKEN else None

    def judge(self, sound: float) -> float:
        """The threshold below which `sound` means the session's longest wait, which is set to what it should be now."""
        patience = self.patience(sound)
        if patience is None:
            return NEVER
        if self._session:
            self._session.update_options(endpointing_opts={"max_delay": patience})
        return ALWAYS

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> Any:
        return _Stream(super().stream(conn_options=conn_options), self)


class _Stream:
    """The detector's stream in all but the threshold, which livekit asks for when it has the prediction."""

    def __init__(self, sound: Any, detector: TurnEnd) -> None:
        self._sound = sound
        self._detector = detector
        self._predicted: asyncio.Future[TurnDetectionEvent] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sound, name)

    def predict(self) -> asyncio.Future[TurnDetectionEvent]:
        self._predicted = self._sound.predict()
        return self._predicted

    async def unlikely_threshold(self, language: LanguageCode | None) -> float | None:
        predicted = self._predicted
        return self._detector.judge(predicted.result().end_of_turn_probability if predicted and predicted.done() else 1)
