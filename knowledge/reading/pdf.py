"""PDF -> sections. Text only: scripts, forms and attachments in the file are never looked at.

Letters are taken with their places (pdfminer.six) and lines are put together here, since right-to-left lines need the
places (see visual_order.py), and since a row of a table must stay a row: "Pool | 7:00" torn into columns would answer
wrongly. Headings are lines in larger or bolder type than the body's.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from knowledge.reading.saying import Sentence
from knowledge.reading.sections import Document, Progress, Section, Unreadable, plain, split
from knowledge.reading.visual_order import has_rtl, is_rtl, is_turned, logical, whole_letters

MOST_PAGES = 200
LONGEST_SECTION = 20_000  # characters; a document without headings is parted by its pages above it
PICTURE_WIDTH = 1_000  # pixels
MARGIN = 0.08  # of the page's height
_BULLET = re.compile(r"^[•●▪◦‣∙·–]\s*")
_PAGE_MARK = re.compile(r"^<!--(\d+)-->$", re.MULTILINE)


@dataclass
class Glyph:
    text: str
    x0: float
    x1: float
    baseline: float
    size: float
    is_bold: bool


@dataclass
class Segment:
    """Glyphs on one line without a wide gap."""

    glyphs: list[Glyph]

    @property
    def x0(self) -> float:
        return self.glyphs[0].x0

    @property
    def x1(self) -> float:
        return max(glyph.x1 for glyph in self.glyphs)

    @property
    def size(self) -> float:
        return Counter(round(glyph.size, 1) for glyph in self.glyphs).most_common(1)[0][0]

    @property
    def is_bold(self) -> bool:
        return all(glyph.is_bold for glyph in self.glyphs if glyph.text.strip())

    def units(self) -> list[str]:
        """Left to right, with a space wherever there is room for one. Marks have joined their letters already."""
        out: list[str] = []
        previous: Glyph | None = None
        for glyph in self.glyphs:
            if previous and glyph.x0 - previous.x1 > 0.18 * glyph.size and out[-1] != " " and glyph.text != " ":
                out.append(" ")
            if glyph.text == " " and (not out or out[-1] == " "):
                continue
            out.append(glyph.text)
            previous = glyph
        return out


@dataclass
class Row:
    segments: list[Segment]

    @property
    def baseline(self) -> float:
        return self.segments[0].glyphs[0].baseline

    @property
    def size(self) -> float:
        return max(segment.size for segment in self.segments)


@dataclass
class Rule:
    """A vertical line, as tables have between their columns."""

    x: float
    bottom: float
    top: float


@dataclass
class Page:
    number: int
    rows: list[Row]
    height: float
    left: float = 0.0
    right: float = 0.0

    def is_at_the_edge(self, row: Row) -> bool:
        """Does the row stand where running heads and page numbers do?"""
        return not MARGIN * self.height < row.baseline < (1 - MARGIN) * self.height


@dataclass
class Writing:
    """How the letters of this file are to be read."""

    is_rtl: bool = False
    turns: bool = True  # lines are to be turned round
    body_size: float = 0.0
    flips_brackets: bool = False
    furniture: set[str] = field(default_factory=set)

    def text(self, segment: Segment) -> str:
        units = segment.units()
        joined = "".join(units)
        if not (has_rtl(joined) or (self.is_rtl and not any(map(str.isalpha, joined)))) or not self.turns:
            text = whole_letters(joined)
        else:
            text = logical(units)
        return " ".join(text.split())


def read(path: Path, title: str, progress: Progress) -> Document:
    logging.getLogger("pdfminer").setLevel(logging.ERROR)
    count = _page_count(path)
    if count > MOST_PAGES:
        raise Unreadable("has %(count)s pages; the most is %(most)s. Split it", count=f"{count:,}", most=MOST_PAGES)
    pages = []
    for page in _pages(path):
        pages.append(page)
        progress(page.number, count)
    letters = sum(
        glyph.text.isalnum() for page in pages for row in page.rows for s in row.segments for glyph in s.glyphs
    )
    if not letters:
        raise Unreadable("is a scan: pictures of pages without text. Run it through text recognition (OCR) first")
    unknown = sum(
        "(cid:" in glyph.text for page in pages for row in page.rows for s in row.segments for glyph in s.glyphs
    )
    if unknown > 0.2 * letters:
        raise Unreadable("does not say which letters its shapes are; export it again from the program it was made in")
    writing = _writing(pages)
    text = "\n\n".join(f"<!--{page.number}-->\n\n{_markdown(page, writing)}" for page in pages)
    notes = []
    empty = [str(page.number) for page in pages if not page.rows]
    if empty:
        pages_without = {"pages": ", ".join(empty[:20])}
        notes.append(Sentence("Pages without text (pictures perhaps): %(pages)s", pages_without))
    return Document(title=title, sections=_sections(text, title), notes=notes)


def picture(path: Path, number: int, target: Path) -> None:
    """Page `number` (from 1) as a PNG at `target`."""
    import pypdfium2

    pdf = pypdfium2.PdfDocument(path)
    if not 1 <= number <= len(pdf):
        raise Unreadable("has no page %(number)s", number=number)
    page = pdf[number - 1]
    width, height = page.get_size()
    scale = min(PICTURE_WIDTH / max(width, 1), 2_000 / max(height, 1))
    page.render(scale=scale).to_pil().convert("L").quantize(16).save(target, "PNG", optimize=True)


def _page_count(path: Path) -> int:
    import pypdfium2

    try:
        return len(pypdfium2.PdfDocument(path))
    except pypdfium2.PdfiumError as error:
        if "assword" in str(error):
            raise Unreadable("is protected by a password; remove it and upload the file again") from None
        raise Unreadable("is damaged: it cannot be read as PDF") from None


# Letters and lines


def _pages(path: Path) -> Iterator[Page]:
    from pdfminer.converter import PDFPageAggregator
    from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager
    from pdfminer.pdfpage import PDFPage

    manager = PDFResourceManager()
    device = PDFPageAggregator(manager, laparams=None)
    interpreter = PDFPageInterpreter(manager, device)
    try:
        with path.open("rb") as file:
            for number, page in enumerate(PDFPage.get_pages(file, check_extractable=False), start=1):
                interpreter.process_page(page)
                shown = device.get_result()
                yield _page(number, shown.height, list(_glyphs(shown)), list(_rules(shown)))
    except (Unreadable, MemoryError, GeneratorExit):
        raise
    except Exception:  # pdfminer lets through what it stumbles over
        raise Unreadable("is damaged: it cannot be read as PDF") from None


def _glyphs(container: Any) -> Iterator[Glyph]:
    from pdfminer.layout import LTChar, LTFigure

    for item in container:
        if isinstance(item, LTFigure):
            yield from _glyphs(item)
        elif isinstance(item, LTChar) and item.upright and item.size > 1:
            text = whole_letters(item.get_text().replace("\u00a0", " ").replace("\u00ad", "-"))
            if len(text) > 1 and all(sign == " " or unicodedata.combining(sign) for sign in text):
                text = text.strip()  # marks without a letter, as presentation forms spell them
            if text and unicodedata.category(text[0]) != "Cc":
                bold = re.search(r"bold|black|heavy|semibd", item.fontname, re.IGNORECASE) is not None
                yield Glyph(text, item.x0, item.x1, item.matrix[5], item.size, bold)


def _rules(container: Any) -> Iterator[Rule]:
    from pdfminer.layout import LTCurve, LTFigure

    for item in container:
        if isinstance(item, LTFigure):
            yield from _rules(item)
        elif isinstance(item, LTCurve) and item.height > 6:  # lines and rectangles are curves, too
            if item.width < 2.5:
                yield Rule((item.x0 + item.x1) / 2, item.y0, item.y1)
            elif item.stroke:
                yield Rule(item.x0, item.y0, item.y1)
                yield Rule(item.x1, item.y0, item.y1)


def _page(number: int, height: float, glyphs: list[Glyph], rules: list[Rule]) -> Page:
    letters = _with_marks(glyphs)
    lines: list[list[Glyph]] = []
    for glyph in sorted(letters, key=lambda glyph: -glyph.baseline):
        if lines and lines[-1][0].baseline - glyph.baseline < 0.35 * max(glyph.size, lines[-1][0].size):
            lines[-1].append(glyph)
        else:
            lines.append([glyph])
    rows = []
    for line in lines:
        segments: list[Segment] = []
        walls = [rule.x for rule in rules if rule.bottom - 1 <= line[0].baseline <= rule.top]
        for glyph in sorted(line, key=lambda glyph: glyph.x0):
            if segments and _follows(glyph, segments[-1].glyphs[-1], walls):
                segments[-1].glyphs.append(glyph)
            elif glyph.text.strip():
                segments.append(Segment([glyph]))
        if segments:
            rows.append(Row(segments))
    left = min((s.x0 for row in rows for s in row.segments), default=0.0)
    right = max((s.x1 for row in rows for s in row.segments), default=0.0)
    return Page(number, rows, height, left, right)


def _follows(glyph: Glyph, previous: Glyph, walls: list[float]) -> bool:
    """Do the two belong to one segment: no wide gap, no line between them?"""
    if glyph.x0 - previous.x1 > 1.3 * glyph.size:
        return False
    middle, next_middle = (previous.x0 + previous.x1) / 2, (glyph.x0 + glyph.x1) / 2
    return not any(middle < wall < next_middle for wall in walls)


def _with_marks(glyphs: list[Glyph]) -> list[Glyph]:
    """Letters, each with its marks behind it. A file that draws from left to right draws a mark before its letter."""
    rightward = leftward = 0
    previous: Glyph | None = None
    for glyph in glyphs:
        if is_rtl(glyph.text[0]):
            if previous and abs(previous.baseline - glyph.baseline) < 1:
                rightward += glyph.x0 > previous.x0
                leftward += glyph.x0 < previous.x0
            previous = glyph
    out: list[Glyph] = []
    waiting = ""
    for glyph in glyphs:
        if unicodedata.combining(glyph.text[0]):
            if rightward >= leftward:
                waiting += glyph.text
            elif out:
                out[-1].text += glyph.text
            continue
        if waiting and glyph.text.strip():
            glyph.text, waiting = glyph.text + waiting, ""
        out.append(glyph)
    return out


# What kind of file it is


def _writing(pages: list[Page]) -> Writing:
    segments = [segment for page in pages for row in page.rows for segment in row.segments]
    everything = "".join(glyph.text for segment in segments for glyph in segment.glyphs)
    rtl = sum(map(is_rtl, everything))
    sizes: Counter[float] = Counter()
    for segment in segments:
        sizes[segment.size] += len(segment.glyphs)
    writing = Writing(is_rtl=rtl > 0.4 * sum(map(str.isalpha, everything)), body_size=sizes.most_common(1)[0][0])
    # Most files show right-to-left words backwards from left to right; some old programs set them unturned.
    writing.turns = not rtl or is_turned("".join(segment.units()) for segment in segments) or not _reads_well(segments)
    if len(pages) > 2:
        edge: Counter[str] = Counter()
        for page in pages:
            edge.update(
                {_shape(row) for row in page.rows if page.is_at_the_edge(row) and row.size < 1.3 * writing.body_size}
            )
        writing.furniture = {shape for shape, times in edge.items() if times > max(2, 0.5 * len(pages))}
    return writing


def _reads_well(segments: list[Segment]) -> bool:
    text = " ".join("".join(segment.units()) for segment in segments)
    return bool(re.search(r"(?:^|\s)ال[\u0621-\u064a]{3,}", whole_letters(text)))


def _shape(row: Row) -> str:
    """A running head or foot is the same on each page but for its numbers."""
    text = " ".join("".join(segment.units()) for segment in row.segments)
    return f"{re.sub(r'[0-9٠-٩]+', '#', text)} {row.segments[0].size}"


# From rows to Markdown


def _markdown(page: Page, writing: Writing) -> str:
    rows = [row for row in page.rows if not (page.is_at_the_edge(row) and _shape(row) in writing.furniture)]
    blocks: list[str] = []
    at = 0
    paragraph: list[str] = []
    previous: Row | None = None

    def close() -> None:
        if paragraph:
            blocks.append(" ".join(paragraph))
            paragraph.clear()

    while at < len(rows):
        row = rows[at]
        grid = _grid(rows, at)
        if grid:
            close()
            blocks.append(_table(grid, writing))
            at, previous = at + sum(map(len, grid)), None
            continue
        segments = reversed(row.segments) if writing.is_rtl else row.segments
        text = " ".join(filter(None, (writing.text(segment) for segment in segments)))
        level = _heading_level(row, text, writing)
        gap = previous.baseline - row.baseline if previous else 0.0
        if level:
            close()
            blocks.append(f"{'#' * level} {plain(text)}")
        elif _BULLET.match(text) or re.match(r"^\(?[0-9٠-٩]{1,2}[.)] ", text):
            close()
            paragraph.append(_BULLET.sub("- ", text))
        elif previous and (gap > 1.75 * row.size or _is_short(previous, page, writing)):
            close()
            paragraph.append(text)
        else:
            paragraph.append(text)
        previous = None if level else row
        at += 1
    close()
    return "\n\n".join(blocks)


def _is_short(row: Row, page: Page, writing: Writing) -> bool:
    """Does the line end well before the margin, as the last line of a paragraph does?"""
    width = page.right - page.left
    room = row.segments[0].x0 - page.left if writing.is_rtl else page.right - row.segments[-1].x1
    return room > 0.25 * width


def _heading_level(row: Row, text: str, writing: Writing) -> int:
    if len(row.segments) > 1 or len(text) > 120 or not re.search(r"\w", text):
        return 0
    larger = row.size / writing.body_size
    if larger >= 1.8:
        return 1
    if larger >= 1.35:
        return 2
    if larger >= 1.1:
        return 3
    is_sentence = text[-1] in ".,;:،؛"
    return 4 if row.segments[0].is_bold and len(text) < 80 and not is_sentence else 0


Grid = list[list[Row]]  # each with the rows that continue it


def _grid(rows: list[Row], at: int) -> Grid | None:
    """Rows from `at` on whose segments stand under each other, two or more of them."""
    width = len(rows[at].segments)
    if width < 2:
        return None
    spans = [(segment.x0, segment.x1) for segment in rows[at].segments]
    grid: Grid = [[rows[at]]]
    for before, row in zip(rows[at:], rows[at + 1 :], strict=False):
        columns = [_column(segment, spans) for segment in row.segments]
        if None in columns or len(set(columns)) < len(columns) or before.baseline - row.baseline > 4 * row.size:
            break
        if len(columns) == width:
            grid.append([row])
        elif len(columns) < width and before.baseline - row.baseline < 1.7 * row.size and len(grid) > 1:
            grid[-1].append(row)
        else:
            break
        for segment, column in zip(row.segments, columns, strict=True):
            if column is not None:
                spans[column] = (min(spans[column][0], segment.x0), max(spans[column][1], segment.x1))
    return grid if len(grid) > 1 else None


def _column(segment: Segment, spans: list[tuple[float, float]]) -> int | None:
    """The only column that the segment stands in."""
    touched = [at for at, (x0, x1) in enumerate(spans) if segment.x0 < x1 and segment.x1 > x0]
    if len(touched) == 1:
        return touched[0]
    if touched:
        return None
    # Centred or ragged cells may miss each other by a little.
    near = min(range(len(spans)), key=lambda at: min(abs(segment.x0 - spans[at][0]), abs(segment.x1 - spans[at][1])))
    return near if min(abs(segment.x0 - spans[near][0]), abs(segment.x1 - spans[near][1])) < 60 else None


def _table(grid: Grid, writing: Writing) -> str:
    first = grid[0][0]
    spans = [(segment.x0, segment.x1) for segment in first.segments]
    cells: list[list[list[str]]] = []
    for group in grid:
        line: list[list[str]] = [[] for _ in spans]
        for row in group:
            for place, segment in enumerate(row.segments):
                column = place if len(row.segments) == len(spans) else (_column(segment, spans) or 0)
                line[column].append(writing.text(segment))
        cells.append(line[::-1] if writing.is_rtl else line)
    texts = [[" ".join(cell) for cell in line] for line in cells]
    longest = sum(len(cell) for line in texts for cell in line) / (len(texts) * len(spans))
    if longest > 35 and len(spans) <= 3:  # columns of prose
        return "\n\n".join(" ".join(line[column] for line in texts) for column in range(len(spans)))
    lines = ["| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in texts]
    return "\n".join([lines[0], "|" + " --- |" * len(spans), *lines[1:]])


# From Markdown to sections


def _sections(text: str, title: str) -> list[Section]:
    sections = []
    page = 1
    for section in split(text, title):
        marks = [int(mark) for mark in _PAGE_MARK.findall(section.body)]
        before = section.body.partition("<!--")[0]
        first = marks[0] if marks and not before.strip() else page
        page = marks[-1] if marks else page
        body = re.sub(r"\n{3,}", "\n\n", _PAGE_MARK.sub("", section.body)).strip()
        if body:
            sections += (
                _parted(section.title, body, first, page)
                if len(body) > LONGEST_SECTION
                else [Section(title=section.title, body=body, first_page=first, last_page=page)]
            )
    return sections


def _parted(title: str, body: str, first: int, last: int) -> list[Section]:
    """A very long section as several, cut between paragraphs."""
    parts: list[list[str]] = [[]]
    for paragraph in body.split("\n\n"):
        if sum(map(len, parts[-1])) + len(paragraph) > LONGEST_SECTION and parts[-1]:
            parts.append([])
        parts[-1].append(paragraph)
    return [
        Section(title=f"{title} ({number})", body="\n\n".join(part), first_page=first, last_page=last)
        for number, part in enumerate(parts, start=1)
    ]
