"""Telephone, card and Emirates-ID numbers become dots before what was said is stored or shown to staff.

A number is written in digits of any script, in groups or one by one, or told digit by digit in English or Arabic words
("zero five zero ...", "صفر خمسة صفر ..."). What a venue publishes itself stays as it is.

Not caught: numbers told in tens ("fifty, one twenty"), digit words of other languages, a number that is told in two
turns, and local numbers of seven digits. Caught though harmless: a booking code of ten digits or more. What the agent
remembers during the call, and CallBack, keep the number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from concierge.models import Notice, Venue
from knowledge.models import IndexRevision, Version

DOT = "•"
FEWEST_DIGITS = 7  # what has fewer is no number of a person
# Spoken digit by digit, each language's words from zero to nine.
DIGIT_WORDS = {
    word: str(digit)
    for digit, words in enumerate(
        [
            "zero oh o صفر",
            "one واحد واحدة",
            "two اثنان اثنين إثنان إثنين",
            "three ثلاثة ثلاث",
            "four أربعة أربع اربعة اربع",
            "five خمسة خمس",
            "six ستة ست",
            "seven سبعة سبع",
            "eight ثمانية ثمان ثماني",
            "nine تسعة تسع",
        ]
    )
    for word in words.split()
}
TIMES = {"double": 2, "triple": 3}

_WORD = "|".join(sorted(DIGIT_WORDS, key=len, reverse=True))
_TOKEN = re.compile(rf"(\d+)|\b(?:(double|triple)[ -])?(?:(?<=[ -])(\d)|({_WORD}))\b", re.IGNORECASE)
_BETWEEN = re.compile(r"[ \u00a0\u202f]{0,2}|[ \u00a0]?[-‐‑–][ \u00a0]?|[./]|\)[ \u00a0]?|[ \u00a0]?\([ \u00a0]?")
_BETWEEN_DIGITS = re.compile(r"[,،؛;] ?|\.{1,3} |[ ]?…[ ]?")  # only where each is told alone
_PLUS = re.compile(r"(?:\+|\bplus\b|\bزائد\b)[ (-]{0,2}$", re.IGNORECASE)
_DATE_OR_TIME = re.compile(
    r"(?<!\d)(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4}|\d{1,2}[:٫]\d{2})(?!\d)"
)
# Which lengths the card schemes give to numbers that begin like this.
_CARD = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(?:0|6|8|9)\d{12}|(?:6\d|35)\d{14,17}"
)
_EMIRATES_ID = re.compile(r"784(?:19|20)\d{10}")


@dataclass(frozen=True)
class _Token:
    """A group of digits, or a word for one."""

    start: int
    end: int
    digits: str
    is_one: bool  # told alone, perhaps as "double four"


@dataclass(frozen=True)
class _Run:
    """Tokens that may be one number, as far as what stands between them says."""

    tokens: Sequence[_Token]
    has_plus: bool
    is_tight: bool  # no plain blank between its groups

    @property
    def digits(self) -> str:
        return "".join(token.digits for token in self.tokens)


def masked(text: str, venue: Venue, *, asks_rows: bool = True) -> str:
    """`text` with a dot for each digit, or word for one, of somebody's number. Unchanged if the venue masks nothing.

    Without `asks_rows` no row is read: of the published numbers only those count that this process read before.
    """
    if not venue.masks_numbers:
        return text
    runs = list(_runs(text))
    if not any(map(_is_private, runs)):
        return text
    own = published(venue) if asks_rows else _known(venue)
    out = list(text)
    for part in (part for run in runs for part in _without(run, own)):
        if _is_private(part):
            for token in part.tokens:
                written = text[token.start : token.end]
                out[token.start] = DOT * (len(written) if written.isdigit() else len(token.digits))
                out[token.start + 1 : token.end] = [""] * (token.end - token.start - 1)
    return "".join(out)


# Is it somebody's number?


def _is_private(run: _Run) -> bool:
    digits, tokens = run.digits, run.tokens
    if len(digits) < FEWEST_DIGITS:
        return False
    return _is_told_one_by_one(tokens) or _is_phone(run) or any(map(_is_card_or_id, _windows(tokens)))


def _is_told_one_by_one(tokens: Sequence[_Token]) -> bool:
    alone = [int(digit) for token in tokens if token.is_one for digit in token.digits]
    # 1, 2, 3, ... is counting.
    return len(alone) >= FEWEST_DIGITS and any(then - now != 1 for now, then in pairwise(alone))


def _is_phone(run: _Run) -> bool:
    digits, groups = run.digits, [len(token.digits) for token in run.tokens]
    length = len(digits)
    if run.has_plus:
        return length >= 8
    if digits[0] == "0":
        return length >= 9
    if digits.startswith("971"):
        return length >= 11
    if digits[0] == "5" and length == 9:  # a UAE mobile without its zero
        return True
    # Groups of one length with blanks between them are prices or years as likely.
    is_list = len(groups) > 1 and len(set(groups)) == 1 and groups[0] < 5
    return length >= 10 and (run.is_tight or (groups[-1] >= 4 and not is_list))


def _is_card_or_id(digits: str) -> bool:
    return bool(_CARD.fullmatch(digits) or _EMIRATES_ID.fullmatch(digits)) and _passes_luhn(digits)


def _passes_luhn(digits: str) -> bool:
    """The check digit of cards, and of Emirates IDs."""
    odd = [int(digit) for digit in digits[::-1][::2]]
    even = [int(digit) * 2 for digit in digits[::-1][1::2]]
    return (sum(odd) + sum(number // 10 + number % 10 for number in even)) % 10 == 0


def _windows(tokens: Sequence[_Token]) -> Iterator[str]:
    """The digits of every stretch of tokens: a card's number may have its date before or after it."""
    for start, end in combinations(range(len(tokens) + 1), 2):
        yield "".join(token.digits for token in tokens[start:end])


