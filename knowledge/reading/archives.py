"""A DOCX or XLSX is a zip. This looks at its table of contents before anything in it is unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

from knowledge.reading.saying import Sentence, Unreadable

MOST_FILES = 2_000
MOST_BYTES = 120_000_000  # unpacked, all together
MOST_TIMES = 150  # how much larger a part may be than its packed form
SMALL = 2_000_000  # bytes; below it a part may be packed as well as it likes
ARCHIVES = (".zip", ".gz", ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz", ".docx", ".xlsx", ".pptx", ".jar", ".bin")


def check(path: Path) -> list[Sentence]:
    """Raises Unreadable for an archive that would unpack to too much. Returns sentences on what is left out."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_FILES:
                raise Unreadable(
                    "has %(count)s files inside; the most is %(most)s", count=f"{len(parts):,}", most=f"{MOST_FILES:,}"
                )
            if sum(part.file_size for part in parts) > MOST_BYTES or any(
                part.file_size > SMALL and part.file_size > MOST_TIMES * max(part.compress_size, 1) for part in parts
            ):
                raise Unreadable("would unpack to far more than it seems (a zip bomb); it was not opened")
            if any(part.flag_bits & 1 for part in parts):
                raise Unreadable("is protected by a password; remove it and upload the file again")
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    with archive.open(part) as opened:
                        if b"<!DOCTYPE" in opened.read(4096):
                            raise Unreadable(
                                "declares entities in %(part)s, which no office program does", part=part.filename
                            )
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, NotImplementedError, EOFError):
        raise Unreadable("is damaged: the archive inside cannot be opened") from None
    nested = [part.filename for part in parts if part.filename.lower().endswith(ARCHIVES)]
    return [Sentence("Left out: %(part)s, a file inside the file", {"part": name}) for name in nested[:5]]
