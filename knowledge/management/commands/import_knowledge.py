import json
import sys
import time
from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from concierge.models import Venue
from knowledge.importing import counts, import_drafts, read_all
from knowledge.reading.drafts import BadInput

SECONDS_BETWEEN_LINES = 2


class Command(BaseCommand):
    help = "Import articles from files, folders, web pages and sitemaps, all of them or none."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("venue", help="the venue's slug")
        parser.add_argument(
            "paths",
            nargs="+",
            metavar="path",
            help="a file or a folder of them (.md, .csv, .xlsx, .docx, .pdf, .html, .jsonl), or an address",
        )
        parser.add_argument("--publish", action="store_true", help="make them searchable at once")
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: object, **options: object) -> None:
        try:
            venue = find_venue(str(options["venue"]))
            drafts = read_all(options["paths"], venue)  # type: ignore[arg-type]
            imported = import_drafts(
                venue, drafts, publish=bool(options["publish"]), progress=progress_on(self.stderr.write)
            )
        except BadInput as error:
            self.stderr.write(str(error))
            sys.exit(2)
        published = sum(one.is_published for one in imported)
        if options["json"]:
            articles = [{"id": one.article, "language": one.language, "outcome": one.outcome} for one in imported]
            outcome = {"venue": venue.slug, **counts(imported), "published": published, "articles": articles}
            self.stdout.write(json.dumps(outcome, ensure_ascii=False))
        else:
            tally = ", ".join(f"{number} {name}" for name, number in counts(imported).items())
            self.stdout.write(f"{venue.slug}: {tally}; {published} published.")


def find_venue(slug: str) -> Venue:
    venue = Venue.objects.filter(slug=slug).first()
    if venue is None:
        words = "There is no venue '%(id)s'. Make it with: manage.py create_venue %(id)s --host HOST"
        raise BadInput("", words, id=slug)
    return venue


def progress_on(say):  # type: ignore[no-untyped-def]
    """A line now and then, and none at all for work that is done in a moment."""
    last = time.monotonic()

    def progress(done: int, of: int) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            say(f"Reading the passages for search: {done} of {of}")

    return progress
