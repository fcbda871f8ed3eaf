"""Messages from staff to the agent, signed so that a visitor in the same room cannot forge or replay them.

A message is JSON: call, verb, details, nonce, expires; its HMAC-SHA256 goes with it. The agent takes a message only
if the server sent it (no participant), the signature fits, it names this call, has not expired, and its nonce is new.
"""

import json
import secrets
import time
from dataclasses import dataclass, field
from uuid import UUID

from django.utils.crypto import constant_time_compare, salted_hmac

TOPIC = "concierge.steer"
LIFETIME_SECONDS = 10
_SALT = "voice.steering"


class Refused(Exception):
    """Not a message of ours, or not for now."""


@dataclass(frozen=True)
class Order:
    verb: str
    details: dict[str, str]


def signed(call_id: UUID, verb: str, details: dict[str, str]) -> bytes:
    body = json.dumps(
        {
            "call": str(call_id),
            "verb": verb,
            "details": details,
            "nonce": secrets.token_hex(12),
            "expires": time.time() + LIFETIME_SECONDS,
        }
    )
    return json.dumps({"body": body, "mac": _mac(body)}).encode()


@dataclass
class Verifier:
    """Reads the orders of one call and remembers which it has seen."""

    call_id: UUID
    _seen: set[str] = field(default_factory=set)

    def read(self, message: bytes) -> Order:
        """Raises Refused with the reason."""
        try:
            envelope = json.loads(message)
            body, mac = envelope["body"], envelope["mac"]
            if not constant_time_compare(mac, _mac(body)):
                raise Refused("The signature does not fit.")
            order = json.loads(body)
        except (ValueError, KeyError, TypeError):
            raise Refused("Not a signed message.") from None
        if order["call"] != str(self.call_id):
            raise Refused("It is for another call.")
        if order["expires"] < time.time():
            raise Refused("It came too late.")
        if order["nonce"] in self._seen:
            raise Refused("It came before.")
        self._seen.add(order["nonce"])
        return Order(order["verb"], order["details"])


def _mac(body: str) -> str:
    return salted_hmac(_SALT, body, algorithm="sha256").hexdigest()
