import json
from argparse import ArgumentParser
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from concierge.models import Domain, Venue, VenueText


class Command(BaseCommand):
    help = "Creates a venue with its host name. Its words, hours and articles are written on the console."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="The venue's short name in addresses and commands, such as palm.")
        parser.add_argument("--host", required=True, help="The host name of its page, such as concierge.palmhotel.ae.")
        parser.add_argument("--languages", default="en", help="Codes with commas, the first is the default: en,ar.")
        parser.add_argument("--name", default="", help="What the venue is called; its slug by default.")
        parser.add_argument("--kind", default=Venue.Kind.OTHER, help=f"One of {', '.join(Venue.Kind.values)}.")
        parser.add_argument("--timezone", default="Asia/Dubai")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        languages = read_languages(options["languages"])
        check_timezone(options["timezone"])
        name = options["name"] or options["slug"].replace("-", " ").title()
        try:
            with transaction.atomic():
                venue = Venue(
                    slug=options["slug"], kind=options["kind"], languages=languages, timezone=options["timezone"]
                )
                venue.full_clean()
                venue.save()
                domain = Domain(venue=venue, host=options["host"])
                domain.full_clean()
                domain.save()
                for language in languages:
                    text = VenueText(venue=venue, language=language, name=name)
                    text.full_clean()
                    text.save()
        except ValidationError as error:
            raise CommandError(sentence(error, options), returncode=2) from None

        if options["json"]:
            created = {"slug": venue.slug, "host": domain.host, "languages": languages, "name": name}
            self.stdout.write(json.dumps(created, ensure_ascii=False))
        else:
            self.stdout.write(f"{name} ({venue.slug}) answers on {domain.host} in {', '.join(languages)}.")


def read_languages(codes: str) -> list[str]:
    known = dict(settings.LANGUAGES)
    languages = list(dict.fromkeys(code.strip().lower() for code in codes.split(",") if code.strip()))
    if not languages:
        raise CommandError(f"--languages is empty: choose from {', '.join(known)}.", returncode=2)
    for code in languages:
        if code not in known:
            raise CommandError(f"{code!r} is no language of this site: choose from {', '.join(known)}.", returncode=2)
    return languages


def check_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CommandError(f"{name!r} is no time zone: write one such as Asia/Dubai.", returncode=2) from None


def sentence(error: ValidationError, options: dict[str, Any]) -> str:
    """The first problem, with the value that has it, on one line."""
    field, problems = next(iter(error.message_dict.items()))
    return f"{field} {options[field]!r}: {problems[0]}" if field in options else problems[0]
