"""A line that staff typed, in the visitor's language where it differs."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from django.conf import settings
from livekit.agents import llm

from agent_worker.pipeline import Profile, chosen_profile
from agent_worker.prompts import prompt
from agent_worker.providers.intents import language_of

logger = logging.getLogger(__name__)

TRANSLATED_WITHIN_SECONDS = 3.0


async def in_the_visitors_language(line: str, language: str) -> str:
    """Translated where a model that can is configured; else, and if it fails, as it was typed."""
    if chosen_profile() is not Profile.CLOUD or language_of(line, language) == language:
        return line
    chat = llm.ChatContext.empty()
    chat.add_message(role="system", content=prompt("translate", language=language))
    chat.add_message(role="user", content=line)
    try:
        async with (
            asyncio.timeout(TRANSLATED_WITHIN_SECONDS),
            _model() as model,
            model.chat(chat_ctx=chat) as stream,
        ):
            words = [chunk.delta.content or "" async for chunk in stream if chunk.delta]
    except Exception:
        logger.exception("A line of the staff was not translated")
        return line
    return "".join(words).strip() or line


def _model() -> llm.LLM:
    from livekit.plugins import openai  # loaded by pipeline, where it is in use

    # Not the session's own: that one falls back to a responder that answers questions and cannot translate.
    chosen: dict[str, Any] = {"base_url": settings.OPENAI_BASE_URL} if settings.OPENAI_BASE_URL else {}
    return openai.LLM(model=settings.CLOUD_LLM_MODEL, api_key=settings.OPENAI_API_KEY, **chosen)
