"""`python -m tests.bench_noise`: how many words Whisper gets wrong where a mall or a full table is heard behind them.

Questions by Piper's "joe", mixed with sox's noise and with voices nobody can follow, at some distances in loudness.
Hears with the model of the local profile for English.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import django
import numpy as np

QUESTIONS = (
    "What time is breakfast served?",
    "How do I get to the swimming pool?",
    "Is there a pharmacy on this floor?",
    "Can you tell me where I can park my car?",
    "Which shop sells children's shoes?",
    "How much is a ticket for two adults and a child?",
    "When does the last bus leave for the city?",
    "I would like to know if the museum is open on Friday.",
)
DECIBELS = (None, 20, 10, 5)


def wrong(said: str, heard: str) -> int:
    """How many words are missing, added or others."""
    from agent_worker.providers.intents import plain

    a, b = plain(said).split(), plain(heard).split()
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def main() -> None:
    from agent_worker.providers import whisper
    from tests.agent_worker import sound

    folder = Path(tempfile.mkdtemp(prefix="concierge-bench-"))
    ear = whisper.load(whisper.model_for("en"))
    spoken = {question: sound.joe_says(question, folder) for question in QUESTIONS}
    words = sum(len(question.split()) for question in QUESTIONS)
    print("| behind the words | " + " | ".join(f"{d} dB" if d else "nothing" for d in DECIBELS) + " |")
    print("|---|" + "---|" * len(DECIBELS))
    for name, noise in (("a mall", sound.mall(8, folder)), ("a full table", sound.babble(8, folder))):
        row: list[str] = []
        for decibels in DECIBELS:
            errors = 0
            for question, samples in spoken.items():
                samples = np.concatenate([sound.silence(0.3), samples, sound.silence(0.3)])
                mixed = sound.with_noise(samples, noise, decibels) if decibels else samples
                errors += wrong(question, ear.hear(mixed, "en").text)
            row.append(f"{errors / words:.0%}")
        print(f"| {name} | " + " | ".join(row) + " |")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "concierge.settings")
    django.setup()
    main()
