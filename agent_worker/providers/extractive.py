"""A responder without a model: it speaks only sentences that are stored, or fixed ones, so it can invent nothing.

It behaves like a model in an AgentSession: it calls tools and reads their output. An agent that searches before it
asks (agent_worker.agent does) is answered at once; without such output it calls search_knowledge itself, once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from livekit.agents import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions, llm
from livekit.agents.types import NOT_GIVEN, NotGivenOr
from livekit.agents.utils import shortuuid

from agent_worker.phrases import phrase
from agent_worker.providers.intents import Intent, Wish, intent_of, language_of
from agent_worker.providers.selection import Passage, choose, is_named, words_of

LONG_QUESTION = 60  # words
MOST_NOTES = 3  # of the staff, in one answer
SURE = 0.75  # of a passage; from here on it may answer without sharing a word with the question


@dataclass(frozen=True)
class Reply:
    text: str = ""
    is_answer: bool = True  # not so when it only says that there is none
    tool: str = ""
    arguments: tuple[tuple[str, str], ...] = ()


class ExtractiveLLM(llm.LLM):
    def __init__(self, language: str, *, desk_phone: str = "") -> None:
        super().__init__()
        self.language = language
        self.desk_phone = desk_phone

    @property
    def model(self) -> str:
        return "extractive"

    @property
    def provider(self) -> str:
        return "local"

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,
    ) -> ExtractiveStream:
        usable = [] if tool_choice == "none" else tools or []
        return ExtractiveStream(self, chat_ctx=chat_ctx, tools=usable, conn_options=conn_options)


class ExtractiveStream(llm.LLMStream):
    _llm: ExtractiveLLM

    async def _run(self) -> None:
        names = {tool.info.name for tool in self._tools if isinstance(tool, llm.FunctionTool)}
        names |= {tool.info.name for tool in self._tools if isinstance(tool, llm.RawFunctionTool)}
        reply = Responder(self._llm.language, self._llm.desk_phone, names).reply(self._chat_ctx.items)
        chunk_id = shortuuid("reply_")
        if reply.text:
            self._event_ch.send_nowait(
                llm.ChatChunk(id=chunk_id, delta=llm.ChoiceDelta(role="assistant", content=reply.text))
            )
        if reply.tool:
            call = llm.FunctionToolCall(
                name=reply.tool,
                arguments=json.dumps(dict(reply.arguments), ensure_ascii=False),
                call_id=shortuuid("call_"),
            )
            self._event_ch.send_nowait(
                llm.ChatChunk(id=chunk_id, delta=llm.ChoiceDelta(role="assistant", tool_calls=[call]))
            )


class Responder:
    """Decides what to say next. Pure: the conversation so far in, one reply out."""

    def __init__(self, language: str, desk_phone: str, tools: set[str]) -> None:
        self.call_language = language
        self.desk_phone = desk_phone
        self.tools = tools

    def reply(self, items: Sequence[llm.ChatItem]) -> Reply:
        asked = max((n for n, item in enumerate(items) if _is_from(item, "user")), default=None)
        if asked is None:
            return Reply(phrase(self.call_language, "hello"))
        question = (_message(items[asked]).text_content or "").strip()
        self.language = language_of(question, self.call_language)
        before, after = items[:asked], items[asked + 1 :]
        if any(_is_output(item, "end_call") for item in after):
            return Reply()
        intent = intent_of(question)
        if person := self._person(intent, question, before, after):
            return person
        if small := self._small_talk(intent, before):
            return small
        return self._with_notes(question, self._hours(intent, question, after) or self._written(question, after), after)

    # Small talk

    def _small_talk(self, intent: Intent, before: Sequence[llm.ChatItem]) -> Reply | None:
        last = next((_message(item).text_content or "" for item in reversed(before) if _is_from(item, "assistant")), "")
        match intent.wish:
            case Wish.GOODBYE:
                return self._goodbye()
            case Wish.DECLINES:
                # "No, thank you" ends a call only when it answers "anything else?".
                return self._goodbye() if self._was_asked_for_more(last) else self._say("thanks")
            case Wish.PERSON:
                return self._with_phone("person")
            case Wish.REPEAT:
                return Reply(last) if last else self._say("repeat_nothing")
            case Wish.NOTHING:
                return self._say("go_on")
        keys = {
            Wish.GREETS: "hello",
            Wish.SALAM: "salam",
            Wish.HOW_ARE_YOU: "how_am_i",
            Wish.THANKS: "thanks",
            Wish.WHO_ARE_YOU: "who_am_i",
        }
        return self._say(keys[intent.wish]) if intent.wish in keys else None

    def _was_asked_for_more(self, last: str) -> bool:
        return any(phrase(language, "thanks") in last for language in {self.language, self.call_language})

    def _goodbye(self) -> Reply:
        return Reply(phrase(self.language, "goodbye"), tool="end_call" if "end_call" in self.tools else "")

    # A person

    def _person(
        self, intent: Intent, question: str, before: Sequence[llm.ChatItem], after: Sequence[llm.ChatItem]
    ) -> Reply | None:
        if (told := _output(after, "call_back")) is not None:
            return self._say("call_back_stored") if told.get("stored") else self._with_phone("person")
        last = next((_message(item).text_content or "" for item in reversed(before) if _is_from(item, "assistant")), "")
        number = telephone_number(question)
        was_offered = any(phrase(language, "person_nobody") in last for language in {self.language, self.call_language})
        if number and was_offered and "call_back" in self.tools:
            return Reply(tool="call_back", arguments=(("number", number), ("words", question)))
        if intent.wish is not Wish.PERSON or "call_a_person" not in self.tools:
            return None
        told = _output(after, "call_a_person")
        if told is None:
            if any(_is_output(item, "call_a_person") for item in after):
                return self._with_phone("person")  # the tool failed
            return Reply(tool="call_a_person", arguments=(("reason", "asked_for_person"),))
        if told.get("available"):
            return self._say("person_called")
        # When the desk opens, if it is closed: the number is asked for all the same.
        return Reply(" ".join(filter(None, [str(told.get("desk") or ""), phrase(self.language, "person_nobody")])))

    # Opening hours

    def _hours(self, intent: Intent, question: str, after: Sequence[llm.ChatItem]) -> Reply | None:
        if intent.wish not in (Wish.OPEN_NOW, Wish.OPEN_WHEN):
            return None
        if self._is_written(intent, after):
            return None
        answer = _output(after, "opening_hours")
        if answer is None:
            if "opening_hours" not in self.tools:
                return None
            return Reply(tool="opening_hours", arguments=(("place", intent.place),))
        sentence = str(answer.get("sentence") or "")
        names = [str(place.get("name", "")) for place in answer.get("places", []) if isinstance(place, dict)]
        # The clock answers for the house when it does not know a place. Then what is written is the better answer.
        is_known = not intent.place or any(words_of(intent.place) & words_of(name) for name in names)
        return Reply(sentence) if sentence and is_known else None

    def _is_written(self, intent: Intent, after: Sequence[llm.ChatItem]) -> bool:
        """When a named place opens in general may be written, or nobody has looked; if it is open now is not."""
        if intent.wish is Wish.OPEN_NOW or not intent.place:
            return False
        found = _output(after, "search_knowledge")
        return bool(found.get("found")) if found is not None else "search_knowledge" in self.tools

    # What is written

    def _written(self, question: str, after: Sequence[llm.ChatItem]) -> Reply:
        found = _output(after, "search_knowledge")
        if found is None:
            if any(_is_output(item, "search_knowledge") for item in after):
                return replace(
                    self._say("trouble"), is_answer=False
                )  # the search failed; to ask it again would only fail again
            if "search_knowledge" in self.tools:
                return Reply(tool="search_knowledge", arguments=(("question", question),))
            return replace(self._with_phone("not_written"), is_answer=False)
        passages = passages_of(found) if found.get("found") else []
        if passages and passages[0].confidence < SURE and not is_named(question, passages[0]):
            passages = []
        choice = choose(question, passages)
        if choice is None:
            missing = (
                self._say("too_long") if len(question.split()) > LONG_QUESTION else self._with_phone("not_written")
            )
            return replace(missing, is_answer=False)
        text = " ".join(choice.sentences)
        if choice.language == "en" and self.language == "ar":
            text = f"{phrase('ar', 'only_in_english')} {text}"
        elif choice.language == "ar" and self.language != "ar":
            text = f"{phrase(self.language, 'only_in_arabic')} {text}"
        return Reply(text)

    # What the staff noted

    def _with_notes(self, question: str, reply: Reply, after: Sequence[llm.ChatItem]) -> Reply:
        """A new note is said with the next answer, and instead of it when it is about the same; an old one only then.

        People who write a note have heard the conversation: they know better than what is written.
        """
        told = _output(after, "staff_notes")
        notes = [note for note in (told or {}).get("notes", []) if isinstance(note, dict) and note.get("text")]
        if reply.tool or not notes:
            return reply
        fitting = [note for note in notes if bears_on(str(note["text"]), question)]
        if fitting:
            return Reply(" ".join(self._note(note) for note in fitting[-MOST_NOTES:]))
        new = " ".join(self._note(note) for note in notes[-MOST_NOTES:] if note.get("is_new"))
        if not new:
            return reply
        return Reply(f"{reply.text} {new}" if reply.is_answer else new)

    def _note(self, note: dict[str, Any]) -> str:
        text = str(note["text"]).strip()
        said = text if text.endswith((".", "!", "?", "؟", "…")) else f"{text}."
        return phrase(self.language, "staff_promise" if note.get("is_promise") else "staff_confirm", note=said)

    # Fixed sentences

    def _say(self, key: str) -> Reply:
        return Reply(phrase(self.language, key))

    def _with_phone(self, key: str) -> Reply:
        if not self.desk_phone:
            return self._say(f"{key}_no_phone")
        return Reply(phrase(self.language, key, phone=self.desk_phone))


def telephone_number(text: str) -> str:
    """The digits of a number that somebody could be called at, empty if there is none."""
    found = re.search(r"\+?\d(?:[\s().-]*\d){5,14}", text)
    return re.sub(r"[^\d+]", "", found.group()) if found else ""


def bears_on(note: str, question: str) -> bool:
    """Has a note at least half of what the question is about?"""
    asked = words_of(question)
    return bool(asked) and 2 * len(asked & words_of(note)) >= len(asked)


def passages_of(found: dict[str, Any]) -> list[Passage]:
    """The passages in the output of search_knowledge."""
    return [
        Passage(
            title=str(passage.get("title", "")),
            language=str(passage.get("language", "en")),
            sentences=tuple((str(text), float(score)) for text, score in passage.get("sentences", [])),
            confidence=float(passage.get("confidence", 0.0)),
        )
        for passage in found.get("passages", [])
    ]


def _is_from(item: llm.ChatItem, role: str) -> bool:
    return item.type == "message" and item.role == role


def _message(item: llm.ChatItem) -> llm.ChatMessage:
    assert item.type == "message"
    return item


def _is_output(item: llm.ChatItem, tool: str) -> bool:
    return item.type == "function_call_output" and item.name == tool


def _output(items: Sequence[llm.ChatItem], tool: str) -> dict[str, Any] | None:
    """What `tool` said last, or None if it was not asked or failed."""
    for item in reversed(items):
        if item.type == "function_call_output" and item.name == tool and not item.is_error:
            try:
                output = json.loads(item.output)
            except json.JSONDecodeError:
                return None
            return output if isinstance(output, dict) else None
    return None
