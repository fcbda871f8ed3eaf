"""A Piper voice from a file, chosen with LOCAL_TTS_VOICE. Piper itself is GPL and is not installed with us."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agent_worker.providers.engines import loaded_once
from agent_worker.providers.espeak import SCRIPTS
from agent_worker.providers.speaking import SAMPLE_RATE, CannotSpeak, scripts_of
from agent_worker.providers.spoken import say

if TYPE_CHECKING:
    from piper import PiperVoice as Engine


class PiperVoice:
    """Raises CannotSpeak if the file is not a voice or piper is not installed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.language = language_of(path)
        self.name = f"piper-{Path(path).stem}"

    def can_speak(self, text: str) -> bool:
        return scripts_of(text) <= {SCRIPTS.get(self.language, "LATIN")}

    def render(self, sentence: str) -> np.ndarray:
        from scipy.signal import resample_poly

        engine = _engine(self._path)
        chunks = [chunk.audio_float_array for chunk in engine.synthesize(say(sentence, self.language))]
        if not chunks:
            return np.zeros(0, np.float32)
        return resample_poly(np.concatenate(chunks), SAMPLE_RATE, engine.config.sample_rate).astype(np.float32)


def language_of(path: str) -> str:
    """The language of a voice file, from the settings file that lies beside it."""
    try:
        described = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
        return str(described["espeak"]["voice"]).split("-")[0]
    except (OSError, ValueError, KeyError) as error:
        raise CannotSpeak(
            f"LOCAL_TTS_VOICE {path!r} is no Piper voice: it needs {Path(path).name}.json beside it ({error})."
        ) from error


@loaded_once
def _engine(path: str) -> Engine:
    try:
        from piper import PiperVoice as Engine
    except ImportError as error:
        raise CannotSpeak("LOCAL_TTS_VOICE needs Piper: `uv pip install piper-tts`.") from error
    return Engine.load(path, f"{path}.json")
