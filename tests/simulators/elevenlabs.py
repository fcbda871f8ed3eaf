"""ElevenLabs' multi-stream WebSocket, as livekit-plugins-elevenlabs speaks it, with this machine's own voices."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web

from agent_worker.providers.engines import speaking
from agent_worker.providers.sentences import sentences
from agent_worker.providers.speaking import SAMPLE_RATE, CannotSpeak, Spoken, speak
from agent_worker.providers.voices import local_tts
from tests.simulators.simulator import Line, NotSimulated, Simulator

PIECE = 0.1  # seconds of audio in a message
ARABIC = re.compile(r"[\u0600-\u06ff]")
FORMAT = re.compile(r"pcm_(\d+)|mp3_(\d+)_(\d+)")
UNDERSTOOD = {
    "model_id", "output_format", "language_code", "enable_ssml_parsing", "enable_logging", "inactivity_timeout",
    "apply_text_normalization", "apply_language_text_normalization", "sync_alignment", "auto_mode",
}  # fmt: skip
FIELDS = {"text", "context_id", "voice_settings", "flush", "close_context", "generation_config"}


@dataclass
class Context:
    """One answer that is being spoken."""

    id: str
    text: str = ""  # not spoken yet
    at: float = 0.0  # seconds of audio so far
    sent: int = 0
    is_closing: bool = False
    work: asyncio.Queue[tuple[str, float] | None] = field(default_factory=asyncio.Queue)
    task: asyncio.Task[None] | None = None


class ElevenLabs(Simulator):
    provider = "elevenlabs"
    path = "/v1"

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/text-to-speech/{voice}/multi-stream-input", self.converse),
            web.post("/v1/text-to-speech/{voice}/stream", self.synthesize),
        ]

    async def serve(self, port: int = 0) -> web.AppRunner:
        await speaking.run(render, "Ready.", "en")  # the first time takes a second and more
        return await super().serve(port)

    async def converse(self, request: web.Request) -> web.StreamResponse:
        try:
            output = output_of(request)
        except NotSimulated as problem:
            return self.refuse(str(problem))
        query = dict(request.query)
        self.requests.append({"at": time.time(), "voice": request.match_info["voice"], "query": query})
        if turned_away := await self.at_the_door(request):
            return turned_away
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        contexts: dict[str, Context] = {}
        language = query.get("language_code", "")
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                try:
                    self._take(json.loads(message.data), contexts, Line(self, socket, request), output, language)
                except (NotSimulated, json.JSONDecodeError) as problem:
                    self.problem(str(problem))
                    await socket.send_json({"error": f"simulator: {problem}"})
                    break
        finally:
            tasks = [context.task for context in contexts.values() if context.task]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await socket.close()
        return socket

    def _take(
        self, message: dict[str, Any], contexts: dict[str, Context], line: Line, output: Output, language: str
    ) -> None:
        """Do what one message of the client says."""
        if unknown := sorted(set(message) - FIELDS):
            raise NotSimulated(f"{', '.join(unknown)} of multi-stream-input")
        name = message.get("context_id")
        if not isinstance(name, str) or not name:
            raise NotSimulated("a message without context_id")
        context = contexts.get(name)
        if context is None:
            if message.get("close_context"):
                return  # it was closed already
            if "text" not in message:
                raise NotSimulated("a context that does not begin with text")
            context = contexts[name] = Context(name)
            context.task = asyncio.create_task(self._speak(context, line, output, language))
            context.task.add_done_callback(lambda _: contexts.pop(name, None))
        context.text += str(message.get("text", ""))
        if message.get("flush") or message.get("close_context"):
            if context.text.strip():
                context.work.put_nowait((context.text.strip(), time.time()))
            context.text = ""
        if message.get("close_context") and not context.is_closing:
            context.is_closing = True
            context.work.put_nowait(None)

    async def _speak(self, context: Context, line: Line, output: Output, language: str) -> None:
        """Everything that one context is given, until it is closed."""
        loop = asyncio.get_running_loop()
        encoder = output.encoder()
        free_at = 0.0  # when the audio that was sent before has its time, on the loop's clock
        while (work := await context.work.get()) is not None:
            text, asked_at = work
            turn: dict[str, Any] = {"context": context.id, "text": text, "text_at": asked_at}
            self.turns.append(turn)
            first_at = loop.time() + self.roll(self.delays.first_byte) - (time.time() - asked_at)
            try:
                spoken = await speaking.run(render, text, language)
            except CannotSpeak as error:
                self.problem(str(error))
                await line.send({"error": str(error), "contextId": context.id}, context.sent)
                return
            due_at = max(first_at, free_at)
            for piece, alignment in pieces(spoken, context.at, output.rate):
                await asyncio.sleep(max(0.0, due_at - loop.time()))
                audio = encoder.encode(piece)
                message = {
                    "audio": base64.b64encode(audio).decode() if audio else None,
                    "isFinal": None,
                    "normalizedAlignment": alignment,
                    "alignment": alignment,
                    "contextId": context.id,
                }
                await line.send(message, context.sent)
                context.sent += 1
                turn.setdefault("first_byte_at", time.time())
                turn["last_byte_at"] = time.time()
                due_at += len(piece) / output.rate / self.delays.times_real_time
            free_at = due_at
            context.at += spoken.duration
        rest = encoder.finish()
        if rest:
            await line.send(
                {"audio": base64.b64encode(rest).decode(), "isFinal": None, "contextId": context.id}, context.sent
            )
            context.sent += 1
        await line.send({"isFinal": True, "contextId": context.id}, context.sent)

    async def synthesize(self, request: web.Request) -> web.StreamResponse:
        """The whole of a text by HTTP."""
        try:
            output = output_of(request)
        except NotSimulated as problem:
            return self.refuse(str(problem))
        body = await request.json()
        text = str(body.get("text", ""))
        self.requests.append({"at": time.time(), "voice": request.match_info["voice"], "query": dict(request.query)})
        if turned_away := await self.at_the_door(request):
            return turned_away
        began = asyncio.get_running_loop().time()
        try:
            spoken = await speaking.run(render, text, str(body.get("language_code", "")))
        except CannotSpeak as error:
            return self.refuse(str(error))
        due_at = began + self.roll(self.delays.first_byte)
        await asyncio.sleep(max(0.0, due_at - asyncio.get_running_loop().time()))
        response = web.StreamResponse(headers={"Content-Type": output.mime})
        await response.prepare(request)
        encoder = output.encoder()
        for piece, _ in pieces(spoken, 0.0, output.rate):
            await response.write(encoder.encode(piece))
            await asyncio.sleep(len(piece) / output.rate / self.delays.times_real_time)
        await response.write(encoder.finish())
        await response.write_eof()
        return response


def render(text: str, language: str) -> Spoken:
    """Blocking. Without a language, by the letters of the text."""
    language = language or ("ar" if ARABIC.search(text) else "en")
    voices = local_tts(language).voices
    parts = [speak(sentence, voices) for sentence in sentences(text)]
    words: list[tuple[str, float, float]] = []
    at = 0.0
    for part in parts:
        words += [(word, at + start, at + end) for word, start, end in part.words]
        at += part.duration
    return Spoken(b"".join(part.pcm for part in parts), tuple(words))


def pieces(spoken: Spoken, at: float, rate: int) -> Iterator[tuple[np.ndarray, dict[str, Any] | None]]:
    """Samples (int16) at `rate`, PIECE by PIECE, each with the characters that begin in it. Times are of the context,
    which has `at` seconds of audio already."""
    samples = np.frombuffer(spoken.pcm, "<i2")
    if rate != SAMPLE_RATE:
        from scipy.signal import resample_poly

        samples = np.clip(resample_poly(samples.astype(np.float32), rate, SAMPLE_RATE), -32768, 32767).astype("<i2")
    characters = list(timed_characters(spoken))
    size = int(rate * PIECE)
    for start in range(0, len(samples), size):
        until = (start + size) / rate if start + size < len(samples) else float("inf")
        here = [character for character in characters if start / rate <= character[1] < until]
        alignment = {
            "chars": [character for character, _, _ in here],
            "charStartTimesMs": [round((at + begins) * 1000) for _, begins, _ in here],
            "charDurationsMs": [round(lasts * 1000) for _, _, lasts in here],
        }
        yield samples[start : start + size], alignment if here else None


def timed_characters(spoken: Spoken) -> Iterator[tuple[str, float, float]]:
    """Each character with its start and its length in seconds. The text ends with a space, as it was sent."""
    text = "".join(word for word, _, _ in spoken.words)
    for word, start, end in spoken.words:
        each = (end - start) / max(1, len(word))
        for index, character in enumerate(word):
            yield character, start + index * each, each
    if not text.endswith(" "):
        yield " ", spoken.duration, 0.0


# What the audio is sent as


@dataclass(frozen=True)
class Output:
    rate: int
    kilobits: int  # of mp3; 0 is PCM

    @property
    def mime(self) -> str:
        return "audio/mpeg" if self.kilobits else "audio/pcm"

    def encoder(self) -> PCM | MP3:
        return MP3(self.rate, self.kilobits) if self.kilobits else PCM()


class PCM:
    def encode(self, samples: np.ndarray) -> bytes:
        return samples.tobytes()

    def finish(self) -> bytes:
        return b""


class MP3:
    def __init__(self, rate: int, kilobits: int) -> None:
        import av

        self._context = av.CodecContext.create("libmp3lame", "w")
        self._context.rate = rate
        self._context.layout = "mono"
        self._context.format = "s16p"
        self._context.bit_rate = kilobits * 1000
        self._context.open()
        self._size = self._context.frame_size
        self._rest = np.empty(0, np.int16)
        self._at = 0

    def encode(self, samples: np.ndarray) -> bytes:
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // self._size
        self._rest = samples[whole * self._size :]
        return b"".join(self._frame(part) for part in samples[: whole * self._size].reshape(whole, self._size))

    def _frame(self, samples: np.ndarray) -> bytes:
        import av

        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None, :]), format="s16p", layout="mono")
        frame.sample_rate = self._context.rate
        frame.pts = self._at
        self._at += len(samples)
        return b"".join(bytes(packet) for packet in self._context.encode(frame))

    def finish(self) -> bytes:
        last = b""
        if len(self._rest):
            last = self._frame(np.pad(self._rest, (0, self._size - len(self._rest))))
            self._rest = self._rest[:0]
        return last + b"".join(bytes(packet) for packet in self._context.encode(None))


def output_of(request: web.Request) -> Output:
    """What the query asks for. Raises NotSimulated for what is not simulated."""
    if unknown := sorted(set(request.query) - UNDERSTOOD):
        raise NotSimulated(f"{', '.join(unknown)} of text-to-speech")
    if not request.headers.get("xi-api-key"):
        raise NotSimulated("a request without xi-api-key")
    if request.query.get("enable_ssml_parsing") == "true":
        raise NotSimulated("SSML")
    wanted = request.query.get("output_format", "mp3_44100_128")
    match = FORMAT.fullmatch(wanted)
    if match is None:
        raise NotSimulated(f"output_format {wanted}")
    return Output(int(match[1] or match[2]), int(match[3] or 0))
