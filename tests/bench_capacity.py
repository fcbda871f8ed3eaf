"""`make bench-capacity`: how many calls one agent worker holds before the visitors notice each other.

N scripted callers at once (livekit's own SDK, recordings played in real time) ask some questions each, on the cloud
profile with simulated providers (docs/simulators.md). Callers, providers, livekit-server and web share the machine with
the worker, so what each takes of the processor is told apart. It stops at the first level that fails. Prints two tables
and, with --write, puts them into docs/performance.md.
"""

from __future__ import annotations

import argparse
import asyncio
import glob
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from livekit import rtc

from agent_worker.frugal import (
    keep_the_sdk_s_diary_out,
    let_more_threads_wait,
    tell_only_whom_it_concerns,
    use_a_faster_loop,
)
from tests.bench import PROCESSES, at, tell, write
from tests.bench_voice import Utterance, recorded, timed
from tests.browser import speech
from tests.browser.stack import ROOT, Stack
from tests.plots import drawn
from tests.simulators.apart import Simulators

BEGIN, END = "<!-- bench-capacity: begin -->", "<!-- bench-capacity: end -->"
DRAWING = ROOT / "docs" / "pictures" / "capacity.svg"
CALLS = (1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 25, 32, 40)
QUESTIONS = ("What time is breakfast served?", "Is there parking for my car?", "When does the garden pool close?")
LOUD = 0.004  # RMS of 10 ms, as tests/browser/ear.js has it
BLOCK = 4800  # samples, 100 ms
LISTENING_RATE = 16_000
LISTENING_BLOCK = 160  # samples, 10 ms
SPREAD = 6.0  # seconds over which the callers come
LONGEST_WAIT = 15.0
# A level fails if so many questions had no answer, or if the slowest tenth waited so long.
MOST_UNANSWERED = 0.1
WORST_P90 = 3000  # milliseconds
THREADS = {
    "python": "Python: turns, providers, transcripts, detectors",
    "AudioEncoderQue": "Opus encoder",
    "AudioSourceCapt": "LiveKit's sound, ten milliseconds at a time",
    "SyntheticAudioD": "LiveKit's sound, ten milliseconds at a time",
    "livekit-audio": "LiveKit's sound, ten milliseconds at a time",
    "tokio-rt-worker": "LiveKit's sound, ten milliseconds at a time",
    "network_thread": "WebRTC: packets",
    "worker_thread": "WebRTC: packets",
    "signaling_threa": "WebRTC: packets",
}


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
            source = rtc.AudioSource(speech.RATE, 1, queue_size_ms=300)
            track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
            options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
            options.audio_encoding.max_bitrate = 96_000  # the encoder takes half the time that it takes at its default
            await room.local_participant.publish_track(track, options)
            if await self.hears_after(clicked):
                self.greeted = (self.heard[0] - clicked) * 1000
            for samples in recordings:
                await self.silence(0.8)
                ended = await self.speak(source, samples)
                first = await self.hears_after(ended)
                if first is None:
                    self.unanswered += 1
                else:
                    self.waits.append((first - ended) * 1000)
        finally:
            for task in listening:
                task.cancel()
            await room.disconnect()

    async def listen(self, track: rtc.Track) -> None:
        async for event in rtc.AudioStream(track, sample_rate=LISTENING_RATE, num_channels=1, frame_size_ms=50):
            now = time.monotonic()
            sound = np.frombuffer(event.frame.data, np.int16).astype(np.float32) / 32768
            blocks = sound[: len(sound) // LISTENING_BLOCK * LISTENING_BLOCK].reshape(-1, LISTENING_BLOCK)
            levels = np.sqrt((blocks**2).mean(axis=1))
            for place in np.flatnonzero(levels > LOUD):
                self.heard.append(now - 0.01 * (len(blocks) - 1 - int(place)))

    async def speak(self, source: rtc.AudioSource, samples: np.ndarray) -> float:
        """Play the recording in real time; the moment of its last sound, as it left and not as it was due."""
        for index in range(0, len(samples), BLOCK):
            pcm = (np.clip(samples[index : index + BLOCK], -1, 1) * 32767).astype(np.int16)
            await source.capture_frame(rtc.AudioFrame(pcm.tobytes(), speech.RATE, 1, len(pcm)))
        await source.wait_for_playout()
        return time.monotonic()

    async def silence(self, seconds: float) -> None:
        """Until the agent has been silent for so long."""
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            last = self.heard[-1] if self.heard else time.monotonic() - seconds
            if time.monotonic() - last > seconds:
                return
            await asyncio.sleep(0.1)

    async def hears_after(self, moment: float) -> float | None:
        deadline = time.monotonic() + LONGEST_WAIT
        while time.monotonic() < deadline:
            first = next((at for at in self.heard if at > moment), None)
            if first is not None:
                return first
            await asyncio.sleep(0.02)
        return None


@dataclass
class Load:
    """What N calls at once were like. `cores` are those that each part used, of the machine's."""

    calls: int
    callers: list[Caller]
    failures: int
    cores: dict[str, float]
    threads: dict[str, float]  # processor seconds of the worker
    seconds: float
    megabytes: float

    @property
    def waits(self) -> list[float]:
        return [wait for caller in self.callers for wait in caller.waits]

    @property
    def unanswered(self) -> int:
        return sum(caller.unanswered for caller in self.callers)

    @property
    def is_lost(self) -> bool:
        asked = len(self.waits) + self.unanswered
        too_slow = not self.waits or at(self.waits, 0.9) > WORST_P90
        return too_slow or bool(self.failures) or self.unanswered > MOST_UNANSWERED * asked

    def row(self, first: Load) -> str:
        greetings = [caller.greeted for caller in self.callers if caller.greeted is not None]
        spread = [f"{at(values, share):,.0f}" if values else "" for values in (self.waits,) for share in (0.5, 0.9)]
        further = self.calls - first.calls
        cells = [
            str(self.calls),
            *spread,
            f"{at(greetings, 0.5):,.0f}" if greetings else "",
            str(self.unanswered),
            str(self.failures),
            *(f"{self.cores[part]:.2f}" for part in PARTS),
            f"{self.megabytes:,.0f}",
            f"{(self.megabytes - first.megabytes) / further:,.0f}" if further > 0 else "",
        ]
        return f"| {' | '.join(cells)} |"

    def profile(self) -> str:
        """Where the worker's processor time went."""
        whole = sum(self.threads.values()) or 1.0
        lines = [
            f"| with {self.calls} calls, the worker's threads | of its time | ms a second of a call |",
            "|---|---|---|",
        ]
        for name, seconds in sorted(self.threads.items(), key=lambda item: -item[1]):
            a_call = seconds / self.seconds / self.calls * 1000
            lines.append(f"| {name} | {seconds / whole:.0%} | {a_call:.0f} |")
        return "\n".join(lines)


COLUMNS = (
    *("calls", "answer p50, ms", "p90", "greeting p50", "unanswered", "failed calls", "cores: worker"),
    *("livekit-server", "web", "providers", "callers", "machine", "taken by neighbours"),
    *("worker, MB", "MB a further call"),
)
PARTS = ("agent worker", "livekit-server", "web", "simulators", "callers", "all of the machine", "neighbours")


@dataclass
class House:
    """All that serves the callers."""

    stack: Stack
    simulators: Simulators
    further: list[subprocess.Popen[bytes]] = field(default_factory=list)  # workers beside the stack's own

    def start(self, *, workers: int, slots: int) -> None:
        self.stack.start()
        log = (self.stack.data_dir / "further-workers.log").open("wb")
        self.further = [
            subprocess.Popen(
                [sys.executable, "-m", "agent_worker", "start"], cwd=ROOT, env=self.stack.env, stdout=log, stderr=log
            )
            for _ in range(workers - 1)
        ]
        while self.stack.workers() < workers * slots:
            if any(worker.poll() is not None for worker in self.further):
                raise SystemExit(f"A worker did not start: {log.name}")
            time.sleep(1)

    def stop(self) -> None:
        for worker in self.further:
            worker.kill()
        self.stack.stop()
        self.simulators.stop()


class Meter:
    """Processor time and memory of every part, from when it is made."""

    def __init__(self, house: House) -> None:
        assert house.stack.process
        family = psutil.Process(house.stack.process.pid).children(recursive=True)
        family += [psutil.Process(worker.pid) for worker in house.further]
        self.parts = {
            name: [process for process in family if is_it(process.cmdline() or [""])]
            for name, is_it in PROCESSES.items()
        } | {"simulators": [psutil.Process(house.simulators.process.pid)], "callers": [psutil.Process()]}
        self.began, self.before, self.machine = time.monotonic(), self.seconds(), machine_seconds()
        self.threads_before = self.threads()
        self.threads_now = dict(self.threads_before)
        self.most = 0.0

    @property
    def worker(self) -> list[psutil.Process]:
        return self.parts["agent worker"]

    def seconds(self) -> dict[str, float]:
        return {name: processor_seconds(processes) for name, processes in self.parts.items()}

    def threads(self) -> dict[tuple[str, str], float]:
        """By thread and its name: those that end are counted as far as they were seen."""
        found = {}
        for process in self.worker:
            for path in glob.glob(f"/proc/{process.pid}/task/*/stat"):
                try:
                    told = Path(path).read_text()
                except OSError:
                    continue
                name, rest = told[told.index("(") + 1 : told.rindex(")")], told[told.rindex(")") + 2 :].split()
                found[path, name] = (int(rest[11]) + int(rest[12])) / 100
        return found

    async def watch(self) -> None:
        while True:
            self.threads_now |= await asyncio.to_thread(self.threads)
            self.most = max(self.most, await asyncio.to_thread(memory, self.worker))
            await asyncio.sleep(2)

    def cores(self) -> dict[str, float]:
        took, now = time.monotonic() - self.began, self.seconds()
        cores = {name: (now[name] - self.before[name]) / took for name in now}
        of_machine = zip(("all of the machine", "neighbours"), self.machine, machine_seconds(), strict=True)
        return cores | {name: (after - before) / took for name, before, after in of_machine}

    def by_kind(self) -> dict[str, float]:
        kinds: dict[str, float] = {}
        for key, seconds in self.threads_now.items():
            name = key[1].split(" ")[0]
            kind = THREADS.get(name, "others")
            kinds[kind] = kinds.get(kind, 0.0) + seconds - self.threads_before.get(key, 0.0)
        return kinds


async def hold(house: House, calls: int, recordings: Sequence[np.ndarray]) -> Load:
    callers = [Caller() for _ in range(calls)]

    async def come(place: int, caller: Caller) -> None:
        await asyncio.sleep(SPREAD * place / calls)
        await caller.call(house.stack, recordings)

    meter = Meter(house)
    watching = asyncio.create_task(meter.watch())
    ended = await asyncio.gather(*(come(place, caller) for place, caller in enumerate(callers)), return_exceptions=True)
    watching.cancel()
    failures = [error for error in ended if isinstance(error, BaseException)]
    for error in failures[:1]:
        tell(f"  {type(error).__name__}: {error}")
    seconds = time.monotonic() - meter.began
    return Load(calls, callers, len(failures), meter.cores(), meter.by_kind(), seconds, meter.most)


def machine_seconds() -> tuple[float, float]:
    """Processor time that this machine has used, and that others on its host had while it wanted to run."""
    times = psutil.cpu_times()
    stolen = getattr(times, "steal", 0.0)
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0) - stolen, stolen


