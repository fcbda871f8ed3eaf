"""Traces go to a collector that is set, and never carry what was said."""

import asyncio

import pytest
from asgiref.sync import async_to_sync
from livekit.agents import Agent, AgentSession, telemetry
from opentelemetry.trace import NoOpTracerProvider

from agent_worker.tracing import send_traces
from tests.collector import collecting
from tests.fakes import ScriptedLLM

QUESTION, ANSWER = "Where is the heliport?", "On the zebra tower."
INSTRUCTIONS = "Be kind to giraffes."


@pytest.fixture
def collector():
    with collecting() as one:
        yield one


@pytest.fixture
def tracing():
    yield send_traces
    telemetry.set_tracer_provider(NoOpTracerProvider())


async def one_turn():
    session = AgentSession(llm=ScriptedLLM(ANSWER))
    await session.start(Agent(instructions=INSTRUCTIONS), record=False, session_host=False)
    await asyncio.wait_for(session.run(user_input=QUESTION), 10)
    await session.aclose()


def test_nothing_is_traced_unless_a_collector_is_set(settings, tracing):
    assert settings.OTEL_EXPORTER_OTLP_ENDPOINT == ""
    assert tracing() is None


def test_a_turn_is_traced_without_its_words(settings, collector, tracing, monkeypatch):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_COMPRESSION", raising=False)
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = collector.address
    provider = tracing()
    async_to_sync(one_turn)()
    provider.shutdown()
    assert {path for path, _ in collector.came} == {"/v1/traces"}
    for word in (ANSWER, QUESTION, INSTRUCTIONS):
        assert not collector.holds(word)
    assert collector.services == {"concierge-agent-worker"}
    assert {"agent_turn", "llm_node"} <= {span.name for span in collector.spans}
