"""A voice in the cloud that is given spoken text, while its words are told as they were written.

The local voices say "AED 1,250" as a person would, and so must a bought one, which reads it in ways of its own. But
captions and the transcript are made of the words that a voice tells with their times: here each written word gets the
time of the spoken ones that stand for it. What is said again and again is kept, so that it comes at once.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Collection, Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any

from livekit import rtc
from livekit.agents import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions, APIError, tts, utils
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT, TimedString

from agent_worker.providers.sentences import SentenceSplitter
from agent_worker.providers.speaking import Cache, Spoken, is_speakable
from agent_worker.providers.spoken import say

logger = logging.getLogger(__name__)

kept = Cache(megabytes=48)  # what the voices of this process have said before, for all calls
SAMPLE_BYTES = 2


class WrittenTTS(tts.TTS):
    """Speaks written text with `voice`. `often` are texts that are kept once they were spoken.

    `name` tells voices apart in what is kept. `voice` streams, has one channel, and takes a line as a whole sentence.
    """

    def __init__(self, voice: tts.TTS, language: str, *, name: str = "", often: Iterable[str] = ()) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=voice.sample_rate,
            num_channels=voice.num_channels,
        )
        self.voice = voice
        self.language = language
        self._name = name or voice.model
        self.often = frozenset(text.strip() for text in often)
        voice.on("metrics_collected", self._pass_on)

    @property
    def model(self) -> str:
        return self.voice.model

    @property
    def provider(self) -> str:
        return self.voice.provider

    def speak(self, language: str, often: Iterable[str]) -> None:
        """From now on in another language."""
        self.language = language
        self.often = frozenset(text.strip() for text in often)

    def key(self, text: str) -> tuple[str, str]:
        return f"{self._name}/{self.language}", text.strip()

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return self._synthesize_with_stream(text, conn_options=conn_options)

    def recall(self, text: str) -> tuple[str, Spoken | None]:
        """The longest of the texts that are kept with which `text` begins, and how it was spoken."""
        for known in sorted(self.often, key=len, reverse=True):
            if text.startswith(known) and (spoken := kept.get(self.key(known))):
                return known, spoken
        return "", None

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> WrittenStream:
        return WrittenStream(tts=self, conn_options=conn_options)

    def prewarm(self) -> None:
        self.voice.prewarm()

    async def rehearse(self, texts: Collection[str]) -> None:
        """Have texts spoken ahead that are not kept yet. One that fails is spoken when it is needed."""
        for text in texts:
            if text.strip() not in self.often or kept.get(self.key(text)):
                continue
            try:
                async with self.stream(conn_options=APIConnectOptions(max_retry=0)) as stream:
                    stream.push_text(text)
                    stream.end_input()
                    async for _ in stream:
                        pass
            except APIError as error:
                logger.info("%r was not rehearsed: %s", text, error)
                return

    def _pass_on(self, *args: Any) -> None:
        self.emit("metrics_collected", *args)

    async def aclose(self) -> None:
        self.voice.off("metrics_collected", self._pass_on)
        await self.voice.aclose()


class WrittenStream(tts.SynthesizeStream):
    _tts: WrittenTTS
    _tts_request_span_name = "tts_written"
    _tts_attempt_span_name = None

    async def _metrics_monitor_task(self, event_aiter: Any) -> None:
        async for _ in event_aiter:  # the voice reports its own
            pass

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        written = self._tts
        request = utils.shortuuid()
        output_emitter.initialize(
            request_id=request,
            sample_rate=written.sample_rate,
            num_channels=written.num_channels,
            mime_type="audio/pcm",
            stream=True,
        )
        output_emitter.start_segment(segment_id=request)
        try:
            first = await self._first()
            begins, known = written.recall(first)
            if known:
                self._mark_started()
                output_emitter.push_timed_transcript(
                    [TimedString(word, start_time=start, end_time=end) for word, start, end in known.words]
                )
                output_emitter.push(known.pcm)
                output_emitter.flush()
                await self._speak(first[len(begins) :], output_emitter, known.words[-1][2] if known.words else 0.0)
            else:
                await self._speak(first, output_emitter, 0.0)
        finally:
            output_emitter.end_segment()

    async def _first(self) -> str:
        """The first words that are given: all of them, where they were not made as they were spoken."""
        async for item in self._input_ch:
            if isinstance(item, str) and item.strip():
                return item
        return ""

    async def _speak(self, text: str, output_emitter: tts.AudioEmitter, offset: float) -> None:
        """`text` and all that follows, from `offset` seconds on."""
        script = Script(offset)
        lines: utils.aio.Chan[str] = utils.aio.Chan()
        reading = asyncio.create_task(self._read(text, script, lines))
        feeding: asyncio.Task[None] | None = None
        sound: list[rtc.AudioFrame] = []
        told: list[tuple[str, float, float]] = []
        try:
            first = await anext(aiter(lines), None)
            if first is None:
                return
            async with self._tts.voice.stream(conn_options=self._conn_options) as stream:
                self._mark_started()
                feeding = asyncio.create_task(_feed(stream, first, lines))
                async for audio in stream:
                    self._started_time = stream._started_time or self._started_time
                    words = script.heard(audio.frame.userdata.get(USERDATA_TIMED_TRANSCRIPT) or [])
                    _tell(words, output_emitter, told)
                    output_emitter.push_frame(audio.frame)
                    script.at += audio.frame.duration
                    sound.append(audio.frame)
                _tell(script.rest(), output_emitter, told)
        finally:
            await utils.aio.cancel_and_wait(*[task for task in (reading, feeding) if task])
        if offset == 0.0 and sound and script.text.strip() in self._tts.often:
            pcm = b"".join(bytes(frame.data) for frame in sound)
            kept.put(self._tts.key(script.text), Spoken(pcm, tuple(told)))

    async def _read(self, text: str, script: Script, lines: utils.aio.Chan[str]) -> None:
        splitter = SentenceSplitter().stream()
        splitting = asyncio.create_task(self._split(splitter, script, lines))
        try:
            splitter.push_text(text)
            async for item in self._input_ch:
                if isinstance(item, str):
                    splitter.push_text(item)
                else:
                    splitter.flush()
            splitter.end_input()
            await splitting
        finally:
            await utils.aio.cancel_and_wait(splitting)
            lines.close()

    async def _split(self, splitter: Any, script: Script, lines: utils.aio.Chan[str]) -> None:
        async for event in splitter:
            said = say(event.token, self._tts.language) if is_speakable(event.token) else ""
            script.add(event.token, said)
            if said:
                lines.send_nowait(f"{said}\n")


async def _feed(stream: tts.SynthesizeStream, first: str, lines: utils.aio.Chan[str]) -> None:
    stream.push_text(first)
    async for line in lines:
        stream.push_text(line)
    stream.end_input()


def _tell(words: Sequence[TimedString], output_emitter: tts.AudioEmitter, told: list[tuple[str, float, float]]) -> None:
    if words:
        output_emitter.push_timed_transcript(list(words))
        told += [(str(word), float(word.start_time), float(word.end_time)) for word in words]  # type: ignore[arg-type]


class Script:
    """What is written beside what is said for it; turns the times of the one into the times of the other."""

    def __init__(self, offset: float) -> None:
        self.at = offset  # seconds of sound so far
        self.text = ""
        self._offset = offset
        self._waiting: list[tuple[str, int]] = []  # written words, each with the spoken letters until its end
        self._letters = 0  # that are said for what is written so far
        self._heard = 0
        self._last = offset

    def add(self, written: str, said: str) -> None:
        self.text += written
        for word, letters in aligned(written, said):
            self._waiting.append((word, self._letters + letters))
        self._letters += letters_of(said)

    def heard(self, words: Sequence[TimedString]) -> list[TimedString]:
        """The written words that are complete when these spoken ones are."""
        done: list[TimedString] = []
        for word in words:
            self._heard += letters_of(word)
            end = word.end_time if isinstance(word.end_time, float | int) else self.at - self._offset
            while self._waiting and self._waiting[0][1] <= self._heard:
                done.append(self._timed(self._waiting.pop(0)[0], self._offset + end))
        return done

    def rest(self) -> list[TimedString]:
        """What no time was told of: it ends with the sound."""
        left, self._waiting = self._waiting, []
        return [self._timed(word, self.at) for word, _ in left]

    def _timed(self, word: str, end: float) -> TimedString:
        start, self._last = self._last, max(self._last, end)
        return TimedString(word, start_time=start, end_time=self._last)


def aligned(written: str, said: str) -> list[tuple[str, int]]:
    """Each written word, with the space behind it, and how many letters have been said when it is over."""
    before = re.findall(r"\s*\S+\s*", written) or ([written] if written else [])
    after = said.split()
    ends = [0]
    for word in after:
        ends.append(ends[-1] + letters_of(word))
    same = SequenceMatcher(None, [_plain(word) for word in before], [_plain(word) for word in after], autojunk=False)
    result: list[tuple[str, int]] = []
    for tag, start, end, said_from, said_to in same.get_opcodes():
        block = before[start:end]
        first, last = ends[said_from], ends[said_to]
        for place, word in enumerate(block, 1):
            shared = first + (last - first) * place // len(block)
            result.append((word, ends[said_from + place] if tag == "equal" else shared))
    return result


def _plain(word: str) -> str:
    return "".join(letter for letter in word if letter.isalnum()).casefold()


def letters_of(text: str) -> int:
    return sum(character.isalnum() for character in text)
