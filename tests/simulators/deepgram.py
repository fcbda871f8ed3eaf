"""Deepgram's live transcription (WebSocket /v1/listen), as livekit-plugins-deepgram speaks it.

It knows what is said from a script, or asks Whisper. When it is said it hears itself, from the energy of the audio.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web
from livekit import rtc

from agent_worker.providers.engines import hearing
from tests.simulators.delays import BadControl, built
from tests.simulators.simulator import Line, NotSimulated, Simulator

ARABIC = re.compile(r"[\u0600-\u06ff]")
LOUD = 10 ** (-42 / 20)  # of full scale, root mean square of a window
WINDOW = 0.01  # seconds
GAP = 0.1  # seconds of quiet that are an end of speech; inside words there is less
SHORTEST = 0.06  # seconds of loud audio that are speech; less is a click
CONTINUES = 0.7  # seconds in which an utterance without a length may go on after a pause
LONGEST_WAIT = 60 * 60
UNDERSTOOD = {
    "model", "punctuate", "smart_format", "no_delay", "interim_results", "encoding", "vad_events", "sample_rate",
    "channels", "endpointing", "filler_words", "profanity_filter", "numerals", "mip_opt_out", "keyterm", "language",
    "utterance_end_ms",
}  # fmt: skip


@dataclass(frozen=True)
class Utterance:
    """What will be said. With `seconds` (pauses included) each word has its time; without, all comes at the first
    pause. `words` as [[word, start, end], ...] tells exactly when."""

    text: str
    seconds: float = 0.0
    words: list[Any] = field(default_factory=list)

    def spoken(self) -> list[tuple[str, float, float]]:
        """Words with start and end, in seconds from the first sound."""
        if self.words:
            return [(str(word), float(start), float(end)) for word, start, end in self.words]
        words = self.text.split()
        weights = [2 + len(word) for word in words]
        length = self.seconds or 0.35 * len(words)
        ends = np.cumsum(weights) / (sum(weights) or 1) * length
        starts = [0.0, *ends][: len(words)]
        return [(word, float(start), float(end)) for word, start, end in zip(words, starts, ends, strict=True)]


class Deepgram(Simulator):
    provider = "deepgram"
    path = "/v1/listen"

    def __init__(self) -> None:
        super().__init__()
        self.script: list[Utterance] = []
        self.per_call = False
        self.whisper = ""
        self.next = 0
        self.unscripted = 0

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v1/listen", self.listen)]

    def settings(self) -> dict[str, Callable[[Any], Callable[[], None]]]:
        return {**super().settings(), "script": self._script, "per_call": self._per_call, "whisper": self._whisper}

    def _script(self, value: Any) -> Callable[[], None]:
        """What will be said from now on, one entry an utterance."""
        if not isinstance(value, list):
            raise BadControl("script is a list of utterances")
        script = [built(Utterance, {"text": item} if isinstance(item, str) else item, "script") for item in value]
        for utterance in script:
            try:
                utterance.spoken()
            except (TypeError, ValueError) as error:
                raise BadControl(f"script: words are [word, start, end]: {error}") from error

        def take_over() -> None:
            self.script, self.next = script, 0

        return take_over

    def _per_call(self, value: Any) -> Callable[[], None]:
        """True: each connection says the script from its beginning, again and again. False: one after another."""
        if not isinstance(value, bool):
            raise BadControl("per_call is true or false")
        return lambda: setattr(self, "per_call", value)

    def _whisper(self, value: Any) -> Callable[[], None]:
        """A language: what has no script is heard by Whisper. Empty: it is not heard."""
        if not isinstance(value, str):
            raise BadControl("whisper is the code of a language, or empty")
        return lambda: setattr(self, "whisper", value)

    def told(self) -> dict[str, Any]:
        waiting = [asdict(utterance) for utterance in self.script[self.next :]]
        return {**super().told(), "unscripted": self.unscripted, "waiting": waiting}

    async def listen(self, request: web.Request) -> web.StreamResponse:
        try:
            rate = understood(request)
        except NotSimulated as problem:
            return self.refuse(str(problem))
        self.requests.append({"at": time.time(), "query": {key: request.query.getall(key) for key in request.query}})
        if turned_away := await self.at_the_door(request):
            return turned_away
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        ear = Ear(self, Line(self, socket, request), rate, request.query)
        ticking = asyncio.create_task(ear.tick())
        try:
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    ear.hear(message.data)
                elif message.type is WSMsgType.TEXT and not await self._obey(ear, message.data):
                    break
                if ticking.done():
                    break
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
            await socket.close()
        return socket

    async def _obey(self, ear: Ear, text: str) -> bool:
        """Do what a control message says; False if it was the last."""
        try:
            kind = json.loads(text)["type"]
        except (json.JSONDecodeError, KeyError, TypeError):
            kind = text
        match kind:
            case "KeepAlive":
                return True
            case "Finalize":
                await ear.finalize()
                return True
            case "CloseStream":
                await ear.finalize()
                await ear.say_metadata()
                return False
        self.problem(f"the message {kind!r} is not simulated")
        return False


def understood(request: web.Request) -> int:
    """The sample rate. Raises NotSimulated for what would change the answer and is not simulated."""
    query = request.query
    if unknown := sorted(set(query) - UNDERSTOOD):
        raise NotSimulated(f"{', '.join(unknown)} of /v1/listen")
    if not request.headers.get("Authorization", "").startswith("Token "):
        raise NotSimulated("a request without `Authorization: Token …`")
    if query.get("encoding") != "linear16" or query.get("channels", "1") != "1":
        raise NotSimulated("audio that is not mono linear16")
    if not request.headers.get("Upgrade"):
        raise NotSimulated("a recording in place of a stream")
    return int(query.get("sample_rate", "16000"))


@dataclass
class Segment:
    """Speech between two silences."""

    began: float  # audio time, seconds
    began_at: float  # of the clock
    loud_until: float
    loud_until_at: float
    turn: dict[str, Any]
    interims: int = 0
    interim_at: float = 0.0
    is_announced: bool = False


class Ear:
    """One connection: audio in, transcripts out."""

    def __init__(self, simulator: Deepgram, line: Line, rate: int, query: Any) -> None:
        self.simulator = simulator
        self.line = line
        self.rate = rate
        self.language = query.get("language", "en")
        self.wants_interims = query.get("interim_results") == "true"
        self.wants_starts = query.get("vad_events") == "true"
        self.utterance_end = float(query.get("utterance_end_ms", 0)) / 1000
        self.model = query.get("model", "")
        self.request_id = str(uuid.uuid4())
        self.time = 0.0  # of the audio, seconds
        self.segment: Segment | None = None
        self.sent = 0  # messages of the utterance at hand
        self.position = 0  # in the script, if each call has its own
        self.utterance: Utterance | None = None
        self.began = 0.0  # of the utterance, audio time
        self.told_words = 0
        self.ended: float | None = None  # audio time of the last end of speech
        self._rest = b""
        self._audio = bytearray()  # of the segment, for Whisper
        self._heard = ""
        self._hearing: asyncio.Task[str] | None = None
        self._changed = asyncio.Event()

    # Audio in

    def hear(self, data: bytes) -> None:
        data = self._rest + data
        size = int(self.rate * WINDOW) * 2
        whole = len(data) // size
        self._rest = data[whole * size :]
        now = time.time() - len(self._rest) / 2 / self.rate
        samples = np.frombuffer(data[: whole * size], "<i2").reshape(whole, -1) / 32768
        levels = np.sqrt((samples**2).mean(axis=1)) if whole else []
        for index, level in enumerate(levels):
            self.time += WINDOW
            if level > LOUD:
                self._loud(now - (whole - 1 - index) * WINDOW)
        if self.segment:
            self._audio += data[: whole * size]
        else:
            self._audio = bytearray(data[: whole * size])
        self._changed.set()

    def _loud(self, at: float) -> None:
        if self.segment is None:
            turn: dict[str, Any] = {"speech_began_at": at - WINDOW, "text": ""}
            self.segment = Segment(self.time - WINDOW, at - WINDOW, self.time, at, turn)
        self.segment.loud_until, self.segment.loud_until_at = self.time, at
        self.segment.turn["last_loud_at"] = at

    # Transcripts out

    async def tick(self) -> None:
        """Tell what was heard when its time has come. Ends when the line is cut."""
        while True:
            wait = await self._next()
            self._changed.clear()
            with suppress(TimeoutError):
                # Not wait_for: before Python 3.12 it can swallow being cancelled.
                async with asyncio.timeout(wait):
                    await self._changed.wait()

    async def _next(self) -> float:
        """Do what is due; returns seconds until the next thing is."""
        segment, delays, now = self.segment, self.simulator.delays, time.time()
        if segment is None:
            await self._end_utterance()
            return LONGEST_WAIT
        length = segment.loud_until - segment.began
        if not segment.is_announced and length >= SHORTEST:
            await self._announce(segment)
        is_quiet = self.time - segment.loud_until >= GAP - WINDOW / 2
        if is_quiet and length < SHORTEST:
            self.segment = None
            return LONGEST_WAIT
        if "final_due_at" not in segment.turn or not is_quiet:
            segment.turn["final_due_at"] = segment.loud_until_at + self.simulator.roll(delays.final)
        if is_quiet and now >= segment.turn["final_due_at"]:
            await self._finish(segment)
            return LONGEST_WAIT
        interim_due = (segment.interim_at or segment.began_at) + delays.interim
        if now >= interim_due and segment.is_announced and not is_quiet:
            segment.interim_at = now
            await self._interim(segment)
            interim_due = now + delays.interim
        dues = [segment.turn["final_due_at"]] if is_quiet else [interim_due]
        return max(0.002, min(dues) - time.time())

    async def _announce(self, segment: Segment) -> None:
        segment.is_announced = True
        if self.utterance is None:
            self.utterance = self._next_utterance()
            self.began, self.told_words, self.sent = segment.began, 0, 0
        if self.wants_starts:
            await self._send({"type": "SpeechStarted", "channel": [0], "timestamp": round(segment.began, 3)})

    def _next_utterance(self) -> Utterance | None:
        script = self.simulator.script
        if self.simulator.per_call and script:
            self.position += 1
            return script[(self.position - 1) % len(script)]
        if self.simulator.next < len(script):
            self.simulator.next += 1
            return script[self.simulator.next - 1]
        if not self.simulator.whisper:
            self.simulator.unscripted += 1
        return None

    async def _interim(self, segment: Segment) -> None:
        if not self.wants_interims:
            return
        words = self._words(self.time - self.began) or await self._overheard(is_final=False)
        if words:
            segment.interims += 1
            segment.turn["interim_sent_at"] = time.time()
            await self._results(segment, words, is_final=False)

    async def _finish(self, segment: Segment, *, by_request: bool = False) -> None:
        """The final transcript of a segment."""
        self.segment = None
        self.ended = segment.loud_until
        words = self._words(segment.loud_until - self.began, is_final=True) or await self._overheard(is_final=True)
        if self.utterance:
            self.told_words += len(words)
        text = " ".join(word for word, _, _ in words)
        segment.turn |= {"text": text, "interims": segment.interims, "final_sent_at": time.time()}
        segment.turn.pop("final_due_at", None)
        await self._results(segment, words, is_final=True, by_request=by_request)
        self.simulator.turns.append(segment.turn)
        self._heard = ""
        if self.utterance is None or ((self.utterance.seconds or self.utterance.words) and self._is_told()):
            self.utterance = None
        if self.utterance_end:
            asyncio.get_running_loop().call_later(self.utterance_end, self._changed.set)

    def _is_told(self) -> bool:
        return self.utterance is not None and self.told_words >= len(self.utterance.spoken())

    async def _end_utterance(self) -> None:
        if self.ended is None:
            return
        quiet = self.time - self.ended
        if self.utterance_end and quiet >= self.utterance_end:
            self.ended = None
            await self._send({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": round(self.time - quiet, 3)})
        if self.utterance and quiet > CONTINUES and not (self.utterance.seconds or self.utterance.words):
            self.utterance = None
        if self.utterance and quiet > max(CONTINUES, 3.0):
            self.utterance = None  # the speaker stopped before the script did

    def _words(self, spoken_for: float, *, is_final: bool = False) -> list[tuple[str, float, float]]:
        """Words of the utterance at hand that were not told yet, with times of the audio."""
        if self.utterance is None:
            return []
        words = self.utterance.spoken()
        has_times = bool(self.utterance.seconds or self.utterance.words)
        heard = words if is_final and not has_times else [word for word in words if word[1] < spoken_for]
        if is_final and has_times and words and spoken_for > words[-1][2] - 0.3:
            heard = words  # a speaker a little faster than the script
        return [(word, self.began + start, self.began + end) for word, start, end in heard[self.told_words :]]

    async def _overheard(self, *, is_final: bool) -> list[tuple[str, float, float]]:
        """The words by Whisper's ear; while somebody speaks, as far as it has come."""
        if self.utterance is not None or not self.simulator.whisper:
            return []
        if is_final:
            if self._hearing:
                self._hearing.cancel()
                self._hearing = None
            self._heard = await self._recognise(bytes(self._audio))
        elif self._hearing is None or self._hearing.done():
            self._hearing = asyncio.create_task(self._recognise(bytes(self._audio)))
            self._hearing.add_done_callback(self._overheard_more)
        start, length = self.time - len(self._audio) / 2 / self.rate, len(self._audio) / 2 / self.rate
        words = Utterance(self._heard, length).spoken()
        return [(word, start + begins, start + ends) for word, begins, ends in words]

    def _overheard_more(self, task: asyncio.Task[str]) -> None:
        if not task.cancelled() and not task.exception():
            self._heard = task.result()

    async def _recognise(self, audio: bytes) -> str:
        language = self.simulator.whisper
        frame = rtc.AudioFrame(audio, self.rate, 1, len(audio) // 2)

        def hear() -> str:
            # Loaded here and not on the loop, where it would keep all three providers from answering for a second.
            from agent_worker.providers import whisper

            return whisper.load(whisper.model_for(language)).hear(whisper.samples_of(frame), language).text

        return await hearing.run(hear)

    async def finalize(self) -> None:
        if self.segment and self.segment.is_announced:
            await self._finish(self.segment, by_request=True)

    async def _results(
        self, segment: Segment, words: list[tuple[str, float, float]], *, is_final: bool, by_request: bool = False
    ) -> None:
        told = [
            {
                "word": word.strip(".,?!;:").lower(),
                "start": round(start, 3),
                "end": round(end, 3),
                "confidence": 0.99,
                "punctuated_word": word,
            }
            for word, start, end in words
        ]
        alternative = {"transcript": " ".join(word for word, _, _ in words), "confidence": 0.99, "words": told}
        if self.language == "multi":  # it knows languages apart by their letters
            alternative["languages"] = ["ar" if ARABIC.search(alternative["transcript"]) else "en"]
        message = {
            "type": "Results",
            "channel_index": [0, 1],
            "duration": round(self.time - segment.began, 3),
            "start": round(segment.began, 3),
            "is_final": is_final,
            "speech_final": is_final,
            "channel": {"alternatives": [alternative]},
            "metadata": {
                "request_id": self.request_id,
                "model_info": {"name": self.model, "version": "simulated", "arch": "simulator"},
                "model_uuid": self.request_id,
            },
            "from_finalize": by_request,
        }
        await self._send(message)

    async def say_metadata(self) -> None:
        await self._send(
            {
                "type": "Metadata",
                "transaction_key": "deprecated",
                "request_id": self.request_id,
                "sha256": "",
                "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "duration": round(self.time, 3),
                "channels": 1,
            }
        )

    async def _send(self, message: dict[str, Any]) -> None:
        await self.line.send(message, self.sent)
        self.sent += 1