# Finding what may be one


def _runs(text: str) -> Iterator[_Run]:
    # Dates and times are no part of a number; a sign that nothing joins takes their place.
    text = _DATE_OR_TIME.sub(lambda found: "\x00" * len(found[0]), text)
    run: list[_Token] = []
    is_tight = True
    for token in _tokens(text):
        if run:
            between = text[run[-1].end : token.start]
            joins = _BETWEEN.fullmatch(between) or (
                run[-1].is_one and token.is_one and _BETWEEN_DIGITS.fullmatch(between)
            )
            if joins:
                run.append(token)
                is_tight = is_tight and (")" in between or not any(sign.isspace() for sign in between))
                continue
            yield _Run(run, _has_plus(text, run[0]), is_tight)
        run, is_tight = [token], True
    if run:
        yield _Run(run, _has_plus(text, run[0]), is_tight)


def _tokens(text: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text):
        written, times, one, word = found.groups()
        digits = written or one or DIGIT_WORDS[word.lower()]
        latin = "".join(str(unicodedata.digit(digit)) for digit in digits)
        is_one = not written or len(written) == 1
        yield _Token(found.start(), found.end(), latin * TIMES.get((times or "").lower(), 1), is_one)


def _has_plus(text: str, first: _Token) -> bool:
    return bool(_PLUS.search(text[max(0, first.start - 10) : first.start]))


# The venue's own


def published(venue: Venue) -> frozenset[str]:
    """The numbers that the venue has written on its page, in its notices and in its live articles, as digits."""
    revision = IndexRevision.objects.filter(venue=venue).values_list("number", flat=True).first() or 0
    known = _written.get(venue.pk)
    if known is None or known[0] != revision:
        bodies = Version.objects.filter(live_for__article__venue=venue).values_list("title", "body")
        known = _written[venue.pk] = (revision, frozenset(_numbers(words for row in bodies for words in row)))
    page = [words for row in venue.texts.values_list("headline", "intro", "greeting", "address") for words in row]
    notices = Notice.objects.filter(venue=venue).values_list("text", flat=True)
    return known[1] | _numbers([venue.desk_phone, *page, *notices])


# By venue: the index revision, and the numbers in its articles.
_written: dict[int, tuple[int, frozenset[str]]] = {}


def _known(venue: Venue) -> frozenset[str]:
    return _written.get(venue.pk, (0, frozenset[str]()))[1] | _numbers([venue.desk_phone])


def _numbers(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(run.digits for text in texts for run in _runs(text) if len(run.digits) >= FEWEST_DIGITS)


def _without(run: _Run, own: Collection[str]) -> Iterator[_Run]:
    """The run, or what is left of it before and after a number of the venue's own."""
    longest = max(map(len, own), default=0) + 5  # as with 00971 before it
    for start in range(len(run.tokens)):
        digits = ""
        for end, token in enumerate(run.tokens[start:], start + 1):
            digits += token.digits
            if len(digits) > longest:
                break
            if any(_is_same(digits, number) for number in own):
                if start:
                    yield _Run(run.tokens[:start], run.has_plus, run.is_tight)
                if end < len(run.tokens):
                    yield from _without(_Run(run.tokens[end:], has_plus=False, is_tight=run.is_tight), own)
                return
    yield run


def is_same_number(one: str, other: str) -> bool:
    """Are the numbers in these texts the same, however written?"""
    mine, theirs = ("".join(token.digits for token in _tokens(text)) for text in (one, other))
    return _is_same(mine, theirs)


def _is_same(one: str, other: str) -> bool:
    """With or without the country before it."""
    shorter, longer = sorted((one.lstrip("0"), other.lstrip("0")), key=len)
    return len(shorter) >= FEWEST_DIGITS and longer.endswith(shorter) and len(longer) - len(shorter) <= 3
