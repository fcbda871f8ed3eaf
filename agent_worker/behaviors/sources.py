"""After an answer the page learns which articles it rested on, from the agent's own attribute."""

from __future__ import annotations

import json
from typing import Any

from livekit.agents import JobContext

SOURCES = "concierge.sources"
CONFIRMED = "concierge.confirmed"
MOST_SOURCES = 2


async def show_sources(ctx: JobContext, cited: list[tuple[Any, str]], *, answer: str) -> None:
    """`answer` is the id of what was said: an attribute that keeps its value is not sent again."""
    if not cited or not ctx.room.isconnected():
        return
    titles = {hit.article: hit.title for hit, _ in cited}
    listed = [{"article": article, "title": title} for article, title in titles.items()][:MOST_SOURCES]
    told = json.dumps([*listed, {"answer": answer}], ensure_ascii=False)
    await ctx.room.local_participant.set_attributes({SOURCES: told})


async def show_confirmed(ctx: JobContext, *, answer: str) -> None:
    """The page says under the last answer that it came from the staff."""
    if ctx.room.isconnected():
        await ctx.room.local_participant.set_attributes({CONFIRMED: answer})
