"""The concierge: answers only from what its venue has written down."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterable, Sequence
from contextlib import aclosing
from typing import Any, cast

from livekit.agents import FlushSentinel, ModelSettings, StopResponse, llm
from livekit.agents.utils import shortuuid
from livekit.agents.voice.generation import update_instructions

from agent_worker.conversation import Conversation, rows
from agent_worker.facts import Facts, load_facts
from agent_worker.giving_way import Attentive
from agent_worker.guard import Secrets, Watch, sieved
from agent_worker.holding import keep, notes_for_the_model
from agent_worker.languages import asked_for, listed
from agent_worker.phrases import phrase
from agent_worker.pipeline import switch_language
from agent_worker.providers.intents import Wish, intent_of, language_of
from agent_worker.providers.selection import words_of
from agent_worker.suspicion import speaks_to_a_machine
from agent_worker.tools import NOT_GIVEN, NOT_OVER, TOOLS, hours_now, passages


class Concierge(Attentive):
    def __init__(self, facts: Facts) -> None:
        super().__init__(instructions=facts.instructions, tools=list(TOOLS))
        self._keep_in_mind(facts)

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
        if self.session.userdata.language != self._language:
            await self._learn(chat_ctx)
        if reply := self._about_language(chat_ctx):
            yield reply
            return
        await self._ground(chat_ctx)
        if self.session.userdata.is_cut:
            self.session.userdata.is_cut = False
            yield f"{phrase(self._answers_in, 'cut_short')} "
        began = time.perf_counter()
        is_first = True
        answer = cast(Any, Attentive.default.llm_node(self, chat_ctx, tools, model_settings))
        async with aclosing(answer):
            async for chunk in sieved(answer, self._watch(chat_ctx.items)):
                if is_first:
                    is_first = False
                    self.session.userdata.model_seconds = time.perf_counter() - began
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
            language=self._answers_in,
            facts=self._known,
            is_wary=speaks_to_a_machine(asked, [hit.text for hit in conversation.hits]),
            told=tuple(told),
        )

    @property
    def _answers_in(self) -> str:
        conversation: Conversation = self.session.userdata
        return language_of(conversation.question, conversation.language)

    def _keep_in_mind(self, facts: Facts) -> None:
        self._language, self._known = facts.language, facts.known
        described = [tool.info.description or "" for tool in TOOLS if isinstance(tool, llm.FunctionTool)]
        self._secrets = Secrets.of(facts.instructions, [*described, NOT_OVER, NOT_GIVEN], facts.other_venues)

    async def _learn(self, chat_ctx: llm.ChatContext) -> None:
        """The conversation goes on in another language: what is known of the venue, and the prompt, change with it."""
        conversation: Conversation = self.session.userdata
        facts = await rows(load_facts, conversation.venue, conversation.language, conversation.at)
        await self.update_instructions(facts.instructions)
        update_instructions(chat_ctx, instructions=facts.instructions, add_if_missing=True)
        switch_language(self.session, conversation.venue, facts.language, names=facts.names, often=[facts.greeting])
        self._keep_in_mind(facts)

    def _about_language(self, chat_ctx: llm.ChatContext) -> str:
        """The answer to a visitor who asked for a language and for nothing else; no model is needed for it."""
        index = last_question(chat_ctx)
        message = cast(llm.ChatMessage, chat_ctx.items[index]) if index is not None else None
        ask = asked_for(message.text_content or "") if message else None
        if message is None or ask is None or ask.rest:
            return ""
        conversation: Conversation = self.session.userdata
        if message.id != conversation.question_id:
            conversation.begin_turn(message.id, message.text_content or "")
        language = conversation.language
        if ask.code != language:
            return phrase(language, "language_missing", languages=listed(conversation.venue.languages, language))
        is_written = self.session.output.audio is not None and not self.session.output.audio_enabled
        return phrase(language, "language_written" if is_written else "language_switched")

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
        if any(is_call(item, "search_knowledge", message.created_at) for item in chat_ctx.items[index + 1 :]):
            return  # the model goes on after a tool, in the same context
        hits = await conversation.look_up(question)
        chat_ctx.items[index + 1 : index + 1] = [
            *as_called("search_knowledge", {"question": question}, passages(hits), message.created_at),
            *await self._hours(question, message.created_at),
            *notes_for_the_model(conversation.notes, message.created_at),
        ]

    async def _hours(self, question: str, at: float) -> list[llm.ChatItem]:
        """What opening_hours tells, where the question is plainly about the hours of a place that has some.

        A model that has to ask for it is asked twice, and the visitor waits twice as long.
        """
        intent = intent_of(question)
        if intent.wish not in (Wish.OPEN_NOW, Wish.OPEN_WHEN):
            return []
        conversation: Conversation = self.session.userdata
        told = await rows(hours_now, conversation, intent.place)
        if not is_about(told, intent.place):
            return []
        if "opening_hours" not in conversation.tools:
            conversation.tools.append("opening_hours")
        return as_called("opening_hours", {"place": intent.place}, told, at)


def is_about(told: str, place: str) -> bool:
    """Do the hours that were told know the place? Without one the house is meant."""
    names = [str(known["name"]) for known in json.loads(told)["places"]]
    return bool(names) and (not place or any(words_of(place) & words_of(name) for name in names))


def as_called(tool: str, arguments: dict[str, str], output: str, at: float) -> list[llm.ChatItem]:
    """The call of a tool that the model did not have to make, and what the tool said."""
    call_id = shortuuid("call_")
    written = json.dumps(arguments, ensure_ascii=False)
    return [
        llm.FunctionCall(call_id=call_id, name=tool, arguments=written, created_at=at),
        llm.FunctionCallOutput(call_id=call_id, name=tool, output=output, is_error=False, created_at=at),
    ]


def is_call(item: llm.ChatItem, tool: str, at: float) -> bool:
    return item.type == "function_call" and item.name == tool and item.created_at == at


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
