"""What an editor has typed and not saved, and who else is at the same text.

The page sends what is typed at every pause, so that neither a reload nor a lost line loses it; it stays the author's
own until it is saved as a version or thrown away.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from concierge.models import Venue
from knowledge.models import LONGEST_BODY, Article, Presence, Unsaved

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User
    from django.db.models import QuerySet

FIELDS = ("title", "body", "variants", "valid_from", "valid_until", "base_version", "language")
# The page says every ten seconds that it is open.
PRESENT_FOR = timedelta(seconds=25)


def unsaved(venue: Venue, article: Article | None, language: str, author: User | AnonymousUser) -> QuerySet[Unsaved]:
    """The row of this author and text, if there is one. Of a new article, which has no language yet, there is one."""
    return Unsaved.objects.filter(
        venue=venue, article=article, language=language if article else "", author_id=author.pk
    )


def keep(
    venue: Venue, article: Article | None, language: str, author: User | AnonymousUser, typed: Mapping[str, str]
) -> None:
    fields = {name: typed.get(name, "").replace("\x00", "") for name in FIELDS}
    # What is longer is refused by the page already; it is not worth a row.
    for name in ("body", "variants"):
        fields[name] = fields[name].replace("\r\n", "\n")[: 2 * LONGEST_BODY]
    Unsaved.objects.update_or_create(
        venue=venue,
        article=article,
        language=language if article else "",
        author_id=author.pk,
        defaults={"typed": fields, "typed_at": timezone.now()},
    )


def arrive(article: Article, language: str, user: User | AnonymousUser) -> list[str]:
    """Say that `user` has this text open. Returns the names of the others who have."""
    now = timezone.now()
    Presence.objects.update_or_create(
        article=article, language=language, user_id=user.pk or 0, defaults={"seen_at": now}
    )
    Presence.objects.filter(seen_at__lt=now - 10 * PRESENT_FOR).delete()
    others = Presence.objects.filter(article=article, language=language, seen_at__gte=now - PRESENT_FOR)
    return [
        presence.user.get_username()
        for presence in others.exclude(user_id=user.pk or 0).select_related("user").order_by("user__username")
    ]
