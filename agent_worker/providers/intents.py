"""What a visitor wants that needs no search: a greeting back, the clock, a person, the end of the call. Pure rules.

Everything that is not plainly one of these is a question for the venue's knowledge. The words are in words/*.toml.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache

from agent_worker.providers.words import any_of, every, keys, words


class Wish(Enum):
    ASKS = "asks"
    GREETS = "greets"
    SALAM = "salam"
    HOW_ARE_YOU = "how_are_you"
    THANKS = "thanks"
    DECLINES = "declines"  # "no, that is all"
    GOODBYE = "goodbye"
    WHO_ARE_YOU = "who_are_you"
    REPEAT = "repeat"
    PERSON = "person"
    OPEN_NOW = "open_now"  # the house, or `place`, at this moment
    OPEN_WHEN = "open_when"  # when it opens or closes, of the house or `place`
    NOTHING = "nothing"  # only "um" and the like


# If several courtesies were said, the first of these is what was meant: "thanks, bye" is a goodbye.
COURTESIES = (Wish.GOODBYE, Wish.DECLINES, Wish.THANKS, Wish.HOW_ARE_YOU, Wish.SALAM, Wish.GREETS)


@dataclass(frozen=True)
class Intent:
    wish: Wish
    place: str = ""


def is_courtesy(text: str) -> bool:
    """Was nothing asked that a venue could have written about?"""
    return intent_of(text).wish not in (Wish.ASKS, Wish.OPEN_NOW, Wish.OPEN_WHEN)


def intent_of(text: str) -> Intent:
    rest, courtesies = _without_courtesies(plain(text))
    if not rest:
        return Intent(next((wish for wish in COURTESIES if wish.value in courtesies), Wish.NOTHING))
    for wish in (Wish.REPEAT, Wish.WHO_ARE_YOU, Wish.PERSON):
        if _wish(wish).match(rest):
            return Intent(wish)
    return _about_hours(rest) or Intent(Wish.ASKS)


def bare(said: str) -> str:
    """A plain text without the courtesies at its ends."""
    return _without_courtesies(said)[0]


def plain(text: str) -> str:
    """Small letters, one space between words, no marks; Arabic letters in their plain shape."""
    text = text.casefold().replace("’", "'").replace("'", "")
    text = re.sub("[\u064b-\u0652\u0640]", "", text)
    text = re.sub("[أإآٱ]", "ا", text).replace("ى", "ي").replace("ة", "ه")
    return " ".join(re.findall(r"\w+", text))


def is_arabic(text: str) -> bool:
    """More Arabic letters than Latin ones, and none that only Persian or Urdu write."""
    if any(letter in "پچژگٹڈڑںےہکی" for letter in text):
        return False
    arabic = sum("\u0600" <= letter <= "\u06ff" for letter in text if letter.isalpha())
    return arabic > sum(letter.isascii() for letter in text if letter.isalpha())


def language_of(text: str, otherwise: str) -> str:
    """The language to answer in: that of the question's letters, else the call's."""
    if is_arabic(text):
        return "ar"
    if otherwise == "ar" and re.search(r"[A-Za-z]{2}", text):
        return "en"
    return otherwise


@cache
def _courtesies() -> list[tuple[str, str]]:
    """(words, kind), the longest first."""
    pairs = [(entry, kind) for kind in keys("courtesies") for entry in every("courtesies", kind)]
    return sorted(pairs, key=lambda pair: -len(pair[0]))


def _without_courtesies(said: str) -> tuple[str, set[str]]:
    """What is left when every courtesy at either end is taken away, and of which kinds they were."""
    found: set[str] = set()
    while said:
        for entry, kind in _courtesies():
            if said == entry or said.startswith(f"{entry} "):
                said = said[len(entry) :].strip()
            elif said.endswith(f" {entry}"):
                said = said[: -len(entry)].strip()
            else:
                continue
            found.add(kind)
            break
        else:
            break
    return said, found


@cache
def _wish(wish: Wish) -> re.Pattern[str]:
    shapes: list[str] = []
    for language in words():
        section = language["wishes"]
        for shape in section[wish.value]:
            for name, part in section["parts"].items():
                shape = shape.replace(f"{{{name}}}", part)
            shapes.append(shape)
    return any_of(shapes, whole=True)


# Opening hours


@cache
def _clock(wish: Wish) -> list[re.Pattern[str]]:
    return [
        re.compile(f"^{shape.replace('{now}', '(?:' + '|'.join(language['hours']['now']) + ')')}$")
        for language in words()
        for shape in language["hours"][wish.value]
    ]


@cache
def _another_day() -> re.Pattern[str]:
    return any_of(every("hours", "another_day"))


def _about_hours(said: str) -> Intent | None:
    if _another_day().search(said):
        return None  # the clock knows this day only; what is written may know more
    for wish in (Wish.OPEN_NOW, Wish.OPEN_WHEN):
        for shape in _clock(wish):
            if found := shape.match(said):
                return Intent(wish, _place(found["place"]))
    return None


def _place(said: str) -> str:
    """The place that is meant, empty for the house itself."""
    house, articles = every("hours", "house"), "|".join(every("hours", "article"))
    bare = re.sub(rf"^(?:{articles})(?: |$)|(?: |^)(?:{articles})$", "", said).strip()
    return "" if said in house or bare in house else bare
