"""What the agent can do. Thin: each tool asks the code that knows. The docstrings are written for the model."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Literal

from livekit.agents import RunContext, ToolError, function_tool, llm

from agent_worker.conversation import Conversation, is_found, rows
from agent_worker.facts import spoken_now
from agent_worker.providers.intents import is_courtesy
from concierge.hours import spoken_sentence, state_of
from concierge.models import OpeningHours
from knowledge.lexical import fold
from knowledge.search import Hit
from voice import handing_off
from voice.models import HandOff

LONGEST_GOODBYE = 10  # words
DIGITS_OF_A_NUMBER = 6
# Why a tool was not used, for the model.
NOT_OVER = "The visitor has not said goodbye. Answer the question."
NOT_GIVEN = "The visitor did not give this number. Ask for the number to call back."


@function_tool
async def search_knowledge(context: RunContext[Conversation], question: str) -> str:
    """Look up what this venue has written down: rooms, dining, prices, rules, transport, services.

    Args:
        question: What the visitor wants to know, as one plain sentence.
    """
    conversation = context.userdata
    conversation.tools.append("search_knowledge")
    return passages(await conversation.look_up(question))


@function_tool
async def opening_hours(context: RunContext[Conversation], place: str = "") -> str:
    """Tell whether the venue, or a place in it, is open now, until when, and when it opens next.

    Args:
        place: The place that the visitor means, in the visitor's words. Empty for the venue as a whole.
    """
    conversation = context.userdata
    conversation.tools.append("opening_hours")
    return await rows(hours_now, conversation, place)


@function_tool
async def end_call(context: RunContext[Conversation]) -> None:
    """End the call, after you have said goodbye. Only when the visitor is done."""
    if not wants_to_end(context.userdata):
        raise ToolError(NOT_OVER)
    context.userdata.tools.append("end_call")
    context.userdata.ended = context.userdata.ended or "goodbye"


@function_tool
async def call_a_person(
    context: RunContext[Conversation],
    reason: Literal["asked_for_person", "knowledge_missing", "not_allowed", "tool_failed", "emergency"],
) -> str:
    """Ring a person of the staff to this conversation. Promise a person only if the output says available.

    Args:
        reason: Why: the visitor asked for a person, nothing is written and they want to know, you may not do it,
            a tool failed, or it is an emergency.
    """
    conversation = context.userdata
    conversation.tools.append("call_a_person")
    if conversation.call is None:  # a question that is tried outside a call
        return json.dumps({"available": False})
    call = conversation.call
    hand_off = await rows(handing_off.ask, call, reason)
    told: dict[str, Any] = {"available": hand_off.outcome == HandOff.Outcome.WAITING}
    if not told["available"]:
        told["desk"] = await rows(handing_off.desk_is_closed, call.venue, conversation.language)
    return json.dumps(told, ensure_ascii=False)


@function_tool
async def call_back(context: RunContext[Conversation], number: str, words: str = "") -> str:
    """Store that the visitor wants to be called back, after nobody of the staff was available.

    Args:
        number: The telephone number that the visitor gave.
        words: What it is about, in the visitor's words.
    """
    conversation = context.userdata
    said = [item.text_content or "" for item in context.session.history.messages() if item.role == "user"]
    if not is_the_visitors(number, " ".join([*said, conversation.question]), conversation):
        raise ToolError(NOT_GIVEN)
    conversation.tools.append("call_back")
    if conversation.call:
        await rows(handing_off.call_back, conversation.call, number, words)
    return json.dumps({"stored": conversation.call is not None, "number": number})


def wants_to_end(conversation: Conversation) -> bool:
    """Not while a question stands that can be answered, whatever a model has read."""
    question = conversation.question
    is_short = len(question.split()) <= LONGEST_GOODBYE
    return is_courtesy(question) or (is_short and not is_found(conversation.hits) and not re.search("[?؟]", question))


def is_the_visitors(number: str, said: str, conversation: Conversation) -> bool:
    """Did the visitor give this number? A number may have been heard in words, but then it stands in no article."""
    digits, spoken = digits_of(number)[-DIGITS_OF_A_NUMBER:], digits_of(said)
    if len(digits) == DIGITS_OF_A_NUMBER and digits in spoken:
        return True
    written = digits_of(" ".join(hit.text for hit in conversation.hits))
    is_statement = len(conversation.question.split()) >= DIGITS_OF_A_NUMBER and "?" not in conversation.question
    return len(spoken) < DIGITS_OF_A_NUMBER and is_statement and digits not in written


def digits_of(text: str) -> str:
    return "".join(filter(str.isdigit, fold(text)))


TOOLS: list[llm.Tool | llm.Toolset] = [search_knowledge, opening_hours, call_a_person, call_back, end_call]


def passages(hits: Sequence[Hit]) -> str:
    """The output of search_knowledge: JSON that a model and the local responder both read."""
    return json.dumps(
        {
            "found": is_found(hits),
            "passages": [
                {
                    "article": hit.article,
                    "title": hit.title,
                    "language": hit.language,
                    "text": hit.text,
                    "sentences": [
                        [sentence, round(float(score), 3)]
                        for sentence, score in zip(hit.sentences, hit.sentence_scores, strict=True)
                    ],
                    "confidence": round(float(hit.confidence), 3),
                }
                for hit in hits
            ],
        },
        ensure_ascii=False,
    )


def hours_now(conversation: Conversation, place: str) -> str:
    """The output of opening_hours: every place of the venue, and one sentence for the one that was meant."""
    venue, language = conversation.venue, conversation.language
    now = conversation.now()
    known = list(venue.hours.prefetch_related("special_days"))
    described: list[dict[str, Any]] = []
    for hours in known:
        state = state_of(hours, now, language)
        described.append(
            {
                "name": hours.name(language),
                "open_now": state.is_open,
                "until": clock(state.until),
                "opens_next": clock(state.opens_at, with_day=True),
                "today": state.today,
                "occasion": state.occasion,
            }
        )
    meant = the_place_meant(known, place, language)
    sentence = spoken_sentence(meant.name(language), state_of(meant, now, language), language, now) if meant else ""
    return json.dumps({"now": spoken_now(now), "places": described, "sentence": sentence}, ensure_ascii=False)


def the_place_meant(known: Sequence[OpeningHours], place: str, language: str) -> OpeningHours | None:
    """The row whose name shares most words with `place`; the house itself if none is named."""
    house = next((hours for hours in known if hours.slug == "house"), known[0] if known else None)
    words = set(place.casefold().split())
    if not words:
        return house

    def shared(hours: OpeningHours) -> int:
        return len(words & set(hours.name(language).casefold().split()))

    best = max(known, key=shared, default=None)
    return best if best and shared(best) else house


def clock(moment: Any, *, with_day: bool = False) -> str:
    if moment is None:
        return ""
    return moment.strftime("%A %H:%M" if with_day else "%H:%M")
