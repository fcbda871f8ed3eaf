"""Written text as it is said, for every voice: prices, times, dates, telephone numbers, addresses. Pure.

Captions and the stored transcript keep what was written; only a voice is given what `say` returns. English and Arabic
have rules of their own; of other languages only the marks for the eye are taken away.
"""

from __future__ import annotations

from agent_worker.providers.spoken.arabic import say_in_arabic
from agent_worker.providers.spoken.english import say_in_english
from agent_worker.providers.spoken.marks import without_markup

__all__ = ["say", "say_in_arabic", "say_in_english", "without_markup"]


def say(text: str, language: str) -> str:
    """`text` in words that every voice of its language reads alike.

    `language` is the call's: a text whose letters are mostly of another script is said by the rules of that.
    """
    match language_of_letters(text, language):
        case "en":
            return say_in_english(text)
        case "ar":
            return say_in_arabic(text)
    return " ".join(without_markup(text).split())


def language_of_letters(text: str, otherwise: str) -> str:
    """ "en" or "ar" where a text in a call of the one is written in the letters of the other."""
    if otherwise not in ("en", "ar"):
        return otherwise
    arabic = sum("\u0600" <= letter <= "\u06ff" for letter in text if letter.isalpha())
    latin = sum(letter.isascii() for letter in text if letter.isalpha())
    if not arabic and not latin:
        return otherwise
    if otherwise == "ar":
        # A name or an address in Latin letters leaves an Arabic sentence Arabic.
        return "ar" if arabic * 3 >= latin else "en"
    return "ar" if arabic > latin * 3 else "en"
