"""`make bench-capacity`: how many calls one agent worker holds before the visitors notice each other.

N scripted callers at once (livekit's own SDK, recordings played in real time) ask some questions each, on the cloud
profile with simulated providers (docs/simulators.md). Callers, providers, livekit-server and web share the machine with
the worker, so its own share of the processor is told apart. Prints a table and, with --write, puts it into
docs/performance.md.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from livekit import rtc

from tests.bench import PROCESSES, at, tell, write
from tests.bench_voice import Utterance, recorded, timed
from tests.browser import speech
from tests.browser.stack import Stack
from tests.simulators.apart import Simulators

BEGIN, END = "<!-- bench-capacity: begin -->", "<!-- bench-capacity: end -->"
CALLS = (1, 2, 4, 8, 10, 16, 25, 40)
QUESTIONS = ("What time is breakfast served?", "Is there parking for my car?", "When does the garden pool close?")
LOUD = 0.004  # RMS of 10 ms, as tests/browser/ear.js has it
BLOCK = 480  # samples, 10 ms
SPREAD = 6.0  # seconds over which the callers come
LONGEST_WAIT = 15.0


@dataclass
class Caller:
    """One visitor: who hears, and who speaks when the agent is silent."""

    greeted: float | None = None  # milliseconds from the click
    waits: list[float] = field(default_factory=list)
    unanswered: int = 0
    heard: list[float] = field(default_factory=list)  # moments of loud blocks

    async def call(self, stack: Stack, recordings: Sequence[np.ndarray]) -> None:
        clicked = time.monotonic()
        answer = await asyncio.to_thread(stack.token, mode="voice", lang="en")
        room = rtc.Room()
        listening: list[asyncio.Task[None]] = []

        @room.on("track_subscribed")
        def subscribed(track: rtc.Track, *_: object) -> None:
            if track.kind == rtc.TrackKind.KIND_AUDIO:
                listening.append(asyncio.create_task(self.listen(track)))

        await room.connect(answer["server_url"], answer["participant_token"])
        try:
            source = rtc.AudioSource(speech.RATE, 1, queue_size_ms=60)
            track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
            options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
            await room.local_participant.publish_track(track, options)
            if await self.hears_after(clicked):
                self.greeted = (self.heard[0] - clicked) * 1000
            for samples in recordings:
                await self.silence(source, 0.8)
                ended = await self.speak(source, samples)
                first = await self.hears_after(ended, source)
                if first is None:
                    self.unanswered += 1
                else:
                    self.waits.append((first - ended) * 1000)
        finally:
            for task in listening:
                task.cancel()
            await room.disconnect()

    async def listen(self, track: rtc.Track) -> None:
        async for event in rtc.AudioStream(track, sample_rate=speech.RATE, num_channels=1):
            block = np.frombuffer(event.frame.data, np.int16).astype(np.float32) / 32768
            if float(np.sqrt((block**2).mean())) > LOUD:
                self.heard.append(time.monotonic())

    async def speak(self, source: rtc.AudioSource, samples: np.ndarray) -> float:
        """Play the recording in real time; the moment of its last sound."""
        began = time.monotonic()
        for index in range(0, len(samples), BLOCK):
            await self.push(source, samples[index : index + BLOCK])
            ahead = began + (index + BLOCK) / speech.RATE - time.monotonic()
            if ahead > 0.02:
                await asyncio.sleep(ahead - 0.01)
        return began + len(samples) / speech.RATE

    async def push(self, source: rtc.AudioSource, samples: np.ndarray) -> None:
        block = np.zeros(BLOCK, np.float32)
        block[: len(samples)] = samples
        pcm = (np.clip(block, -1, 1) * 32767).astype(np.int16)
        await source.capture_frame(rtc.AudioFrame(pcm.tobytes(), speech.RATE, 1, BLOCK))

    async def silence(self, source: rtc.AudioSource, seconds: float) -> None:
        """Until the agent has been silent for so long; the microphone is on meanwhile."""
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            last = self.heard[-1] if self.heard else time.monotonic() - seconds
            if time.monotonic() - last > seconds:
                return
            await self.speak(source, np.zeros(BLOCK * 10, np.float32))

    async def hears_after(self, moment: float, source: rtc.AudioSource | None = None) -> float | None:
        deadline = time.monotonic() + LONGEST_WAIT
        while time.monotonic() < deadline:
            first = next((at for at in self.heard if at > moment), None)
            if first is not None:
                return first
            if source:
                await self.speak(source, np.zeros(BLOCK * 5, np.float32))
            else:
                await asyncio.sleep(0.02)
        return None


@dataclass
class Load:
    """What N calls at once were like."""

    calls: int
    callers: list[Caller]
    failures: int
    cores: float  # the worker's own, of the machine's
    megabytes: float

    @property
    def waits(self) -> list[float]:
        return [wait for caller in self.callers for wait in caller.waits]

    def row(self, idle: float) -> str:
        greetings = [caller.greeted for caller in self.callers if caller.greeted is not None]
        lost = sum(caller.unanswered for caller in self.callers)
        spread = [f"{at(values, share):,.0f}" if values else "" for values in (self.waits,) for share in (0.5, 0.9)]
        cells = [
            str(self.calls),
            *spread,
            f"{at(greetings, 0.5):,.0f}" if greetings else "",
            str(lost),
            str(self.failures),
            f"{self.cores:.2f}",
            f"{self.megabytes:,.0f}",
            f"{(self.megabytes - idle) / self.calls:,.0f}",
        ]
        return f"| {' | '.join(cells)} |"


async def hold(stack: Stack, calls: int, recordings: Sequence[np.ndarray], worker: list[psutil.Process]) -> Load:
    callers = [Caller() for _ in range(calls)]

    async def come(place: int, caller: Caller) -> None:
        await asyncio.sleep(SPREAD * place / calls)
        await caller.call(stack, recordings)

    before, began = processor_seconds(worker), time.monotonic()
    most = 0.0

    async def watch_memory() -> None:
        nonlocal most
        while True:
            most = max(most, await asyncio.to_thread(memory, worker))
            await asyncio.sleep(2)

    watching = asyncio.create_task(watch_memory())
    ended = await asyncio.gather(*(come(place, caller) for place, caller in enumerate(callers)), return_exceptions=True)
    watching.cancel()
    failures = [error for error in ended if isinstance(error, BaseException)]
    for error in failures[:1]:
        tell(f"  {type(error).__name__}: {error}")
    cores = (processor_seconds(worker) - before) / (time.monotonic() - began)
    return Load(calls, callers, len(failures), cores, most)


def the_worker(stack: Stack) -> list[psutil.Process]:
    assert stack.process
    family = psutil.Process(stack.process.pid).children(recursive=True)
    return [process for process in family if PROCESSES["agent worker"](process.cmdline() or [""])]


def processor_seconds(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def memory(processes: Sequence[psutil.Process]) -> float:
    return sum(process.memory_full_info().pss for process in processes) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-capacity", description=__doc__)
    parser.add_argument("--calls", default=",".join(map(str, CALLS)), help="How many at once, comma separated.")
    parser.add_argument("--write", action="store_true", help="Put the table into docs/performance.md.")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="concierge-bench-"))
    turns = [Utterance("question", question) for question in QUESTIONS]
    paths = [recorded(turn, folder) for turn in turns]
    recordings = [speech.samples_of(path) for path in paths]
    script = [
        {"text": turn.text, "words": timed(turn, samples)} for turn, samples in zip(turns, recordings, strict=True)
    ]
    simulators = Simulators.start()
    stack = Stack(env={"WORKER_SLOTS": "64", **simulators.env})
    lines = [
        "| calls | answer p50, ms | p90 | greeting p50 | unanswered | failed calls | worker: cores | MB | MB a call |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    try:
        simulators.control("DEEPGRAM", script=script, per_call=True)
        tell("Starting the house …")
        stack.start()
        stack.shell(
            "from concierge.models import Venue; Venue.objects.update(concurrent_calls=200, daily_minutes=99999)"
        )
        worker = the_worker(stack)
        idle = memory(worker)
        for calls in map(int, options.calls.split(",")):
            load = asyncio.run(hold(stack, calls, recordings, worker))
            lines.append(load.row(idle))
            tell(lines[-1])
            time.sleep(12)  # the rooms close
    finally:
        stack.stop()
        simulators.stop()
    table = "\n".join(lines)
    print(table)
    if options.write:
        write(table, begin=BEGIN, end=END)


if __name__ == "__main__":
    main()
