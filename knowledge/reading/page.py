"""Web pages: what a page says, without its menus, scripts and adverts (trafilatura)."""

from __future__ import annotations

import re
from pathlib import Path

from knowledge.reading.encoding import decode
from knowledge.reading.sections import Document, Section, Unreadable, plain, split

_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w-]{2,20})", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.{0,1000}?)</title", re.IGNORECASE | re.DOTALL)
_ADDRESS = re.compile(r"!?\[([^\]]*)\]\((?!https?:|mailto:|tel:)[^)]*\)", re.IGNORECASE)
LONG = 12_000  # characters; a page above is split at its headings


def read(path: Path, title: str, charset: str = "") -> Document:
    from lxml.html import fromstring, tostring
    from trafilatura import extract

    raw = path.read_bytes()
    declared = _CHARSET.search(raw[:4096])
    html = decode(raw, charset or (declared[1].decode("ascii") if declared else ""))
    try:
        tree = fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", html))
    except (ValueError, TypeError, AssertionError):
        raise Unreadable("is not a web page") from None
    except Exception as error:  # lxml's ParserError is no subclass of the above
        if isinstance(error, MemoryError):
            raise
        raise Unreadable("has no text") from None
    for element in tree.xpath("//script|//style|//noscript|//template|//iframe|//object|//embed|//svg"):
        element.drop_tree()
    html = tostring(tree, encoding="unicode")
    # Precision would drop headings, which tell subjects apart.
    text = extract(html, output_format="markdown", include_comments=False, include_tables=True, favor_recall=True) or ""
    # Some extractors keep addresses that a browser would run; words stay, the address goes.
    text = _ADDRESS.sub(r"\1", text).strip()
    if not re.search(r"\w", text):
        raise Unreadable("has no text of its own: perhaps a script draws it, which is not run here")
    own = _TITLE.search(html)
    heading = " ".join(tree.xpath("string((//h1)[1])").split()) or (own[1] if own else "")
    title = plain(heading)[:200] or title
    text = _without_title(text, title)
    if len(text) <= LONG:
        return Document(title=title, sections=[Section(title=title, body=text)])
    return Document(title=title, sections=split(text, title))


def _without_title(text: str, title: str) -> str:
    first, _, rest = text.partition("\n")
    return rest.strip() if plain(first.lstrip("# ")) == title and rest.strip() else text
