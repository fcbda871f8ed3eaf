"""What the visitor's page says of its ear, and which turn it is kept with. The session is real, the room is small."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from asgiref.sync import async_to_sync

from agent_worker.behaviors import ear
from agent_worker.providers.extractive import ExtractiveLLM
from tests.agent_worker.test_steering import Scene
from tests.factories import create_article, create_call
from voice.models import Call, Turn

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "When is the pool open?"


@pytest.fixture
def call(palm):
    create_article(venue=palm, slug="pool", title="Pool", body="The pool is open from six to ten in the evening.")
    return create_call(venue=palm, mode=Call.Mode.VOICE)


def played(play):
    """`play` is a coroutine function of a scene that is going on."""
    async_to_sync(play)()


def tell(scene, payload, *, identity="", topic=ear.TOPIC):
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    who = SimpleNamespace(identity=identity or scene.call.visitor_identity)
    scene.room.emit("data_received", SimpleNamespace(topic=topic, participant=who, data=data))


def while_it_speaks(scene, *reports, **how):
    @scene.session.on("agent_state_changed")
    def state(event):
        if event.new_state == "speaking":
            for report in reports:
                tell(scene, report, **how)


def in_ear(ms):
    return {"kind": "ear", "ms": ms}


def answers(call):
    return [turn.metrics.get("ear_ms") for turn in call.turns.filter(speaker=Turn.Speaker.AGENT)]


def test_a_report_that_comes_before_the_turn_is_stored_with_it(call):
    async def play():
        async with Scene(call, ExtractiveLLM("en")) as scene:
            while_it_speaks(scene, in_ear(940))
            await scene.ask(QUESTION)

    played(play)
    answer = call.turns.get(speaker=Turn.Speaker.AGENT)
    assert answer.metrics["ear_ms"] == 940
    assert answer.metrics["search_ms"] > 0, "beside the server's own stages"


def test_a_report_that_comes_after_the_turn_was_stored_joins_it_and_is_shown(call, monkeypatch):
    from voice import live

    shown = []
    monkeypatch.setattr(live, "show_turn", lambda turn: shown.append((turn.speaker, turn.metrics.get("ear_ms"))))

    async def play():
        async with Scene(call, ExtractiveLLM("en")) as scene:
            await scene.ask(QUESTION)
            async with asyncio.timeout(5):
                while ("agent", None) not in shown:
                    await asyncio.sleep(0.01)
            tell(scene, in_ear(940))

    played(play)
    assert answers(call) == [940]
    assert shown == [("visitor", None), ("agent", None), ("agent", 940)]


@pytest.mark.parametrize("when", ["early", "late"])
def test_each_answer_takes_one_report_and_the_first_of_them(call, when):
    async def play():
        async with Scene(call, ExtractiveLLM("en")) as scene:
            if when == "early":
                while_it_speaks(scene, in_ear(940), in_ear(1))
            for _ in range(2):
                await scene.ask(QUESTION)
                tell(scene, in_ear(950))
                tell(scene, in_ear(2))

    played(play)
    assert answers(call) == ([940, 940] if when == "early" else [950, 950])


def test_a_report_without_an_answer_goes_to_none(call, monkeypatch):
    monkeypatch.setattr(ear, "LATE_SECONDS", 0.0)

    async def play():
        async with Scene(call, ExtractiveLLM("en")) as scene:
            tell(scene, in_ear(1))  # nothing was said yet
            await scene.ask(QUESTION)
            await asyncio.sleep(0.05)
            tell(scene, in_ear(2))  # long after

    played(play)
    assert answers(call) == [None]


def test_what_answers_nothing_has_no_ear(call):
    async def play():
        async with Scene(call, ExtractiveLLM("en")) as scene:
            while_it_speaks(scene, in_ear(940))
            await scene.session.say("Are you still there?")
            await scene.settle()
            tell(scene, in_ear(940))

    played(play)
    assert answers(call) == [None]


@pytest.mark.parametrize(
    "payload",
    [
        in_ear(-1),
        in_ear(20_001),
        in_ear("940"),
        in_ear(True),
        in_ear(940.5),
        in_ear(None),
        {"kind": "total", "ms": 940},
        {"kind": ["ear"], "ms": 940},
        {"ms": 940},
        [940],
        b"",
        b"\xff\xfe",
        b"[" * 90,
        b'{"kind": "ear", "ms": NaN}',
        b'{"kind": "ear", "ms": 1e400}',
        b'{"kind": "ear", "ms": 940}' + b" " * 100,
    ],
    ids=str,
)
def test_what_a_page_would_not_say_is_ignored(payload):
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    with pytest.raises(ear.BadReport):
        ear.read(data)


def test_strangers_and_garbage_leave_no_trace(call):
    async def play():
        async with Scene(call, ExtractiveLLM("en")) as scene:
            while_it_speaks(scene, in_ear(1), identity="visitor-somebody-else")
            while_it_speaks(scene, in_ear(2), topic="lk.chat")
            while_it_speaks(scene, b"\x00" * 50_000, in_ear(-3), {"kind": "greeting", "ms": 10**9})
            await scene.ask(QUESTION)
            server = SimpleNamespace(topic=ear.TOPIC, participant=None, data=json.dumps(in_ear(4)).encode())
            scene.room.emit("data_received", server)

    played(play)
    call.refresh_from_db()
    assert (answers(call), call.greeting_ms) == ([None], None)


def test_a_typed_call_has_no_ear(call):
    call.mode = Call.Mode.TEXT

    async def play():
        async with Scene(call, ExtractiveLLM("en")) as scene:
            while_it_speaks(scene, in_ear(940), {"kind": "greeting", "ms": 5})
            await scene.ask(QUESTION)

    played(play)
    call.refresh_from_db()
    assert (answers(call), call.greeting_ms) == ([None], None)


def test_the_greeting_is_kept_with_the_call_once(call):
    async def play():
        async with Scene(call, ExtractiveLLM("en")) as scene:
            for ms in (870, 5):
                tell(scene, {"kind": "greeting", "ms": ms})
            await scene.settle()

    played(play)
    call.refresh_from_db()
    assert call.greeting_ms == 870
