import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from concierge import demo_logins
from concierge.models import Domain, Notice, OpeningHours, SpecialDay, Venue, VenueText
from knowledge.indexing import pieces, publish, vectors_for
from knowledge.models import Article, ArticleText, GoldenQuestion

DEMO = Path(__file__).resolve().parents[2] / "demo"


class Command(BaseCommand):
    help = (
        "Three demo venues with articles, questions and one user a role. Safe to run twice: what is there is left as "
        "it is, edits of staff too; only what is missing is made."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        is_talking = options["verbosity"] > 0 and not options["json"]
        venues = []
        for folder in sorted(path.parent for path in DEMO.glob("*/venue.json")):
            facts = json.loads((folder / "venue.json").read_text(encoding="utf-8"))
            venue = self.create_venue(facts)
            written = write_articles(venue, read_lines(folder / "articles.jsonl"))
            asked = ask_questions(venue, read_lines(folder / "questions.jsonl"))
            venues.append((venue, facts["host"]))
            if is_talking:
                self.stdout.write(f"{facts['texts']['en']['name']}: {written} articles and {asked} questions added.")
        demo_logins.create_missing()
        logins = demo_logins.still_valid()

        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {
                        "venues": [
                            {"slug": venue.slug, "host": host, "languages": venue.languages} for venue, host in venues
                        ],
                        "logins": [login._asdict() for login in logins],
                    },
                    ensure_ascii=False,
                )
            )
        elif is_talking:
            rows: list[tuple[str, ...]] = [("venue", "host", "languages")]
            rows += [(venue.slug, host, ", ".join(venue.languages)) for venue, host in venues]
            self.print_table(rows)
            self.print_table([("user", "password", "role", "venue"), *logins])
            if others := [login.user for login in demo_logins.LOGINS if login not in logins]:
                self.stdout.write(f"\nWith another password, or shut: {', '.join(others)}.")

    def create_venue(self, facts: dict[str, Any]) -> Venue:
        """The venue of this slug. Only if there is none yet, it is made from `facts`, all or nothing."""
        if venue := Venue.objects.filter(slug=facts["slug"]).first():
            return venue
        if taken := Domain.objects.filter(host=facts["host"]).select_related("venue").first():
            raise CommandError(
                f"{facts['host']} belongs to {taken.venue.slug!r}: give that another host.", returncode=2
            )
        with transaction.atomic():
            plain = {name: facts[name] for name in ("slug", "kind", "languages", "timezone", "hero", "desk_phone")}
            venue = Venue(**plain, accent_hue=facts["accent_hue"], accent_chroma=facts["accent_chroma"])
            venue.full_clean()
            venue.save()
            Domain.objects.create(venue=venue, host=facts["host"])
            for language, words in facts["texts"].items():
                VenueText.objects.create(venue=venue, language=language, **words)
            for position, place in enumerate(facts["hours"]):
                special_days = place.pop("special_days", [])
                hours = OpeningHours(venue=venue, position=position, **place)
                hours.full_clean()
                hours.save()
                for facts_of_day in special_days:
                    day = SpecialDay(hours=hours, **facts_of_day)
                    day.full_clean()
                    day.save()
            for language, text in facts["notices"].items():
                Notice.objects.create(venue=venue, language=language, text=text)
        return venue

    def print_table(self, rows: list[tuple[str, ...]]) -> None:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        self.stdout.write("")
        for row in rows:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def write_articles(venue: Venue, lines: list[dict[str, Any]]) -> int:
    """Publish those that the venue has not in that language, whatever became of the others. Returns how many."""
    known = set(ArticleText.objects.filter(article__venue=venue).values_list("article__slug", "language"))
    missing = [line for line in lines if (line["id"], line["language"]) not in known]
    # All at once and before any transaction, since a batch is quicker and the write lock is everyone's.
    wanted = [pieces(line["title"], line["body"], line["language"], line.get("variants", [])) for line in missing]
    vectors = vectors_for(venue, [piece for these in wanted for piece in these])
    for line in missing:
        with transaction.atomic():
            article, _ = Article.objects.get_or_create(venue=venue, slug=line["id"])
            text = ArticleText.objects.create(article=article, language=line["language"])
            version, _ = text.write(
                title=line["title"], body=line["body"], variants="\n".join(line.get("variants", []))
            )
            publish(text, version, vectors=vectors)
    return len(missing)


def ask_questions(venue: Venue, lines: list[dict[str, Any]]) -> int:
    """Add the questions that the venue does not have. Returns how many."""
    known = set(venue.golden_questions.values_list("language", "question"))
    articles = {article.slug: article for article in venue.articles.all()}
    missing = [line for line in lines if (line["lang"], line["question"]) not in known]
    for line in missing:
        with transaction.atomic():
            question = GoldenQuestion.objects.create(
                venue=venue, language=line["lang"], question=line["question"], on_page=line.get("on_page", False)
            )
            question.articles.set(articles[slug] for slug in line["answer_ids"] if slug in articles)
    return len(missing)
