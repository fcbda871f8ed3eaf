"""Files that want to do harm, made anew each time: what is to become of each stands beside it."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.knowledge import papers

ZIP_BOMB = "would unpack to far more than it seems"
ENTITIES = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
SCRIPTS = """<html><body><main><h1>Pool</h1>
<p onclick="steal()">The pool on the roof opens at seven every morning.</p><script>steal()</script>
<p><a href="data:text/html,HIDDEN">Towels</a> and <a href="javascript:steal()">robes</a> are free for all guests.</p>
<img src=x onerror="steal()"></main></body></html>"""


@dataclass(frozen=True)
class Hostile:
    path: Path
    refused: str = ""  # the reason; empty: what it says is read, and no more


def corpus(folder: Path) -> Iterator[Hostile]:
    """All of them, one after the other."""
    yield from refused_unread(folder)
    yield from refused_by_its_reader(folder)
    yield from read_harmlessly(folder)


def refused_unread(folder: Path) -> Iterator[Hostile]:
    """Told by their size or their first bytes."""
    with (folder / "huge.pdf").open("wb") as file:
        file.write(b"%PDF-1.7")
        file.truncate(50_000_000)
    yield Hostile(folder / "huge.pdf", "has 50 MB; the most is 20 MB")
    (folder / "page.html").write_bytes(b"<!doctype html><p>" + b"words " * 3_000_000)
    yield Hostile(folder / "page.html", "has 18 MB of text; the most is 5 MB")
    (folder / "program.pdf").write_bytes(b"MZ\x90\x00" + b"\0" * 400)
    yield Hostile(folder / "program.pdf", "is a program")
    with zipfile.ZipFile(folder / "inner.docx", "w") as archive:
        archive.writestr("outer.zip", b"PK\x03\x04" + b"x" * 99)
    yield Hostile(folder / "inner.docx", "is an archive; unpack it")
    (folder / "letters.md").write_bytes(b"\x80\x81\xfe" * 500)
    yield Hostile(folder / "letters.md", "is broken text")
    (folder / "half.csv").write_bytes("Question,Answer\nPool?,".encode("utf-16") + b"\xd8")
    yield Hostile(folder / "half.csv", "is broken text")


def refused_by_its_reader(folder: Path) -> Iterator[Hostile]:
    for name, part in (("bomb.docx", "word/document.xml"), ("bomb.xlsx", "xl/workbook.xml")):
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(part, b" " * 30_000_000)
        yield Hostile(folder / name, ZIP_BOMB)
    entities = papers.docx(folder / "entities.docx", "", **{"word__other.xml": ENTITIES})
    yield Hostile(entities, "declares entities in word/other.xml")
    many = papers.pdf(folder / "many.pdf", *[[(50, 700, 12, "x")]] * 500)
    yield Hostile(many, "has 500 pages; the most is 200")


def read_harmlessly(folder: Path) -> Iterator[Hostile]:
    script = "<< /S /JavaScript /JS (app.alert\\('steal'\\)) >>"
    words = [(50, 700, 12, "Opens at seven.")]
    yield Hostile(papers.pdf(folder / "script.pdf", words, catalog="/OpenAction 7 0 R", extra=script))
    yield Hostile(papers.docx(folder / "word.pdf", papers.paragraph("Opens at seven.")))  # not what it is called
    nested = {"word__embeddings__inner.zip": b"PK\x03\x04" + b"x" * 99}
    yield Hostile(papers.docx(folder / "nested.docx", papers.paragraph("Opens at seven."), **nested))
    (folder / "scripts.html").write_text(SCRIPTS)
    yield Hostile(folder / "scripts.html")
    (folder / "formulas.csv").write_text("Question,Answer\n\"=cmd|'/c calc'!A1\",Opens at seven.\n")
    yield Hostile(folder / "formulas.csv")
