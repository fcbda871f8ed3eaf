"""OpenTelemetry traces, if somewhere to send them is set. Never with words, addresses or names of people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.conf import settings
from django.urls import Resolver404, resolve
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

NOT_TRACED = "healthz,metrics,static"


def provider_for(service: str) -> TracerProvider | None:
    """What sends the spans of `service` to the collector, or None if tracing is off.

    It sends what it still holds when the process exits.
    """
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        return None
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}))
    exporter = OTLPSpanExporter(endpoint=settings.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip("/") + "/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def traced(app: App) -> App:
    """`app`, with one span for each HTTP request, named by its route; `app` itself if tracing is off."""
    provider = provider_for("concierge-web")
    return TracedRequests(app, provider) if provider else app


class TracedRequests:
    """The tracer sees a request without its query, cookies and the visitor's address; the application all of it."""

    def __init__(self, app: App, provider: TracerProvider) -> None:
        self.app = app
        self.provider = provider
        self.tracer = OpenTelemetryMiddleware(
            self._whole,
            excluded_urls=NOT_TRACED,
            default_span_details=_by_route,
            tracer_provider=provider,
            exclude_spans=["receive", "send"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        route = _route_of(scope["path"])
        shown = {
            **scope,
            "path": route,
            "query_string": b"",
            "client": None,
            "headers": [(name, value) for name, value in scope["headers"] if name == b"host"],
            "concierge.whole": scope,
        }
        await self.tracer(shown, receive, send)  # type: ignore[arg-type]  # Django's types of messages are stricter

    async def _whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope["concierge.whole"], receive, send)


def _route_of(path: str) -> str:
    try:
        return "/" + resolve(path).route
    except Resolver404:
        return "/unknown"


def _by_route(scope: Scope) -> tuple[str, dict[str, str]]:
    return f"{scope['method']} {scope['path']}", {"http.route": scope["path"]}
