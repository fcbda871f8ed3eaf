"""`make bench`: the whole house for real, measured where it counts: at the visitor's ear.

Prints one table and, with --write, puts it into docs/performance.md. Nothing else should be running.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from playwright.sync_api import Playwright, sync_playwright

from tests.browser import speech
from tests.browser.stack import ROOT, Stack
from tests.browser.visitor import Visitor, launch, visiting

QUESTIONS = (
    "What time is breakfast served?",
    "When does the garden pool close?",
    "Is there parking for my car?",
    "How do I get to the airport?",
    "Can I check out later than noon?",
    "Do you have a gym?",
    "Where can I pray?",
    "Is there Wi-Fi in the rooms?",
    "Can I bring my dog?",
    "Do you have a kids club?",
    "Where can I have dinner tonight?",
    "Can somebody iron my shirt?",
)
STAGES = {
    "end_of_turn_ms": "  of which end-of-turn wait (STT runs within it)",
    "stt_ms": "  of which STT, from the end of speech",
    "search_ms": "  of which search",
    "llm_ms": "  of which model",
    "tts_ms": "  of which TTS, first audio",
}
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


@dataclass
class Measured:
    """Values by the name of the row, in the order in which rows first came."""

    rows: dict[str, list[float]] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    def add(self, row: str, value: float, *, target: str = "", unit: str = "ms") -> None:
        self.rows.setdefault(row, []).append(value)
        self.targets[row], self.units[row] = target, unit

    def table(self) -> str:
        lines = ["| what | n | p50 | p90 | p95 | wanted |", "|---|---|---|---|---|---|"]
        for row, values in self.rows.items():
            figures = " | ".join(f"{at(values, share):,.0f} {self.units[row]}" for share in (0.5, 0.9, 0.95))
            lines.append(f"| {row} | {len(values)} | {figures} | {self.targets[row]} |")
        return "\n".join(lines)


def at(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=len(QUESTIONS), help="Calls, with one spoken question each.")
    parser.add_argument("--write", action="store_true", help="Put the table into docs/performance.md.")
    options = parser.parse_args()

    measured = Measured()
    # Slots for the token view's own measurement; calls are held one at a time, and four at the end.
    stack = Stack(env={"WORKER_SLOTS": "64"})
    try:
        tell("Starting the house …")
        stack.start()
        stack.shell(
            "from concierge.models import Venue; Venue.objects.update(concurrent_calls=200, daily_minutes=9999)"
        )
        with sync_playwright() as playwright:
            spoken_calls(playwright, stack, measured, options.runs)
            measure_token_view(stack, measured)
            measure_search(stack, measured)
            measure_memory(playwright, stack, measured)
    finally:
        stack.stop()
    table = measured.table()
    print(table)
    if options.write:
        write(table)


def spoken_calls(playwright: Playwright, stack: Stack, measured: Measured, runs: int) -> None:
    """Each run is a call of its own: click, greeting, one spoken question, its answer."""
    folder = Path(tempfile.mkdtemp(prefix="concierge-bench-"))
    for run in range(runs):
        question = QUESTIONS[run % len(QUESTIONS)]
        cue = speech.cue(speech.piper(question, folder / f"{run}.wav"))
        before = len(stack.calls())
        browser = launch(playwright)
        try:
            with visiting(browser, stack, on_cue=True) as visitor:
                visitor.talk()
                clicked = visitor.page.evaluate("__ear.clicks.at(-1)")
                greeted = visitor.first_sound_after(clicked)
                visitor.wait_for_quiet(seconds=0.8)
                asked = visitor.speak(cue)
                answered = visitor.first_sound_after(asked["ends"] - 150) - asked["ends"]
                visitor.wait_for_quiet()
                visitor.page.get_by_role("button", name="Hang up").click()
                visitor.wait_for("ended")
        finally:
            browser.close()
        measured.add("click -> greeting audible", greeted - clicked, target="p50 <= 1,500 ms")
        measured.add("end of speech -> first audible answer", answered, target="p50 <= 1,700 ms")
        for stage, row in STAGES.items():
            for turn in ended_call(stack, before)["turns"]:
                if stage in turn["metrics"]:
                    measured.add(row, turn["metrics"][stage])
        tell(f"{run + 1}/{runs}  greeting {greeted - clicked:.0f} ms, answer {answered:.0f} ms  ({question})")


def ended_call(stack: Stack, before: int) -> dict:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        calls = stack.calls()
        if len(calls) > before and calls[-1]["state"] == "ended":
            return calls[-1]
        time.sleep(0.5)
    raise SystemExit(f"A call did not end.\n{stack.tail()}")


def measure_token_view(stack: Stack, measured: Measured, tokens: int = 30) -> None:
    tell(f"Asking for {tokens} tokens …")
    for _ in range(tokens):
        began = time.perf_counter()
        stack.token(mode="text")
        measured.add("token view", (time.perf_counter() - began) * 1000, target="p95 <= 30 ms")
        time.sleep(2)  # each token sends an agent into a room, on the same cores
    time.sleep(35)  # those rooms close themselves: nobody came


def measure_search(stack: Stack, measured: Measured) -> None:
    """Every demo question once, in a fresh process: a question that came before has its vector in memory."""
    tell("Searching …")
    code = """
