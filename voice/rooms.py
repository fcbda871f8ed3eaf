"""The only module that talks to LiveKit's server API: tokens, rooms and their agent, steering, webhooks.

Everything here is synchronous for the views; LiveKit's own client is asynchronous.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import aiohttp
from asgiref.sync import async_to_sync
from django.conf import settings
from livekit import api
from livekit.protocol.webhook import WebhookEvent

from voice import steering

if TYPE_CHECKING:
    from voice.models import Call

AGENT_NAME = "concierge"
TOKEN_LIFETIME = timedelta(minutes=5)
# The room waits this long for a first visitor, and this long for one who lost the network to come back.
EMPTY_TIMEOUT_SECONDS = 30
DEPARTURE_TIMEOUT_SECONDS = 20
REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=4)
LARGEST_ROOM = 8  # visitor, agent, and staff who listen or speak

T = TypeVar("T")


class RoomsError(Exception):
    """LiveKit's server did not answer, or refused."""


class BadWebhook(Exception):
    """Not signed by our LiveKit server, or not a webhook at all."""


def open_room(call: Call) -> None:
    """Create the call's room with the agent already dispatched to it, so that it waits when the visitor arrives.

    Raises RoomsError.
    """
    config = room_configuration(call)
    request = api.CreateRoomRequest(
        name=call.room,
        empty_timeout=config.empty_timeout,
        departure_timeout=config.departure_timeout,
        max_participants=config.max_participants,
        agents=config.agents,
    )
    _ask(lambda livekit: livekit.room.create_room(request))


def room_configuration(call: Call) -> api.RoomConfiguration:
    # The dispatch metadata stands in the visitor's token in clear: the call's id and nothing else.
    return api.RoomConfiguration(
        empty_timeout=EMPTY_TIMEOUT_SECONDS,
        departure_timeout=DEPARTURE_TIMEOUT_SECONDS,
        max_participants=LARGEST_ROOM,
        agents=[api.RoomAgentDispatch(agent_name=AGENT_NAME, metadata=str(call.pk))],
    )


def visitor_token(call: Call) -> str:
    """A JWT with which one visitor enters the call's room: microphone only, five minutes to join.

    It repeats the room's configuration in case the room has expired by the time the visitor joins.
    """
    grants = api.VideoGrants(
        room_join=True,
        room=call.room,
        can_publish=True,
        can_publish_sources=["microphone"],
        can_subscribe=True,
        can_publish_data=True,  # typed questions and the pre-connect buffer travel as data
        can_update_own_metadata=False,
    )
    token = (
        api.AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
        .with_identity(call.visitor_identity)
        .with_ttl(TOKEN_LIFETIME)
        .with_grants(grants)
        .with_room_config(room_configuration(call))
    )
    if call.visitor_name:
        token = token.with_name(call.visitor_name)
    return token.to_jwt()


def staff_token(call: Call, identity: str, name: str, *, speaks: bool) -> str:
    """A JWT for a member of staff in the call's room: heard by all, or hidden and only listening. Never any data."""
    grants = api.VideoGrants(
        room_join=True,
        room=call.room,
        hidden=not speaks,
        can_publish=speaks,
        can_publish_sources=["microphone"] if speaks else [],
        can_subscribe=True,
        # What a hidden participant sends reaches the agent as if the server had sent it.
        can_publish_data=False,
        can_update_own_metadata=False,
    )
    token = api.AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
    return token.with_identity(identity).with_name(name).with_ttl(TOKEN_LIFETIME).with_grants(grants).to_jwt()


def steer(call: Call, verb: str, **details: str) -> None:
    """Tell the agent of a call what to do. The message is signed; a visitor's data message never is.

    Raises RoomsError, also when the room is gone.
    """
    request = api.SendDataRequest(
        room=call.room,
        data=steering.signed(call.pk, verb, details),
        kind=api.DataPacket.Kind.RELIABLE,
        topic=steering.TOPIC,
        destination_identities=[call.agent_identity],  # a visitor does not even see it
    )
    _ask(lambda livekit: livekit.room.send_data(request))


def close_room(call: Call) -> None:
    """Everybody leaves. Harmless if the room is gone. Raises RoomsError if LiveKit does not answer."""
    with suppress(RoomGone):
        _ask(lambda livekit: livekit.room.delete_room(api.DeleteRoomRequest(room=call.room)))


def open_rooms() -> set[str]:
    """The names of all rooms that exist now. Raises RoomsError."""
    listed = _ask(lambda livekit: livekit.room.list_rooms(api.ListRoomsRequest()))
    return {room.name for room in listed.rooms}


def read_webhook(body: bytes, authorization: str) -> WebhookEvent:
    """The event in a webhook's body. Raises BadWebhook unless our LiveKit server signed exactly this body."""
    verifier = api.TokenVerifier(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
    try:
        return api.WebhookReceiver(verifier).receive(body.decode(), authorization)
    except Exception as error:  # the receiver raises bare Exception, jwt errors and parse errors
        raise BadWebhook(str(error)) from None


class RoomGone(RoomsError):
    """The room does not exist any more."""


@async_to_sync
async def _ask(question: Callable[[api.LiveKitAPI], Awaitable[T]]) -> T:
    try:
        async with api.LiveKitAPI(
            settings.LIVEKIT_URL, settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET, timeout=REQUEST_TIMEOUT
        ) as livekit:
            return await question(livekit)
    except api.TwirpError as error:
        kind = RoomGone if error.code == api.TwirpErrorCode.NOT_FOUND else RoomsError
        raise kind(f"LiveKit refused: {error.message}") from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise RoomsError(f"LiveKit does not answer at {settings.LIVEKIT_URL}: {error}") from None
