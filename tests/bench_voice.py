"""`make bench-voice`: how long a visitor waits for each kind of answer, and how often a pause is taken for the end.

Real Chromium, livekit-server and agent worker; for "cloud" and "baseline" simulated providers (docs/simulators.md) at
their default delays. Everybody is told the same recordings, in calls of some turns each: short and long questions,
pauses inside a sentence, small talk, a tool, Arabic, and talking over an answer. "baseline" is the usual kind of agent
(tests/baseline.py). Prints one table and, with --write, puts it into docs/performance.md.

All turns with the three profiles take some 35 minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from tests.bench import at, ended_call, tell, write
from tests.browser import speech
from tests.browser.stack import ROOT, Stack
from tests.browser.visitor import Visitor, launch, visiting
from tests.own_share import own_share
from tests.plots import drawn
from tests.simulators.apart import Simulators

BEGIN, END = "<!-- bench-voice: begin -->", "<!-- bench-voice: end -->"
DRAWING = ROOT / "docs" / "pictures" / "voice-waits.svg"
EARLY_MS = 150  # of an answer that begins while the last sound of the question still rings, as bench.py has it


@dataclass(frozen=True)
class Utterance:
    """What a visitor says in one turn. If `pause` is not 0, its longest silence is that many seconds long."""

    kind: str
    text: str
    pause: float = 0.0
    language: str = "en"


def said(kind: str, *texts: str, language: str = "en") -> list[Utterance]:
    return [Utterance(kind, text, language=language) for text in texts]


def paused(first: str, then: str, seconds: float) -> Utterance:
    """`first` with the voice of somebody who goes on, a silence, and `then`."""
    return Utterance("pause inside", f"{first}, {then}", seconds)


TURNS: tuple[Utterance, ...] = (
    *said(
        "short question",
        "What time is breakfast served?",
        "When does the garden pool close?",
        "Do you have a gym?",
        "Where can I pray?",
        "Is there Wi-Fi in the rooms?",
        "Can I bring my dog?",
        "Is there parking?",
        "How do I get to the airport?",
        "Do you have a kids club?",
        "What is the check out time?",
        "Where can I have dinner?",
        "Can somebody iron my shirt?",
    ),
    *said(
        "long question",
        "I am travelling with my wife and two small children, and we would like to know when the pool is open.",
        "My flight leaves very late tomorrow night, so could I keep my room longer than the usual check out time?",
        "We have a rental car with us this time, so I would like to know where we can park it and what it costs.",
        "I have some shirts that need washing and ironing before a meeting, is there anybody who can do that for me?",
        "Before we come down with the whole family, could you tell me until what time breakfast is served?",
        "I am not sure whether I have packed an adapter, so which kind of plug do the sockets in the room take?",
    ),
    paused("Can you tell me", "when breakfast is served?", 0.5),
    paused("I would like to know", "where I can park my car.", 0.7),
    paused("Is there a", "gym in the house?", 0.5),
    paused("What time does the pool", "close in the evening?", 0.6),
    paused("My wife and I", "would like to have dinner tonight.", 0.8),
    paused("How much does it cost to", "keep the room until the evening?", 0.6),
    paused("Is it possible to get to the", "airport by taxi?", 0.9),
    paused("Do you have", "a place where I can pray?", 0.7),
    paused("We are looking for the", "kids club.", 0.6),
    paused("Could somebody please", "iron my shirt?", 0.5),
    paused("I have a question about", "the fitness room.", 0.7),
    paused("My son lost his jacket and", "we want to know who to ask.", 0.8),
    paused("I need to see a doctor because", "my knee hurts.", 0.9),
    paused("We arrive on Thursday with", "a very late flight.", 0.6),
    paused("How far is it from here to", "the old market?", 0.7),
    paused("Do you know if", "the spa takes children?", 0.5),
    paused("Can I change my", "booking to Monday?", 0.6),
    paused("I am staying in room four one two and", "I need two more towels.", 0.8),
    paused("What is the name of the", "restaurant on the roof?", 0.9),
    paused("Is the rooftop pool", "open on Sunday?", 0.5),
    *said("small talk", "Hello, how are you?", "Thank you very much.", "Who are you?", "Are you a real person?"),
    *said("tool", "Are you open now?", "Is the front desk open at this time?", "Is the reception open right now?"),
    *said(
        "Arabic",
        "متى يُقدَّم الإفطار؟",
        "أين يمكنني أن أصلي؟",
        "هل يوجد موقف للسيارات؟",
        "متى يغلق المسبح؟",
        language="ar",
    ),
    *said(
        "talking over",
        "Please tell me everything about breakfast.",
        "Tell me all about the swimming pools.",
        "What can you tell me about the kids club?",
        "Tell me about the restaurants please.",
        "How does the late check out work?",
        "Tell me everything about parking.",
    ),
)
OVERS = ("Excuse me, one moment please.", "Wait, I have another question.", "Stop, that is enough.", "Sorry, not that.")
TURNS_A_CALL = 8
PROFILES = ("baseline", "cloud", "local")
# What the model of the simulators calls by itself, as a model would that reads what its tools are for.
TOOLS = [{"when": r"\b(are you|desk|reception)\b.*\bopen\b", "call": "opening_hours", "arguments": {"place": ""}}]


@dataclass(frozen=True)
class Heard:
    """A greeting or an answer as the visitor heard it. Moments are seconds since 1970."""

    kind: str
    ended_at: float  # the last sound of the question, or the click
    at: float  # the first sound of the answer, or of what was said before it

    @property
    def wait(self) -> float:
        """Milliseconds."""
        return (self.at - self.ended_at) * 1000


@dataclass
class Outcome:
    """What became of one profile's turns. Milliseconds."""

    waits: dict[str, list[float]] = field(default_factory=dict)
    cut_off: dict[str, int] = field(default_factory=dict)
    said: dict[str, int] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)
    silenced: list[float] = field(default_factory=list)
    missed_barge_ins: int = 0
    greetings: list[float] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=dict)
    to_the_ear: list[float] = field(default_factory=list)  # from the server's "speaking" to the first audible sample
    openers: list[float] = field(default_factory=list)  # words that fill the wait for an answer
    own_shares: list[float] = field(default_factory=list)
    to_the_transcriber: list[float] = field(default_factory=list)  # the last sound, from the microphone to there
    ear_errors: list[float] = field(default_factory=list)  # of the ear against a stereo recording

    def all_waits(self, *kinds: str) -> list[float]:
        return [wait for kind, waits in self.waits.items() if not kinds or kind in kinds for wait in waits]


