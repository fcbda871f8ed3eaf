"""Words that were not understood, by those of the venue that sound or look nearly like them: "jim" for "gym". Pure.

A recogniser writes what it heard as words that it knows. Each word is brought to what it sounds like, roughly: in Latin
letters as an English speaker reads it, in Arabic letters without the pairs that ears and keyboards mix up. Two words
are near if that is the same, or if one letter of a longer one is missing, added, another, or has changed places.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator

import numpy as np

FEWEST_LETTERS = 3
# Of the sound: shorter ones must be the same.
LONG = 5

_LATIN = [
    (re.compile(pattern), by)
    for pattern, by in (
        (r"^(kn|gn|pn)", "n"),
        (r"^wr", "r"),
        (r"^x", "s"),
        (r"ph", "f"),
        (r"gh(?=t|$)", ""),
        (r"tio(?=n)|sio(?=n)", "so"),
        (r"sch|sh|tch|ch", "x"),
        (r"dg(?=[eiy])|g(?=[eiy])", "j"),
        (r"c(?=[eiy])", "s"),
        (r"ck|c|q", "k"),
        (r"z", "s"),
        (r"th", "t"),
        (r"wh", "w"),
        (r"(?<=[aeiouy])r(?![aeiouy])", ""),  # "spar" and "spa"
        (r"(?<=.)h", ""),
        (r"e$", ""),
        (r"[aeiouy]*y[aeiouy]*|ie|ei|ea|ee", "i"),
        (r"oo|ou|ow|eu|ew|u", "u"),
        (r"au|aw|oa", "o"),
        (r"ai|ay", "e"),
        (r"(.)\1+", r"\1"),
    )
]
_ARABIC = str.maketrans("صثطضظذقغحعةى", "سستدززككهاهي")
_ARABIC_LETTER = re.compile("[\u0600-\u06ff]")


def sound(word: str) -> str:
    """What a folded word sounds like. Words in other letters are taken as they are."""
    if word.isascii():
        for pattern, by in _LATIN:
            word = pattern.sub(by, word)
        return word
    if _ARABIC_LETTER.match(word):
        word = word.removeprefix("ال") if len(word) > FEWEST_LETTERS + 1 else word
        return word.translate(_ARABIC)
    return word


class Heard:
    """The words of some texts, to be found by what sounds nearly like them. 12 bytes a spelling with a letter left out.

    Two words that differ in one letter have a spelling in common if that letter is left out of both.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._words = sorted(word for word in words if len(word) >= FEWEST_LETTERS and word.isalpha())
        self._sounds = [sound(word) for word in self._words]
        marks = [
            (zlib.crc32(part.encode()), number)
            for number, heard in enumerate(self._sounds)
            for part in _spellings(heard)
        ]
        marks.sort()
        self._marks = np.array([mark for mark, _ in marks], np.uint32)
        self._numbers = np.array([number for _, number in marks], np.int32)

    def like(self, word: str) -> dict[str, int]:
        """Words near this one, and how far: 0 for the same sound, 1 for one letter."""
        heard = sound(word)
        found: dict[str, int] = {}
        for part in _spellings(heard):
            mark = np.uint32(zlib.crc32(part.encode()))
            first, last = np.searchsorted(self._marks, [mark, mark + 1] if mark < 2**32 - 1 else [mark, mark])
            for number in self._numbers[first:last].tolist():
                other = self._sounds[number]
                if other == heard:
                    found[self._words[number]] = 0
                elif min(len(heard), len(other)) >= LONG and _is_one_apart(heard, other):
                    found.setdefault(self._words[number], 1)
        return found


def _spellings(heard: str) -> Iterator[str]:
    yield heard
    if len(heard) >= LONG:
        for at in range(len(heard)):
            yield heard[:at] + heard[at + 1 :]


def _is_one_apart(one: str, other: str) -> bool:
    """Is one letter missing, another, or in its neighbour's place?"""
    if abs(len(one) - len(other)) > 1 or one[0] != other[0]:
        return False
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    if len(one) == len(other):
        swapped = one[at + 1 : at + 2] + one[at : at + 1] + one[at + 2 :]
        return one[at + 1 :] == other[at + 1 :] or swapped == other[at:]
    shorter, longer = sorted((one, other), key=len)
    return shorter[at:] == longer[at + 1 :]
