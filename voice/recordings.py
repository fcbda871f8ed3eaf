"""The sound of calls: one file a call in RECORDINGS_DIR, named by the call, written by the agent worker.

A file lives as long as its call's row and no longer: whatever deletes the row, the next tick deletes the file, and one
that cannot be deleted is tried again every tick.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from django.conf import settings

from voice.models import Call

logger = logging.getLogger(__name__)

ASKED_AT_ONCE = 500
_NAME = re.compile(r"([0-9a-f-]{36})\.ogg")


def path_of(call: UUID) -> Path:
    return Path(settings.RECORDINGS_DIR) / f"{call}.ogg"


def is_kept(call: Call) -> bool:
    return bool(call.is_recorded and call.recording_began_at) and path_of(call.pk).is_file()


def delete(calls: Iterable[UUID]) -> int:
    """Returns how many files went. What cannot be deleted now is a stray, and is tried again."""
    deleted = 0
    for call in calls:
        try:
            path_of(call).unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            logger.warning("The recording of call %s is not deleted yet: %s", call, error)
            continue
        deleted += 1
    return deleted


def delete_strays() -> int:
    """Delete the files whose call is no more. Returns how many."""
    try:
        found = [match[1] for path in Path(settings.RECORDINGS_DIR).iterdir() if (match := _NAME.fullmatch(path.name))]
    except FileNotFoundError:
        return 0
    strays: list[UUID] = []
    for first in range(0, len(found), ASKED_AT_ONCE):
        some = {UUID(name) for name in found[first : first + ASKED_AT_ONCE]}
        strays += some - set(Call.objects.filter(pk__in=some).values_list("pk", flat=True))
    return delete(strays)