def will_hear(simulators: Simulators, turn: Utterance, path: Path) -> None:
    """Tell the ears what is about to be said, and when."""
    simulators.control("DEEPGRAM", script=[{"text": turn.text, "words": timed(turn, speech.samples_of(path))}])


def timed(turn: Utterance, samples: np.ndarray) -> list[tuple[str, float, float]]:
    """Words with start and end in seconds; those before a pause have ended when it begins."""
    whole = len(samples) / speech.RATE
    stretches = [(turn.text, 0.0, whole)]
    if turn.pause:
        first, then = turn.text.split(", ", 1)
        begins = widest_gap(samples)[0] / speech.RATE
        stretches = [(first, 0.0, begins - 0.02), (then, begins + turn.pause, whole)]
    words: list[tuple[str, float, float]] = []
    for text, start, end in stretches:
        weights = [2 + len(word) for word in text.split()]
        ends = start + np.cumsum(weights) / sum(weights) * (end - start)
        starts = [start, *ends[:-1]]
        words += [(word, float(a), float(b)) for word, a, b in zip(text.split(), starts, ends, strict=True)]
    return words


def hold_calls(
    browser: Browser, stack: Stack, turns: Sequence[Utterance], folder: Path, simulators: Simulators | None, ours: bool
) -> Outcome:
    outcome = Outcome()
    for language in dict.fromkeys(turn.language for turn in turns):
        mine = [turn for turn in turns if turn.language == language]
        for first in range(0, len(mine), TURNS_A_CALL):
            before = len(stack.calls())
            with visiting(browser, stack, language=language, on_cue=True) as visitor:
                heard = one_call(visitor, mine[first : first + TURNS_A_CALL], folder, outcome, simulators)
            call = ended_call(stack, before) if ours else None
            settle(heard, call, outcome, simulators)
    return outcome


