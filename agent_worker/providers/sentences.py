"""Where a sentence ends, in text that is still being written: a voice begins with the first one as soon as it is whole.

livekit's own splitter waits for a sentence of twenty letters and the beginning of the next, and reads "Dr." and
"a.m." as ends of sentences wherever a capital follows. Arabic has no capitals, and marks of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from livekit.agents import tokenize
from livekit.agents.tokenize import TokenData
from livekit.agents.utils import shortuuid

SHORTEST = 8  # letters and digits; less is spoken together with what follows
LONGEST = 220  # characters; a longer sentence is spoken in parts, broken off at a comma
END = re.compile(r"""[.!?؟…۔।॥。！？]+["'”’»)\]]*(?=\s|$)|\n""")
COMMA = re.compile(r"[,،;؛:](?=\s)")
# They stand before a name or a number, so nothing ends with them.
NEVER_LAST = {
    "mr",
    "mrs",
    "ms",
    "dr",
    "prof",
    "st",
    "sh",
    "eng",
    "vs",
    "approx",
    "tel",
    "ext",
    "incl",
    "excl",
    "e.g",
    "i.e",
}
NEVER_LAST |= {"fig", "min", "max", "د", "أ.د", "م", "ص.ب", "ت"}
# They end a sentence when a new one follows, which a small letter or a digit tells.
SOMETIMES_LAST = {
    "a.m",
    "p.m",
    "am",
    "pm",
    "etc",
    "inc",
    "ltd",
    "co",
    "rd",
    "ave",
    "blvd",
    "jr",
    "u.a.e",
    "no",
    "nos",
    "hr",
    "hrs",
    "mins",
}


class SentenceSplitter(tokenize.SentenceTokenizer):
    """Its sentences joined are the text again. A line that ends is whole, whatever it ends with."""

    def tokenize(self, text: str, *, language: str | None = None) -> list[str]:
        return sentences(text)

    def stream(self, *, language: str | None = None) -> SentenceStream:
        return SentenceStream()


class SentenceStream(tokenize.SentenceStream):
    def __init__(self) -> None:
        super().__init__()
        self._rest = ""
        self._segment = shortuuid()

    def push_text(self, text: str) -> None:
        self._check_not_closed()
        self._rest += text
        start = 0
        for end in ends(self._rest, is_growing=True):
            self._send(self._rest[start:end])
            start = end
        self._rest = self._rest[start:]

    def flush(self) -> None:
        self._check_not_closed()
        for sentence in sentences(self._rest):
            self._send(sentence)
        self._rest = ""

    def end_input(self) -> None:
        self.flush()
        self._do_close()

    async def aclose(self) -> None:
        self._do_close()

    def _send(self, sentence: str) -> None:
        self._event_ch.send_nowait(TokenData(segment_id=self._segment, token=sentence))


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with the spaces behind it."""
    bounds = [0, *ends(text, is_growing=False)]
    if bounds[-1] < len(text):
        bounds.append(len(text))
    return [text[start:end] for start, end in pairwise(bounds)]


def ends(text: str, *, is_growing: bool) -> Iterator[int]:
    """Where a sentence ends and the next begins; of a text that grows, only where more words could not change it."""
    start = 0
    for mark in END.finditer(text):
        end = _behind(text, mark.end())
        if is_growing and not _is_certain(text, mark, end):
            break
        if mark[0] != "\n":
            while start + LONGEST < mark.end() and (early := _early(text, start)):
                start = early
                yield start
        is_short = sum(letter.isalnum() for letter in text[start:end]) < SHORTEST
        if not _is_end(text, mark, end) or (is_short and (mark[0] != "\n" or not text[start:end].strip())):
            continue
        yield end
        start = end
    while len(text) - start > LONGEST and (early := _early(text, start)):
        start = early
        yield start


def _behind(text: str, at: int) -> int:
    """The place of the next word."""
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _is_certain(text: str, mark: re.Match[str], end: int) -> bool:
    """Is enough written to tell? A mark needs the space behind it, an abbreviation the word behind that."""
    if mark[0] == "\n":
        return True
    return mark.end() < len(text) and (end < len(text) or _word_before(text, mark) not in SOMETIMES_LAST)


def _is_end(text: str, mark: re.Match[str], end: int) -> bool:
    if mark[0] == "\n" or mark[0][0] != "." or mark[0].startswith(".."):
        return True
    word = _word_before(text, mark)
    if word in NEVER_LAST or (len(word) == 1 and word.isalpha() and word.isascii()):
        return False
    if re.fullmatch(r"\d{1,2}", word) and re.search(r"(?:^|\n)\s*$", text[: mark.start() - len(word)]):
        return False  # the number of a line in a list
    if word in SOMETIMES_LAST and end < len(text):
        return not (text[end].islower() or text[end].isdigit())
    return True


def _word_before(text: str, mark: re.Match[str]) -> str:
    found = re.search(r"[^\s(\"'“‘«]+$", text[: mark.start()])
    return found[0].casefold() if found else ""


def _early(text: str, start: int) -> int:
    """Behind the last comma within the first LONGEST characters, 0 if there is none."""
    commas = [mark.end() for mark in COMMA.finditer(text, start + SHORTEST, start + LONGEST)]
    return _behind(text, commas[-1]) if commas else 0
