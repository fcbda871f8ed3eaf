"""JSON Lines: an article a line, {"id", "title", "body", "language"?, "valid_from"?, "valid_until"?, "variants"?}."""

from __future__ import annotations

import json
from pathlib import Path
from zoneinfo import ZoneInfo

from knowledge.reading.drafts import BadInput, Draft, make_draft


def read(path: Path, zone: ZoneInfo, *, name: str = "") -> list[Draft]:
    return [make_draft(place, fields, zone) for place, fields in objects(path, name=name)]


def objects(path: Path, *, name: str = "") -> list[tuple[str, dict[str, object]]]:
    """Each line's object, and where it stands. Empty lines count but say nothing. BadInput names the line.

    `name` is what its owner calls the file, if it is stored under another name.
    """
    name = name or str(path)
    try:
        # Split at line feeds only: U+2028 and the like may stand inside a JSON string.
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise BadInput(name, "%(problem)s", problem=error.strerror or error) from None
    found: list[tuple[str, dict[str, object]]] = []
    for number, line in enumerate(lines, start=1):
        place = f"{name}, line {number}"
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            if not text:
                continue
            value = json.loads(text)
        except UnicodeDecodeError:
            raise BadInput(place, "not UTF-8 text") from None
        except (ValueError, RecursionError) as error:  # a number of too many digits is no JSONDecodeError
            reason = getattr(error, "msg", "nested too deeply")
            raise BadInput(place, "not JSON (%(problem)s)", problem=reason) from None
        if not isinstance(value, dict):
            raise BadInput(place, "not a JSON object")
        found.append((place, value))
    return found
