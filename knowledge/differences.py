"""What differs between two texts, word by word, as somebody reads it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
# Above this, comparing word by word takes seconds; such a stretch is shown as replaced as a whole.
MOST_WORDS = 3_000


@dataclass(frozen=True)
class Stretch:
    kind: str  # same, gone or new
    text: str


def differences(before: str, after: str) -> list[Stretch]:
    """Both texts in reading order: the stretches without `gone` make `after`, those without `new` make `before`."""
    found: list[Stretch] = []
    for kind, text in _by_line(before.splitlines(keepends=True), after.splitlines(keepends=True)):
        if text and found and found[-1].kind == kind:
            found[-1] = Stretch(kind, found[-1].text + text)
        elif text:
            found.append(Stretch(kind, text))
    return found


def _by_line(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str, str]]:
    for tag, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield "same", "".join(before[i:j])
        else:
            yield from _by_word("".join(before[i:j]), "".join(after[k:m]))


def _by_word(before: str, after: str) -> Iterator[tuple[str, str]]:
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) > MOST_WORDS or len(new) > MOST_WORDS:
        yield "gone", before
        yield "new", after
        return
    opcodes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    gone: list[str] = []
    added: list[str] = []
    for tag, i, j, k, m in opcodes:
        kept = "".join(old[i:j])
        # A lone space between two changed words belongs to the change: else every second word is struck through.
        if tag == "equal" and (kept.strip() or not (gone or added)):
            yield "gone", "".join(gone)
            yield "new", "".join(added)
            gone, added = [], []
            yield "same", kept
        else:
            gone.append(kept)
            added.append("".join(new[k:m]))
    yield "gone", "".join(gone)
    yield "new", "".join(added)
