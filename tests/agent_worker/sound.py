"""Sound for tests: voices that are not the agent's own, and a room of one microphone and one loudspeaker."""

import asyncio
import subprocess
import time
import wave

import numpy as np
from livekit import rtc
from livekit.agents.voice import io

from tests.browser import speech

RATE = 16_000
FRAME = RATE // 100


def espeak_says(text: str, folder, *, voice: str = "en-us", speed: int = 150) -> np.ndarray:
    """The samples (float32, 16 kHz) of a WAV that espeak-ng wrote, without the silence around them."""
    path = folder / "said.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-s", str(speed), "-w", path, text], check=True)
    samples, rate = written(path)
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return resampled(samples[loud[0] : loud[-1]], RATE, rate)


def joe_says(text: str, folder) -> np.ndarray:
    """The same by Piper's voice "joe", who sounds like a person: for what has to be understood in spite of noise."""
    samples = read(speech.piper(text, folder / "joe.wav"))
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[loud[0] : loud[-1]]


def read(path) -> np.ndarray:
    samples, rate = written(path)
    return resampled(samples, RATE, rate)


def written(path) -> tuple[np.ndarray, int]:
    """The samples as they are in the file, and its rate."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768, file.getframerate()


def resampled(samples: np.ndarray, up: int, down: int) -> np.ndarray:
    from scipy.signal import resample_poly  # two seconds to import, which few tests need

    return resample_poly(samples, up, down).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    """Not quite: a room is never silent."""
    return np.random.default_rng(0).normal(0, 0.001, int(seconds * RATE)).astype(np.float32)


def cough(seed: int = 0) -> np.ndarray:
    """Two bursts of a throat's noise, as loud as speech."""
    from scipy.signal import iirpeak, lfilter

    noise = np.random.default_rng(seed).normal(0, 1, int(0.6 * RATE))
    throat = sum(lfilter(*iirpeak(pitch, 4, fs=RATE), noise) for pitch in (550, 1400, 2600))
    at = np.arange(len(noise)) / RATE
    bursts = sum((at >= start) * np.exp(-np.maximum(0, at - start) / 0.07) for start in (0.0, 0.28))
    return at_level(throat * bursts, -20)


def music(seconds: float) -> np.ndarray:
    """Chords of plucked strings, two a second."""
    at = np.arange(int(seconds * RATE)) / RATE
    chords = ((220, 277.2, 329.6), (196, 246.9, 293.7), (174.6, 220, 261.6), (164.8, 207.7, 246.9))
    sound = np.zeros(len(at))
    for number in range(int(seconds * 2)):
        since = np.maximum(0, at - number / 2)
        for pitch in chords[number // 2 % len(chords)]:
            tones = sum(np.sin(2 * np.pi * pitch * tone * since) / tone for tone in (1, 2, 3, 4))
            sound += tones * np.exp(-since * 4) * (at >= number / 2)
    return at_level(sound, -20)


def mall(seconds: float, folder) -> np.ndarray:
    """A hall full of people: sox's brown and pink noise, its swell, and steps."""
    path = folder / "mall.wav"
    part = f"sox -n -r {RATE} -c 1 -p synth {seconds}"
    command = (
        f"sox -m '|{part} brownnoise vol 0.6' '|{part} pinknoise tremolo 0.4 60 vol 0.5' "
        f"'|{part} whitenoise lowpass 900 tremolo 1.9 95 vol 0.25' -b 16 {path}"
    )
    subprocess.run(["sh", "-c", command], check=True)
    return at_level(read(path), -26)


def babble(seconds: float, folder) -> np.ndarray:
    """Several people at the next table; no word of it can be understood."""
    lines = ("We came here with the whole family yesterday.", "She told me that the shop was closed.", "No, not there.")
    voices = [espeak_says(lines[n % 3], folder, voice=v, speed=140 + 15 * n) for n, v in enumerate(BABBLERS)]
    length = int(seconds * RATE)
    table = [np.resize(np.concatenate([voice[::-1], silence(0.1 * n)]), length) for n, voice in enumerate(voices)]
    return at_level(sum(np.roll(voice, 4000 * n) for n, voice in enumerate(table)), -26)


BABBLERS = ("en-us+m1", "en-gb+f2", "en-us+m3", "en-gb+f4", "en-us+m5", "en-gb+m7")


def at_level(samples: np.ndarray, decibels: float) -> np.ndarray:
    """As loud as that, against full scale, where it is not silent."""
    loud = np.abs(samples) > 0.01 * np.abs(samples).max()
    factor = 10 ** (decibels / 20) / np.sqrt(np.mean(samples[loud] ** 2))
    return (samples * factor).astype(np.float32)


def with_noise(speech: np.ndarray, noise: np.ndarray, decibels: float) -> np.ndarray:
    """Speech in noise that is so many decibels weaker."""
    loud = speech[np.abs(speech) > 0.01]
    wanted = np.sqrt(np.mean(loud**2)) * 10 ** (-decibels / 20)
    noise = np.resize(noise, len(speech))
    return (speech + noise * wanted / np.sqrt(np.mean(noise**2))).astype(np.float32)


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
    """Takes as long as the sound does, and remembers it: all that it was given, and when it was to be heard."""

    def __init__(self) -> None:
        super().__init__(label="loudspeaker", capabilities=io.AudioOutputCapabilities(pause=True))
        self.heard: list[rtc.AudioFrame] = []
        self.first_at = 0.0
        self.spells: list[list[float]] = []  # from, until; the last one may have no end yet
        self._pushed = 0.0
        self._played = 0.0  # before the spell at hand
        self._is_paused = False
        self._is_flushed = False
        self._end: asyncio.TimerHandle | None = None

    def is_audible(self) -> bool:
        return bool(self.spells) and len(self.spells[-1]) == 1

    def silent_since(self) -> float:
        """When it fell silent last."""
        return self.spells[-1][1]

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        is_first = not self._pushed
        self._pushed += frame.duration
        self.heard.append(frame)
        self._is_flushed = False
        self._go_on()
        if is_first:
            self.on_playback_started(created_at=time.time())

    def flush(self) -> None:
        super().flush()
        self._is_flushed = True
        self._go_on()

    def clear_buffer(self) -> None:
        if self._pushed:
            self._finish(True)

    def pause(self) -> None:
        self._is_paused = True
        self._stop()

    def resume(self) -> None:
        self._is_paused = False
        self._go_on()

    def _position(self) -> float:
        running = time.perf_counter() - self.spells[-1][0] if self.is_audible() else 0.0
        return min(self._pushed, self._played + running)

    def _go_on(self) -> None:
        if self._is_paused or not self._pushed:
            return
        if not self.is_audible():
            self.spells.append([time.perf_counter()])
            self.first_at = self.first_at or self.spells[0][0]
        if self._is_flushed and not self._end:
            left = self._pushed - self._position()
            self._end = asyncio.get_running_loop().call_later(left, self._finish, False)

    def _stop(self) -> None:
        if self._end:
            self._end.cancel()
            self._end = None
        if self.is_audible():
            self._played = self._position()
            self.spells[-1].append(time.perf_counter())

    def _finish(self, interrupted: bool) -> None:
        self._stop()
        played, self._played, self._pushed = self._played, 0.0, 0.0
        self.on_playback_finished(playback_position=played, interrupted=interrupted)
