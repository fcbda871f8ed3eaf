"""`make bench-search`: search at 1,000, 10,000 and 100,000 passages: milliseconds, memory, and from Publish to found.

The articles' words are those of the demo venue, mixed anew for each article; their vectors are made, since 100,000 real
ones would take an hour: around 400 directions of subjects, each article near one, its sentences near it. Each question
is embedded for real. Everything on one core, in a database of its own. Prints a table and, with --write, puts it into
docs/performance.md.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

BEGIN, END = "<!-- bench-search: begin -->", "<!-- bench-search: end -->"
SIZES = (1_000, 10_000, 100_000)
SENTENCES = 4  # an article; with the whole that makes five passages
SUBJECTS = 400
QUESTIONS = 200
EDITS = 20
ROOT = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-search", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="Passages.")
    parser.add_argument("--questions", type=int, default=QUESTIONS)
    parser.add_argument("--write", action="store_true", help="Put the table into docs/performance.md.")
    parser.add_argument("--quick", action="store_true", help="A first look: 1,000 and 10,000 passages, 30 questions.")
    parser.add_argument("--cpu", action="store_true", help="Seconds of this process, not of the clock: a busy machine.")
    parser.add_argument("--measure", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.sizes, options.questions = SIZES[:2], 30
    if options.cpu:
        os.environ["BENCH_CLOCK"] = "process_time"
    if options.measure:
        print(json.dumps(measure(options.measure, options.questions)))
        return
    lines = [
        "| passages | search with embedding, p50 / p95 | without, p50 / p95 | index | vectors of it | read at first "
        "| publish, p50 | first search after, p50 / p95 | the same edit, all read anew |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for size in options.sizes:
        tell(f"{size:,} passages …")
        with tempfile.TemporaryDirectory(prefix="concierge-bench-") as folder:
            found = in_a_process_of_its_own(size, options.questions, folder)
        lines.append(
            f"| {size:,} | {found['whole'][0]:.1f} / {found['whole'][1]:.1f} ms "
            f"| {found['search'][0]:.1f} / {found['search'][1]:.1f} ms | {found['memory']:.0f} MB "
            f"| {found['vectors']:.0f} MB | {found['read']:.1f} s | {found['publish'][0]:.0f} ms "
            f"| {found['after'][0]:.0f} / {found['after'][1]:.0f} ms | {found['anew']:,.0f} ms |"
        )
        tell(lines[-1])
    table = "\n".join(lines)
    print(table)
    if options.write:
        from tests.bench import write

        write(table, begin=BEGIN, end=END)


def in_a_process_of_its_own(size: int, questions: int, folder: str) -> dict:
    environment = os.environ | {"CONCIERGE_DATA_DIR": folder, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.bench_search", "--measure", str(size), "--questions", str(questions)]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(size: int, questions: int) -> dict:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "concierge.settings")
    import django

    django.setup()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    import psutil
    from django.core.management import call_command

    from knowledge import search as searching
    from knowledge.venue_index import Asked

    call_command("migrate", verbosity=0)
    venue, asked = fill(size, questions)
    searching.warm()
    process = psutil.Process()
    gc.collect()
    before = process.memory_info().rss
    began = clock()
    searching.search(venue, "warm")
    read = clock() - began
    gc.collect()
    memory = (process.memory_info().rss - before) / 1e6
    index = searching._indexes[venue.pk]

    whole = timed([lambda words=words: searching.search(venue, words) for words in asked])
    # The same questions again: their vectors are remembered.
    search = timed([lambda words=words: searching.search(venue, words) for words in asked])

    publish, after = [], []
    for number, text in enumerate(texts_to_edit(venue)):
        words = f"The zebra number {number} sleeps behind the bar. Please do not wake it before nine."
        text.write(title=f"Zebra {number}", body=words)
        publish += [elapsed(lambda text=text: publish_now(text))]
        Asked.by(f"where does zebra {number} sleep", "en")  # so that its vectors are remembered
        began = clock()
        (hit,) = searching.search(venue, f"where does zebra {number} sleep", limit=1)
        after.append((clock() - began) * 1000)
        assert hit.version_id == text.live_id, "the edit was not found"
    searching._indexes.clear()
    anew = elapsed(lambda: searching.search(venue, "warm"))
    return {
        "whole": quantiles(whole),
        "search": quantiles(search),
        "memory": memory,
        "vectors": index.vector_bytes / 1e6,
        "read": read,
        "publish": quantiles(publish),
        "after": quantiles(after),
        "anew": anew,
    }


def fill(size: int, questions: int):
    """A venue with `size` passages, and questions to it, none twice."""
    import numpy as np
    from django.db import transaction

    from concierge.models import Venue
    from knowledge import indexing, lexical
    from knowledge.embedding import get_embedder
    from knowledge.models import Article, ArticleText, IndexRevision, Passage, Version

    chance = np.random.default_rng(11)
    folder = ROOT / "concierge" / "demo"
    lines = [json.loads(line) for file in sorted(folder.rglob("articles.jsonl")) for line in file.open()]
    words = [word for line in lines if line["language"] == "en" for word in lexical.words(line["body"], "en")]
    titles = [line["title"] for line in lines if line["language"] == "en"]
    embedder = get_embedder()
    mark = indexing.embedder_mark(embedder.name)

    def near(directions: np.ndarray, spread: float) -> np.ndarray:
        """Unit vectors around these; `spread` is the length of what is added to each."""
        noise = chance.standard_normal(directions.shape).astype(np.float32)
        noise *= spread / np.linalg.norm(noise, axis=-1, keepdims=True)
        return (directions + noise) / np.linalg.norm(directions + noise, axis=-1, keepdims=True)

    # Both vectors of each, side by side as they are stored.
    real = embedder.embed_english_passages(titles).reshape(len(titles), -1, embedder.dimensions)
    subjects = near(real[chance.integers(len(real), size=SUBJECTS)], 1.0)
    venue = Venue.objects.create(slug="bench", languages=["en"])
    count = size // (SENTENCES + 1)
    with transaction.atomic():
        slugs = [Article(venue=venue, slug=f"article-{number}") for number in range(count)]
        articles = Article.objects.bulk_create(slugs, batch_size=500)
        status = ArticleText.Status.PUBLISHED
        texts = ArticleText.objects.bulk_create(
            [ArticleText(article=article, language="en", status=status) for article in articles], batch_size=500
        )
        for start in range(0, count, 1_000):
            versions, passages = [], []
            for text in texts[start : start + 1_000]:
                said = [" ".join(chance.choice(words, 12)).capitalize() + "." for _ in range(SENTENCES)]
                versions.append(
                    Version(text=text, number=1, title=" ".join(chance.choice(words, 3)), body=" ".join(said))
                )
            versions = Version.objects.bulk_create(versions, batch_size=500)
            for version in versions:
                (own,) = near(subjects[chance.integers(SUBJECTS, size=1)], 1.0)
                vectors = [own, *near(np.repeat(own[None], SENTENCES, axis=0), 0.7)]
                shown = [version.body, *(f"{part}." for part in version.body.rstrip(".").split(". "))]
                for position, (text, vector) in enumerate(zip(shown, vectors, strict=True)):
                    kind = Passage.Kind.SENTENCE if position else Passage.Kind.WHOLE
                    digest = f"{mark}{version.pk:040x}{position:08x}"
                    passages.append(
                        Passage(
                            venue=venue,
                            version=version,
                            kind=kind,
                            position=position,
                            text=text,
                            digest=digest,
                            vector=np.asarray(vector, "<f4").tobytes(),
                        )
                    )
                version.text.live = version
            Passage.objects.bulk_create(passages, batch_size=500)
            ArticleText.objects.bulk_update([version.text for version in versions], ["live"], batch_size=500)
        IndexRevision.objects.create(venue=venue, number=1)
    asked = [
        f"{opening} {' '.join(chance.choice(words, 5))} {number}"
        for number, opening in enumerate(
            chance.choice(["where is", "can i have", "how much is", "when does"], questions)
        )
    ]
    return venue, asked


def clock() -> float:
    return float(getattr(time, os.environ.get("BENCH_CLOCK", "perf_counter"))())


def texts_to_edit(venue):
    from knowledge.models import ArticleText

    return list(ArticleText.objects.filter(article__venue=venue).select_related("article__venue", "live")[:EDITS])


def publish_now(text) -> None:
    from knowledge.indexing import publish

    publish(text)


def elapsed(work: Callable[[], object]) -> float:
    """Milliseconds."""
    began = clock()
    work()
    return (clock() - began) * 1000


def timed(works: list[Callable[[], object]]) -> list[float]:
    return [elapsed(work) for work in works]


def quantiles(values: list[float]) -> tuple[float, float]:
    import numpy as np

    return float(np.quantile(values, 0.5)), float(np.quantile(values, 0.95))


def tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
