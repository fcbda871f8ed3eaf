import sys
from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from concierge.models import Venue
from knowledge.indexing import reindex_venue
from knowledge.management.commands.import_knowledge import find_venue, progress_on
from knowledge.reading.drafts import BadInput


class Command(BaseCommand):
    help = "Make passages anew where chunking or the embedder has changed since. Nothing to do takes a moment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("venues", nargs="*", metavar="venue", help="slugs; every venue by default")

    def handle(self, *args: object, **options: object) -> None:
        slugs: list[str] = options["venues"]  # type: ignore[assignment]
        try:
            venues = [find_venue(slug) for slug in slugs] or list(Venue.objects.all())
        except BadInput as error:
            self.stderr.write(str(error))
            sys.exit(2)
        for venue in venues:
            changed = reindex_venue(venue, progress=progress_on(self.stderr.write))
            self.stdout.write(f"{venue.slug}: {changed} of its texts indexed anew.")
