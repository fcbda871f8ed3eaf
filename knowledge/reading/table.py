"""Tables: CSV and XLSX, one article a row. Which column is what, the editor says; this guesses first.

Formulas are text: a CSV's stay as they were typed, a spreadsheet's give the value it last had. Text that a
spreadsheet would run is neutralised when it is written (`harmless_cell`).
"""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from knowledge.reading import archives
from knowledge.reading.encoding import decode
from knowledge.reading.sections import Document, Progress, Section, Unreadable

MOST_ROWS = 10_000
MOST_COLUMNS = 60
SAMPLE_ROWS = 5
FIELDS = ("title", "body", "id", "language", "valid_from", "valid_until", "variants")
NEEDED = ("title", "body")
# How people head these columns.
_NAMES = {
    "title": ["question", "title", "heading", "subject", "topic", "name", "q", "السؤال", "سؤال", "العنوان", "عنوان"],
    "body": ["answer", "body", "text", "content", "reply", "response", "a", "الجواب", "الإجابة", "إجابة", "النص", "نص"],
    "id": ["id", "slug", "key", "المعرف"],
    "language": ["language", "lang", "locale", "اللغة", "لغة"],
    "valid_from": ["valid_from", "valid from", "from", "starts", "من"],
    "valid_until": ["valid_until", "valid until", "until", "ends", "expires", "إلى", "حتى"],
    "variants": ["variants", "people also ask", "also asked", "أسئلة أخرى", "صيغ أخرى"],
}


def look(path: Path, kind: str) -> dict[str, object]:
    """The columns' names, a few rows, and a guess at which column is what (only those that it is sure of)."""
    rows = _rows(path, kind)
    head = next(rows, None)
    if head is None:
        raise Unreadable("is an empty table")
    sample = [row for _, row in islice(rows, SAMPLE_ROWS)]
    width = max(map(len, [head[1], *sample]))
    names = head[1] + [""] * (width - len(head[1]))
    columns = [name or f"{number}" for number, name in enumerate(names, start=1)]
    return {"columns": columns, "sample": sample, "guess": guess(columns)}


def guess(columns: list[str]) -> dict[str, int]:
    plain = [" ".join(re.sub(r"[_\W]+", " ", name.casefold()).split()) for name in columns]
    found: dict[str, int] = {}
    for field, names in _NAMES.items():
        for name in names:
            if name.replace("_", " ") in plain:
                found[field] = plain.index(name.replace("_", " "))
                break
    if len(columns) == 2 and not set(NEEDED) & found.keys():
        return {"title": 0, "body": 1}
    return found


def read(path: Path, kind: str, title: str, mapping: Mapping[str, int], progress: Progress) -> Document:
    """A section for each row that says anything."""
    sections: list[Section] = []
    rows = _rows(path, kind)
    next(rows, None)
    for number, row in rows:
        values = {field: row[column] if column < len(row) else "" for field, column in mapping.items()}
        if not any(values.get(field) for field in NEEDED):
            continue
        if len(sections) == MOST_ROWS:
            raise Unreadable("has more than %(most)s rows; split it", most=f"{MOST_ROWS:,}")
        sections.append(
            Section(
                title=values.get("title", ""),
                body=values.get("body", ""),
                slug=values.get("id", ""),
                language=values.get("language", ""),
                valid_from=values.get("valid_from", ""),
                valid_until=values.get("valid_until", ""),
                variants=values.get("variants", ""),
                row=number,
            )
        )
        if len(sections) % 500 == 0:
            progress(len(sections), 0)
    if not sections:
        raise Unreadable("has no row with a title or a text in these columns")
    return Document(title=title, sections=sections, notes=archives.check(path) if kind == "xlsx" else [])


def harmless_cell(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip()[:1] in {"=", "+", "-", "@"} or text[:1] in {"\t", "\r"} else text


def _rows(path: Path, kind: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not empty, with its number. The first is the head."""
    for number, row in enumerate(_xlsx(path) if kind == "xlsx" else _csv(path), start=1):
        row = row[:MOST_COLUMNS]
        while row and not row[-1]:
            row.pop()
        if row:
            yield number, row


def _csv(path: Path) -> Iterator[list[str]]:
    text = decode(path.read_bytes())
    if "\0" in text:
        raise Unreadable("is not text")
    csv.field_size_limit(1_000_000)
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)):
            yield [cell.strip() for cell in row]
    except csv.Error as error:
        raise Unreadable("is a broken table (%(problem)s)", problem=error) from None


def _delimiter(text: str) -> str:
    """The sign that parts the first rows into the same number of columns, more than one."""
    best, most = ",", 0
    for sign in ",;\t|":
        counts = [len(row) for row in islice(csv.reader(io.StringIO(text[:20_000], newline=""), delimiter=sign), 20)]
        usual = max(set(counts), key=counts.count, default=0)
        if usual > 1 and counts.count(usual) * 10 + usual > most:
            best, most = sign, counts.count(usual) * 10 + usual
    return best


def _xlsx(path: Path) -> Iterator[list[str]]:
    from openpyxl import load_workbook

    archives.check(path)
    try:
        book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
        sheet = next((sheet for sheet in book.worksheets if sheet.sheet_state == "visible"), None)
        if sheet is None:
            raise Unreadable("has no sheet to read")
        # A sheet may claim a million columns: only what is written counts.
        sheet.reset_dimensions()
        for row in sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS):
            yield [_cell(value) for value in row]
    except (Unreadable, MemoryError):
        raise
    except Exception:  # openpyxl lets through whatever zipfile, the XML parser or a missing part raises
        raise Unreadable("is damaged: it cannot be read as a spreadsheet") from None


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ", "minutes")
    if isinstance(value, datetime.time):
        return value.strftime("%H:%M")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
