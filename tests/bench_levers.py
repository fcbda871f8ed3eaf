"""`make bench-levers`: what each thing that was done for speed gives, with all others on, and what they give together.

The same recordings in turn with everything on, with one lever off at a time, with all off, and with everything on
again, call by call in one house (tests/levered.py), so that all share the machine's good and bad moments. Prints one
table and, with --write, puts it into docs/performance.md. Takes some 17 minutes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.bench import at, tell, write
from tests.bench_voice import TOOLS, TURNS, Utterance, will_hear
from tests.bench_voice import recorded as recorded_as
from tests.browser import speech
from tests.browser.stack import Stack
from tests.browser.visitor import Visitor, launch, visiting
from tests.simulators.apart import Simulators

BEGIN, END = "<!-- bench-levers: begin -->", "<!-- bench-levers: end -->"
EVERYTHING, NOTHING, AGAIN = "everything on", "everything off", "everything on, again"
# What is measured of a lever, by the profile where it matters: answers, or greetings.
ANSWERS = {
    "cloud": {
        "search": "search before the model is asked",
        "ahead": "search begins with the interim words",
        "preemptive": "model and voice begin before the turn is confirmed",
        "words": "words have a say in when a turn ends",
        "delays": "end-of-turn waits of 0.3 and 1.4 s (livekit: 0.5 and 3.0)",
        "sentence": "the first sentence goes to the voice at once",
        "facts": "venue facts loaded once a call",
    },
    "local": {
        "eager": "words recognised at the first hint of silence",
        "trim": "silence around sentences trimmed",
    },
}
GREETINGS = {
    "cloud": {
        "dispatch": "agent sent when the token is made",
        "hover": "connection prepared when the pointer comes near",
    },
    "local": {"kept": "greeting spoken ahead and kept"},
}
KINDS = ("short question", "pause inside", "tool", "long question", "short question", "pause inside", "small talk")
ASKED = (*KINDS, "short question")
TURNS_A_CALL = 4


@dataclass
class Seen:
    """Milliseconds of one variant."""

    waits: dict[str, float] = field(default_factory=dict)  # by what was said
    greetings: list[float] = field(default_factory=list)
    cut_off: int = 0
    unanswered: int = 0


class Bench:
    def __init__(self, browser: Browser, stack: Stack, levers: Path, folder: Path, simulators: Simulators | None):
        self.browser, self.stack, self.levers, self.folder, self.simulators = browser, stack, levers, folder, simulators
        self.seen: dict[str, Seen] = {}

    def call(self, variant: str, off: Sequence[str], turns: Sequence[Utterance]) -> None:
        """One call with these levers off."""
        self.levers.write_text(",".join(off))
        seen = self.seen.setdefault(variant, Seen())
        with visiting(self.browser, self.stack, on_cue=True) as visitor:
            if "hover" in off:
                visitor.page.locator("[data-start=voice]").first.click()
            else:
                visitor.talk()
            clicked = visitor.page.evaluate("__ear.clicks.at(-1)")
            seen.greetings.append(visitor.first_sound_after(clicked) - clicked)
            for turn in turns:
                self.ask(visitor, turn, seen)
            visitor.hang_up()
            visitor.wait_for("ended")
        tell(f"  {variant}: greeting {seen.greetings[-1]:.0f}, " + ", ".join(f"{ms:.0f}" for ms in seen.waits.values()))

    def ask(self, visitor: Visitor, turn: Utterance, seen: Seen) -> None:
        visitor.wait_for_quiet(seconds=0.8)
        visitor.forget()
        recording = recorded_as(turn, self.folder)
        if self.simulators:
            will_hear(self.simulators, turn, recording)
        asked = visitor.speak(speech.cue(recording))
        try:
            heard = visitor.first_sound_after(asked["begins"], seconds=12)
        except AssertionError:
            seen.unanswered += 1
            return
        if heard < asked["ends"] - 150:
            seen.cut_off += 1
        else:
            seen.waits[turn.text] = heard - asked["ends"]
        visitor.wait_for_quiet(seconds=0.8)


def variants(levers: Sequence[str]) -> list[tuple[str, list[str]]]:
    return [(EVERYTHING, []), *((name, [name]) for name in levers), (NOTHING, list(levers)), (AGAIN, [])]


def measure(profile: str, rounds: int, greetings: int) -> tuple[dict[str, Seen], dict[str, Seen], float]:
    """What was seen of answers and of greetings, and what loading everything takes (seconds)."""
    folder = Path(tempfile.mkdtemp(prefix="concierge-bench-"))
    levers = folder / "levers"
    levers.write_text("")
    simulators = Simulators.start() if profile == "cloud" else None
    stack = Stack(env={"WORKER_SLOTS": "4", "LEVERS_FILE": str(levers), **(simulators.env if simulators else {})})
    stack.run = ("-m", "tests.levered", "house")
    turns = chosen()
    try:
        if simulators:
            simulators.control("OPENAI", script=TOOLS)
        tell(f"{profile}: starting the house …")
        stack.start()
        stack.shell("from concierge.models import Venue; Venue.objects.update(daily_minutes=9999)")
        with sync_playwright() as playwright:
            browser = launch(playwright)
            bench = [Bench(browser, stack, levers, folder, simulators) for _ in range(2)]
            bench[0].call("warming up", [], turns[:1])
            del bench[0].seen["warming up"]
            for turn in range(0, rounds * TURNS_A_CALL, TURNS_A_CALL):
                for variant, off in variants(list(ANSWERS[profile])):
                    bench[0].call(variant, off, turns[turn : turn + TURNS_A_CALL])
            for _ in range(greetings):
                for variant, off in variants(list(GREETINGS[profile])):
                    bench[1].call(variant, off, [])
            browser.close()
        return bench[0].seen, bench[1].seen, first_wait(stack)
    finally:
        stack.stop()
        if simulators:
            simulators.stop()


def chosen() -> list[Utterance]:
    """Of each kind the next one, in the order of ASKED."""
    left = {kind: iter([turn for turn in TURNS if turn.kind == kind]) for kind in ASKED}
    return [next(left[kind]) for kind in ASKED]


def first_wait(stack: Stack) -> float:
    """Seconds that the first caller would wait if nothing were loaded before: in a fresh process."""
    code = """
