"""The words of a language that the responder without a model knows, one file a language."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any


@cache
def words() -> tuple[dict[str, Any], ...]:
    """The files of all languages: a visitor may use words of any of them in one call."""
    return tuple(
        tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(Path(__file__).parent.glob("*.toml"))
    )


def every(section: str, key: str) -> list[str]:
    """The entries of one list, of all languages."""
    return [entry for language in words() for entry in language[section].get(key, [])]


def keys(section: str) -> list[str]:
    return list(dict.fromkeys(key for language in words() for key in language[section] if key != "parts"))


def any_of(entries: Iterable[str], *, whole: bool = False) -> re.Pattern[str]:
    """Matches any of the entries: as whole words somewhere in a text, or as the `whole` text."""
    entries = list(entries)
    joined = "|".join(sorted(entries, key=len, reverse=True)) or r"(?!)"
    return re.compile(rf"^(?:{joined})$" if whole else rf"\b(?:{joined})\b")
