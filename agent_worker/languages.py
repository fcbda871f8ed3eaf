"""The language of a conversation: asked for in words, or heard in the visitor's first turn.

Whoever says nothing but "can we speak Arabic please", in any of the languages that we have words for, is answered in
it from then on. What was heard or typed in another language of the venue than the page's decides too, but in the first
turn only: later a foreign word is more often a name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from django.conf.locale import LANG_INFO
from django.utils import translation
from django.utils.text import get_text_list

from agent_worker.providers.intents import bare, is_courtesy, language_of, plain
from agent_worker.providers.words import words

SHORTEST_DECISION = 2  # words of a first turn from which on its language counts


@dataclass(frozen=True)
class Ask:
    """`code` is the language that was asked for; `rest` is what was said beside that."""

    code: str
    rest: str = ""


def asked_for(text: str) -> Ask | None:
    """The language that a visitor asks to go on in, if a sentence of theirs says nothing else."""
    sentences = [part for part in re.split(r"(?<=[.!?؟])\s+", text.strip()) if part.strip()]
    for place, sentence in enumerate(sentences):
        said = bare(plain(sentence))
        found = _shapes().match(said) if said else None
        if found:
            named = next(name for name in found.groups() if name)
            rest = " ".join(sentences[:place] + sentences[place + 1 :])
            return Ask(_names()[named], "" if is_courtesy(rest) else rest)
    return None


def first_language(text: str, heard_in: str | None, current: str, languages: list[str]) -> str | None:
    """The language that a visitor's first turn decides on; None where it decides nothing.

    `heard_in` is what the ear says; of typed words (None) the letters tell.
    """
    told = (heard_in or "").split("-")[0] or language_of(text, current)
    if told not in languages:
        return None
    if told != current and is_courtesy(text) and len(text.split()) < SHORTEST_DECISION:
        return None  # "Hello" is said in every language
    return told


def name_of(code: str, language: str) -> str:
    """What a language is called in another: "Arabic", "العربية"."""
    with translation.override(language):
        try:
            return str(translation.get_language_info(code)["name_translated"])
        except KeyError:
            return code


def listed(codes: Sequence[str], language: str) -> str:
    """Such as "English or Arabic"."""
    with translation.override(language):
        return get_text_list([name_of(code, language) for code in codes])


@cache
def _names() -> dict[str, str]:
    """What languages are called, in the plain shape of intents.plain, and their codes."""
    names: dict[str, str] = {}
    for code, about in LANG_INFO.items():
        if "name" in about and "-" not in code:
            names |= {plain(about["name"]): code, plain(about["name_local"]): code}
    for language in words():
        for code, known in language["languages"]["names"].items():
            names |= dict.fromkeys(known, code)
    return {name: code for name, code in names.items() if name}


@cache
def _shapes() -> re.Pattern[str]:
    named = "|".join(sorted(map(re.escape, _names()), key=len, reverse=True))
    shapes = [shape for language in words() for shape in language["languages"]["asks"]]
    return re.compile("|".join(f"^(?:{shape.replace('{language}', f'({named})')})$" for shape in shapes))
