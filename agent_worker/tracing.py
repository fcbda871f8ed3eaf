"""OpenTelemetry traces of what the framework does in a call, if somewhere to send them is set."""

from __future__ import annotations

from django.conf import settings
from livekit.agents import telemetry
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

SERVICE = "concierge-agent-worker"


def send_traces() -> TracerProvider | None:
    """Without the words that were spoken: those stay with us. None if tracing is off.

    The provider sends what it still holds when the process exits.
    """
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        return None
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: SERVICE}))
    exporter = OTLPSpanExporter(endpoint=settings.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip("/") + "/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    telemetry.set_tracer_provider(provider, allow_pii=False)
    return provider
