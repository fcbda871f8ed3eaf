"""Requests are traced by their routes, without what visitors and staff write."""

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application

from concierge.tracing import TracedRequests, traced
from tests.collector import collecting

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def collector(settings, monkeypatch):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_COMPRESSION", raising=False)
    with collecting() as one:
        settings.OTEL_EXPORTER_OTLP_ENDPOINT = one.address
        yield one


@async_to_sync
async def ask(app, path, query=b"", headers=()):
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [(b"host", b"localhost"), *headers],
        "client": ("203.0.113.77", 5000),
        "server": ("localhost", 80),
    }
    browser = ApplicationCommunicator(app, scope)
    await browser.send_input({"type": "http.request"})
    status = (await browser.receive_output(10))["status"]
    while (await browser.receive_output(10)).get("more_body"):
        pass
    await browser.wait(10)
    return status


def test_without_a_collector_requests_pass_untouched(settings):
    assert settings.OTEL_EXPORTER_OTLP_ENDPOINT == ""
    app = get_asgi_application()
    assert traced(app) is app


def test_a_request_is_traced_by_its_route_and_nothing_else_of_it(collector):
    app = traced(get_asgi_application())
    assert isinstance(app, TracedRequests)
    call = "/staff/calls/12345678-1234-1234-1234-123456789abc/"
    headers = [(b"cookie", b"sessionid=zebra"), (b"user-agent", b"Giraffe/1.0"), (b"traceparent", b"00-zebra")]
    # Refused at the door, with the address that was asked for in the answer: the application saw all of it.
    assert ask(app, call, b"q=heliport", headers) == 302
    assert ask(app, "/zebra/nowhere") == 404
    ask(app, "/healthz")
    app.provider.shutdown()
    names = [span.name for span in collector.spans]
    assert names == ["GET /staff/calls/<uuid:pk>/", "GET /unknown"]
    assert collector.services == {"concierge-web"}
    for secret in ("heliport", "zebra", "Giraffe", "203.0.113.77", "12345678-1234"):
        assert not collector.holds(secret)
