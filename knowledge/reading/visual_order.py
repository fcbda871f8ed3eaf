"""Arabic and Hebrew out of a PDF: from the order in which letters stand on paper to the order in which they are read.

A PDF says where each shape stands, not what was typed. Left to right along a line, a right-to-left word comes out
backwards, the numbers in it do not, and letters may come as presentation forms (one sign for lam-alef). `logical` turns
a line round and then lays it out again (python-bidi): where the result is not what stands on the page, the other
reading is tried. What layout cannot tell (a phone number that was isolated by its author) is put right by what numbers
look like; all numbers are shown to the editor for confirmation beside the picture.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from bidi import get_display

_PRESENTATION = re.compile(r"[\ufb00-\ufdff\ufe70-\ufefc]+")
_TRAILING_PLUS = re.compile(r"(?<![\d+])(\d+(?:[ \u00a0-]\d+)*)\+(?!\d)")
# Stand for one unit of several signs while the line is laid out; they behave as Arabic letters do.
_STAND_INS = [chr(code) for code in range(0x1EE00, 0x1EEF0)]
_MIRROR = str.maketrans("()[]{}<>«»", ")(][}{><»«")


def is_rtl(character: str) -> bool:
    return unicodedata.bidirectional(character) in {"R", "AL"}


def has_rtl(text: str) -> bool:
    return any(map(is_rtl, text))


def whole_letters(text: str) -> str:
    """Presentation forms as the letters that they are. Nothing else is changed (NFKC would turn ² into 2)."""
    return _PRESENTATION.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)


def logical(units: list[str]) -> str:
    """The line that these units, left to right, show in a right-to-left paragraph."""
    units = [whole_letters(unit) if len(unit) == 1 or has_rtl(unit) else unit for unit in units]
    shown, letters, meaning = _single(units)
    for candidate in (
        _turned(letters, joins_all=False),
        _turned(letters, joins_all=True),
        get_display(shown, base_dir="R"),
    ):
        if get_display(candidate, base_dir="R") == shown:
            break
    else:
        candidate = _turned(letters, joins_all=False)
    text = "".join(meaning.get(sign, sign) for sign in candidate)
    # A plus sign leads a number; at its end, the groups were set left to right.
    return _TRAILING_PLUS.sub(lambda found: "+" + " ".join(reversed(found[1].split())), text)


def _single(units: list[str]) -> tuple[str, list[str], dict[str, str]]:
    """One sign a unit, so that a letter with its marks is turned as one."""
    meaning: dict[str, str] = {}
    letters: list[str] = []
    for unit in units:
        if len(unit) > 1 and has_rtl(unit) and len(meaning) < len(_STAND_INS):
            sign = _STAND_INS[len(meaning)]
            meaning[sign] = unit
            letters.append(sign)
        else:
            letters.extend(unit)
    return "".join(letters), letters, meaning


def _kind(sign: str) -> str:
    kind = unicodedata.bidirectional(sign)
    if kind in {"R", "AL"} or 0x1EE00 <= ord(sign) < 0x1EEF0:
        return "R"
    return {"L": "L", "EN": "N", "AN": "N", "CS": "C", "ES": "E"}.get(kind, "O")


def _turned(letters: list[str], *, joins_all: bool) -> str:
    """Backwards, then what runs left to right the right way again. `joins_all`: also numbers around a hyphen."""
    line = [sign.translate(_MIRROR) for sign in reversed(letters)]
    kinds = [_kind(sign) for sign in line]
    out: list[str] = []
    at, after_latin = 0, False
    while at < len(line):
        end = at
        if kinds[at] == "L" or kinds[at] == "N":
            last = at
            while end < len(line) and kinds[end] != "R":
                if kinds[end] == "L" or (kinds[end] == "N" and (end == last + 1 or _is_inside(kinds, end))):
                    last = end
                end += 1
            has_latin = "L" in kinds[at : last + 1]
            if not has_latin:
                last = _number_end(kinds, at, joins_all=joins_all or after_latin)
            run = line[at : last + 1]
            # Brackets within a left-to-right run stand as they are.
            out.extend(sign.translate(_MIRROR) for sign in reversed(run))
            after_latin = has_latin
            at = last + 1
        else:
            if kinds[at] == "R":
                after_latin = False
            out.append(line[at])
            at += 1
    return "".join(out)


def _is_inside(kinds: list[str], at: int) -> bool:
    """Does the number there belong to a Latin run? Yes if Latin follows before Arabic does."""
    return next((kind == "L" for kind in kinds[at:] if kind in "LR"), False)


def _number_end(kinds: list[str], at: int, *, joins_all: bool) -> int:
    """The last place of the number that begins at `at`: digits, and digits after one separator between."""
    last = at
    while last + 1 < len(kinds):
        if kinds[last + 1] == "N":
            last += 1
        elif last + 2 < len(kinds) and kinds[last + 2] == "N" and kinds[last + 1] in ("CE" if joins_all else "C"):
            last += 2
        else:
            break
    return last


def is_turned(lines: Iterable[str]) -> bool:
    """Do these Arabic lines, as they came, read backwards? Told by the article "al-" at the wrong end of words."""
    right = wrong = 0
    for line in lines:
        for word in re.findall(r"[\u0621-\u064a]{4,}", whole_letters(line)):
            right += word.startswith("ال")
            wrong += word.endswith("لا")
    return wrong > right
