from typing import Any

from django.core.management.base import BaseCommand

from voice.retention import end_stale_calls


class Command(BaseCommand):
    help = "End the calls that nobody ended: the visitor never came, the room is gone, or far over time."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{end_stale_calls()} calls ended.")