def one_call(
    visitor: Visitor, turns: Sequence[Utterance], folder: Path, outcome: Outcome, simulators: Simulators | None
) -> list[Heard]:
    """Hold one call; its greeting and its answers."""
    visitor.talk()
    clicked = visitor.page.evaluate("__ear.clicks.at(-1)")
    greeted = visitor.first_sound_after(clicked)
    outcome.greetings.append(greeted - clicked)
    origin = visitor.page.evaluate("performance.timeOrigin")
    heard_all = [Heard("greeting", (origin + clicked) / 1000, (origin + greeted) / 1000)]
    for turn in turns:
        visitor.wait_for_quiet(seconds=0.8)
        visitor.forget()
        recording = recorded(turn, folder)
        if simulators:
            will_hear(simulators, turn, recording)
        asked = visitor.speak(speech.cue(recording))
        outcome.said[turn.kind] = outcome.said.get(turn.kind, 0) + 1
        try:
            heard = visitor.first_sound_after(asked["begins"], seconds=12)
        except AssertionError:
            outcome.unanswered.append(turn.text)
            tell(f"  {turn.kind:<15} no answer   {turn.text}")
            continue
        if heard < asked["ends"] - EARLY_MS:
            outcome.cut_off[turn.kind] = outcome.cut_off.get(turn.kind, 0) + 1
            tell(f"  {turn.kind:<15} cut off     {turn.text}")
            continue
        wait = heard - asked["ends"]
        heard_all.append(Heard(turn.kind, (origin + asked["ends"]) / 1000, (origin + heard) / 1000))
        time.sleep(0.2)  # the recording is a little behind
        recorded_wait = wait_in(visitor.both())
        if recorded_wait is not None:
            outcome.ear_errors.append(abs(recorded_wait - wait))
        tell(f"  {turn.kind:<15} {wait:5.0f} ms    {turn.text}")
        if turn.kind == "talking over":
            over = OVERS[outcome.said[turn.kind] % len(OVERS)]
            talk_over(visitor, over, folder, outcome, simulators)
    visitor.wait_for_quiet(seconds=0.8)
    visitor.page.get_by_role("button", name="Hang up").or_(
        visitor.page.get_by_role("button", name="إنهاء")
    ).first.click()
    visitor.wait_for("ended")
    return heard_all


