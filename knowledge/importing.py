"""Files into articles, all of them or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction

from concierge.models import Venue
from knowledge import indexing, lexical
from knowledge.models import Article, ArticleText, Version
from knowledge.reading import jsonlines, markdown
from knowledge.reading.drafts import BadInput, Draft

MARKDOWN = {".md", ".markdown"}
JSON_LINES = {".jsonl", ".ndjson"}


@dataclass(frozen=True)
class Imported:
    """What became of one draft."""

    article: str
    language: str
    outcome: str  # created, updated or unchanged
    is_published: bool  # by this import


def read_all(paths: Iterable[str], venue: Venue) -> list[Draft]:
    """The drafts in these files and folders. Raises BadInput at the first thing that is wrong."""
    drafts: list[Draft] = []
    for name in paths:
        if name.startswith(("http://", "https://")):
            raise BadInput(f"{name}: pages can't be imported yet; save the text as Markdown and name the file.")
        path = Path(name)
        if not path.exists():
            raise BadInput(f"{name}: no such file or folder.")
        if path.is_dir():
            files = [file for file in sorted(path.rglob("*")) if _is_readable(file, path)]
            if not files:
                raise BadInput(f"{name}: no Markdown or JSON Lines file in this folder.")
            for file in files:
                drafts += _read(file, venue, path)
        elif path.suffix.lower() in MARKDOWN | JSON_LINES:
            drafts += _read(path, venue, None)
        else:
            raise BadInput(f"{name}: only Markdown (.md) and JSON Lines (.jsonl) files can be imported.")

    drafts = [_with_language(draft, venue) for draft in drafts]
    places: dict[tuple[str, str], str] = {}
    for draft in drafts:
        key = (draft.slug, draft.language)
        if key in places:
            raise BadInput(f"{draft.place}: id {draft.slug!r} ({draft.language}) is already in {places[key]}.")
        places[key] = draft.place
    return drafts


def _is_readable(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.is_file() and not hidden and file.suffix.lower() in MARKDOWN | JSON_LINES


def _read(file: Path, venue: Venue, folder: Path | None) -> list[Draft]:
    if file.suffix.lower() in MARKDOWN:
        return [markdown.read(file, venue.zone, folder)]
    return jsonlines.read(file, venue.zone)


def _with_language(draft: Draft, venue: Venue) -> Draft:
    """A draft that does not say its language is in the venue's first one, unless its script says another of its own."""
    if draft.language:
        return draft
    script = lexical.language_of(f"{draft.title} {draft.body}", venue.default_language)
    language = script if script in venue.languages else venue.default_language
    return Draft(draft.place, draft.slug, draft.title, draft.body, language, draft.valid_from, draft.valid_until)


def import_drafts(
    venue: Venue,
    drafts: Sequence[Draft],
    *,
    publish: bool,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[Imported]:
    """Store the drafts, and publish them if asked. The same drafts again change nothing."""
    wanted = [piece for draft in drafts for piece in indexing.pieces(draft.title, draft.body)] if publish else []
    vectors = indexing.vectors_for(venue, wanted, progress=progress)
    with transaction.atomic():
        # One import at a time in a venue; on SQLite one writer at a time anyway.
        Venue.objects.select_for_update().get(pk=venue.pk)
        texts = _texts(venue, drafts)
        existed = set(Version.objects.filter(text__article__venue=venue).values_list("text_id", flat=True))
        imported: list[Imported] = []
        to_publish: list[Version] = []
        for draft, text in zip(drafts, texts, strict=True):
            version, is_new = _write(draft, text)
            outcome = "unchanged" if not is_new else "updated" if text.pk in existed else "created"
            needs_publishing = publish and text.live_id != version.pk
            if needs_publishing:
                to_publish.append(version)
            imported.append(Imported(draft.slug, draft.language, outcome, needs_publishing))
        indexing.publish_all(venue, to_publish, vectors=vectors)
    return imported


def _texts(venue: Venue, drafts: Sequence[Draft]) -> list[ArticleText]:
    """The text of each draft, made where there is none."""
    slugs = {draft.slug for draft in drafts}
    articles = {article.slug: article for article in venue.articles.all()}
    Article.objects.bulk_create(Article(venue=venue, slug=slug) for slug in sorted(slugs - articles.keys()))
    articles = {article.slug: article for article in venue.articles.all()}
    found = {
        (text.article.slug, text.language): text
        for text in ArticleText.objects.filter(article__venue=venue).select_related("article")
    }
    ArticleText.objects.bulk_create(
        ArticleText(article=articles[draft.slug], language=draft.language)
        for draft in drafts
        if (draft.slug, draft.language) not in found
    )
    found = {
        (text.article.slug, text.language): text
        for text in ArticleText.objects.filter(article__venue=venue).select_related("article")
    }
    return [found[draft.slug, draft.language] for draft in drafts]


def _write(draft: Draft, text: ArticleText) -> tuple[Version, bool]:
    try:
        return text.write(
            title=draft.title, body=draft.body, valid_from=draft.valid_from, valid_until=draft.valid_until
        )
    except ValidationError as error:
        raise BadInput(f"{draft.place}: {' '.join(error.messages)}") from None


def counts(imported: Iterable[Imported]) -> dict[str, int]:
    tally = Counter(one.outcome for one in imported)
    return {name: tally[name] for name in ("created", "updated", "unchanged")}
