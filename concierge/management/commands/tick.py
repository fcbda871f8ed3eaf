"""What has to happen by itself: versions go live in time, calls that nobody ended are ended, old calls are deleted,
imported addresses are read again.

Nothing in Django schedules by itself, so this process runs beside the others.
"""

import argparse
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections

from knowledge.intake import delete_old, free_stalled, read_due_again
from knowledge.scheduling import publish_due
from voice.retention import delete_expired, end_stale_calls
from voice.review import review_overdue

EVERY = timedelta(seconds=30)
CHORES: dict[str, Callable[[], int]] = {
    "scheduled versions published": publish_due,
    "stale calls ended": end_stale_calls,
    "calls reviewed late": review_overdue,
    "calls past their retention deleted": delete_expired,
    "addresses to be read again": read_due_again,
    "interrupted imports freed": free_stalled,
    "old imports deleted": delete_old,
}

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Every 30 seconds: publish what is due, end stale calls, delete what was kept long enough."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="Do it once and stop.")

    def handle(self, *, once: bool, **options: Any) -> None:
        while True:
            tick()
            if once:
                return
            time.sleep(EVERY.total_seconds())


def tick() -> None:
    """Do each chore once. One that fails is logged and tried again the next time; the others go on."""
    for outcome, chore in CHORES.items():
        close_old_connections()
        try:
            count = chore()
        except Exception:
            logger.exception("A chore failed: %s", outcome)
            continue
        if count:
            logger.info("%d %s", count, outcome)
    close_old_connections()
