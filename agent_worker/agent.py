"""The concierge: answers only from what its venue has written down."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable
from typing import Any, cast

from livekit.agents import FlushSentinel, ModelSettings, StopResponse, llm
from livekit.agents.utils import shortuuid

from agent_worker.conversation import Conversation
from agent_worker.facts import Facts
from agent_worker.giving_way import Attentive
from agent_worker.holding import keep, notes_for_the_model
from agent_worker.tools import TOOLS, passages


class Concierge(Attentive):
    def __init__(self, facts: Facts) -> None:
        super().__init__(instructions=facts.instructions, tools=list(TOOLS))

    async def on_user_turn_completed(self, turn_ctx: llm.ChatContext, new_message: llm.ChatMessage) -> None:
        if self.session.userdata.is_silent:
            await keep(self.session, new_message)
            raise StopResponse

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncIterable[llm.ChatChunk | str | FlushSentinel]:
        """Put what was found for the visitor's last words before the model, as if it had called the tool.

        So spoken and typed questions take one road, there is no second round trip to the model, and a model that
        never calls a tool still answers from the venue's words. `chat_ctx` is this generation's own copy.
        """
        if self.session.userdata.is_silent:
            return  # taken over while the answer was being made
        await self._ground(chat_ctx)
        async for chunk in cast(AsyncIterable[Any], Attentive.default.llm_node(self, chat_ctx, tools, model_settings)):
            yield chunk

    async def _ground(self, chat_ctx: llm.ChatContext) -> None:
        mark_what_was_broken_off(chat_ctx)
        index = last_question(chat_ctx)
        if index is None:
            return
        message = cast(llm.ChatMessage, chat_ctx.items[index])
        question = (message.text_content or "").strip()
        if not question:
            return
        conversation: Conversation = self.session.userdata
        if message.id != conversation.question_id:
            conversation.begin_turn(message.id, question)
        hits = await conversation.look_up(question)
        call_id = shortuuid("call_")
        chat_ctx.items[index + 1 : index + 1] = [
            llm.FunctionCall(
                call_id=call_id,
                name="search_knowledge",
                arguments=json.dumps({"question": question}, ensure_ascii=False),
                created_at=message.created_at,
            ),
            llm.FunctionCallOutput(
                call_id=call_id,
                name="search_knowledge",
                output=passages(hits),
                is_error=False,
                created_at=message.created_at,
            ),
            *notes_for_the_model(conversation.notes, message.created_at),
        ]


def mark_what_was_broken_off(chat_ctx: llm.ChatContext) -> None:
    """An answer that the visitor broke off holds what they heard of it; the prompt says what the dots mean."""
    for index, item in enumerate(chat_ctx.items):
        if item.type == "message" and item.role == "assistant" and item.interrupted and item.text_content:
            heard = item.text_content.rstrip(".… ")
            chat_ctx.items[index] = item.model_copy(update={"content": [f"{heard}…"]})


def last_question(chat_ctx: llm.ChatContext) -> int | None:
    """Where the visitor's last words stand in the context."""
    for index in range(len(chat_ctx.items) - 1, -1, -1):
        item = chat_ctx.items[index]
        if item.type == "message" and item.role == "user":
            return index
    return None
