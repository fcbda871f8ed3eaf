"""OpenAI's streaming chat completions with tool calls, as livekit-plugins-openai speaks them."""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from aiohttp import web

from tests.simulators.answering import Reply, Rule, reply_to
from tests.simulators.delays import BadControl, built
from tests.simulators.simulator import NOT_TEXT, Mishap, NotSimulated, Simulator, for_ever

UNDERSTOOD = {
    "model", "messages", "stream", "stream_options", "tools", "tool_choice", "temperature", "top_p", "user", "metadata",
    "parallel_tool_calls", "max_completion_tokens", "reasoning_effort", "verbosity", "service_tier",
    "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
}  # fmt: skip
ROLES = {"system", "developer", "user", "assistant", "tool"}
TOKEN = re.compile(r"\s*\S{1,5}")  # about as long as the tokens of a real model


class OpenAI(Simulator):
    provider = "openai"
    path = "/v1"

    def __init__(self) -> None:
        super().__init__()
        self.script: list[Rule] = []

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/chat/completions", self.complete), web.get("/v1/models", self.models)]

    def settings(self) -> dict[str, Callable[[Any], Callable[[], None]]]:
        return {**super().settings(), "script": self._script}

    def _script(self, value: Any) -> Callable[[], None]:
        if not isinstance(value, list):
            raise BadControl("script is a list of rules")
        rules = [built(Rule, item, "script") for item in value]
        for rule in rules:
            try:
                re.compile(rule.when)
            except re.error as error:
                raise BadControl(f"script.when {rule.when!r} is no regular expression: {error}") from error
        return lambda: setattr(self, "script", rules)

    async def models(self, request: web.Request) -> web.Response:
        if turned_away := await self.at_the_door(request):
            assert isinstance(turned_away, web.Response)
            return turned_away
        model = {"id": "simulated", "object": "model", "created": 0, "owned_by": "simulator"}
        return web.json_response({"object": "list", "data": [model]})

    async def complete(self, request: web.Request) -> web.StreamResponse:
        try:
            wanted = await request.json()
            check(wanted, request.headers.get("Authorization", ""))
        except (NotSimulated, json.JSONDecodeError) as problem:
            return self.refuse(str(problem))
        came_at = time.time()
        turn: dict[str, Any] = {"asked_at": came_at}
        self.requests.append(
            {"at": came_at, "model": wanted["model"], "messages": len(wanted["messages"]), "last": last_of(wanted)}
        )
        if turned_away := await self.at_the_door(request):
            return turned_away
        tools = set() if wanted.get("tool_choice") == "none" else names_of(wanted.get("tools") or [])
        reply = reply_to(wanted["messages"], tools, self.script, wanted.get("tools") or [])
        turn |= {"text": reply.text, "call": reply.call}
        chunks = list(self._chunks(reply, wanted))
        self.turns.append(turn)
        return await self._stream(request, chunks, turn)

    async def _stream(
        self, request: web.Request, chunks: list[tuple[dict[str, Any], int]], turn: dict[str, Any]
    ) -> web.StreamResponse:
        began = asyncio.get_running_loop().time()
        mishap = Mishap(self)
        fault = mishap.at(0)
        if fault and fault.kind == "hang":
            await for_ever()
        if fault and fault.kind == "cut":
            abort(request)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "x-request-id": "simulated"})
        first = began + self.roll(self.delays.first_token)
        await asyncio.sleep(max(0.0, first - asyncio.get_running_loop().time()))
        await response.prepare(request)
        for sent, (chunk, tokens) in enumerate(chunks):
            fault = mishap.at(sent)
            due_at = first + tokens / self.delays.tokens_per_second
            await asyncio.sleep(max(0.0, due_at - asyncio.get_running_loop().time()))
            if fault and fault.kind == "hang":
                await for_ever()
            if fault and fault.kind == "cut":
                abort(request)
            if fault and fault.kind == "noise":
                line = NOT_TEXT
            else:
                line = (self.spoiled(chunk) if fault else json.dumps(chunk, ensure_ascii=False)).encode()
            await response.write(b"data: " + line + b"\n\n")
            turn.setdefault("first_token_at", time.time())
            turn["last_token_at"] = time.time()
            if any("content" in choice["delta"] for choice in chunk["choices"]):
                turn.setdefault("token_at", []).append(turn["last_token_at"])
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    def _chunks(self, reply: Reply, wanted: dict[str, Any]) -> Iterator[tuple[dict[str, Any], int]]:
        """The chunks of an answer, each with how many tokens went before it."""
        same = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": wanted["model"],
            "service_tier": "default",
            "system_fingerprint": "simulated",
        }

        def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
            return {**same, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}

        said = TOKEN.findall(reply.text)
        arguments = TOKEN.findall(json.dumps(reply.arguments, ensure_ascii=False)) if reply.call else []
        tokens = 0
        for piece in said:
            yield chunk({"role": "assistant", "content": piece} if tokens == 0 else {"content": piece}), tokens
            tokens += 1
        if reply.call:
            call = {"index": 0, "id": f"call_{uuid.uuid4().hex[:24]}", "type": "function"}
            begun = {**call, "function": {"name": reply.call, "arguments": ""}}
            yield chunk({"role": "assistant", "content": None, "tool_calls": [begun]}), tokens
            for piece in arguments:
                tokens += 1
                yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}), tokens
        yield chunk({}, "tool_calls" if reply.call else "stop"), tokens
        if (wanted.get("stream_options") or {}).get("include_usage"):
            asked = sum(len(json.dumps(message)) for message in wanted["messages"]) // 4
            usage = {
                "prompt_tokens": asked,
                "completion_tokens": tokens,
                "total_tokens": asked + tokens,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
            }
            yield {**same, "choices": [], "usage": usage}, tokens


def abort(request: web.Request) -> None:
    if request.transport:
        request.transport.abort()
    raise ConnectionResetError("cut on demand")


def check(wanted: Any, authorization: str) -> None:
    """Raises NotSimulated for what OpenAI would refuse, and for what is not simulated."""
    if not isinstance(wanted, dict):
        raise NotSimulated("a body that is no object")
    if unknown := sorted(set(wanted) - UNDERSTOOD):
        raise NotSimulated(f"{', '.join(unknown)} of chat completions")
    if not authorization.startswith("Bearer "):
        raise NotSimulated("a request without `Authorization: Bearer …`")
    if wanted.get("stream") is not True:
        raise NotSimulated("an answer that is not streamed")
    if not wanted.get("model") or not isinstance(wanted.get("messages"), list) or not wanted["messages"]:
        raise NotSimulated("a request without model and messages")
    waiting: set[str] = set()
    for message in wanted["messages"]:
        role = message.get("role")
        if role not in ROLES:
            raise NotSimulated(f"the role {role!r}")
        if role == "tool":
            if message.get("tool_call_id") not in waiting:
                raise NotSimulated("a tool's answer that follows no call (messages with role 'tool')")
            waiting.discard(message["tool_call_id"])
            continue
        if waiting:
            raise NotSimulated(f"a tool call that was not answered: {', '.join(sorted(waiting))}")
        waiting = {call["id"] for call in message.get("tool_calls") or []}
    if waiting:
        raise NotSimulated(f"a tool call that was not answered: {', '.join(sorted(waiting))}")


def names_of(tools: list[dict[str, Any]]) -> set[str]:
    return {tool["function"]["name"] for tool in tools if tool.get("type") == "function"}


def last_of(wanted: dict[str, Any]) -> str:
    """The last thing in a request, cut short: enough to know a turn by."""
    return json.dumps(wanted["messages"][-1], ensure_ascii=False)[:200]
