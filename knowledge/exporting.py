"""All that a venue has written, as one zip: a Markdown file a text for people, articles.jsonl for `import_knowledge`.

The lines are those that an import reads, and more that it passes over (status, version, when). Imported with
--publish, articles.jsonl makes what visitors hear; drafts.jsonl after it, without, the newer words that they do not.
Slug, language, title, body, variants and both moments come back the same. Older versions, authors and citations stay
behind.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from concierge.models import Venue
from knowledge.models import ArticleText, Version

ARTICLES = "articles.jsonl"  # what visitors hear
DRAFTS = "drafts.jsonl"  # newer words that they do not hear yet, and texts that are not published
GOLDEN = "golden.jsonl"


@dataclass(frozen=True)
class Written:
    text: ArticleText
    version: Version
    is_live: bool


def written(venue: Venue) -> Iterator[Written]:
    """The live version of each text and the newest one that is not live, in the order of slugs and languages."""
    texts = ArticleText.objects.filter(article__venue=venue).select_related("article", "live")
    for text in texts.order_by("article__slug", "language"):
        if text.live:
            yield Written(text, text.live, is_live=True)
        latest = text.latest
        if latest and latest.pk != text.live_id:
            yield Written(text, latest, is_live=False)


def export(venue: Venue) -> bytes:
    """The zip. Equal words give equal bytes, so that two exports can be compared."""
    lines: dict[str, list[str]] = {ARTICLES: [], DRAFTS: [], GOLDEN: []}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        taken: set[str] = set()
        for one in written(venue):
            lines[ARTICLES if one.is_live else DRAFTS].append(json.dumps(fields(one), ensure_ascii=False))
            _add(archive, _file_name(one, taken), markdown(one))
        for row in venue.golden_questions.prefetch_related("articles").order_by("language", "question"):
            slugs = sorted(article.slug for article in row.articles.all())
            golden = {"question": row.question, "lang": row.language, "answer_ids": slugs}
            lines[GOLDEN].append(json.dumps(golden, ensure_ascii=False))
        for name, content in lines.items():
            _add(archive, name, "".join(f"{line}\n" for line in content))
    return buffer.getvalue()


def fields(one: Written) -> dict[str, object]:
    return {
        "id": one.text.article.slug,
        "title": one.version.title,
        "body": one.version.body,
        "language": one.text.language,
        "valid_from": _moment(one.version.valid_from),
        "valid_until": _moment(one.version.valid_until),
        "variants": one.version.asked_as,
        "status": one.text.status,
        "version": one.version.number,
        "written_at": _moment(one.version.written_at),
    }


def markdown(one: Written) -> str:
    """As the Markdown reader takes it: what stands above the words says whose they are."""
    head = {name: value for name, value in fields(one).items() if name != "body" and value is not None}
    head["variants"] = " | ".join(variant.replace("|", "/") for variant in one.version.asked_as)
    rows = [f"{name}: {' '.join(str(value).split())}" for name, value in head.items()]
    return "\n".join(["---", *rows, "---", "", one.version.body, ""])


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _file_name(one: Written, taken: set[str]) -> str:
    """Slugs of imports may hold anything: what could leave the folder or trouble a file system becomes a hyphen."""
    slug = re.sub(r"[^\w.-]+", "-", one.text.article.slug).strip(".-") or "article"
    folder = "articles" if one.is_live else "drafts"
    name, number = f"{folder}/{one.text.language}/{slug}.md", 1
    while name.casefold() in taken:
        number += 1
        name = f"{folder}/{one.text.language}/{slug}-{number}.md"
    taken.add(name.casefold())
    return name


def _add(archive: zipfile.ZipFile, name: str, content: str) -> None:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content.encode())