def processor_seconds(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def memory(processes: Sequence[psutil.Process]) -> float:
    return sum(process.memory_full_info().pss for process in processes) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-capacity", description=__doc__)
    parser.add_argument("--calls", default=",".join(map(str, CALLS)), help="How many at once, comma separated.")
    parser.add_argument("--workers", type=int, default=1, help="Agent workers that share the calls.")
    parser.add_argument("--write", action="store_true", help="Put the table into docs/performance.md.")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="concierge-bench-"))
    turns = [Utterance("question", question) for question in QUESTIONS]
    paths = [recorded(turn, folder) for turn in turns]
    recordings = [speech.samples_of(path) for path in paths]
    script = [
        {"text": turn.text, "words": timed(turn, samples)} for turn, samples in zip(turns, recordings, strict=True)
    ]
    keep_the_sdk_s_diary_out()
    let_more_threads_wait()
    use_a_faster_loop()
    tell_only_whom_it_concerns()  # the callers share one process as well
    levels = [int(calls) for calls in options.calls.split(",")]
    # Several workers: no more each than its share of the most calls, since LiveKit draws lots among them.
    slots = 64 if options.workers == 1 else -(-max(levels) // options.workers)
    simulators = Simulators.start()
    stack = Stack(env={"WORKER_SLOTS": str(slots), **simulators.env})
    house = House(stack, simulators)
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        f"|{'---|' * len(COLUMNS)}",
    ]
    loads: list[Load] = []
    try:
        simulators.control("DEEPGRAM", script=script, per_call=True)
        tell("Starting the house …")
        house.start(workers=options.workers, slots=slots)
        stack.shell(
            "from concierge.models import Venue; Venue.objects.update(concurrent_calls=200, daily_minutes=99999)"
        )
        asyncio.run(hold(house, 1, recordings[:1]))  # what the first call loads counts for none
        for calls in levels:
            time.sleep(12)  # the rooms close
            loads.append(asyncio.run(hold(house, calls, recordings)))
            lines.append(loads[-1].row(loads[0]))
            tell(lines[-1])
            if loads[-1].is_lost:
                break
    finally:
        house.stop()
    well = [load for load in loads if not load.is_lost] or loads
    table = "\n".join([*lines, "", well[-1].profile()])
    print(table)
    if options.write:
        write(table, begin=BEGIN, end=END)
        draw(loads)


def draw(loads: Sequence[Load]) -> None:
    with drawn(DRAWING) as axes:
        for share in (0.5, 0.9):
            heard = [load for load in loads if load.waits]
            waits = [at(load.waits, share) for load in heard]
            axes.plot([load.calls for load in heard], waits, "o-", label=f"answer, p{share * 100:.0f}")
        axes.axhline(1600, color="black", linewidth=0.8, linestyle="dashed", label="wanted at p90")
        axes.set(xlabel="calls at once", ylabel="milliseconds", ylim=(0, None))


if __name__ == "__main__":
    main()
