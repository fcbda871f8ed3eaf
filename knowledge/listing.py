"""A venue's articles as an editor looks through them: searched, filtered, newest change first."""

from __future__ import annotations

from django.db.models import Case, Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery, Value, When

from concierge.models import Venue
from knowledge.models import Article, ArticleText, Version

# What an editor can ask for besides a status of its own.
MISSING = "missing"  # not written in the language (or in one of the venue's languages)
CHANGED = "changed"  # published, with a newer version that is not


def list_articles(venue: Venue, *, words: str = "", language: str = "", status: str = "") -> QuerySet[Article]:
    """Articles with `title`, `changed_at` and their texts, in a fixed number of queries however many there are.

    `words` must all stand in the title or the body of one text. `language` and `status` speak of the same text.
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
    elif status:
        matching = matching.filter(status=status)
    for word in words.split():
        matching = matching.alias(latest_body=latest("body")).filter(
            Q(latest_title__icontains=word) | Q(latest_body__icontains=word)
        )
    if words.strip() or language or status:
        articles = articles.filter(Exists(matching))

    versions = Version.objects.filter(text__article=OuterRef("pk"))
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
