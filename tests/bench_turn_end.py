"""`make bench-turn-end`: how often a pause is taken for the end of a sentence, and an end for a pause.

Sentences by two voices that the agent does not use: whole, and broken off in their middle with the voice of somebody
who goes on. livekit's detector judges the sound, `reads_unfinished` the words that Whisper hears, and Whisper how
likely its last word is broken off. Draws both errors for every threshold and, with --write, puts table and drawing
into docs/.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import django
import numpy as np
from scipy.signal import resample_poly

from tests.bench import tell, write
from tests.browser import speech
from tests.browser.stack import ROOT
from tests.halting import BROKEN_OFF, NEVER_BROKEN_OFF
from tests.plots import drawn

BEGIN, END = "<!-- bench-turn-end: begin -->", "<!-- bench-turn-end: end -->"
DRAWING = ROOT / "docs" / "pictures" / "turn-end.svg"
RATE = 16_000
LONGEST = int(1.2 * RATE)  # what the detector listens to
LEAD_IN = 0.5  # seconds before the voice that the ear gets as well
HINT = 0.1  # seconds; after so much silence the ear begins to hear, see providers.listening
SILENCE = 0.25  # seconds; after so much of it the detector is asked
# White noise behind the voice, as a share of full scale: nothing that can be heard, a quiet room, a room.
NOISES = (0.0001, 0.001, 0.003)
THRESHOLDS = np.arange(0.0, 0.61, 0.01)
BROKEN_THRESHOLDS = np.geomspace(1e-5, 1.0, 61)

SENTENCES = (
    ("Can you tell me", "when breakfast is served?"),
    ("I would like to know", "where I can park my car."),
    ("Is there a", "gym in the house?"),
    ("What time does the pool", "close in the evening?"),
    ("My wife and I", "would like to have dinner tonight."),
    ("How much does it cost to", "keep the room until the evening?"),
    ("Is it possible to get to the", "airport by taxi?"),
    ("Do you have", "a place where I can pray?"),
    ("We are looking for the", "kids club."),
    ("Could somebody please", "iron my shirt?"),
    ("I have a question about", "the museum tickets."),
    ("Where exactly is", "the nearest pharmacy?"),
    ("My son lost his jacket and", "we want to know who to ask."),
    ("Do you know if", "the shop on the second floor takes cards?"),
    ("I need to see a doctor because", "my knee hurts."),
    ("When do the", "fountains start tonight?"),
    ("Are children", "allowed in the gallery?"),
    ("Is the cinema", "open on Sunday?"),
    ("Could you please tell me the", "price of a family ticket?"),
    ("I am staying in room four one two and", "I need two more towels."),
    ("What is the name of the", "restaurant on the roof?"),
    ("We arrive on Thursday with", "a very late flight."),
    ("How far is it from here to", "the old market?"),
    ("Can I change my", "appointment to Monday?"),
)


@dataclass(frozen=True)
class Judged:
    is_whole: bool
    noise: float
    heard: str
    probability: float  # of an end, by the sound
    is_open: bool  # by the words
    breaks_off: float  # by Whisper


def judge(broken_off: Sequence[tuple[str, str]], never_broken_off: Sequence[str] = ()) -> list[Judged]:
    from livekit.agents.inference.eot.transports import _EOT  # the model that TurnDetector(version="v1-mini") asks

    from agent_worker.providers import whisper
    from agent_worker.turn_end import reads_unfinished
    from tests.bench_voice import trimmed, widest_gap

    folder = Path(tempfile.mkdtemp(prefix="concierge-bench-"))
    voices: dict[str, Callable[[str, Path], Path]] = {
        "joe": speech.piper,
        "us": partial(speech.espeak, voice="en-us", speed=170),
    }
    detector, ear = _EOT(), whisper.load(whisper.model_for("en"))
    random = np.random.default_rng(0)
    judged: list[Judged] = []

    def add(samples: np.ndarray, *, is_whole: bool) -> None:
        said = resample_poly(trimmed(samples), 1, 3).astype(np.float32)
        quiet = np.pad(said, (int(LEAD_IN * RATE), int(SILENCE * RATE)))
        for noise in NOISES:
            sound = quiet + random.normal(0, noise, len(quiet)).astype(np.float32)
            heard = ear.hear(sound[: len(sound) - int((SILENCE - HINT) * RATE)], "en")
            pcm = (np.clip(sound, -1, 1) * 32767).astype(np.int16)[-LONGEST:]
            is_open, end = reads_unfinished(heard.text), float(detector.predict(pcm))
            judged.append(Judged(is_whole, noise, heard.text, end, is_open, heard.breaks_off))

    for name, say in voices.items():
        for number, (first, then) in enumerate(broken_off):
            path = folder / f"{name}-{number}.wav"
            add(speech.samples_of(say(f"{first} {then}", path)), is_whole=True)
            # With a comma the voice stays up, as of somebody who thinks; what follows is cut off.
            halting = trimmed(speech.samples_of(say(f"{first}, {then}", path)))
            add(halting[: widest_gap(halting)[0]], is_whole=False)
        for text in never_broken_off:
            add(speech.samples_of(say(text, folder / "whole.wav")), is_whole=True)
        tell(f"{name}: {len(broken_off)} sentences, whole and broken off, and {len(never_broken_off)} whole")
    return judged


def errors(
    judged: list[Judged], threshold: float, *, words: bool = False, broken: float = 1.0
) -> tuple[float, float, float]:
    """Shares of whole sentences that wait long, of those that wait in doubt, and of broken-off ones that do not wait.

    `broken` is how likely a broken-off word must be for doubt.
    """

    def waits(one: Judged) -> bool:
        return one.probability < threshold or (words and one.is_open)

    def doubts(one: Judged) -> bool:
        return not waits(one) and one.breaks_off > broken

    whole = [one for one in judged if one.is_whole]
    taken = [not waits(one) and not doubts(one) for one in judged if not one.is_whole]
    return (*(float(np.mean([is_so(one) for one in whole])) for is_so in (waits, doubts)), float(np.mean(taken)))


def table(judged: list[Judged]) -> str:
    from agent_worker.pipeline import DOUBT_DELAY, MAX_DELAY
    from agent_worker.turn_end import BROKEN, DOUBT

    rows = {
        "sound alone, livekit's threshold for English (.36)": errors(judged, 0.36),
        f"sound alone, {DOUBT}": errors(judged, DOUBT),
        "words alone": errors(judged, 0.0, words=True),
        "sound, .36, and words": errors(judged, 0.36, words=True),
        "sound, .25, and words": errors(judged, 0.25, words=True),
        f"sound, {DOUBT}, and words (in use with ears in the cloud)": errors(judged, DOUBT, words=True),
        f"a broken-off word alone, {BROKEN}": errors(judged, 0.0, broken=BROKEN),
        **{
            f"sound, {DOUBT}, words and a broken-off word, {broken}": errors(judged, DOUBT, words=True, broken=broken)
            for broken in (BROKEN * 2, BROKEN / 2)
        },
        f"**sound, {DOUBT}, words and a broken-off word, {BROKEN}** (in use)": errors(
            judged, DOUBT, words=True, broken=BROKEN
        ),
        **{
            f"  the same, noise {noise}": errors(
                [one for one in judged if one.noise == noise], DOUBT, words=True, broken=BROKEN
            )
            for noise in NOISES
        },
    }
    waits = f"whole sentences that wait {MAX_DELAY} s | that wait {DOUBT_DELAY} s"
    lines = [f"| what decides | {waits} | pauses taken for the end |", "|---|---|---|---|"]
    lines += [f"| {name} | " + " | ".join(f"{share:.0%}" for share in shares) + " |" for name, shares in rows.items()]
    return "\n".join(lines)


def draw(judged: list[Judged]) -> None:
    from agent_worker.turn_end import BROKEN, DOUBT

    def point(threshold: float, **how: Any) -> tuple[float, float]:
        long, short, rude = errors(judged, threshold, **how)
        return long + short, rude

    with drawn(DRAWING) as axes:
        for label, points in (
            ("sound alone", [point(threshold) for threshold in THRESHOLDS]),
            ("sound and words", [point(threshold, words=True) for threshold in THRESHOLDS]),
            ("words and a broken-off word", [point(DOUBT, words=True, broken=one) for one in BROKEN_THRESHOLDS]),
        ):
            axes.plot(*zip(*points, strict=True), label=label)
        for label, at in (
            ("livekit's default", point(0.36)),
            ("in use with ears in the cloud", point(DOUBT, words=True)),
            ("in use", point(DOUBT, words=True, broken=BROKEN)),
        ):
            axes.plot(*at, "o", color="black")
            axes.annotate(label, at, textcoords="offset points", xytext=(8, 6))
        axes.set(xlabel="whole sentences that wait", ylabel="pauses taken for the end", xlim=(0, 1), ylim=(0, 1))


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-turn-end", description=__doc__)
    parser.add_argument("--write", action="store_true", help="Put table and drawing into docs/.")
    parser.add_argument("--development", action="store_true", help="Judge the sentences of tests/halting.py instead.")
    options = parser.parse_args()
    judged = judge(BROKEN_OFF, NEVER_BROKEN_OFF) if options.development else judge(SENTENCES)
    text = table(judged)
    print(text)
    if options.write and not options.development:
        write(text, begin=BEGIN, end=END)
        draw(judged)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "concierge.settings")
    django.setup()
    main()
