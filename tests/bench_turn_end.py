"""`make bench-turn-end`: how often a pause is taken for the end of a sentence, and an end for a pause.

Sentences by two voices that the agent does not use: whole, and broken off in their middle with the voice of somebody
who goes on. livekit's detector judges the sound, `reads_unfinished` the words that Whisper hears. Draws both errors
for every threshold and, with --write, puts table and drawing into docs/.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import django
import numpy as np
from scipy.signal import resample_poly

from tests.bench import tell, write
from tests.browser import speech
from tests.browser.stack import ROOT
from tests.plots import drawn

BEGIN, END = "<!-- bench-turn-end: begin -->", "<!-- bench-turn-end: end -->"
DRAWING = ROOT / "docs" / "pictures" / "turn-end.svg"
RATE = 16_000
LONGEST = int(1.2 * RATE)  # what the detector listens to
SILENCE = 0.25  # seconds; after so much of it the detector is asked
THRESHOLDS = np.arange(0.0, 0.61, 0.01)

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
    heard: str
    probability: float  # of an end, by the sound
    is_open: bool  # by the words


def judge() -> list[Judged]:
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
    noise = np.random.default_rng(0)
    judged: list[Judged] = []

    def add(samples: np.ndarray, *, is_whole: bool) -> None:
        at_16k = resample_poly(trimmed(samples), 1, 3).astype(np.float32)
        heard = ear.hear(np.pad(at_16k, (0, RATE // 8)), "en").text
        with_silence = np.pad(at_16k, (0, int(SILENCE * RATE)))
        with_silence += noise.normal(0, 1e-4, len(with_silence)).astype(np.float32)
        pcm = (np.clip(with_silence, -1, 1) * 32767).astype(np.int16)[-LONGEST:]
        judged.append(Judged(is_whole, heard, float(detector.predict(pcm)), reads_unfinished(heard)))

    for name, say in voices.items():
        for number, (first, then) in enumerate(SENTENCES):
            path = folder / f"{name}-{number}.wav"
            add(speech.samples_of(say(f"{first} {then}", path)), is_whole=True)
            # With a comma the voice stays up, as of somebody who thinks; what follows is cut off.
            halting = trimmed(speech.samples_of(say(f"{first}, {then}", path)))
            add(halting[: widest_gap(halting)[0]], is_whole=False)
        tell(f"{name}: {len(SENTENCES)} sentences")
    return judged


def errors(judged: list[Judged], threshold: float, *, words: bool) -> tuple[float, float]:
    """Shares of whole sentences that wait, and of broken-off ones that do not."""

    def waits(one: Judged) -> bool:
        return one.probability < threshold or (words and one.is_open)

    whole = [waits(one) for one in judged if one.is_whole]
    broken = [not waits(one) for one in judged if not one.is_whole]
    return float(np.mean(whole)), float(np.mean(broken))


def table(judged: list[Judged]) -> str:
    from agent_worker.turn_end import DOUBT

    rows = {
        "sound alone, livekit's threshold for English (.36)": errors(judged, 0.36, words=False),
        f"sound alone, {DOUBT}": errors(judged, DOUBT, words=False),
        "words alone": errors(judged, 0.0, words=True),
        "both, .36": errors(judged, 0.36, words=True),
        "both, .25": errors(judged, 0.25, words=True),
        f"**both, {DOUBT}** (in use)": errors(judged, DOUBT, words=True),
    }
    lines = ["| what decides | whole sentences that wait | pauses taken for the end |", "|---|---|---|"]
    lines += [f"| {name} | {slow:.0%} | {rude:.0%} |" for name, (slow, rude) in rows.items()]
    return "\n".join(lines)


def draw(judged: list[Judged]) -> None:
    from agent_worker.turn_end import DOUBT

    with drawn(DRAWING) as axes:
        for label, words in (("sound alone", False), ("sound and words", True)):
            slow, rude = zip(*(errors(judged, threshold, words=words) for threshold in THRESHOLDS), strict=True)
            axes.plot(slow, rude, label=label)
        for label, words, threshold in (("livekit's default", False, 0.36), ("in use", True, DOUBT)):
            at = errors(judged, threshold, words=words)
            axes.plot(*at, "o", color="black")
            axes.annotate(label, at, textcoords="offset points", xytext=(8, 6))
        axes.set(xlabel="whole sentences that wait", ylabel="pauses taken for the end", xlim=(0, 1), ylim=(0, 1))


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-turn-end", description=__doc__)
    parser.add_argument("--write", action="store_true", help="Put table and drawing into docs/.")
    options = parser.parse_args()
    judged = judge()
    text = table(judged)
    print(text)
    if options.write:
        write(text, begin=BEGIN, end=END)
        draw(judged)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "concierge.settings")
    django.setup()
    main()
