"""Sound for tests: voices that are not the agent's own, and a room of one microphone and one loudspeaker."""

import asyncio
import subprocess
import time
import wave

import numpy as np
from livekit import rtc
from livekit.agents.voice import io
from scipy.signal import resample_poly

RATE = 16_000
FRAME = RATE // 100


def espeak_says(text: str, folder, *, voice: str = "en-us", speed: int = 150) -> np.ndarray:
    """The samples (float32, 16 kHz) of a WAV that espeak-ng wrote, without the silence around them."""
    path = folder / "said.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-s", str(speed), "-w", path, text], check=True)
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return resample_poly(samples[loud[0] : loud[-1]], RATE, rate).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    """Not quite: a room is never silent."""
    return np.random.default_rng(0).normal(0, 0.001, int(seconds * RATE)).astype(np.float32)


def frames(samples: np.ndarray) -> list[rtc.AudioFrame]:
    pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
    return [
        rtc.AudioFrame(data=part.tobytes(), sample_rate=RATE, num_channels=1, samples_per_channel=len(part))
        for part in np.split(pcm, range(FRAME, len(pcm), FRAME))
        if len(part)
    ]


class Microphone(io.AudioInput):
    """Says what it is given, in its own time, and is silent in between."""

    def __init__(self) -> None:
        super().__init__(label="microphone")
        self._said: list[rtc.AudioFrame] = []
        self._quiet = frames(silence(1.0))
        self._next_at = 0.0
        self.finished_at = 0.0

    async def say(self, samples: np.ndarray) -> None:
        """Returns when the last word is out."""
        self._said += frames(samples)
        while self._said:
            await asyncio.sleep(0.01)
        self.finished_at = time.perf_counter()

    async def __anext__(self) -> rtc.AudioFrame:
        now = time.perf_counter()
        self._next_at = max(self._next_at + 0.01, now - 0.2)
        await asyncio.sleep(max(0.0, self._next_at - now))
        return self._said.pop(0) if self._said else self._quiet[int(now * 100) % len(self._quiet)]


class Loudspeaker(io.AudioOutput):
    """Takes as long as the sound does, and remembers it."""

    def __init__(self) -> None:
        super().__init__(label="loudspeaker", capabilities=io.AudioOutputCapabilities(pause=False))
        self.heard: list[rtc.AudioFrame] = []
        self.first_at = 0.0
        self._began = 0.0
        self._pushed = 0.0
        self._end: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._pushed:
            self._began = time.perf_counter()
            self.on_playback_started(created_at=time.time())
        self.first_at = self.first_at or time.perf_counter()
        self._pushed += frame.duration
        self.heard.append(frame)

    def flush(self) -> None:
        super().flush()
        if self._pushed:
            left = max(0.0, self._pushed - (time.perf_counter() - self._began))
            self._end = asyncio.get_running_loop().call_later(left, self._finish, False)

    def clear_buffer(self) -> None:
        if self._pushed:
            self._finish(True)

    def _finish(self, interrupted: bool) -> None:
        if self._end:
            self._end.cancel()
            self._end = None
        played = min(self._pushed, time.perf_counter() - self._began)
        self._pushed = 0.0
        self.on_playback_finished(playback_position=played, interrupted=interrupted)
