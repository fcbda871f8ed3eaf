"""Files into articles, all of them or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import OuterRef, Subquery

from concierge.models import Venue
from knowledge import indexing, lexical
from knowledge.fetching import Fetcher
from knowledge.models import Article, ArticleText, Version
from knowledge.reading import contained
from knowledge.reading.documents import is_known, read_file
from knowledge.reading.drafts import BadInput, Draft
from knowledge.reading.site import read_address


@dataclass(frozen=True)
class Imported:
    """What became of one draft."""

    article: str
    language: str
    outcome: str  # created, updated or unchanged
    is_published: bool  # by this import


KEYS_A_QUERY = 500


class Outdated(BadInput):
    """Somebody wrote in one of the texts after the drafts had been compared with it."""


def read_all(
    paths: Iterable[str], venue: Venue, *, progress: Callable[[int, int], None] = contained.quietly
) -> list[Draft]:
    """The drafts in these files, folders and pages. Raises BadInput at the first thing that is wrong."""
    drafts: list[Draft] = []
    fetcher = Fetcher()
    for name in paths:
        if name.startswith(("http://", "https://")):
            drafts += read_address(name, venue.zone, fetcher, progress).drafts()
            continue
        path = Path(name)
        if not path.exists():
            raise BadInput(name, "no such file or folder")
        if path.is_dir():
            files = [file for file in sorted(path.rglob("*")) if _is_readable(file, path)]
            if not files:
                raise BadInput(name, "no file in this folder can be imported")
            for file in files:
                drafts += read_file(file, str(file), venue.zone, folder=path, progress=progress).drafts()
        else:
            drafts += read_file(path, name, venue.zone, progress=progress).drafts()

    drafts = [with_language(draft, venue) for draft in drafts]
    places: dict[tuple[str, str], str] = {}
    for draft in drafts:
        key = (draft.slug, draft.language)
        if key in places:
            raise BadInput(
                draft.place,
                "id '%(id)s' (%(language)s) is already in %(other)s",
                id=draft.slug,
                language=draft.language,
                other=places[key],
            )
        places[key] = draft.place
    return drafts


def _is_readable(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.is_file() and not hidden and is_known(file.name) and file.suffix.lower() != ".txt"


def with_language(draft: Draft, venue: Venue, language: str = "") -> Draft:
    """A draft that does not say its language is in `language`, else in that of its script if it is the venue's, else
    in the venue's first one."""
    if draft.language:
        return draft
    if not language:
        # Numbers and the lines of a table belong to no script.
        said = [word for word in f"{draft.title} {draft.body}".split() if any(map(str.isalpha, word))]
        script = lexical.language_of(" ".join(said), venue.default_language)
        language = script if script in venue.languages else venue.default_language
    return replace(draft, language=language)


def import_drafts(
    venue: Venue,
    drafts: Sequence[Draft],
    *,
    publish: bool,
    progress: Callable[[int, int], None] = lambda done, of: None,
    author: object = None,
    based_on: Mapping[tuple[str, str], int | None] | None = None,
    then: Callable[[], None] = lambda: None,
) -> list[Imported]:
    """Store the drafts, and publish them if asked. The same drafts again change nothing.

    `based_on`: by slug and language, the version that each was compared with (None: there was none); if there is a
    newer one by now, Outdated is raised and nothing is stored. `then` runs in the same transaction, at its end.
    """
    wanted = [piece for draft in drafts for piece in _pieces(draft)] if publish else []
    vectors = indexing.vectors_for(venue, wanted, progress=progress)
    with transaction.atomic():
        # One import at a time in a venue; on SQLite one writer at a time anyway.
        Venue.objects.select_for_update(no_key=True).get(pk=venue.pk)
        texts = _texts(venue, drafts)
        if based_on is not None:
            _check_nobody_wrote(texts, based_on)
        existed = set(latest_versions(texts))
        imported: list[Imported] = []
        to_publish: list[Version] = []
        for draft, text in zip(drafts, texts, strict=True):
            version, is_new = _write(draft, text, author)
            outcome = "unchanged" if not is_new else "updated" if text.pk in existed else "created"
            needs_publishing = publish and text.live_id != version.pk
            if needs_publishing:
                to_publish.append(version)
            imported.append(Imported(draft.slug, draft.language, outcome, needs_publishing))
        indexing.publish_all(venue, to_publish, vectors=vectors)
        then()
    return imported


def _check_nobody_wrote(texts: Sequence[ArticleText], based_on: Mapping[tuple[str, str], int | None]) -> None:
    latest = latest_versions(texts)
    for text in texts:
        newest = latest.get(text.pk)
        if (newest.pk if newest else None) != based_on.get((text.article.slug, text.language)):
            raise Outdated(
                "",
                "%(article)s (%(language)s) was changed meanwhile; look at it again",
                article=text.article.slug,
                language=text.language,
            )


def latest_versions(texts: Iterable[ArticleText]) -> dict[int, Version]:
    """The newest version of each text that has one, by the text's key."""
    keys = [text.pk for text in texts]
    newest = Version.objects.filter(text=OuterRef("text")).order_by("-number").values("pk")[:1]
    found: dict[int, Version] = {}
    for at in range(0, len(keys), KEYS_A_QUERY):
        versions = Version.objects.filter(text_id__in=keys[at : at + KEYS_A_QUERY], pk=Subquery(newest))
        found |= {version.text_id: version for version in versions}
    return found


def texts_by_key(venue: Venue) -> dict[tuple[str, str], ArticleText]:
    """Every text of the venue, by its article's slug and its language."""
    texts = ArticleText.objects.filter(article__venue=venue).select_related("article")
    return {(text.article.slug, text.language): text for text in texts}


def _texts(venue: Venue, drafts: Sequence[Draft]) -> list[ArticleText]:
    """The text of each draft, made where there is none."""
    slugs = {draft.slug for draft in drafts}
    articles = {article.slug: article for article in venue.articles.all()}
    Article.objects.bulk_create(Article(venue=venue, slug=slug) for slug in sorted(slugs - articles.keys()))
    articles = {article.slug: article for article in venue.articles.all()}
    found = texts_by_key(venue)
    ArticleText.objects.bulk_create(
        ArticleText(article=articles[draft.slug], language=draft.language)
        for draft in drafts
        if (draft.slug, draft.language) not in found
    )
    found = texts_by_key(venue)
    return [found[draft.slug, draft.language] for draft in drafts]


def _write(draft: Draft, text: ArticleText, author: object) -> tuple[Version, bool]:
    try:
        return text.write(
            title=draft.title,
            body=draft.body,
            valid_from=draft.valid_from,
            valid_until=draft.valid_until,
            variants=draft.variants,
            author=author,
        )
    except ValidationError as error:
        raise BadInput(draft.place, "%(problem)s", problem=" ".join(error.messages)) from None


def _pieces(draft: Draft) -> list[indexing.Piece]:
    return indexing.pieces(draft.title, draft.body, draft.language, (draft.variants or "").splitlines())


def counts(imported: Iterable[Imported]) -> dict[str, int]:
    tally = Counter(one.outcome for one in imported)
    return {name: tally[name] for name in ("created", "updated", "unchanged")}
