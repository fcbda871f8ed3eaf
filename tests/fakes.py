"""Small real implementations of the outside world."""

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from livekit.agents import llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from voice import rooms


@dataclass
class FakeLiveKit:
    """Stands where LiveKit's server would: remembers what it was asked, or refuses."""

    opened: list[Any] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    orders: list[tuple[str, str]] = field(default_factory=list)
    rooms: set[str] = field(default_factory=set)
    is_away: bool = False

    def open_room(self, call):
        self._answer()
        self.opened.append(call)
        self.rooms.add(call.room)

    def close_room(self, call):
        self._answer()
        self.closed.append(call.room)
        self.rooms.discard(call.room)

    def open_rooms(self):
        self._answer()
        return set(self.rooms)

    def steer(self, call, verb, **details):
        self._answer()
        self.orders.append((call.room, verb))

    def _answer(self):
        if self.is_away:
            raise rooms.RoomsError("LiveKit does not answer.")


class ScriptedLLM(llm.LLM):
    """A model that says what it was told to say: text, or {"tool": name, "args": {...}, "say": text before it}.
    It keeps what it was shown."""

    def __init__(self, *replies: str | dict[str, Any]) -> None:
        super().__init__()
        self.replies = list(replies)
        self.shown: list[llm.ChatContext] = []

    def chat(self, *, chat_ctx, tools=None, conn_options=DEFAULT_API_CONNECT_OPTIONS, **kwargs):
        self.shown.append(chat_ctx.copy())
        reply = self.replies.pop(0) if self.replies else "I have nothing more to say."
        return ScriptedStream(self, reply=reply, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class ScriptedStream(llm.LLMStream):
    def __init__(self, model, *, reply, **kwargs):
        super().__init__(model, **kwargs)
        self.reply = reply

    async def _run(self) -> None:
        if isinstance(self.reply, str):
            delta = llm.ChoiceDelta(role="assistant", content=self.reply)
        else:
            call = llm.FunctionToolCall(
                name=self.reply["tool"], arguments=json.dumps(self.reply.get("args", {})), call_id=uuid4().hex
            )
            delta = llm.ChoiceDelta(role="assistant", content=self.reply.get("say"), tool_calls=[call])
        self._event_ch.send_nowait(llm.ChatChunk(id=uuid4().hex, delta=delta))
