"""Text to passages: what an editor wrote, in Markdown or plainly, as sections and sentences that can be spoken.

Pure. A section is what search compares a question with as a whole; its sentences are what it may answer with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

# Characters. Below SHORTEST a heading does not begin a new section, above LONGEST a section is cut at a sentence:
# about 200 tokens in English and 300 in Arabic, well under the 512 that the embedder reads.
SHORTEST_SECTION = 200
LONGEST_SECTION = 900
LONGEST_SENTENCE = 400
# A list of short things is spoken as one sentence, up to this length.
LONGEST_LISTING = 240
SHORT_ITEM = 60
# A line that ends before this column was ended by its writer, not by an editor that wraps lines.
WRAPPED_FROM = 60


@dataclass(frozen=True)
class Sentence:
    text: str
    heading: str  # the nearest one above it, "" if there is none


@dataclass(frozen=True)
class Section:
    """A stretch of an article."""

    text: str
    sentences: tuple[Sentence, ...]


def sections(body: str) -> list[Section]:
    """The body as sections of at most LONGEST_SECTION characters; the whole body is one if it is short enough."""
    lines = [line for line in spoken_lines(body) if line.text]
    whole = len(lines) and sum(len(line.text) + 1 for line in lines) <= LONGEST_SECTION
    found: list[Section] = []
    heading, current, size = "", list[_Line](), 0

    def close() -> None:
        nonlocal heading, current, size
        if current:
            found.append(_section(heading, current))
            heading = next((line.text for line in reversed(current) if line.is_heading), heading)
        current, size = [], 0

    for line in lines:
        if not whole:
            if line.is_heading and size >= SHORTEST_SECTION:
                close()
            if size and size + len(line.text) > LONGEST_SECTION:
                close()
        for piece in [line] if whole or len(line.text) <= LONGEST_SECTION else _cut(line):
            if size and size + len(piece.text) > LONGEST_SECTION and not whole:
                close()
            current.append(piece)
            size += len(piece.text) + 1
    close()
    return found


def sentences(text: str) -> list[str]:
    """One paragraph of plain text, cut after each sentence. Only white space is lost."""
    text = " ".join(text.split())
    cut: list[str] = []
    start = 0
    for end in _ends(text):
        cut += _not_too_long(text[start:end].strip())
        start = end
    return cut + _not_too_long(text[start:].strip())


def plain(body: str) -> str:
    """The body as it can be read aloud: no Markdown, one line a paragraph or list entry."""
    return "\n".join(line.text for line in spoken_lines(body) if line.text)


# Sections


@dataclass
class _Line:
    """One heading, paragraph, list entry or table row."""

    text: str
    is_heading: bool = False


def _section(heading: str, lines: list[_Line]) -> Section:
    """The lines as a section; `heading` is the one that they continue."""
    only_headings = all(line.is_heading for line in lines)
    spoken: list[Sentence] = []
    for line in lines:
        if line.is_heading:
            heading = line.text
        if not line.is_heading or only_headings:
            spoken += [Sentence(text, "" if only_headings else heading) for text in sentences(line.text)]
    return Section("\n".join(line.text for line in lines), tuple(spoken))


def _cut(line: _Line) -> Iterator[_Line]:
    part = ""
    for sentence in sentences(line.text):
        if part and len(part) + len(sentence) > LONGEST_SECTION:
            yield _Line(part)
            part = ""
        part = f"{part} {sentence}".strip()
    if part:
        yield _Line(part)


# Sentences

_ENDERS = ".!?…؟؛۔।॥。！？"
_CLOSERS = "\"'”’»)]"
_END = re.compile(rf"[{_ENDERS}]+[{re.escape(_CLOSERS)}]*")
_ARABIC = re.compile(r"[؀-ۿݐ-ݿ]")
_NO_SPACE_NEEDED = set("؟؛۔।॥。！？")
_LIST_NUMBER = re.compile(r"\(?\d{1,3}|[A-Za-zء-ي]")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Before a full stop these do not end a sentence…
_ABBREVIATIONS = _set(
    """
    mr mrs ms dr prof sr jr st mt messrs hon eng capt sgt rev sheikh approx ca cf vs viz incl excl esp
    e.g i.e eg ie p.o a.k.a jan feb mar apr jun jul aug sept sep oct nov dec mon tue tues wed thu thur thurs fri
    bldg blvd ave rd bros u.s u.k u.a.e
    م د أ أ.د ص ص.ب هـ ق.م ت ج س مثلا
    """
)
# …these only if a number follows ("No. 5", "Ext. 12")…
_BEFORE_NUMBERS = _set("no nos tel ext fig p pp ch sec art vol para level lvl rm رقم هاتف تحويلة")
# …and these end one only if something follows that begins one.
_MAYBE = _set("a.m p.m am pm etc inc ltd co corp llc min max hr hrs sq ft kg km cm mm ph الخ إلخ")
_AFTER_TIMES = re.compile(
    r"(mon|tues?|wed(nes)?|thu(rs)?|fri|sat(ur)?|sun)(day)?s?\b"
    r"|(january|february|march|april|may|june|july|august|september|october|november|december)\b",
    re.IGNORECASE,
)


def _ends(text: str) -> Iterator[int]:
    """Where in the text a sentence ends and another begins."""
    start = 0
    for match in _END.finditer(text):
        end = match.end()
        if end < len(text) and _is_end(text, start, match.start(), end):
            yield end
            start = end


def _is_end(text: str, start: int, dot: int, end: int) -> bool:
    mark, follows = text[dot], text[end]
    if follows != " ":
        if mark in _NO_SPACE_NEEDED:
            return text[dot:end].strip(_ENDERS) == "" or follows not in ".,:"
        # "…مساء.والمسبح": the space was forgotten; between Latin letters it would be a web address.
        before = text[start:dot].rsplit(" ", 1)[-1]
        return mark == "." and bool(_ARABIC.match(follows)) and len(before) > 2 and bool(_ARABIC.match(before[-1]))
    if mark not in ".…":
        return True

    following = text[end + 1 :]
    first = following[0]
    if mark == "…" or text[dot:end].startswith(".."):
        return not first.islower()
    word = text[start:dot].rsplit(" ", 1)[-1].lstrip("([\"'“‘«").casefold()
    if start == dot or _LIST_NUMBER.fullmatch(text[start:dot].strip()):
        return False  # "2. Turn left"
    if word in _ABBREVIATIONS or (word in _BEFORE_NUMBERS and first.isdigit()):
        return False
    if len(word) == 1 and word.isalpha():
        # An initial, "J. Smith"; but "vitamin C. Ask us" is cut wrongly less often than names would be.
        return bool(_ARABIC.match(word))
    if word in _MAYBE:
        return first.isupper() and not _AFTER_TIMES.match(following)
    if first.islower():
        # Written without capitals, or an abbreviation that is not on our lists; those are short.
        return len(word) >= 4 and "." not in word
    return True


def _not_too_long(sentence: str) -> list[str]:
    """A sentence without an end in sight, cut at a comma or at least between two words."""
    pieces: list[str] = []
    while len(sentence) > LONGEST_SENTENCE:
        window = sentence[: LONGEST_SENTENCE + 1]
        at = max(window.rfind(mark) for mark in ("; ", ": ", ", ", "، ")) + 1
        if at < LONGEST_SENTENCE // 4:
            at = window.rfind(" ")
        if at <= 0:
            at = LONGEST_SENTENCE
        pieces.append(sentence[:at].strip())
        sentence = sentence[at:].strip()
    return [piece for piece in [*pieces, sentence] if piece]


# Markdown

# No HTML: what looks like a tag is text, here as on every page.
_markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
# Direction marks and other invisible characters, but not the joiners that Persian and Hindi spell with.
_INVISIBLE = dict.fromkeys(
    [0xAD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF]
)


def spoken_lines(body: str) -> list[_Line]:
    """Headings, paragraphs, list entries and table rows in the order in which they were written."""
    # Indentation is how people type, not code.
    text = re.sub(r"(?m)^[ \t]++(?!([-*+]|\d+[.)])\s)", "", body.translate(_INVISIBLE))
    return list(_Reader(_markdown.parse(text)).lines())


@dataclass
class _Reader:
    tokens: list[Token]
    _at: int = 0
    _lines: list[_Line] = field(default_factory=list)

    def lines(self) -> Iterable[_Line]:
        while self._at < len(self.tokens):
            token = self._next()
            if token.type == "heading_open":
                self._lines += [_Line(text, is_heading=True) for text in self._paragraph("heading_close")]
            elif token.type == "paragraph_open":
                self._lines += map(_Line, self._paragraph("paragraph_close"))
            elif token.type in ("fence", "code_block"):
                self._lines += [_Line(_tidy(line)) for line in token.content.splitlines()]
            elif token.type in ("bullet_list_open", "ordered_list_open"):
                self._list(token.type.replace("open", "close"), token.level)
            elif token.type == "table_open":
                self._table()
        return self._lines

    def _next(self) -> Token:
        self._at += 1
        return self.tokens[self._at - 1]

    def _paragraph(self, closing: str) -> list[str]:
        found: list[str] = []
        while (token := self._next()).type != closing:
            if token.type == "inline":
                found += _unwrapped(_inline(token.children or []))
        return found

    def _list(self, closing: str, level: int) -> None:
        """Entries become sentences of their own; short ones join the sentence that announces them."""
        entries: list[str] = []
        while not ((token := self._next()).type == closing and token.level == level):
            if token.type == "inline":
                entries += _unwrapped(_inline(token.children or []))
            elif token.type in ("fence", "code_block"):
                entries += [_tidy(line) for line in token.content.splitlines()]
        entries = [entry for entry in entries if entry]
        announcement = self._lines[-1].text if self._lines and not self._lines[-1].is_heading else ""
        short = all(len(entry) <= SHORT_ITEM and not _END.search(entry.rstrip(".")) for entry in entries)
        if entries and short and announcement.endswith(":"):
            comma = "، " if _ARABIC.search(announcement) else ", "
            listing = f"{announcement} {comma.join(entry.rstrip('.,،;') for entry in entries)}."
            if len(listing) <= max(LONGEST_LISTING, len(announcement)):
                self._lines[-1] = _Line(listing)
                return
        self._lines += [_Line(_ended(entry)) for entry in entries]

    def _table(self) -> None:
        """A row is a sentence: its first cell, then each other cell after the name of its column."""
        rows: list[list[str]] = []
        while (token := self._next()).type != "table_close":
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(" ".join(_inline(token.children or []).split()))
        names = rows[0]
        for row in rows[1:]:
            cells = [f"{name} {cell}".strip() for name, cell in zip(names[1:], row[1:], strict=False) if cell]
            comma = "، " if _ARABIC.search("".join(row)) else ", "
            subject = row[0] if row else ""
            self._lines.append(_Line(_ended(": ".join(filter(None, [subject, comma.join(cells)])))))


def _inline(tokens: list[Token]) -> str:
    parts: list[str] = []
    for token in tokens:
        if token.type in ("text", "code_inline", "text_special"):
            parts.append(token.content)
        elif token.type == "image":
            parts.append(_inline(token.children or []))
        elif token.type == "softbreak":
            parts.append("\n")
        elif token.type == "hardbreak":
            parts.append("\n\n")
    return "".join(parts)


def _unwrapped(text: str) -> list[str]:
    """Lines of a paragraph: joined where an editor wrapped them, kept where the writer ended them."""
    kept: list[str] = []
    for block in text.split("\n\n"):
        joins = False
        for line in map(_tidy, block.split("\n")):
            if not line:
                continue
            if kept and (joins or (line[0].islower() and not _END.search(kept[-1][-1]))):
                kept[-1] = f"{kept[-1]} {line}"
            else:
                kept.append(line)
            joins = len(line) >= WRAPPED_FROM
    return kept


def _tidy(text: str) -> str:
    return " ".join(text.split())


def _ended(text: str) -> str:
    return f"{text.rstrip(',،;')}." if text and text[-1] not in _ENDERS + ":" + _CLOSERS else text
