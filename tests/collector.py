"""An OpenTelemetry collector on this machine: what it was sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span


@dataclass
class Collector:
    address: str
    came: list[tuple[str, bytes]] = field(default_factory=list)  # path, body

    def holds(self, words: str) -> bool:
        return any(words.encode() in body for _, body in self.came)

    @property
    def resources(self) -> list[ResourceSpans]:
        return [one for _, body in self.came for one in ExportTraceServiceRequest.FromString(body).resource_spans]

    @property
    def services(self) -> set[str]:
        return {
            attribute.value.string_value
            for one in self.resources
            for attribute in one.resource.attributes
            if attribute.key == "service.name"
        }

    @property
    def spans(self) -> list[Span]:
        return [span for one in self.resources for scope in one.scope_spans for span in scope.spans]


@contextmanager
def collecting() -> Iterator[Collector]:
    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.came.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Takes)
    collector = Collector(f"http://127.0.0.1:{server.server_port}/")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield collector
    server.shutdown()
    server.server_close()
    thread.join()