def wait_in(stereo: bytes) -> float | None:
    """The wait in milliseconds, from a recording of both sides alone, by the rules of tests/browser/ear.js."""
    rate = 16_000
    visitor, agent = np.frombuffer(stereo, np.int16).reshape(-1, 2).T.astype(np.float32) / 32768
    spoken = np.flatnonzero(np.abs(visitor) > 0.01)
    if not len(spoken):
        return None
    size = rate // 100
    blocks = agent[: len(agent) // size * size].reshape(-1, size)
    loud = np.flatnonzero(np.sqrt((blocks**2).mean(axis=1)) > 0.004)
    ended = spoken[-1] / rate * 1000
    for place, block in enumerate(loud[:-5]):
        if block * 10 > ended - EARLY_MS and loud[place + 5] - block < 8:
            return float(block * 10 - ended)
    return None


def talk_over(visitor: Visitor, words: str, folder: Path, outcome: Outcome, simulators: Simulators | None) -> None:
    """Interrupt the answer after a second of it; how long it went on from the interruption's first sound."""
    time.sleep(1.0)
    recording = recorded(Utterance("over", words), folder)
    if simulators:
        will_hear(simulators, Utterance("over", words), recording)
    over = visitor.speak(speech.cue(recording))
    time.sleep(1.0)
    before, last = visitor.page.evaluate(
        """begins => { const heard = __ear.agent.filter((at) => at > begins)
        let last = begins
        for (const at of heard) { if (at - last > 250) break; last = at }
        return [begins - (__ear.agent.findLast((at) => at <= begins) ?? 0), last - begins] }""",
        over["begins"],
    )
    if before > 250:
        tell(f"  {'':<15} was over before anybody talked over it")
    elif last > 1500:
        outcome.missed_barge_ins += 1
    else:
        outcome.silenced.append(last)
        tell(f"  {'':<15} {last:5.0f} ms    until silent: {words}")
    with suppress(AssertionError):  # what was said gets an answer too, and the next question is to wait for its end
        visitor.first_sound_after(over["ends"], seconds=6)


def settle(heard: Sequence[Heard], call: dict | None, outcome: Outcome, simulators: Simulators | None) -> None:
    """Keep what a call's answers were like, with what the server and the simulators say of them."""
    told = {name: simulators.control(name)["turns"] for name in ("DEEPGRAM", "OPENAI", "ELEVEN")} if simulators else {}
    rows = [turn for turn in call["turns"] if turn["speaker"] == "agent"] if call else []
    for turn in call["turns"] if call else []:
        for stage, ms in turn["metrics"].items():
            outcome.stages.setdefault(stage, []).append(ms)
    for place, one in enumerate(heard):
        until = heard[place + 1].ended_at if place + 1 < len(heard) else one.at + 60
        row = next((row for row in rows if one.at - 2 < row["said_at"] < until), None)
        metrics = row["metrics"] if row else {}
        opener = metrics.get("opener_ms")  # a row is of the answer, an opener comes before it
        if row and opener is None and row["said_at"] <= one.at:
            outcome.to_the_ear.append((one.at - row["said_at"]) * 1000)
        if one.kind == "greeting":
            continue
        wait = one.wait
        if opener is not None:
            outcome.openers.append(wait)
            wait += metrics.get("ear_ms", opener) - opener
        outcome.waits.setdefault(one.kind, []).append(wait)
        if told and (
            ear := next((turn for turn in reversed(told["DEEPGRAM"]) if turn["final_sent_at"] < one.at), None)
        ):
            outcome.to_the_transcriber.append((ear["last_loud_at"] - one.ended_at) * 1000)
        if told and "end_of_turn_ms" in metrics and opener is None:
            share = own_share(
                one.ended_at,
                one.at,
                metrics["end_of_turn_ms"] / 1000,
                ears=told["DEEPGRAM"],
                model=told["OPENAI"],
                voice=told["ELEVEN"],
            )
            if share is not None:
                outcome.own_shares.append(share * 1000)


def recorded(turn: Utterance, folder: Path) -> Path:
    """The WAV of a turn: English by Piper's "joe", other languages by espeak-ng; made once."""
    path = folder / f"{hashlib.sha256(repr(turn).encode()).hexdigest()[:16]}.wav"
    if not path.exists():
        say = speech.piper if turn.language == "en" else partial(speech.espeak, voice=turn.language)
        samples = trimmed(speech.samples_of(say(turn.text, path)))
        speech.write(with_pause(samples, turn.pause) if turn.pause else samples, path)
    return path


def with_pause(samples: np.ndarray, seconds: float) -> np.ndarray:
    """The same speech with its longest inner silence made `seconds` long, as if the speaker were thinking."""
    before, after = widest_gap(samples)
    return np.concatenate([samples[:before], np.zeros(int(speech.RATE * seconds), np.float32), samples[after:]])


def widest_gap(samples: np.ndarray) -> tuple[int, int]:
    """Begin and end of the longest inner silence, in samples."""
    block = speech.RATE // 100
    whole = samples[: len(samples) // block * block].reshape(-1, block)
    loud = np.flatnonzero(np.sqrt((whole**2).mean(axis=1)) > 0.01)
    widest = int(np.argmax(np.diff(loud)))
    return int(loud[widest] + 1) * block, int(loud[widest + 1]) * block


def trimmed(samples: np.ndarray) -> np.ndarray:
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[loud[0] : loud[-1] + 1]


def measure(profile: str, turns: Sequence[Utterance], folder: Path) -> Outcome:
    simulators = Simulators.start() if profile != "local" else None
    if simulators:
        simulators.control("OPENAI", script=TOOLS)
    stack = Stack(env={"WORKER_SLOTS": "4", **(simulators.env if simulators else {})})
    if profile == "baseline":
        stack.run = ("-m", "tests.baseline", "house")
    try:
        stack.start()
        stack.shell("from concierge.models import Venue; Venue.objects.update(daily_minutes=9999)")
        with sync_playwright() as playwright:
            browser = launch(playwright)
            outcome = hold_calls(browser, stack, turns, folder, simulators, ours=profile != "baseline")
            browser.close()
    finally:
        stack.stop()
        if simulators:
            simulators.stop()
    return outcome


def table(outcomes: dict[str, Outcome]) -> str:
    lines = ["| what | " + " | ".join(outcomes) + " |", "|---|" + "---|" * len(outcomes)]

    def row(name: str, values: Sequence[str]) -> None:
        lines.append(f"| {name} | " + " | ".join(values) + " |")

    def spread(values: Sequence[float]) -> str:
        if not values:
            return ""
        return " / ".join(f"{at(values, share):,.0f}" for share in (0.5, 0.9, 0.99)) + f" (n={len(values)})"

    every = list(outcomes.values())
    row("click -> greeting audible", [spread(one.greetings) for one in every])
    row("**end of speech -> first audible answer, all**", [spread(one.all_waits()) for one in every])
    for kind in dict.fromkeys(kind for one in every for kind in one.said):
        row(f"  {kind}", [spread(one.waits.get(kind, [])) for one in every])
    for kind in ("pause inside", "long question", "short question"):
        row(f"false cut-offs, {kind}", [f"{one.cut_off.get(kind, 0)} of {one.said.get(kind, 0)}" for one in every])
    row("something said before the answer (not counted as one)", [spread(one.openers) for one in every])
    row("no answer at all", [str(len(one.unanswered)) for one in every])
    row("talked over: agent silent after", [spread(one.silenced) for one in every])
    row("talked over: missed", [str(one.missed_barge_ins) for one in every])
    for stage in ("end_of_turn_ms", "stt_ms", "search_ms", "llm_ms", "tts_ms", "total_ms"):
        row(
            f"server: {stage.removesuffix('_ms').replace('_', ' ')}",
            [spread(one.stages.get(stage, [])) for one in every],
        )
    row("from the server's first sound to the ear", [spread(one.to_the_ear) for one in every])
    row("from the last sound at the microphone to the transcriber", [spread(one.to_the_transcriber) for one in every])
    row("our own share of the wait (wanted: 120 at p50)", [spread(one.own_shares) for one in every])
    row("the ear against a stereo recording: error", [spread(one.ear_errors) for one in every])
    return "\n".join(lines)


def draw(outcomes: dict[str, Outcome]) -> None:
    """Which share of the answers had begun after so many milliseconds."""
    with drawn(DRAWING) as axes:
        for name, one in outcomes.items():
            waits = sorted(one.all_waits())
            axes.step(waits, [(place + 1) / len(waits) for place in range(len(waits))], where="post", label=name)
        axes.set(xlabel="milliseconds after the visitor's last sound", ylabel="answers that have begun")
        axes.set(xlim=(0, 5000), ylim=(0, 1))


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-voice", description=__doc__)
    parser.add_argument("--turns", type=int, default=len(TURNS), help="How many of the turns, spread over their kinds.")
    parser.add_argument("--kinds", default="", help="Only these kinds, comma separated.")
    parser.add_argument("--profiles", default=",".join(PROFILES), help="Which, comma separated.")
    parser.add_argument("--write", action="store_true", help="Put table and drawing into docs/.")
    parser.add_argument("--json", type=Path, help="Also keep every figure in this file.")
    parser.add_argument("--read", type=Path, help="Measure nothing; take the figures of such a file.")
    options = parser.parse_args()
    if options.read:
        outcomes = {name: Outcome(**facts) for name, facts in json.loads(options.read.read_text()).items()}
    else:
        outcomes = measured(options)
    text = table(outcomes)
    print(text)
    if options.json:
        options.json.write_text(json.dumps({name: vars(one) for name, one in outcomes.items()}, ensure_ascii=False))
    if options.write:
        write(text, begin=BEGIN, end=END)
        draw(outcomes)


def measured(options: argparse.Namespace) -> dict[str, Outcome]:
    kinds = [kind.strip() for kind in options.kinds.split(",") if kind.strip()]
    turns = [turn for turn in TURNS if not kinds or turn.kind in kinds]
    wanted = min(options.turns, len(turns))
    turns = [turns[place * len(turns) // wanted] for place in range(wanted)]

    folder = Path(tempfile.mkdtemp(prefix="concierge-bench-"))
    outcomes: dict[str, Outcome] = {}
    for profile in options.profiles.split(","):
        tell(f"{profile}: starting the house …")
        outcomes[profile] = measure(profile, turns, folder)
    return outcomes


if __name__ == "__main__":
    main()
