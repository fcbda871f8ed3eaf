"""What can be found at a venue, kept in step with what is published there.

To publish is to move a pointer: new passages, the live version and the venue's IndexRevision change in one
transaction, so that a search finds the old version until then and the new one from then on. Vectors are computed
before that transaction, since on SQLite it holds the only write lock there is. A caller with a transaction of its own
(an import) computes them before it opens it, with vectors_for(), and hands them in.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from concierge.models import Venue
from knowledge import chunking, lexical
from knowledge.embedding import english_embedder, get_embedder
from knowledge.models import ArticleText, IndexRevision, Passage, Version

Vectors = Mapping[str, bytes]  # by digest
# Told of each change of what is live: the venue, its articles (keys) and, for people, what it was. Inside the
# transaction, so whoever listens waits for the commit.
Listener = Callable[[Venue, frozenset[int], str], None]
after_publish: list[Listener] = []
TEXTS_A_QUERY = 200
TEXTS_A_BATCH = 16
DIGESTS_A_QUERY = 500


@dataclass(frozen=True)
class Piece:
    """A passage to be: what is shown of it, and what is embedded."""

    kind: Passage.Kind
    text: str
    embedded: str
    is_english: bool  # so that it has a second vector, if the embedder makes one
    digest: str


def pieces_of(version: Version) -> list[Piece]:
    return pieces(version.title, version.body, version.text.language, version.asked_as)


def pieces(title: str, body: str, language: str, variants: Iterable[str] = ()) -> list[Piece]:
    """Each section and after it its sentences; at the end the variants."""
    embedder, has_english = get_embedder().name, english_embedder() is not None
    found: list[Piece] = []

    def add(kind: Passage.Kind, text: str, embedded: str) -> None:
        embedded = lexical.plain(embedded)
        is_english = has_english and lexical.language_of(embedded, language) == "en"
        found.append(Piece(kind, text, embedded, is_english, digest(embedder, embedded, is_english=is_english)))

    # A body that says nothing aloud, such as a picture, is found by its title.
    for section in chunking.sections(body) or chunking.sections(title):
        add(Passage.Kind.WHOLE, section.text, _titled(title, section.text))
        for sentence in section.sentences:
            # Out of its place a sentence does not say what it is about: its title and heading do.
            heading = sentence.heading if sentence.heading.casefold() != title.casefold() else ""
            add(Passage.Kind.SENTENCE, sentence.text, _titled(title, _titled(heading, sentence.text)))
    for variant in variants if found else ():  # there must be something to lead to
        add(Passage.Kind.VARIANT, variant, lexical.as_written(variant))
    return found


def _titled(title: str, text: str) -> str:
    if not title:
        return text
    return f"{title} {text}" if title[-1] in ".!?؟:" else f"{title}. {text}"


def digest(embedder: str, embedded: str, *, is_english: bool = False) -> str:
    """Begins with the embedder's mark, so that passages of another embedder can be told without their texts."""
    # "Wi-Fi" of an English text has a vector more than that of a French one.
    embedded = f"en\0{embedded}" if is_english else embedded
    return embedder_mark(embedder) + hashlib.sha256(embedded.encode()).hexdigest()[:48]


@lru_cache(100)
def embedder_mark(embedder: str) -> str:
    return hashlib.sha256(embedder.encode()).hexdigest()[:16]


def vectors_for(
    venue: Venue, wanted: Iterable[Piece], *, progress: Callable[[int, int], None] = lambda done, of: None
) -> Vectors:
    """A vector for each piece: those that the venue has already are taken over, the others are computed."""
    missing = {piece.digest: piece for piece in wanted}
    vectors: dict[str, bytes] = {}
    digests = list(missing)
    for start in range(0, len(digests), DIGESTS_A_QUERY):
        known = venue.passages.filter(digest__in=digests[start : start + DIGESTS_A_QUERY])
        vectors |= {found: bytes(vector) for found, vector in known.values_list("digest", "vector")}
    todo = [piece for found, piece in missing.items() if found not in vectors]
    for start in range(0, len(todo), TEXTS_A_BATCH):
        batch = todo[start : start + TEXTS_A_BATCH]
        vectors |= embedded(batch)
        progress(start + len(batch), len(todo))
    return vectors


def embedded(pieces: Sequence[Piece]) -> Vectors:
    """What is stored of these passages."""
    english = english_embedder()
    found: dict[str, bytes] = {}
    for is_english, embed in (
        (False, get_embedder().embed_passages),
        (True, english.embed_english_passages if english else get_embedder().embed_passages),
    ):
        some = [piece for piece in pieces if piece.is_english == is_english]
        rows = embed([piece.embedded for piece in some])
        found |= {piece.digest: np.asarray(row, "<f4").tobytes() for piece, row in zip(some, rows, strict=True)}
    return found


def publish(text: ArticleText, version: Version | None = None, *, vectors: Vectors | None = None) -> None:
    """Make `version` (the latest by default) the one that visitors find. ValueError if nothing is written yet."""
    version = version or text.latest
    if version is None or version.text_id != text.pk:
        raise ValueError(f"{text} has no such version to publish.")
    text.indexed = publish_all(text.article.venue, [version], vectors=vectors)
    text.live, text.status = version, ArticleText.Status.PUBLISHED
    text.next_live = text.next_live_at = None


