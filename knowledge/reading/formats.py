"""What a file is, told by its content. Its name only decides between kinds of text."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path, PurePath

from knowledge.reading.saying import Unreadable, translatable

BY_SUFFIX = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "markdown",
    ".jsonl": "jsonlines",
    ".ndjson": "jsonlines",
    ".csv": "csv",
    ".tsv": "csv",
    ".html": "html",
    ".htm": "html",
    ".docx": "docx",
    ".xlsx": "xlsx",
    ".pdf": "pdf",
}
TEXTS = {"markdown", "jsonlines", "csv", "html"}
TABLES = {"csv", "xlsx"}
MOST_BYTES = 20_000_000  # of any file
MOST_TEXT_BYTES = 5_000_000  # of a text, a table or a page as text

_OTHERS = [
    (b"\xd0\xcf\x11\xe0", translatable("is in the old Word or Excel format; save it as .docx or .xlsx")),
    (b"\x89PNG", translatable("is a picture; there is no text in it")),
    (b"\xff\xd8\xff", translatable("is a picture; there is no text in it")),
    (b"GIF8", translatable("is a picture; there is no text in it")),
    (b"{\\rtf", translatable("is in Rich Text Format; save it as .docx")),
    (b"\x1f\x8b", translatable("is an archive; unpack it and upload what is inside")),
    (b"Rar!", translatable("is an archive; unpack it and upload what is inside")),
    (b"7z\xbc\xaf", translatable("is an archive; unpack it and upload what is inside")),
    (b"MZ", translatable("is a program")),
    (b"\x7fELF", translatable("is a program")),
]
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)


def kind_of(path: Path, name: str) -> str:
    """One of the values of BY_SUFFIX. Raises Unreadable, with the limit of its size where it is too large."""
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise Unreadable(
            "has %(size)s MB; the most is %(most)s MB", size=f"{size / 1e6:.0f}", most=MOST_BYTES // 1_000_000
        )
    if size == 0:
        raise Unreadable("is empty")
    with path.open("rb") as file:
        head = file.read(4096)
    kind = _kind(path, head, PurePath(name).suffix.lower())
    if kind in TEXTS and size > MOST_TEXT_BYTES:
        raise Unreadable(
            "has %(size)s MB of text; the most is %(most)s MB",
            size=f"{size / 1e6:.0f}",
            most=MOST_TEXT_BYTES // 1_000_000,
        )
    return kind


def _kind(path: Path, head: bytes, suffix: str) -> str:
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        return _office(path)
    for mark, reason in _OTHERS:
        if head.startswith(mark):
            raise Unreadable(reason)
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("is neither a document nor text")
    if _HTML.match(head.removeprefix(b"\xef\xbb\xbf")):
        return "html"
    kind = BY_SUFFIX.get(suffix, "")
    if kind in TEXTS:
        return kind
    if kind:
        raise Unreadable("is called %(suffix)s but is plain text; name it .md or .csv", suffix=suffix)
    raise Unreadable("is of no kind that can be imported: Markdown, CSV, XLSX, DOCX, PDF, HTML or JSON Lines")


def _office(path: Path) -> str:
    content = path.read_bytes()  # its list of files is opened in the child only: it may have millions
    if b"word/document.xml" in content:
        return "docx"
    if b"xl/workbook.xml" in content:
        return "xlsx"
    if not zipfile.is_zipfile(path):
        raise Unreadable("is damaged: the archive inside cannot be opened")
    raise Unreadable("is an archive; unpack it and upload what is inside")
