"""Sockets for staff, on the console host and from our own pages only."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import path, re_path

from voice.consumers import CallConsumer, Refusal, WallConsumer

websocket_urlpatterns = [
    path("ws/staff/", WallConsumer.as_asgi()),  # type: ignore[arg-type]  # path() knows views only
    path("ws/staff/calls/<uuid:pk>/", CallConsumer.as_asgi()),  # type: ignore[arg-type]
    re_path(r"", Refusal.as_asgi()),  # type: ignore[arg-type]
]


class SameOriginOnly:
    """Refuses a socket that a page of another origin opens with our cookie, and any host that is not the console.

    A browser always sends Origin with a socket; whoever sends none is no browser and gets none.
    """

    def __init__(self, application: Callable[..., Awaitable[Any]]) -> None:
        self.application = application
        self.refusal = Refusal.as_asgi()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin1").lower()
        origin = headers.get(b"origin", b"").decode("latin1").lower()
        is_console = host.rsplit(":", 1)[0].rstrip(".") in settings.CONSOLE_HOSTS
        if is_console and urlsplit(origin).netloc == host:
            return await self.application(scope, receive, send)
        return await self.refusal(scope, receive, send)
