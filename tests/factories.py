"""Rows for tests, as plain functions. A test states each fact it depends on and none that it does not."""

from itertools import count

from django.contrib.auth.models import User
from django.utils import timezone

from concierge.models import Domain, Membership, Venue, VenueText
from knowledge.models import Article, ArticleText, Version
from voice.models import Call, Worker

_number = count(1)


def create_venue(*, slug="palm", host="palm.test", languages=("en", "ar"), name="Palm Court", **fields) -> Venue:
    venue = Venue.objects.create(slug=slug, languages=list(languages), **fields)
    Domain.objects.create(venue=venue, host=host)
    for language in languages:
        VenueText.objects.create(venue=venue, language=language, name=name, greeting="Welcome.", intro="A small hotel.")
    return venue


def create_user(*, venue: Venue | None = None, role=Membership.Role.AGENT, name="", **fields) -> User:
    user = User.objects.create_user(name or f"user{next(_number)}", password="secret", **fields)
    if venue:
        Membership.objects.create(user=user, venue=venue, role=role)
    return user


def create_text(
    *, venue: Venue, slug="", title="Pool", body="The pool is open from six to ten.", language="en", variants=""
) -> ArticleText:
    """An unpublished article in one language."""
    article, _ = Article.objects.get_or_create(venue=venue, slug=slug or f"article-{next(_number)}")
    text = ArticleText.objects.create(article=article, language=language)
    text.write(title=title, body=body, variants=variants)
    return text


def create_article(**facts) -> Version:
    """A published, searchable article in one language: its live version."""
    from knowledge.indexing import publish

    text = create_text(**facts)
    publish(text)
    return text.live


def create_call(*, venue: Venue, state=Call.State.LIVE, **fields) -> Call:
    if state != Call.State.OPENED:
        fields.setdefault("began_at", timezone.now())
    if state == Call.State.ENDED:
        fields.setdefault("ended_at", timezone.now())
    return Call.objects.create(venue=venue, state=state, **fields)


def create_worker(*, free_slots=4, seen_at=None, profile="local", **fields) -> Worker:
    return Worker.objects.create(
        name=f"worker{next(_number)}",
        slots=4,
        free_slots=free_slots,
        seen_at=seen_at or timezone.now(),
        profile=profile,
        **fields,
    )
