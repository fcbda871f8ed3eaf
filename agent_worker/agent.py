"""The concierge: answers only from what its venue has written down."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Sequence
from contextlib import aclosing
from typing import Any, cast

from livekit.agents import Agent, FlushSentinel, ModelSettings, StopResponse, llm
from livekit.agents.utils import shortuuid

from agent_worker.conversation import Conversation
from agent_worker.facts import Facts
from agent_worker.guard import Secrets, Watch, sieved
from agent_worker.holding import keep, notes_for_the_model
from agent_worker.phrases import phrase
from agent_worker.providers.intents import language_of
from agent_worker.suspicion import speaks_to_a_machine
from agent_worker.tools import NOT_GIVEN, NOT_OVER, TOOLS, passages


class Concierge(Agent):
    def __init__(self, facts: Facts) -> None:
        super().__init__(instructions=facts.instructions, tools=list(TOOLS))
        self._known = facts.known
        described = [tool.info.description or "" for tool in TOOLS if isinstance(tool, llm.FunctionTool)]
        self._secrets = Secrets.of(facts.instructions, [*described, NOT_OVER, NOT_GIVEN], facts.other_venues)

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
        if self.session.userdata.is_cut:
            self.session.userdata.is_cut = False
            yield f"{phrase(self._language, 'cut_short')} "
        answer = cast(Any, Agent.default.llm_node(self, chat_ctx, tools, model_settings))
        async with aclosing(answer):
            async for chunk in sieved(answer, self._watch(chat_ctx.items)):
                yield chunk

    def _watch(self, items: Sequence[llm.ChatItem]) -> Watch:
        """What this answer is held against before it is said."""
        conversation: Conversation = self.session.userdata
        asked = [
            message.text_content or "" for message in items if message.type == "message" and message.role == "user"
        ]
        told = [item.output for item in items if item.type == "function_call_output" and item.name == "opening_hours"]
        return Watch(
            secrets=self._secrets,
            conversation=conversation,
            language=self._language,
            facts=self._known,
            is_wary=speaks_to_a_machine(asked, [hit.text for hit in conversation.hits]),
            told=tuple(told),
        )

    @property
    def _language(self) -> str:
        """To answer in."""
        conversation: Conversation = self.session.userdata
        return language_of(conversation.question, conversation.language)

    async def _ground(self, chat_ctx: llm.ChatContext) -> None:
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


def last_question(chat_ctx: llm.ChatContext) -> int | None:
    """Where the visitor's last words stand in the context."""
    for index in range(len(chat_ctx.items) - 1, -1, -1):
        item = chat_ctx.items[index]
        if item.type == "message" and item.role == "user":
            return index
    return None
