import json
import sys
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand

from knowledge.evaluation import Ranking, Report, evaluate, read_questions
from knowledge.management.commands.import_knowledge import find_venue
from knowledge.reading.drafts import BadInput


class Command(BaseCommand):
    help = "Measure search on questions whose right articles are known."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("venue", help="the venue's slug")
        parser.add_argument("questions", help='JSON Lines: {"question", "lang", "answer_ids": [...]}')
        parser.add_argument("--json", action="store_true", help="print the figures as JSON")

    def handle(self, *args: object, **options: object) -> None:
        try:
            venue = find_venue(str(options["venue"]))
            questions = read_questions(Path(str(options["questions"])))
            known = set(venue.articles.values_list("slug", flat=True))
            unknown = sorted({slug for question in questions for slug in question.articles} - known)
            if unknown:
                raise BadInput(
                    "",
                    "%(venue)s has no article '%(id)s' (%(count)s such ids in the questions)",
                    venue=venue,
                    id=unknown[0],
                    count=len(unknown),
                )
        except BadInput as error:
            self.stderr.write(str(error))
            sys.exit(2)
        figures = evaluate(venue, questions)
        self.stdout.write(json.dumps(figures.as_json(), ensure_ascii=False) if options["json"] else as_table(figures))


def as_table(figures: Report) -> str:
    lines = [f"{'language':<10}{'questions':>10}{'recall@1':>10}{'recall@3':>10}{'recall@5':>10}{'MRR@10':>10}"]

    def row(name: str, ranking: Ranking) -> str:
        shares = (ranking.recall_at_1, ranking.recall_at_3, ranking.recall_at_5, ranking.mrr_at_10)
        return f"{name:<10}{ranking.questions:>10}" + "".join(f"{share:>10.3f}" for share in shares)

    lines += [row(language or "-", ranking) for language, ranking in figures.languages.items()]
    if figures.overall:
        lines.append(row("all", figures.overall))
    none = figures.no_answer

    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    lines += [
        "",
        f"No answer here ({none.unanswerable} questions without, {none.answerable} with an answer):",
        f"  AUROC {shown(none.auroc)}; at confidence {none.threshold:.2f} precision {shown(none.precision)}, "
        f"recall {shown(none.recall)}",
        f"  refused though answerable {shown(none.refused)}, accepted though not {shown(none.accepted)}",
        "",
        f"A search with its embedding: p50 {figures.p50_ms:.1f} ms, p95 {figures.p95_ms:.1f} ms",
    ]
    return "\n".join(lines)
