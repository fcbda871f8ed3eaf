"""What was said of a file while it was read, stored with its facts apart and shown in the language of the page."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext as _

from knowledge.reading.saying import Sentence

_PART = re.compile(r"(?P<name>.+), (?P<unit>row|line) (?P<number>\d+)", re.DOTALL)


def in_words(sentence: Sentence) -> str:
    """In the language of whoever is shown it."""
    place = sentence.place
    if part := _PART.fullmatch(place):
        words = _("%(name)s, row %(number)s") if part["unit"] == "row" else _("%(name)s, line %(number)s")
        place = words % part.groupdict()
    return replace(sentence, place=place).said(_(sentence.words))


if TYPE_CHECKING:
    _Text = models.TextField["Sentence | None", "Sentence | None"]
else:
    _Text = models.TextField


class SentenceField(_Text):
    """A Sentence as JSON in a text column; None, stored as the empty text, if there is nothing to say."""

    def from_db_value(self, value: str, *_: object) -> Sentence | None:
        return Sentence(**json.loads(value)) if value else None

    def to_python(self, value: Any) -> Any:
        return self.from_db_value(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> Any:
        return json.dumps(value.as_json(), ensure_ascii=False) if isinstance(value, Sentence) else ""

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs
