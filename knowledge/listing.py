"""A venue's articles as an editor looks through them: searched, filtered, newest change first."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Case, Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery, Value, When
from django.utils import timezone

from concierge.models import Venue
from knowledge.models import Article, ArticleText, Version

# What an editor can ask for besides a status of its own.
MISSING = "missing"  # not written in the language (or in one of the venue's languages)
CHANGED = "changed"  # published, with a newer version that is not
SCHEDULED = "scheduled"  # a version goes live by itself at a moment to come
OVER = "over"  # published, but its last day is over


def list_articles(
    venue: Venue,
    *,
    words: str = "",
    language: str = "",
    status: str = "",
    stale_days: int = 0,
    never_used: bool = False,
) -> QuerySet[Article]:
    """Articles with `title`, `changed_at` and their texts, in a fixed number of queries however many there are.

    `words` must all stand in the title or the body of one text. `language` and `status` speak of the same text.
    `stale_days`: nothing was written in it for so long. `never_used`: something of it is live, and no answer in the
    calls that are kept rests on it.
    """
    articles = Article.objects.filter(venue=venue)
    if status == MISSING:
        for_each = [language] if language else venue.languages
        unwritten = [~Exists(ArticleText.objects.filter(article=OuterRef("pk"), language=code)) for code in for_each]
        articles = articles.filter(Q(*unwritten, _connector=Q.OR))
        status = language = ""
    matching = with_latest(ArticleText.objects.filter(article=OuterRef("pk")))
    if language:
        matching = matching.filter(language=language)
    if status == CHANGED:
        matching = matching.filter(status=ArticleText.Status.PUBLISHED, latest_number__gt=F("live__number"))  # type: ignore[misc]  # an annotation
    elif status == SCHEDULED:
        matching = matching.filter(next_live__isnull=False)
    elif status == OVER:
        matching = matching.filter(live__valid_until__lte=timezone.now())
    elif status:
        matching = matching.filter(status=status)
    for word in words.split():
        matching = matching.alias(latest_body=latest("body")).filter(
            Q(latest_title__icontains=word) | Q(latest_body__icontains=word)
        )
    if words.strip() or language or status:
        articles = articles.filter(Exists(matching))

    versions = Version.objects.filter(text__article=OuterRef("pk"))
    if stale_days:
        since = timezone.now() - timedelta(days=stale_days)
        articles = articles.filter(~Exists(versions.filter(written_at__gt=since)))
    if never_used:
        # Citations are rows of voice, which imports knowledge: here they are known by the name of the way back.
        is_live = ArticleText.objects.filter(article=OuterRef("pk"), live__isnull=False)
        articles = articles.filter(Exists(is_live), ~Exists(versions.filter(citations__isnull=False)))
    is_first_language = Case(When(text__language=venue.default_language, then=Value(0)), default=Value(1))
    title = versions.order_by(is_first_language, "text__language", "-number").values("title")[:1]
    changed_at = versions.order_by("-written_at").values("written_at")[:1]
    texts = with_latest(ArticleText.objects.all()).order_by("language")
    return (
        articles.annotate(title=Subquery(title), changed_at=Subquery(changed_at))
        .order_by("-changed_at", "slug")
        .prefetch_related(Prefetch("texts", texts))
    )


def latest(field: str) -> Subquery:
    """A field of the newest version of each ArticleText."""
    return Subquery(Version.objects.filter(text=OuterRef("pk")).order_by("-number").values(field)[:1])


def with_latest(texts: QuerySet[ArticleText]) -> QuerySet[ArticleText]:
    """Each text with the facts of its newest version, and the number of the live one."""
    return texts.annotate(
        latest_number=latest("number"),
        latest_title=latest("title"),
        live_number=F("live__number"),
    )