import time
from agent_worker import pipeline
from concierge.models import Venue
from knowledge import search
began = time.perf_counter()
pipeline.warm(pipeline.Profile.LOCAL, {"en": []}); search.warm(Venue.objects.first())
print(time.perf_counter() - began)
"""
    return float(stack.shell(code))


def table(answers: dict[str, dict[str, Seen]], greetings: dict[str, dict[str, Seen]], cold: float) -> str:
    lines = ["| off | what is measured | p50 | p90 | it costs | cut off | n |", "|---|---|---|---|---|---|---|"]
    for profile, seen in answers.items():
        names = {EVERYTHING: "nothing", NOTHING: "all of these", AGAIN: "nothing, again"} | ANSWERS[profile]
        base = [seen[name] for name in (EVERYTHING, AGAIN) if name in seen]
        for variant, one in seen.items():
            waits = list(one.waits.values())
            paired = [
                ms - sum(other.waits[text] for other in base if text in other.waits) / of
                for text, ms in one.waits.items()
                if (of := sum(text in other.waits for other in base))
            ]
            cost = f"{at(paired, 0.5):+,.0f}" if paired and one not in base else ""
            lines.append(row(names[variant], f"answer, {profile}", waits, cost, f"{one.cut_off}", one.unanswered))
    for profile, seen in greetings.items():
        names = {EVERYTHING: "nothing", NOTHING: "all of these", AGAIN: "nothing, again"} | GREETINGS[profile]
        base = [seen[name] for name in (EVERYTHING, AGAIN) if name in seen]
        usual = at([ms for one in base for ms in one.greetings], 0.5) if base else 0.0
        for variant, one in seen.items():
            cost = "" if one in base else f"{at(one.greetings, 0.5) - usual:+,.0f}"
            lines.append(row(names[variant], f"greeting, {profile}", one.greetings, cost, "", 0))
    lines.append(f"| models loaded before the first call | greeting of the first | | | {cold * 1000:+,.0f} | | 1 |")
    return "\n".join(lines)


def row(name: str, what: str, values: Sequence[float], cost: str, cut_off: str, unanswered: int) -> str:
    spread = [f"{at(values, share):,.0f}" if values else "" for share in (0.5, 0.9)]
    count = f"{len(values)}" + (f", {unanswered} unanswered" if unanswered else "")
    return f"| {name} | {what} | {' | '.join(spread)} | {cost} | {cut_off} | {count} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-levers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2, help=f"Calls of {TURNS_A_CALL} turns a variant, at most 2.")
    parser.add_argument("--greetings", type=int, default=5, help="Calls a variant in which only the greeting counts.")
    parser.add_argument("--profiles", default="cloud,local", help="Which, comma separated.")
    parser.add_argument("--write", action="store_true", help="Put the table into docs/performance.md.")
    options = parser.parse_args()
    answers, greetings = {}, {}
    began = time.monotonic()
    for profile in options.profiles.split(","):
        rounds = options.rounds if profile == "cloud" else min(1, options.rounds)
        answers[profile], greetings[profile], cold = measure(profile, rounds, options.greetings)
    text = table(answers, greetings, cold)
    print(text)
    tell(f"{(time.monotonic() - began) / 60:.1f} minutes")
    if options.write:
        write(text, begin=BEGIN, end=END)


if __name__ == "__main__":
    main()
