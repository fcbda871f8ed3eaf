"""An editor writes: a new article, or the next version of one text of it.

Two editors may have the same text open. Each says which version was read; words that rest on an older one are
refused, and nobody's words are lost.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NotRequired, TypedDict

from django.db import transaction
from django.utils.text import slugify

from concierge.models import Venue
from knowledge.models import Article, ArticleText, Version

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

LONGEST_SLUG = 80  # characters; leaves room for a number behind it


class Words(TypedDict):
    title: str
    body: str
    valid_from: datetime | None
    valid_until: datetime | None
    variants: NotRequired[str | None]  # questions, one a line; None leaves those of the latest version


class Outdated(Exception):
    """Somebody wrote `latest` after the editor had opened the page."""

    def __init__(self, latest: Version) -> None:
        super().__init__(f"version {latest.number} is newer")
        self.latest = latest


def write_article(venue: Venue, language: str, words: Words, *, author: User | AnonymousUser) -> Version:
    """A new article, written in one language. Raises ValidationError as ArticleText.write does."""
    with transaction.atomic():
        # One at a time in a venue, so that two equal titles get two slugs.
        Venue.objects.select_for_update(no_key=True).get(pk=venue.pk)
        article = venue.articles.create(slug=free_slug(venue, words["title"]))
        version, _ = article.texts.create(language=language).write(**words, author=author)
    return version


def write_text(
    article: Article, language: str, words: Words, *, base: int, author: User | AnonymousUser
) -> tuple[Version, bool]:
    """The version of `article` in `language` that holds these words, and whether it is new.

    `base` is the number of the version that was read, 0 if there was none. Raises Outdated if there is a newer one
    that says something else, and ValidationError as ArticleText.write does.
    """
    with transaction.atomic():
        Article.objects.select_for_update(no_key=True).get(pk=article.pk)
        text, _ = article.texts.get_or_create(language=language)
        latest = text.latest
        # The same words again (a second click) are no conflict.
        if latest and latest.number != base and not latest.says(**words):
            raise Outdated(latest)
        version, is_new = text.write(**words, author=author)
        if is_new and text.status == ArticleText.Status.ARCHIVED:
            # Somebody is at work on it again.
            text.status = ArticleText.Status.DRAFT
            text.save(update_fields=["status"])
    return version, is_new


def free_slug(venue: Venue, title: str) -> str:
    """A slug made from `title` in its own script, unlike any other in the venue. It never changes afterwards."""
    wanted = slugify(title, allow_unicode=True)[:LONGEST_SLUG].strip("-_") or "article"
    taken = set(venue.articles.filter(slug__startswith=wanted).values_list("slug", flat=True))
    slug, number = wanted, 1
    while slug in taken:
        number += 1
        slug = f"{wanted}-{number}"
    return slug
