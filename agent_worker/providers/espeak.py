"""The voice for Arabic and other languages: espeak-ng, where it is installed. Clear, small, and sounds like it."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache

import numpy as np

from agent_worker.providers.speaking import SAMPLE_RATE, CannotSpeak, scripts_of
from agent_worker.providers.spoken import say

WORDS_PER_MINUTE = 150
LONGEST_WAIT = 15  # seconds
SCRIPTS = {"ar": "ARABIC", "fa": "ARABIC", "ur": "ARABIC", "hi": "DEVANAGARI", "ru": "CYRILLIC", "zh": "CJK"}


class EspeakVoice:
    """Raises CannotSpeak if the program or the language is missing."""

    def __init__(self, language: str) -> None:
        program = shutil.which("espeak-ng")
        if program is None:
            raise CannotSpeak(f"No voice for {language!r}: espeak-ng is not installed (`apt install espeak-ng`).")
        if language not in languages():
            raise CannotSpeak(f"No voice for {language!r}: espeak-ng does not know this language.")
        self.name = f"espeak-{language}"
        self._program = program
        self._language = language
        self._script = SCRIPTS.get(language, "LATIN")

    def can_speak(self, text: str) -> bool:
        """Its own script, foreign words among it too; but not a whole sentence of a foreign script."""
        scripts = scripts_of(text)
        return scripts <= {self._script, "LATIN"} and (self._script in scripts or not scripts)

    def render(self, sentence: str) -> np.ndarray:
        from scipy.signal import resample_poly

        done = subprocess.run(
            # The text goes in by stdin: a sentence may begin with a dash.
            [self._program, "-v", self._language, "-s", str(WORDS_PER_MINUTE), "-b", "1", "--stdin", "--stdout"],
            input=say(sentence, self._language).encode(),
            capture_output=True,
            timeout=LONGEST_WAIT,
        )
        if done.returncode:
            raise CannotSpeak(f"espeak-ng failed on {sentence!r}: {done.stderr.decode().strip()}")
        # A WAV whose header was written before its length was known: 44 bytes, the rate at 24.
        rate = int.from_bytes(done.stdout[24:28], "little")
        samples = np.frombuffer(done.stdout[44:], "<i2").astype(np.float32) / 32768
        return resample_poly(samples, SAMPLE_RATE, rate).astype(np.float32)


@cache
def languages() -> frozenset[str]:
    """Codes of the languages that espeak-ng speaks here; none where it is not installed."""
    if shutil.which("espeak-ng") is None:
        return frozenset()
    listed = subprocess.run(["espeak-ng", "--voices"], capture_output=True, text=True, timeout=LONGEST_WAIT)
    lines = [line.split() for line in listed.stdout.splitlines()[1:]]
    return frozenset(line[1].split("-")[0] for line in lines if len(line) > 1)