def publish_all(venue: Venue, versions: Sequence[Version], *, vectors: Vectors | None = None) -> int:
    """Publish several versions of the venue's texts at one moment. Returns the revision from which they are found."""
    if not versions:
        return 0
    wanted = {version.text_id: pieces_of(version) for version in versions}
    if vectors is None:
        vectors = {}
    # What the caller did not know of, such as variants that an import leaves as they are, is there already.
    missing = [piece for found in wanted.values() for piece in found if piece.digest not in vectors]
    if missing:
        vectors = {**vectors, **vectors_for(venue, missing)}
    with transaction.atomic():
        revision = _move_revision(venue.pk)
        live = {version.text_id: version for version in versions}
        texts = list(ArticleText.objects.select_for_update().filter(article__venue=venue, pk__in=live))
        for text in texts:
            text.live, text.status = live[text.pk], ArticleText.Status.PUBLISHED
            text.next_live = text.next_live_at = None
            text.indexed = revision
        fields = ["live", "status", "next_live", "next_live_at", "indexed"]
        ArticleText.objects.bulk_update(texts, fields, batch_size=200)
        _replace_passages(venue, [(live[text.pk], wanted[text.pk]) for text in texts], vectors)
        articles = frozenset(text.article_id for text in texts)
        reason = versions[0].title if len(versions) == 1 else f"{versions[0].title} +{len(versions) - 1}"
        for listener in after_publish:
            listener(venue, articles, reason)
    return revision


def archive(text: ArticleText) -> None:
    """Take the text out of search. Its versions stay, since calls cite them."""
    with transaction.atomic():
        _move_revision(text.article.venue_id)
        ArticleText.objects.select_for_update().get(pk=text.pk)
        text.live, text.status = None, ArticleText.Status.ARCHIVED
        text.next_live = text.next_live_at = None
        text.save(update_fields=["live", "status", "next_live", "next_live_at"])
        Passage.objects.filter(version__text=text).delete()
        for listener in after_publish:
            listener(text.article.venue, frozenset({text.article_id}), text.article.slug)


def reindex(text: ArticleText, *, vectors: Vectors | None = None) -> None:
    """Make the passages of the live version anew, by today's chunking and embedder; unchanged vectors are reused."""
    live = text.live
    wanted = pieces_of(live) if live else []
    venue = text.article.venue
    vectors = vectors if vectors is not None else vectors_for(venue, wanted)
    with transaction.atomic():
        revision = _move_revision(venue.pk)
        # If somebody published meanwhile, that made the passages.
        if live and ArticleText.objects.select_for_update().get(pk=text.pk).live_id == live.pk:
            ArticleText.objects.filter(pk=text.pk).update(indexed=revision)
            _replace_passages(venue, [(live, wanted)], vectors)


def reindex_venue(venue: Venue, *, progress: Callable[[int, int], None] = lambda done, of: None) -> int:
    """All of a venue's published texts, if passages differ from what they would be today. Returns how many did."""
    texts = list(
        ArticleText.objects.filter(article__venue=venue).exclude(live=None).select_related("live", "article__venue")
    )
    wanted = {text.pk: pieces_of(text.live) for text in texts if text.live}
    found: dict[int, list[tuple[str, str, str]]] = {}
    rows = venue.passages.order_by("version_id", "position")
    for text_pk, kind, shown, made in rows.values_list("version__text_id", "kind", "text", "digest"):
        found.setdefault(text_pk, []).append((kind, shown, made))
    stale = [
        text
        for text in texts
        if [(piece.kind.value, piece.text, piece.digest) for piece in wanted[text.pk]] != found.get(text.pk, [])
    ]
    vectors = vectors_for(venue, (piece for text in stale for piece in wanted[text.pk]), progress=progress)
    for text in stale:
        reindex(text, vectors=vectors)
    return len(stale)


def touch(venue_id: int) -> None:
    """Tell every in-memory index of the venue that it is out of date."""
    with transaction.atomic():
        _move_revision(venue_id)


def _move_revision(venue_id: int) -> int:
    """The first write of each transaction here: changes at one venue wait for each other, in one order.

    Returns the new revision, with which texts whose passages change are marked.
    """
    IndexRevision.objects.get_or_create(venue_id=venue_id)
    # The clock, not only + 1: a number used in a transaction that was rolled back must not come again for other words.
    now = time.time_ns() // 1000
    IndexRevision.objects.filter(venue_id=venue_id).update(number=Greatest(F("number") + 1, now))
    return IndexRevision.objects.values_list("number", flat=True).get(venue_id=venue_id)


def _replace_passages(venue: Venue, made: Sequence[tuple[Version, list[Piece]]], vectors: Vectors) -> None:
    """The passages of these versions' texts become theirs, in the transaction that the caller holds."""
    for start in range(0, len(made), TEXTS_A_QUERY):
        some = made[start : start + TEXTS_A_QUERY]
        Passage.objects.filter(version__text__in=[version.text_id for version, _ in some]).delete()
        Passage.objects.bulk_create(
            [
                Passage(
                    venue=venue,
                    version=version,
                    kind=piece.kind,
                    position=position,
                    text=piece.text,
                    digest=piece.digest,
                    vector=vectors[piece.digest],
                )
                for version, wanted in some
                for position, piece in enumerate(wanted)
            ],
            batch_size=500,
        )
