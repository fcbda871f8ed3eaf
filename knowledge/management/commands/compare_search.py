import sys
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand

from knowledge.comparing import WAYS, Compared, compare, corpora
from knowledge.reading.drafts import BadInput


class Command(BaseCommand):
    help = "Search beside BM25 alone and embeddings alone, on folders of text with questions (knowledge/comparing.py)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folders", nargs="+", help="each with kb.jsonl and questions.jsonl, or xquad.*.json")
        parser.add_argument("--put", choices=list(WAYS), default="written", help="how the questions are put")

    def handle(self, *args: object, **options: object) -> None:
        folders = options["folders"]
        assert isinstance(folders, list)
        try:
            found = [corpus for folder in folders for corpus in corpora(Path(folder))]
        except BadInput as error:
            self.stderr.write(str(error))
            sys.exit(2)
        self.stdout.write("| text | questions | method | recall@1 | recall@3 | recall@5 | MRR@10 |")
        self.stdout.write("|---|---|---|---|---|---|---|")
        for corpus in found:
            for compared in compare(corpus, WAYS[str(options["put"])], self.stderr.write):
                self.stdout.write("\n".join(rows(compared)))


def rows(compared: Compared) -> list[str]:
    several = compared.languages if len(compared.languages) > 1 else {}
    found = [(compared.corpus, compared.overall)]
    found += [(f"{compared.corpus}, {language}", figures) for language, figures in several.items()]
    return [
        f"| {name} | {one.questions} | {compared.method} | {one.recall_at_1:.3f} | {one.recall_at_3:.3f} "
        f"| {one.recall_at_5:.3f} | {one.mrr_at_10:.3f} |"
        for name, one in found
    ]
