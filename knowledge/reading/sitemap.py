"""Sitemaps: the addresses in one, read as a stream that stops at a limit."""

from __future__ import annotations

from pathlib import Path
from xml.parsers import expat

from knowledge.reading.sections import Unreadable

PIECE = 64 * 1024  # bytes


class _Enough(Exception):
    pass


def read(path: Path, most: int) -> tuple[list[str], bool, bool]:
    """The addresses (at most `most`), whether there are more, and whether they are sitemaps themselves."""
    found: list[str] = []
    words: list[str] = []
    state = {"root": "", "inside": False}

    def start(name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if not state["root"]:
            state["root"] = name
            if name not in {"urlset", "sitemapindex"}:
                raise Unreadable("is XML, but no sitemap")
        state["inside"] = name == "loc"
        words.clear()

    def end(name: str) -> None:
        if state["inside"]:
            if len(found) == most:
                raise _Enough
            found.append("".join(words).strip()[:2000])
        state["inside"] = False

    def text(piece: str) -> None:
        if state["inside"] and len(words) < 100:
            words.append(piece)

    def refuse(*_: object) -> None:
        raise Unreadable("declares entities, which no sitemap does")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text, refuse
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                parser.Parse(piece, False)
            parser.Parse(b"", True)
    except _Enough:
        return found, True, state["root"] == "sitemapindex"
    except expat.ExpatError:
        # A file that was cut at the limit of its size ends in the middle; what came before it counts.
        if not found:
            raise Unreadable("is not XML") from None
        return found, True, state["root"] == "sitemapindex"
    return found, False, state["root"] == "sitemapindex"
