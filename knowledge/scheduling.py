"""Versions that go live by themselves. `manage.py tick` looks every 30 seconds."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from knowledge import indexing
from knowledge.models import ArticleText, Version

logger = logging.getLogger(__name__)


def has_to_wait(text: ArticleText, version: Version, now: datetime) -> bool:
    """Would publishing `version` now leave visitors without words that they have?

    A version for later is not found before its time; if it took the place of a live one at once, neither would be.
    """
    if version.valid_from is None or version.valid_from <= now or text.live is None or text.live_id == version.pk:
        return False
    return text.live.valid_until is None or text.live.valid_until > now


def schedule(text: ArticleText, version: Version) -> None:
    """The live version stays until `version` begins to be valid; then that takes its place."""
    text.next_live, text.next_live_at = version, version.valid_from
    if text.status != ArticleText.Status.PUBLISHED:
        text.status = ArticleText.Status.PUBLISHED
    text.save(update_fields=["next_live", "next_live_at", "status"])


def call_off(text: ArticleText) -> None:
    text.next_live = text.next_live_at = None
    text.save(update_fields=["next_live", "next_live_at"])


def publish_due() -> int:
    """Publish the versions whose moment has come. Returns how many."""
    due = ArticleText.objects.filter(Q(next_live__isnull=False), next_live_at__lte=timezone.now())
    count = 0
    for text in due.select_related("next_live", "article__venue").order_by("next_live_at"):
        try:
            if not due.filter(pk=text.pk, next_live=text.next_live_id).exists():
                continue  # called off, or published over, meanwhile
            indexing.publish(text, text.next_live)
        except Exception:
            logger.exception("%s could not go live", text)
        else:
            count += 1
    return count
