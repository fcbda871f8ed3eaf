"""OpenTelemetry traces of what the framework does in a call, if somewhere to send them is set."""

from __future__ import annotations

from livekit.agents import telemetry
from opentelemetry.sdk.trace import TracerProvider

from concierge.tracing import provider_for


def send_traces() -> TracerProvider | None:
    """Without the words that were spoken: those stay with us. None if tracing is off."""
    provider = provider_for("concierge-agent-worker")
    if provider:
        telemetry.set_tracer_provider(provider, allow_pii=False)
    return provider
