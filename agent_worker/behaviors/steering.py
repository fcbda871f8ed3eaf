"""The agent does what staff say, and only what staff say.

An order comes from the server (no participant) and is signed; a visitor's data message has the visitor's name on it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from livekit import rtc
from livekit.agents import AgentSession, JobContext

from agent_worker.closing import hang_up
from agent_worker.conversation import Conversation
from voice import steering

logger = logging.getLogger(__name__)


def obey_staff(ctx: JobContext, session: AgentSession[Conversation]) -> None:
    call = session.userdata.call
    assert call is not None
    verifier = steering.Verifier(call.pk)
    verbs: dict[str, Callable[[steering.Order], Coroutine[Any, Any, None]]] = {
        "hang_up": lambda order: hang_up(ctx, session, "staff", at_once=True),
    }

    @ctx.room.on("data_received")
    def received(packet: rtc.DataPacket) -> None:
        if packet.topic != steering.TOPIC:
            return
        if packet.participant is not None:
            logger.warning("Call %s: %s tried to steer the agent", call.pk, packet.participant.identity)
            return
        try:
            order = verifier.read(packet.data)
        except steering.Refused as reason:
            logger.warning("Call %s: an order was refused. %s", call.pk, reason)
            return
        if order.verb in verbs:
            session.userdata.in_background(verbs[order.verb](order))
