"""Many calls in one process: an event of one call leaves the others asleep."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from livekit.agents.llm import ToolContext
from livekit.agents.llm import utils as llm_utils
from livekit.agents.utils.aio import itertools as streams
from livekit.agents.vad import VAD, VADCapabilities, VADEvent, VADEventType, VADStream
from livekit.agents.voice.transcription._speaking_rate import SpeakingRateStream
from livekit.rtc import _ffi_client as ffi
from livekit.rtc._proto.ffi_pb2 import FfiEvent
from livekit.rtc.audio_stream import AudioStream

from agent_worker.frugal import be_frugal
from agent_worker.tools import TOOLS


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is patched here is put back afterwards."""
    for where, name in (
        (AudioStream, "_create_owned_stream"),
        (ffi, "get_ffi_lib"),
        (ffi.FfiQueue, "put"),
        (ffi.FfiClient, "request"),
        (llm_utils, "build_strict_openai_schema"),
        (SpeakingRateStream, "_compute_speaking_rate"),
        (streams, "tee"),
    ):
        monkeypatch.setattr(where, name, getattr(where, name))
    monkeypatch.setenv("LIVEKIT_AGENTS_LOOP_BLOCK_WARN_MS", "0")
    monkeypatch.setenv("TOKIO_WORKER_THREADS", "16")
    yield
    asyncio.set_event_loop_policy(None)


def sound_of(stream: int, *, is_last: bool = False) -> FfiEvent:
    event = FfiEvent()
    event.audio_stream_event.stream_handle = stream
    if is_last:
        event.audio_stream_event.eos.SetInParent()
    return event


async def queues_of(events: ffi.FfiQueue[Any], *streams: int) -> list[Any]:
    """Queues that wait for sound as livekit's AudioStream makes them, each of one native stream."""
    queues = []
    for handle in streams:
        queue = events.subscribe(filter_fn=lambda event: event.WhichOneof("message") == "audio_stream_event")
        stream = SimpleNamespace(
            _ffi_queue=queue,
            _loop=asyncio.get_running_loop(),
            answer=SimpleNamespace(handle=SimpleNamespace(id=handle)),
        )
        AudioStream._create_owned_stream(stream)  # type: ignore[arg-type]
        queues.append(queue)
    return queues


def test_sound_wakes_only_the_call_that_it_is_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AudioStream, "_create_owned_stream", lambda self: self.answer)
    be_frugal()

    async def scene() -> list[int]:
        events: ffi.FfiQueue[Any] = ffi.FfiQueue()
        queues = await queues_of(events, 1, 2)
        for event in (sound_of(1), sound_of(1), sound_of(2), sound_of(1, is_last=True)):
            events.put(event)
        await asyncio.sleep(0)
        return [queue.qsize() for queue in queues]

    assert asyncio.run(scene()) == [3, 1]


def test_sound_of_a_stream_that_nobody_noted_reaches_whoever_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AudioStream, "_create_owned_stream", lambda self: self.answer)
    be_frugal()

    async def scene() -> list[int]:
        events: ffi.FfiQueue[Any] = ffi.FfiQueue()
        queues = await queues_of(events, 1, 2)
        events.put(sound_of(3))
        await asyncio.sleep(0)
        return [queue.qsize() for queue in queues]

    assert asyncio.run(scene()) == [1, 1]


def test_a_captured_frame_is_told_to_the_call_that_captured_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(ffi.FfiClient, "request", lambda self, request: asked.append(request))
    be_frugal()

    async def scene() -> tuple[int, int]:
        events: ffi.FfiQueue[Any] = ffi.FfiQueue()
        elsewhere = asyncio.new_event_loop()
        other = events.subscribe(loop=elsewhere)
        mine = events.subscribe()
        request = ffi.proto_ffi.FfiRequest()
        request.capture_audio_frame.source_handle = 5
        ffi.FfiClient.request(None, request)  # type: ignore[arg-type]
        event = FfiEvent()
        event.capture_audio_frame.async_id = asked[0].capture_audio_frame.request_async_id
        events.put(event)
        await asyncio.sleep(0)
        elsewhere.call_soon(elsewhere.stop)
        await asyncio.to_thread(elsewhere.run_forever)
        elsewhere.close()
        return mine.qsize(), other.qsize()

    assert asyncio.run(scene()) == (1, 0)


def test_the_sdk_gets_threads_to_wait_with_unless_somebody_chose_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKIO_WORKER_THREADS")
    be_frugal()
    assert int(os.environ["TOKIO_WORKER_THREADS"]) > (os.cpu_count() or 1)
    monkeypatch.setenv("TOKIO_WORKER_THREADS", "3")
    be_frugal()
    assert os.environ["TOKIO_WORKER_THREADS"] == "3"


def test_the_sdk_keeps_its_diary_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[Any, ...]] = []

    def library() -> Any:
        functions = {
            name: lambda *_: None for name in ("livekit_ffi_request", "livekit_ffi_drop_handle", "livekit_ffi_dispose")
        }
        return SimpleNamespace(livekit_ffi_initialize=lambda *arguments: begun.append(arguments), **functions)

    monkeypatch.setattr(ffi, "get_ffi_lib", library)
    monkeypatch.setattr(ffi.atexit, "register", lambda of_no_library: of_no_library)
    be_frugal()

    ffi.FfiClient()

    (callback, keeps_diary, *_) = begun[0]
    assert callback is ffi.ffi_event_callback
    assert keeps_diary is False


def test_a_detector_is_not_behind_after_a_few_rounds_of_a_busy_loop() -> None:
    be_frugal()

    async def scene() -> int:
        stream = Told(SilentVAD(capabilities=VADCapabilities(update_interval=0.032)))
        heard = 0

        async def listen() -> None:
            nonlocal heard
            async for _ in stream:
                heard += 1

        listening = asyncio.create_task(listen())
        for _ in range(6):  # rounds
            await asyncio.sleep(0)
        listening.cancel()
        await asyncio.wait({listening})
        await stream.aclose()
        return heard

    assert asyncio.run(scene()) == Told.THINGS


class SilentVAD(VAD):
    def stream(self) -> VADStream:
        return Told(self)


class Told(VADStream):
    """A detector that has come to know much at once."""

    THINGS = 100

    async def _main_task(self) -> None:
        for number in range(self.THINGS):
            self._event_ch.send_nowait(VADEvent(VADEventType.INFERENCE_DONE, number, 0.0, 0.0, 0.0))


def test_event_loops_are_of_the_faster_kind() -> None:
    be_frugal()
    loop = asyncio.new_event_loop()
    loop.close()
    assert type(loop).__module__ == "uvloop"


def test_what_the_model_is_told_of_the_tools_is_built_once_and_the_same() -> None:
    tools = ToolContext(list(TOOLS))
    as_livekit_builds_it = tools.parse_function_tools("openai", strict=True)
    be_frugal()

    first, second = (tools.parse_function_tools("openai", strict=True) for _ in range(2))

    assert first == as_livekit_builds_it
    assert all(one is other for one, other in zip(first, second, strict=True))