import json, time
from concierge.models import Venue
from knowledge.search import search, warm
venue = Venue.objects.get(slug="palm")
warm(venue); search(venue, "hello")
took = []
for golden in venue.golden_questions.all():
    began = time.perf_counter(); search(venue, golden.question); took.append((time.perf_counter() - began) * 1000)
print(json.dumps(took))
"""
    for ms in json.loads(stack.shell(code)):
        measured.add("search, with embedding", ms, target="p95 <= 25 ms")


def measure_memory(playwright: Playwright, stack: Stack, measured: Measured) -> None:
    """Resident memory of each process, idle and with one and four voice calls going on."""
    for calls in (0, 1, 4):
        tell(f"Memory with {calls} calls …")
        with ExitStack() as exits:
            browser = launch(playwright)
            exits.callback(browser.close)
            visitors = [exits.enter_context(visiting(browser, stack, on_cue=True)) for _ in range(calls)]
            talk_all(visitors)
            for name, megabytes in memory_by_process(stack):
                target = "<= 1,500 MB" if name == "agent worker" and calls == 4 else ""
                measured.add(f"memory of {name}, {calls} calls", megabytes, target=target, unit="MB")
        time.sleep(5)


def talk_all(visitors: Sequence[Visitor]) -> None:
    for visitor in visitors:
        visitor.talk()
    for visitor in visitors:
        visitor.wait_for("listening", "speaking")
    time.sleep(4 if visitors else 0)


PROCESSES: dict[str, Callable[[list[str]], bool]] = {
    "web": lambda words: "daphne" in words,
    "agent worker": lambda words: "agent_worker" in words,
    "task worker": lambda words: "db_worker" in words,
    "tick": lambda words: "tick" in words,
    "livekit-server": lambda words: words[0].endswith("livekit-server"),
}


def memory_by_process(stack: Stack) -> Iterator[tuple[str, float]]:
    """In MB, each with its own children: proportional sets, so that shared pages count once."""
    assert stack.process
    family = psutil.Process(stack.process.pid).children(recursive=True)
    for name, is_it in PROCESSES.items():
        members = [process for process in family if is_it(process.cmdline() or [""])]
        if members:
            yield name, sum(process.memory_full_info().pss for process in members) / 1e6


def write(table: str, *, begin: str = BEGIN, end: str = END) -> None:
    page = ROOT / "docs" / "performance.md"
    text = page.read_text()
    page.write_text(re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{table}\n{end}", text, flags=re.DOTALL))
    tell(f"Written to {page.relative_to(ROOT)}")


def tell(words: str) -> None:
    print(words, flush=True)


if __name__ == "__main__":
    main()
