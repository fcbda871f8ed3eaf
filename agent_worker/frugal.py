"""What livekit does for every call and nobody here needs, left undone: so one process holds many calls.

Each figure is processor time a second of a call (docs/performance.md); the first grows with the number of calls, since
its SDK tells everything that happens to every call of the process. This reaches into livekit's own parts: a test
fails when an update has moved one of them.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
from contextlib import suppress
from functools import wraps
from typing import Any

from livekit.agents.llm import FunctionTool
from livekit.agents.llm import utils as llm_utils
from livekit.agents.telemetry import loop_monitor
from livekit.agents.utils.aio import itertools as streams
from livekit.agents.voice.transcription._speaking_rate import SpeakingRateStream
from livekit.rtc import _ffi_client as ffi
from livekit.rtc.audio_stream import AudioStream

from agent_worker.tee import Tee


def be_frugal() -> None:
    """For the whole process, before its first call."""
    keep_the_sdk_s_diary_out()
    let_more_threads_wait()
    use_a_faster_loop()
    share_streams_without_a_lock()
    tell_only_whom_it_concerns()
    build_tool_schemas_once()
    leave_the_rate_of_speech()
    # 9 ms a second: two wake-ups every 20 ms, to report a busy loop. py-spy tells more.
    os.environ.setdefault(loop_monitor.ENV_WARN_THRESHOLD_MS, "0")


def overlook_what_stays() -> None:
    """After the models are loaded: a look for garbage at all that they and the modules made takes a tenth of a second,
    in which no call goes on, and finds nothing. From now on only what calls make is looked at."""
    gc.collect()
    gc.freeze()


def let_more_threads_wait() -> None:
    """Before the SDK is first used. Its threads tell Python of each event and stand still until Python has time for it;
    with one a core, as it comes, ten calls' packets and words stood behind that: up to five seconds (now five
    milliseconds)."""
    os.environ.setdefault("TOKIO_WORKER_THREADS", "16")


def keep_the_sdk_s_diary_out() -> None:
    """Before the SDK is first used. With four calls it notes 900 trifles a second, each of which waited for Python's
    lock, to be thrown away there: five times as often as anything that was meant for us. Its errors are on stderr now,
    and the rest as well where RUST_LOG says so."""
    load = ffi.get_ffi_lib

    @wraps(load)
    def load_without_diary() -> Any:
        library = load()
        begin = library.livekit_ffi_initialize

        def begin_without_diary(callback: Any, _: object, *rest: bytes) -> None:
            begin.argtypes = begin_without_diary.argtypes  # type: ignore[attr-defined]
            begin(callback, False, *rest)

        library.livekit_ffi_initialize = begin_without_diary  # type: ignore[attr-defined]
        return library

    ffi.get_ffi_lib = load_without_diary


def share_streams_without_a_lock() -> None:
    """Sound, words and tokens that have two readers: agent_worker.tee says why."""
    streams.tee = Tee  # type: ignore[assignment]


def use_a_faster_loop() -> None:
    """For every event loop that is made from now on; Windows has none."""
    with suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


class Switchboard:
    """Takes an event of the SDK to the one call that waits for it, where that can be known."""

    def __init__(self) -> None:
        # By the native handle of an audio stream, and by the number of a captured frame.
        self.streams: dict[int, tuple[ffi.Queue[Any], asyncio.AbstractEventLoop]] = {}
        self.frames: dict[int, asyncio.AbstractEventLoop] = {}
        self._numbers = itertools.count(1)

    def number(self, loop: asyncio.AbstractEventLoop) -> int:
        """For a frame whose capture is to be told to those who listen on `loop`."""
        number = next(self._numbers)
        self.frames[number] = loop
        return number

    def deliver(self, event: Any, subscribers: list[tuple[Any, asyncio.AbstractEventLoop, Any]]) -> bool:
        """False if it must be told to everybody, as livekit does."""
        kind = event.WhichOneof("message")
        if kind == "audio_stream_event":
            told = event.audio_stream_event
            to = self.streams.get(told.stream_handle)
            if to is None:
                return False
            if told.HasField("eos"):
                del self.streams[told.stream_handle]
            tell(*to, event)
            return True
        if kind == "capture_audio_frame":
            loop = self.frames.pop(event.capture_audio_frame.async_id, None)
            if loop is None:
                return False
            for queue, theirs, wants in subscribers:
                if theirs is loop and wants is None:  # who waits for a frame asks for all events
                    tell(queue, loop, event)
            return True
        return False


def tell(queue: Any, loop: asyncio.AbstractEventLoop, event: Any) -> None:
    with suppress(RuntimeError):  # the loop is closed, the call is over
        loop.call_soon_threadsafe(queue.put_nowait, event)


def tell_only_whom_it_concerns() -> None:
    """With ten calls 100 ms a second in all, with 25 some 700: each event woke each call's loop."""
    board = Switchboard()
    create, put, request = AudioStream._create_owned_stream, ffi.FfiQueue.put, ffi.FfiClient.request

    @wraps(create)
    def create_and_note(self: AudioStream) -> Any:
        stream = create(self)
        board.streams[stream.handle.id] = self._ffi_queue, self._loop
        return stream

    @wraps(put)
    def put_where_it_belongs(self: ffi.FfiQueue[Any], item: Any) -> None:
        with self._lock:
            is_delivered = board.deliver(item, self._subscribers)
        if not is_delivered:
            put(self, item)

    @wraps(request)
    def request_by_number(self: ffi.FfiClient, req: Any) -> Any:
        if req.WhichOneof("message") == "capture_audio_frame":
            req.capture_audio_frame.request_async_id = board.number(asyncio.get_running_loop())
        return request(self, req)

    AudioStream._create_owned_stream = create_and_note  # type: ignore[method-assign]
    ffi.FfiQueue.put = put_where_it_belongs  # type: ignore[method-assign]
    ffi.FfiClient.request = request_by_number  # type: ignore[method-assign]


def build_tool_schemas_once() -> None:
    """7 ms of each request to the model, before it is sent: our tools are the same in every call."""
    build = llm_utils.build_strict_openai_schema
    built: dict[FunctionTool, dict[str, Any]] = {}

    @wraps(build)
    def build_once(function_tool: FunctionTool) -> dict[str, Any]:
        if function_tool not in built:
            built[function_tool] = build(function_tool)
        return built[function_tool]

    llm_utils.build_strict_openai_schema = build_once


def leave_the_rate_of_speech() -> None:
    """16 ms a second that the agent speaks, to guess from the sound when words are said: our voices tell it."""
    SpeakingRateStream._compute_speaking_rate = lambda self, audio, sample_rate: 0.0  # type: ignore[method-assign]
