"""Word documents: DOCX -> HTML (mammoth) -> harmless HTML -> Markdown -> a section a heading."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import mammoth
import nh3
from markdownify import markdownify

from knowledge.reading import archives
from knowledge.reading.sections import Document, Unreadable, split

TAGS = {
    *("p", "br", "strong", "em", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("a", "table", "thead", "tbody", "tr", "th", "td", "blockquote", "pre", "code"),
}


def read(path: Path, title: str) -> Document:
    notes = archives.check(path)
    try:
        with path.open("rb") as file:
            # Pictures say nothing aloud, and as data: addresses they would fill the memory.
            html = mammoth.convert_to_html(file, convert_image=mammoth.images.img_element(_no_picture)).value
    except MemoryError:
        raise
    except Exception:  # mammoth lets through whatever zipfile, the XML parser or a missing part raises
        raise Unreadable("is damaged: it cannot be read as a Word document") from None
    sections = split(to_markdown(html), title)
    if not sections:
        raise Unreadable("has no text")
    return Document(title=title, sections=sections, notes=notes)


def _no_picture(image: Any) -> dict[str, str]:
    return {}


def to_markdown(html: str) -> str:
    """Markdown of the harmless part of the HTML: no scripts, no handlers, no addresses but those of the web."""
    clean = nh3.clean(html, tags=TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto", "tel"})
    text = markdownify(clean, heading_style="ATX", bullets="-", escape_underscores=False, escape_asterisks=False)
    return re.sub(r"\n{3,}", "\n\n", text).strip()
