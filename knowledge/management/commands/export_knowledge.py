import os
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand

from knowledge.exporting import export
from knowledge.management.commands.import_knowledge import find_venue
from knowledge.reading.drafts import BadInput


class Command(BaseCommand):
    help = "Write all that a venue has written into a zip: Markdown files, articles.jsonl, drafts.jsonl, golden.jsonl."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("venue", help="the venue's slug")
        parser.add_argument("path", help="the zip to write; one that is there is replaced")

    def handle(self, *args: object, **options: object) -> None:
        target = Path(str(options["path"]))
        try:
            content = export(find_venue(str(options["venue"])))
            # Aside first, so that a full disk does not cost the export of yesterday.
            with tempfile.NamedTemporaryFile(dir=target.parent, prefix=target.name, delete=False) as file:
                file.write(content)
            os.replace(file.name, target)
        except BadInput as error:
            self.stderr.write(str(error))
            sys.exit(2)
        except OSError as error:
            self.stderr.write(f"{target}: {error.strerror or error}.")
            sys.exit(2)
        self.stdout.write(f"{target}: {len(content):,} bytes.")
