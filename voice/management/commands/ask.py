import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from concierge.models import Venue
from voice.answering import Answer, ask


class Command(BaseCommand):
    help = "One turn of the venue's concierge in text, for one question or for each line of a JSON Lines file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("venue", help="The venue's slug.")
        parser.add_argument("question", nargs="?")
        parser.add_argument("--file", help='JSON Lines with {"question", "lang"} a line; prints JSON Lines.')
        parser.add_argument("--language", help="The venue's first language by default.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        venue = Venue.objects.filter(slug=options["venue"]).first()
        if venue is None:
            raise CommandError(f"There is no venue {options['venue']!r}.", returncode=2)
        if bool(options["question"]) == bool(options["file"]):
            raise CommandError("Give a question, or --file with a JSON Lines file of questions.", returncode=2)
        if options["file"]:
            for question, language in read_questions(options["file"]):
                self.print_json(question, ask(venue, question, language or options["language"]))
        elif options["json"]:
            self.print_json(options["question"], ask(venue, options["question"], options["language"]))
        else:
            answer = ask(venue, options["question"], options["language"])
            self.stdout.write(answer.text)
            self.stdout.write(self.style.NOTICE(f"{', '.join(answer.citations) or 'no source'} · {answer.ms:.0f} ms"))

    def print_json(self, question: str, answer: Answer) -> None:
        line = {
            "question": question,
            "answer": answer.text,
            "citations": answer.citations,
            "answered": answer.is_answered,
            "tools": answer.tools,
            "ms": answer.ms,
        }
        self.stdout.write(json.dumps(line, ensure_ascii=False))


def read_questions(path: str) -> list[tuple[str, str | None]]:
    """Every line checked before the first is asked."""
    try:
        lines = sys.stdin.read().splitlines() if path == "-" else Path(path).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}", returncode=2) from None
    questions = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            questions.append((str(row["question"]), row.get("lang")))
        except (ValueError, KeyError, TypeError, AttributeError):
            reason = 'not JSON with a "question"'
            raise CommandError(f"{path}, line {number}: {reason}.", returncode=2) from None
    return questions
