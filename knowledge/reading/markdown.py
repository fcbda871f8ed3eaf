"""Markdown: an article a file. What it may say of itself stands in front matter:

    ---
    title: Rooftop pool
    language: en
    ---

Without a title there, the first heading is it; without that, the file's name. The id is `id`, else the file's name;
`pool.ar.md` and `ar/pool.md` are the Arabic text of the article `pool`. `variants` are questions, " | " between them.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from zoneinfo import ZoneInfo

from django.utils.text import slugify

from knowledge.reading.drafts import BadInput, Draft, make_draft
from knowledge.reading.encoding import decode
from knowledge.reading.sections import Unreadable

FIELDS = ("id", "title", "language", "valid_from", "valid_until", "variants")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)(?:^|\n)---[ \t]*(?:\n|$)", re.DOTALL)
_HEADING = re.compile(r"(?:#{1,6}[ \t]+(?P<hashed>[^\n]+)|(?P<ruled>[^\n]+)\n(?:=+|-+)[ \t]*)(?:\n|$)")
_LANGUAGE_NAME = re.compile(r"[a-z]{2,3}")


def read(path: Path, zone: ZoneInfo, folder: Path | None = None, *, name: str = "") -> Draft:
    """The file's article. `folder` is the one that was named, under which a folder's name may be a language.

    `name` is what its owner calls the file, if it is stored under another name.
    """
    place = name or str(path)
    try:
        text = decode(path.read_bytes()).replace("\r\n", "\n")
    except Unreadable as error:
        raise BadInput(place, error.words, **error.facts) from None
    except OSError as error:
        raise BadInput(place, "%(problem)s", problem=error.strerror or error) from None

    stem = PurePath(place).stem
    name, language = stem, ""
    if (ending := stem.rpartition("."))[0] and _LANGUAGE_NAME.fullmatch(ending[2]):
        name, _, language = ending
    elif folder and path.parent != folder and re.fullmatch(r"[a-z]{2}", path.parent.name):
        language = path.parent.name
    fields: dict[str, object] = {"id": slugify(name, allow_unicode=True), "language": language}

    if front := _FRONT_MATTER.match(text):
        fields |= _front_matter(place, front[1])
        text = text[front.end() :]
    if isinstance(variants := fields.get("variants"), str):
        fields["variants"] = variants.split(" | ")
    if not fields.get("title"):
        text = text.lstrip()
        title = name.replace("-", " ")
        if heading := _HEADING.match(text):
            text = text[heading.end() :]
            title = (heading["hashed"] or heading["ruled"]).strip()
        fields["title"] = title.rstrip("#").rstrip() if heading and heading["hashed"] else title
    return make_draft(place, fields | {"body": text}, zone)


def _front_matter(place: str, text: str) -> dict[str, object]:
    """Lines of `name: value`. Names that are not ours are left to the tools they are for."""
    fields: dict[str, object] = {}
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if not line.strip() or line.lstrip().startswith("#") or line[0] in " \t-":
            continue
        if not colon:
            raise BadInput(place, "front matter line '%(line)s' is not of the form name: value", line=line[:40])
        if name.strip().lower() in FIELDS:
            fields[name.strip().lower()] = value.strip().strip("\"'")
    return {name: value for name, value in fields.items() if value}
