"""Any file or page -> drafts, by the one road that the import page and `import_knowledge` share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from django.utils.text import slugify

from knowledge.models import LONGEST_BODY, WRITTEN_BY_HAND
from knowledge.reading import contained, jsonlines, markdown, table
from knowledge.reading.drafts import LONGEST_SLUG, BadInput, Draft, make_draft
from knowledge.reading.formats import BY_SUFFIX, TABLES, kind_of
from knowledge.reading.saying import Sentence
from knowledge.reading.sections import Document, Section, Unreadable

LONGEST_NAME = 45  # characters of a slug that come from the document's name
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Found:
    """One piece of a document: a draft, or why there is none."""

    draft: Draft
    reason: Sentence | None = None  # why it cannot be an article
    row: int = 0
    first_page: int = 0
    last_page: int = 0


@dataclass
class Reading:
    found: list[Found] = field(default_factory=list)
    notes: list[Sentence] = field(default_factory=list)

    def drafts(self) -> list[Draft]:
        """All of them. Raises BadInput if one could not be made."""
        for one in self.found:
            if one.reason:
                raise BadInput(one.reason.place, one.reason.words, **one.reason.facts)
        return [one.draft for one in self.found]


def read_file(
    path: Path,
    name: str,
    zone: ZoneInfo,
    *,
    mapping: Mapping[str, int] | None = None,
    folder: Path | None = None,
    progress: Progress = contained.quietly,
) -> Reading:
    """The drafts in the file at `path`, which its owner calls `name`. Raises BadInput, one sentence with the name.

    A table is read by `mapping` (field -> column); without one by its own guess, if that is sure.
    """
    try:
        kind = kind_of(path, name)
        if kind == "markdown":
            return Reading([Found(markdown.read(path, zone, folder, name=name))])
        if kind == "jsonlines":
            return Reading([Found(draft) for draft in jsonlines.read(path, zone, name=name)])
        title = _title_of(name)
        if kind in TABLES:
            if mapping is None:
                mapping = contained.look(kind, path)["guess"]
            if missing := [needed for needed in table.NEEDED if needed not in mapping]:
                raise Unreadable(
                    "does not say which column is the %(column)s; head them question and answer", column=missing[0]
                )
            document = contained.read(kind, path, title, progress, mapping=dict(mapping))
        else:
            document = contained.read(kind, path, title, progress)
    except Unreadable as error:
        raise BadInput(name, error.words, **error.facts) from None
    except OSError as error:
        raise BadInput(name, "%(problem)s", problem=error.strerror or error) from None
    return drafts_of(document, name, zone, slug=PurePath(name).stem)


def read_page(path: Path, address: str, zone: ZoneInfo, charset: str = "") -> Reading:
    """The drafts in a web page that was saved at `path`. Raises BadInput."""
    try:
        document = contained.read("html", path, urlsplit(address).path.strip("/") or address, charset=charset)
    except Unreadable as error:
        raise BadInput(address, error.words, **error.facts) from None
    return drafts_of(document, address, zone, slug=slug_of_address(address), is_page=True)


def drafts_of(document: Document, name: str, zone: ZoneInfo, *, slug: str, is_page: bool = False) -> Reading:
    """The sections as drafts. Ids come from the document's name and the heading, so that they stay the same."""
    stem = slugify(slug, allow_unicode=True)[:LONGEST_NAME].strip("-_") or "document"
    taken: set[tuple[str, str]] = set()
    reading = Reading(notes=document.notes)
    for section in document.sections:
        wanted = section.slug or _slug(stem, section.title, alone=is_page and len(document.sections) == 1)
        if not section.slug:
            wanted = _free(wanted, section.language, taken)
        reading.found.append(_found(section, name, wanted, zone, taken))
        taken.add((wanted, section.language))
    return reading


def _found(section: Section, name: str, slug: str, zone: ZoneInfo, taken: set[tuple[str, str]]) -> Found:
    place = f"{name}, row {section.row}" if section.row else name
    fields: dict[str, object] = {
        "id": slug,
        "title": section.title,
        "body": section.body.replace("\r\n", "\n"),
        "language": section.language,
        "valid_from": section.valid_from,
        "valid_until": section.valid_until,
        "variants": section.variants or None,
    }
    reason = None
    try:
        if (slug, section.language) in taken:
            raise BadInput(place, "id '%(id)s' stands in an earlier row", id=slug)
        draft = make_draft(place, fields, zone)
    except BadInput as error:
        reason = error.sentence
        draft = Draft(place, slug[:LONGEST_SLUG], section.title[:200], section.body[:LONGEST_BODY])
        if reason.facts.get("field") in WRITTEN_BY_HAND:
            # An editor can put these right; the rest is as the file has it.
            with suppress(BadInput):
                rest = make_draft(place, fields | {"title": "-", "body": "-"}, zone)
                draft = replace(rest, title=draft.title, body=draft.body)
    return Found(draft, reason, section.row, section.first_page, section.last_page)


def _slug(stem: str, title: str, *, alone: bool) -> str:
    if alone:
        return stem
    heading = slugify(title, allow_unicode=True)[: LONGEST_SLUG - LONGEST_NAME - 8].strip("-_")
    return f"{stem}-{heading}" if heading and heading != stem else stem


def _free(wanted: str, language: str, taken: set[tuple[str, str]]) -> str:
    slug, number = wanted, 1
    while (slug, language) in taken:
        number += 1
        slug = f"{wanted}-{number}"
    return slug


def slug_of_address(address: str) -> str:
    """dining-pool for https://hotel.example/dining/pool.html; the host for its first page."""
    parts = urlsplit(address)
    path = unquote(parts.path).strip("/")
    path = path.rpartition(".")[0] if path.lower().endswith((".html", ".htm", ".php", ".aspx")) else path
    return f"{path} {parts.query}".replace("/", " ").strip() or (parts.hostname or "").replace(".", " ")


def _title_of(name: str) -> str:
    return " ".join(PurePath(name).stem.replace("_", " ").replace("-", " ").split()) or name


def is_known(name: str) -> bool:
    return PurePath(name).suffix.lower() in BY_SUFFIX
