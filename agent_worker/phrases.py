"""The fixed sentences of the agent: what it says when it does not speak from the venue's knowledge.

They stand in prompts/phrases.<language>.toml, the same keys in each; `$name` and the like are facts.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from string import Template

FOLDER = Path(__file__).parent / "prompts"
DEFAULT_LANGUAGE = "en"


def phrase(language: str, key: str, **facts: str) -> str:
    """The sentence `key` in `language`, or in English where nobody has written that language yet.

    Raises KeyError for a key that does not exist or a fact that is missing.
    """
    return Template(_phrases(language)[key]).substitute(facts)


def phrases(language: str) -> dict[str, str]:
    """All sentences of a language, facts not filled in."""
    return dict(_phrases(language))


def fixed(language: str, **facts: str) -> list[str]:
    """The sentences that are always the same in a venue, with such `facts` as are known."""
    known = {name: value for name, value in facts.items() if value}
    texts = [Template(text).safe_substitute(known) for text in _phrases(language).values()]
    return [text for text in texts if "$" not in text]


def languages() -> list[str]:
    return sorted(path.suffixes[0][1:] for path in FOLDER.glob("phrases.*.toml"))


@cache
def _phrases(language: str) -> dict[str, str]:
    if language not in languages():
        language = DEFAULT_LANGUAGE
    return tomllib.loads((FOLDER / f"phrases.{language}.toml").read_text(encoding="utf-8"))
