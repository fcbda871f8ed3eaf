"""What is said of a file, in English with its facts apart, so that a page can say it in its reader's language.

Readers run in a child without Django, and what they say is stored: so nothing is translated here. The words are the
msgid; pages say them by knowledge.saying.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sentence:
    """`words` with a %(name)s for each of `facts`; `place` is what they are said of: a file, perhaps a line in it."""

    words: str
    facts: Mapping[str, object] = field(default_factory=dict)
    place: str = ""

    def __str__(self) -> str:
        """In English, for commands and logs."""
        return self.said(self.words)

    def said(self, words: str) -> str:
        """The sentence, with `words` in another language in place of its own."""
        clause = words % self.facts
        stop = "" if clause.endswith((".", "؟", "!")) else "."
        return f"{self.place}: {clause}{stop}" if self.place else f"{clause}{stop}"

    def as_json(self) -> dict[str, object]:
        facts = {name: fact if isinstance(fact, int) else str(fact) for name, fact in self.facts.items()}
        return {"words": self.words, "facts": facts, "place": self.place}


class Unreadable(Exception):
    """Why a file gives nothing, as the end of a sentence that begins with its name."""

    def __init__(self, words: str, /, **facts: object) -> None:
        super().__init__(words, facts)
        self.words, self.facts = words, facts

    def __str__(self) -> str:
        return self.words % self.facts


def translatable(words: str) -> str:
    """Marks words that are said elsewhere as words with a translation."""
    return words
