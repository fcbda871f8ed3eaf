"""Search beside its parts: the same questions ranked by shared words alone (BM25), by meaning alone, and by both.

On public text and on a venue's own. A folder has either articles and questions in JSON Lines (kb.jsonl and
questions.jsonl, as `import_knowledge` and `evaluate_search` read them), or files of github.com/google-deepmind/xquad
(xquad.en.json, …): each paragraph is an article, and the answer to its questions. Nothing is stored.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from knowledge import indexing, lexical
from knowledge.evaluation import Answered, NoAnswer, Question, Ranking, read_questions, report
from knowledge.reading import jsonlines
from knowledge.reading.drafts import BadInput
from knowledge.search import cleaned, hits_of
from knowledge.venue_index import Row, Scores, VenueIndex, build

DEPTH = 10
# What a question is ranked by.
METHODS: dict[str, Callable[[Scores], np.ndarray]] = {
    "BM25 alone": lambda scores: scores.lexical,
    "embeddings alone": lambda scores: scores.dense,
    "ours": lambda scores: scores.fused,
}
CROSS_LINGUAL = ("ar", "hi", "ru", "zh")


@dataclass(frozen=True)
class Source:
    """An article of public text."""

    slug: str
    language: str
    title: str
    body: str
    variants: tuple[str, ...] = ()


@dataclass(frozen=True)
class Corpus:
    name: str
    sources: tuple[Source, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Compared:
    """How one method did on one corpus."""

    corpus: str
    method: str
    overall: Ranking
    languages: dict[str, Ranking]
    no_answer: NoAnswer  # of search as it is, so the same for each method


def corpora(folder: Path) -> list[Corpus]:
    """What the folder has. Raises BadInput if that is nothing."""
    if (folder / "kb.jsonl").exists():
        drafts = jsonlines.read(folder / "kb.jsonl", ZoneInfo("UTC"))
        sources = tuple(
            Source(one.slug, lexical.language_of(one.body, one.language or None), one.title, one.body) for one in drafts
        )
        return [Corpus(folder.name, sources, tuple(read_questions(folder / "questions.jsonl")))]
    files = sorted(folder.glob("xquad.*.json"))
    if not files:
        raise BadInput(folder, "neither kb.jsonl nor xquad.en.json is in it")
    read = {file.name.split(".")[1]: read_xquad(file) for file in files}
    found = [
        Corpus(f"XQuAD {code}", tuple(passages), _asked(code, asked))
        for code, (passages, asked) in sorted(read.items())
    ]
    if "en" in read:
        english = tuple(read["en"][0])
        found += [
            Corpus(f"XQuAD {code} → en", english, _asked(code, read[code][1])) for code in CROSS_LINGUAL if code in read
        ]
    return found


def read_xquad(file: Path) -> tuple[list[Source], list[tuple[str, str]]]:
    """The passages, whose slugs are their places, and each question with the slug of its passage."""
    language = file.name.split(".")[1]
    passages: list[Source] = []
    questions: list[tuple[str, str]] = []
    for document in json.loads(file.read_text())["data"]:
        for paragraph in document["paragraphs"]:
            slug = str(len(passages))
            passages.append(Source(slug, language, document["title"], paragraph["context"]))
            questions += [(slug, asked["question"]) for asked in paragraph["qas"]]
    return passages, questions


def _asked(language: str, questions: Sequence[tuple[str, str]]) -> tuple[Question, ...]:
    return tuple(Question(text, language, frozenset({slug})) for slug, text in questions)


def index_of(sources: Sequence[Source], *, titled: bool = True) -> VenueIndex:
    return build(0, _rows(sources, titled=titled))


def _rows(sources: Sequence[Source], *, titled: bool) -> Iterator[Row]:
    for number, source in enumerate(sources):
        title = source.title if titled else ""
        for piece in indexing.pieces(title, source.body, source.language, source.variants):
            facts = (number, 0, title, source.language, source.slug, None, None)
            yield (number, piece.kind.value, piece.text, _vector(piece), *facts)


@lru_cache(None)  # the same passages play in many venues
def _vector(piece: indexing.Piece) -> bytes:
    return indexing.embedded([piece])[piece.digest]


def compare(corpus: Corpus, put: Callable[[Question], str], say: Callable[[str], None]) -> list[Compared]:
    """All methods on all questions of a corpus. `put` says how a question is put."""
    say(f"{corpus.name}: {len(corpus.sources)} texts, {len(corpus.questions)} questions")
    # XQuAD's titles are those of whole documents, some with 25 paragraphs: they say nothing of one.
    index = index_of(corpus.sources, titled=not corpus.name.startswith("XQuAD"))
    valid = np.arange(len(index.texts))
    answers: dict[str, list[Answered]] = {name: [] for name in METHODS}
    for question in corpus.questions:
        words = cleaned(put(question))
        asked_in = lexical.language_of(words, question.language or None)
        scores, similarity = index.scores(words, valid, asked_in)
        (best,) = hits_of(index, scores, similarity, limit=1)
        for name, by in METHODS.items():
            articles = (index.texts[scores.texts[at]].article for at in index.ordered(scores, by(scores)))
            found = tuple(dict.fromkeys(articles))[:DEPTH]
            answers[name].append(Answered(question, found, best.confidence, 0.0))
    compared = []
    for name, given in answers.items():
        figures = report(given)
        assert figures.overall
        compared.append(Compared(corpus.name, name, figures.overall, figures.languages, figures.no_answer))
    return compared


# How a question is put

_OPENINGS = {
    "en": ("um could you tell me", "so i was just wondering", "hi yeah listen i need to know", "uh please"),
    "ar": ("يعني لو سمحت", "ممكن تقول لي", "طيب بغيت أسأل", "السلام عليكم يا أخي"),
    "hi": ("अरे भैया ज़रा बताइए", "मैं पूछना चाहता था कि", "माफ़ कीजिए"),
    "ru": ("эээ скажите пожалуйста", "слушайте а вот", "здравствуйте я хотел узнать"),
    "zh": ("那个请问一下", "你好我想知道", "嗯麻烦问一下"),
}


def as_written(question: Question) -> str:
    return question.text


def as_spoken(question: Question) -> str:
    """Small letters, no punctuation, and the words that people begin with."""
    opening = random.Random(question.text).choice(_OPENINGS.get(question.language, _OPENINGS["en"]))
    return f"{opening} {without_punctuation(question.text)}"


def as_misheard(question: Question) -> str:
    """As spoken, and in every fifth word of four letters or more (one at least) two letters have changed places or
    one is another."""
    chance = random.Random(question.text)
    words = without_punctuation(question.text).split()
    long = [at for at, word in enumerate(words) if len(word) >= 4 and word.isalpha()]
    for at in chance.sample(long, min(len(long), max(1, len(long) // 5))):
        word = words[at]
        where = chance.randrange(1, len(word) - 1)
        if chance.random() < 0.5:
            words[at] = word[:where] + word[where + 1] + word[where] + word[where + 2 :]
        else:
            words[at] = word[:where] + chance.choice(word) + word[where + 1 :]
    return " ".join(words)


def without_punctuation(text: str) -> str:
    """As a recogniser writes it: small letters, no punctuation."""
    return " ".join(re.sub(r"[^\w\s'\u0300-\u036f\u064b-\u0652\u0900-\u097f-]", " ", text.lower()).split())


WAYS: dict[str, Callable[[Question], str]] = {"written": as_written, "spoken": as_spoken, "misheard": as_misheard}
