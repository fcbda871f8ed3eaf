"""The visitors' questions among what was said."""

from __future__ import annotations

from django.db.models import OuterRef, QuerySet, Subquery

from concierge.models import Venue
from knowledge.asked import Asked
from voice.models import Turn


def with_answers(turns: QuerySet[Turn]) -> QuerySet[Turn]:
    """Visitors' turns, each with `was_answered`: what the agent's next turn in the same call says of itself."""
    replies = Turn.objects.filter(call=OuterRef("call"), number__gt=OuterRef("number"), speaker=Turn.Speaker.AGENT)
    return turns.filter(speaker=Turn.Speaker.VISITOR).annotate(
        was_answered=Subquery(replies.order_by("number").values("is_answered")[:1])
    )


def recent_questions(venue: Venue, limit: int) -> list[Asked]:
    turns = with_answers(Turn.objects.filter(call__venue=venue)).order_by("-said_at", "-pk")
    found: dict[tuple[str, str], Asked] = {}
    # Some are asked again and again, so more are read than are wanted.
    for turn in turns[: 4 * limit]:
        key = (" ".join(turn.text.casefold().split()), turn.language)
        found.setdefault(
            key,
            Asked(turn.pk, turn.call_id, turn.text, turn.language, turn.said_at, turn.was_answered),  # type: ignore[attr-defined]
        )
        if len(found) == limit:
            break
    return list(found.values())
