"""Traces go to a collector that is set, and never carry what was said."""

import asyncio
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from asgiref.sync import async_to_sync
from livekit.agents import Agent, AgentSession, telemetry
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import NoOpTracerProvider

from agent_worker.tracing import send_traces
from tests.fakes import ScriptedLLM

QUESTION, ANSWER = "Where is the heliport?", "On the zebra tower."
INSTRUCTIONS = "Be kind to giraffes."


@pytest.fixture
def collector():
    """An OpenTelemetry collector: what it was sent, by path."""
    came = []

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append((self.path, self.rfile.read(int(self.headers["Content-Length"])), self.headers))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Takes)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    server.came = came
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


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
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = f"http://127.0.0.1:{collector.server_port}/"
    provider = tracing()
    async_to_sync(one_turn)()
    provider.shutdown()
    assert {path for path, _, _ in collector.came} == {"/v1/traces"}
    spans, services = [], set()
    for _, body, _ in collector.came:
        assert ANSWER.encode() not in body
        assert QUESTION.encode() not in body
        assert INSTRUCTIONS.encode() not in body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            services |= {a.value.string_value for a in resource.resource.attributes if a.key == "service.name"}
            spans += [span.name for scope in resource.scope_spans for span in scope.spans]
    assert services == {"concierge-agent-worker"}
    assert {"agent_turn", "llm_node"} <= set(spans)
