"""Bytes to text when nobody says in which encoding: UTF-8, UTF-16 with its mark, else the likeliest old code page."""

from __future__ import annotations

import codecs
import re

from knowledge.reading.sections import Unreadable

# The letters that make up more than half of any text in the language, in the code pages that it was written in.
_OFTEN = {
    "cp1256": "اليمونرتبةعد",
    "iso8859-6": "اليمونرتبةعد",
    "cp1251": "оеаинтсрвлкм",
    "cp1252": "éèàçêôùäöüßñáíóúãâîœ",
}
_MARKS = [(codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")]
_SAMPLE = 200_000  # bytes


def decode(raw: bytes, said: str = "") -> str:
    """The text. `said` is what a header claims; it counts only if the bytes agree. Raises Unreadable."""
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return _strictly(raw, name)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if said:
        try:
            return raw.decode(said)
        except (LookupError, UnicodeDecodeError):
            pass
    if b"\0" in raw[:_SAMPLE]:
        raise Unreadable("is not text")
    return _strictly(raw, _likeliest(raw[:_SAMPLE]))


def _strictly(raw: bytes, name: str) -> str:
    try:
        return raw.decode(name)
    except UnicodeDecodeError:
        raise Unreadable("is broken text: its letters are in no encoding that we know; save it as UTF-8") from None


def _likeliest(raw: bytes) -> str:
    best, most = "", 0.0
    for name, often in _OFTEN.items():
        try:
            words = re.findall(r"\w*[^\W\x00-\x7f]\w*", raw.decode(name))
        except UnicodeDecodeError:
            continue
        foreign = "".join(words)
        foreign = re.sub(r"[\x00-\x7f]", "", foreign)
        share = sum(letter.casefold() in often for letter in foreign) / max(len(foreign), 1)
        score = share * sum(map(_is_of_one_script, words)) / max(len(words), 1)
        if score > most:
            best, most = name, score
    if most < 0.3:
        raise Unreadable("is broken text: its letters are in no encoding that we know; save it as UTF-8")
    return best


def _is_of_one_script(word: str) -> bool:
    """Arabic and Cyrillic words have no Latin letters; words with accents have more letters without."""
    plain = sum(letter.isascii() and letter.isalpha() for letter in word)
    accents = sum("\u00c0" <= letter <= "\u024f" for letter in word)
    others = sum(letter.isalpha() for letter in word) - plain - accents
    return not (plain or accents) if others else plain >= accents
