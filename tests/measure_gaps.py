"""`python -m tests.measure_gaps XQUAD BANKING`: does what was asked in vain gather in the right gaps?

Public text, read from folders named here and not part of this project: XQuAD (github.com/google-deepmind/xquad, the
same questions in many languages) and BANKING77 (github.com/PolyAI-LDN/task-specific-datasets, what customers of one
bank ask, by what they want). Questions come in a random order, as from visitors, and join gaps as `voice.gaps` has it.
Two questions about one thing in one gap are right. Prints precision, recall and the number of gaps for some thresholds.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import django
import numpy as np

LANGUAGES = ("en", "ar", "hi", "ru", "zh", "de")
THINGS = 12  # asked at one venue
TIMES = 8  # each, in other words
DRAWS = 20


@dataclass(frozen=True)
class Stream:
    """Questions in the order in which they come: vectors, languages, and the thing that each is about."""

    vectors: np.ndarray
    languages: np.ndarray
    things: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("xquad", type=Path)
    parser.add_argument("banking", type=Path, help="The folder with banking_data/test.csv.")
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "concierge.settings"
    django.setup()
    from voice import gaps

    one_language = list(banking(options.banking / "banking_data" / "test.csv"))
    six_languages = list(xquad(options.xquad))
    print("| same language | other | one language: precision | recall | gaps | six: precision | recall | gaps |")
    print("|---|---|---|---|---|---|---|---|")
    for same in (0.45, 0.5, 0.55, 0.6):
        for other in (0.3, 0.34, 0.38):
            gaps.SAME_LANGUAGE, gaps.OTHER_LANGUAGE = same, other
            figures = [np.mean([judged(stream) for stream in streams], 0) for streams in (one_language, six_languages)]
            cells = " | ".join(f"{p:.2f} | {r:.2f} | {count:.0f} of {THINGS}" for p, r, count in figures)
            print(f"| {same:.2f} | {other:.2f} | {cells} |", flush=True)


def vectors_of(questions: list[str]) -> np.ndarray:
    from knowledge.embedding import get_embedder
    from knowledge.search import cleaned

    return get_embedder().embed_queries([cleaned(question) for question in questions])


def banking(path: Path) -> Iterator[Stream]:
    by_wish = defaultdict(list)
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            by_wish[row["category"]].append(row["text"])
    for draw in range(DRAWS):
        dice = np.random.default_rng(draw)
        wishes = dice.choice(sorted(by_wish), THINGS, replace=False)
        asked = [
            (thing, str(text)) for thing, wish in enumerate(wishes) for text in dice.permutation(by_wish[wish])[:TIMES]
        ]
        asked = [asked[number] for number in dice.permutation(len(asked))]
        vectors = vectors_of([text for _, text in asked])
        yield Stream(vectors, np.zeros(len(asked)), np.array([thing for thing, _ in asked]))


def xquad(folder: Path) -> Iterator[Stream]:
    """Three questions on each of four subjects, so that most others are near, each once in each language."""
    texts = {code: json.loads((folder / f"xquad.{code}.json").read_text())["data"] for code in LANGUAGES}
    for draw in range(DRAWS):
        dice = np.random.default_rng(draw)
        chosen = []
        for subject in dice.choice(len(texts["en"]), THINGS // 3, replace=False):
            paragraphs = texts["en"][subject]["paragraphs"]
            for paragraph in dice.choice(len(paragraphs), 3, replace=False):
                chosen.append((subject, paragraph, dice.integers(len(paragraphs[paragraph]["qas"]))))
        asked = [(code, thing) for thing in range(THINGS) for code in range(len(LANGUAGES))]
        asked = [asked[number] for number in dice.permutation(len(asked))]
        questions = []
        for code, thing in asked:
            subject, paragraph, number = chosen[thing]
            questions.append(texts[LANGUAGES[code]][subject]["paragraphs"][paragraph]["qas"][number]["question"])
        yield Stream(vectors_of(questions), *map(np.array, zip(*asked, strict=True)))


def judged(stream: Stream) -> tuple[float, float, float]:
    """Of the pairs in one gap, the share about one thing; of the pairs about one thing, the share in one gap; gaps."""
    from voice.gaps import belongs_to

    joined = np.zeros(len(stream.things), int)
    for number in range(1, len(joined)):
        is_same_language = stream.languages[:number] == stream.languages[number]
        cosines = stream.vectors[:number] @ stream.vectors[number]
        gap = belongs_to(cosines, is_same_language, joined[:number])
        joined[number] = joined[:number].max() + 1 if gap is None else gap
    one, two = np.triu_indices(len(joined), 1)
    is_one_thing, is_one_gap = stream.things[one] == stream.things[two], joined[one] == joined[two]
    both = (is_one_thing & is_one_gap).sum()
    return both / max(is_one_gap.sum(), 1), both / is_one_thing.sum(), joined.max() + 1


if __name__ == "__main__":
    main()
