"""GET /healthz on the console host: do the parts that a call needs answer?"""

import asyncio
import logging
import secrets
from collections.abc import Callable

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from concierge import livekit_server
from concierge.access import on_console_host

PATIENCE_SECONDS = 2

logger = logging.getLogger(__name__)


def database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def channel_layer() -> None:
    layer = get_channel_layer()
    if layer is None:
        raise RuntimeError("No channel layer is configured.")

    async def send() -> None:
        # Only sent: channels-lite keeps a buffer for ever for each channel that was once received from.
        # A new name each time, since a channel that nobody reads fills up.
        message = {"type": "health.check"}
        await asyncio.wait_for(layer.send(f"healthz.{secrets.token_hex(8)}", message), PATIENCE_SECONDS)

    async_to_sync(send)()


def livekit() -> None:
    livekit_server.greet(timeout=PATIENCE_SECONDS)


PARTS: dict[str, Callable[[], None]] = {"database": database, "channel layer": channel_layer, "livekit": livekit}


@require_safe
@never_cache
@on_console_host
def healthz(request: HttpRequest) -> JsonResponse:
    silent = [name for name, ask in PARTS.items() if not answers(name, ask)]
    if silent:
        return JsonResponse({"ok": False, "failing": silent}, status=503)
    return JsonResponse({"ok": True})


def answers(name: str, ask: Callable[[], None]) -> bool:
    try:
        ask()
    except Exception:  # whatever it is, the part does not work
        logger.exception("Health check: %s does not answer", name)
        return False
    return True
