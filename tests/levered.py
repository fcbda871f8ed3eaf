"""The house with levers: each thing that was done for speed can be left undone, from one call to the next.

For `make bench-levers` only. The product has no such switches: here the web process and the agent worker are started
with parts of them swapped, and look into a file (LEVERS_FILE) at the beginning of each call for what is off. `house`
runs everything as `make run` does, with these two in it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import django


def house() -> None:
    from django.core.management import call_command

    from concierge.management.commands import run

    ours = run.commands

    def commands() -> dict[str, list]:
        known = ours()
        levered = [sys.executable, "-m", "tests.levered"]
        return {**known, "web": [*levered, "web", *known["web"][3:]], "agent": [*levered, "worker", "start"]}

    run.commands = commands
    call_command("run")


def left_off() -> set[str]:
    return set(filter(None, Path(os.environ["LEVERS_FILE"]).read_text().split(",")))


def web() -> None:
    from daphne.cli import CommandLineInterface

    from voice import rooms

    opens = rooms.open_room
    rooms.open_room = lambda call: None if "dispatch" in left_off() else opens(call)
    CommandLineInterface.entrypoint()


@dataclass
class Swap:
    """An attribute and what stands there while its lever is off."""

    where: Any
    name: str
    instead: Any
    ours: Any = field(init=False)

    def __post_init__(self) -> None:
        self.ours = getattr(self.where, self.name)

    def turn(self, *, on: bool) -> None:
        setattr(self.where, self.name, self.ours if on else self.instead)


def levers() -> dict[str, list[Swap]]:
    """By name. Where two swap the same thing, the later one counts."""
    from livekit.agents.voice.turn import TurnHandlingOptions

    from agent_worker import pipeline, turn_end
    from agent_worker.agent import Concierge, last_question
    from agent_worker.conversation import Conversation, rows
    from agent_worker.facts import load_facts
    from agent_worker.providers import listening, speaking

    async def only_note_the_question(self: Concierge, chat_ctx: Any) -> None:
        index = last_question(chat_ctx)
        if index is not None and chat_ctx.items[index].id != self.session.userdata.question_id:
            self.session.userdata.begin_turn(chat_ctx.items[index].id, chat_ctx.items[index].text_content or "")

    answer, speak = Concierge.llm_node, Concierge.tts_node

    async def load_and_answer(self: Concierge, *args: Any) -> AsyncIterable[Any]:
        await rows(load_facts, self.session.userdata.venue, self.session.userdata.language)
        async for chunk in answer(self, *args):
            yield chunk

    def speak_the_whole(self: Concierge, text: AsyncIterable[str], settings: Any) -> Any:
        async def whole() -> AsyncIterable[str]:
            yield "".join([part async for part in text])

        return speak(self, whole(), settings)

    def handling(**changed: Any) -> Callable[..., TurnHandlingOptions]:
        return lambda **options: TurnHandlingOptions(**{**options, **changed})

    async def no_look_ahead(self: Conversation, words: str) -> None:
        pass

    def by_the_sound_alone(self: turn_end.TurnEnd, sound: float) -> float | None:
        return self.unfinished if sound < 0.36 else None  # livekit's own threshold

    def nothing(key: Any) -> None:
        return None

    found = {
        "search": [Swap(Concierge, "_ground", only_note_the_question)],
        "ahead": [Swap(Conversation, "look_ahead", no_look_ahead)],
        "preemptive": [
            Swap(pipeline, "TurnHandlingOptions", handling(preemptive_generation={"enabled": False})),
        ],
        "words": [Swap(turn_end.TurnEnd, "patience", by_the_sound_alone)],
        "delays": [Swap(pipeline, "MIN_DELAY", 0.5), Swap(pipeline, "MAX_DELAY", 3.0)],  # livekit's own
        "sentence": [Swap(Concierge, "tts_node", speak_the_whole)],
        "facts": [Swap(Concierge, "llm_node", load_and_answer)],
        "eager": [Swap(listening, "HINT_OF_SILENCE", 99.0)],
        "trim": [Swap(speaking, "trim", lambda samples: samples)],
        "kept": [Swap(speaking.cache, "get", nothing)],
    }
    if find_spec("agent_worker.providers.written"):
        from agent_worker.providers import written  # type: ignore[attr-defined, unused-ignore]

        found["kept"].append(Swap(written.kept, "get", nothing))
    return found


def worker() -> None:
    from agent_worker import worker as ours
    from agent_worker.providers import speaking
    from knowledge.embedding import get_embedder

    # The same questions come again and again: what was rehearsed is kept, what was said in an earlier call is not.
    rehearsed: set[Any] = set()
    get, find_call = speaking.cache.get, ours.find_call
    speaking.cache.get = lambda key: get(key) if not rehearsed or key in rehearsed else None  # type: ignore[method-assign]
    known = levers()

    def find_call_and_set_levers(metadata: str) -> Any:
        if not rehearsed:
            rehearsed.update(speaking.cache._kept)
        get_embedder().forget()
        off = left_off()
        for name, swaps in known.items():
            for swap in swaps:
                swap.turn(on=name not in off)
        return find_call(metadata)

    ours.find_call = find_call_and_set_levers
    ours.run()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "concierge.settings")
    django.setup()
    part = sys.argv.pop(1)
    {"house": house, "web": web, "worker": worker}[part]()
