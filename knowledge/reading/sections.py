"""What a reader that runs apart from Django hands back: pieces of a document, and what it says when there are none."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from knowledge.reading.saying import Sentence, Unreadable

__all__ = ["Document", "Progress", "Section", "Unreadable", "plain", "split"]

Progress = Callable[[int, int], None]  # done, of


@dataclass(frozen=True)
class Section:
    """One subject of a document: an article to be."""

    title: str
    body: str
    slug: str = ""  # a table's id column; else it is made of the document's name and the title
    language: str = ""
    valid_from: str = ""
    valid_until: str = ""
    variants: str = ""  # questions, one a line
    row: int = 0  # of a table, counted as a spreadsheet counts
    first_page: int = 0  # of a PDF; 0 if the document has no pages
    last_page: int = 0


@dataclass
class Document:
    """All of it. `notes` are sentences on what was left out."""

    title: str = ""
    sections: list[Section] = field(default_factory=list)
    notes: list[Sentence] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


_HEADING = re.compile(r"(#{1,6})[ \t]+(.+?)[ \t]*#*$")
_FENCE = re.compile(r"(```|~~~)")


def split(markdown: str, title: str) -> list[Section]:
    """A section for each heading of the level that tells the subjects apart, without those that say nothing.

    That level is the highest one used more than once; a single heading above it is the document's title. What stands
    before the first heading is a section with the title of the document.
    """
    lines = markdown.splitlines()
    headings: list[tuple[int, int, str]] = []  # line, level, text
    is_code = False
    for number, line in enumerate(lines):
        if _FENCE.match(line):
            is_code = not is_code
        elif not is_code and (found := _HEADING.match(line)):
            headings.append((number, len(found[1]), found[2].strip()))
    levels = [level for _, level, _ in headings]
    often = [level for level in sorted(set(levels)) if levels.count(level) > 1]
    level = often[0] if often else max(levels, default=0)
    cuts = [(number, text) for number, own, text in headings if own <= level]
    pieces = [(title, lines[: cuts[0][0]] if cuts else lines)]
    for index, (number, text) in enumerate(cuts):
        end = cuts[index + 1][0] if index + 1 < len(cuts) else len(lines)
        pieces.append((text, lines[number + 1 : end]))
    return [
        Section(title=plain(heading) or title, body=body)
        for heading, content in pieces
        if re.search(r"\w", body := "\n".join(content).strip())
    ]


def plain(text: str) -> str:
    """A heading without Markdown's marks, on one line."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return " ".join(re.sub(r"[*_`\\]+", "", text).split())
