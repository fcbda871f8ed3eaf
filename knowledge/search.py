"""Finding what a venue has written about a question. The only reader of Passage.

Each process keeps one index a venue in memory: unit vectors in NumPy and BM25 over folded, stemmed words. It is built
from Passage rows and thrown away when the venue's IndexRevision has moved, which one small query tells. A question is
compared with each section as a whole and with its best sentence, half and half; the words that both share count a
little, since people who speak seldom use the words that were written. The weights were chosen on public text.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby

import numpy as np
from django.db.models import QuerySet
from django.utils import timezone

from concierge.models import Venue
from knowledge import confidence, indexing, lexical
from knowledge.confidence import CONFIDENT
from knowledge.embedding import get_embedder
from knowledge.models import IndexRevision, Passage, Version

__all__ = ["CONFIDENT", "Hit", "search", "warm"]

logger = logging.getLogger(__name__)

# Standard deviations that the best text gains when it has every word of the question that counts.
LEXICAL_WEIGHT = 0.8
# So many texts of a language at a venue count as much as what is known of languages in general (see _standardised).
LANGUAGE_PRIOR = 8
# How much worse, in standard deviations, the asker's language may be before another version of the article is shown.
LANGUAGE_PATIENCE = 1.5
# Letters; shorter words are made of two others by chance.
COMPOUND_FROM = 6
LONGEST_QUESTION = 1_000  # characters
VENUES_IN_MEMORY = 200


@dataclass(frozen=True)
class Hit:
    """One article that may answer, in its best language."""

    article: str  # slug
    version_id: int
    title: str
    language: str
    text: str  # the section that matched, as written
    sentences: tuple[str, ...]
    sentence_scores: tuple[float, ...]  # cosine to the question, in the order of the text
    score: float  # for ranking within one answer
    dense: float
    lexical: float
    confidence: float  # 0 to 1: the probability that this article answers the question


def search(
    venue: Venue,
    question: str,
    *,
    limit: int = 5,
    at: datetime | None = None,
    language: str | None = None,
) -> list[Hit]:
    """The articles most likely to answer, best first, an article once. Of those that are valid at `at` (now).

    `language` is the asker's: an article that has it is shown in it, an article that has not is found all the same.
    """
    question = cleaned(question)
    if not question or limit < 1:
        return []
    return _index(venue).find(question, limit=limit, at=at or timezone.now(), language=language)


def warm(venue: Venue | None = None) -> None:
    """Load now what the first question would otherwise wait for."""
    get_embedder().embed_queries(["warm"])
    lexical.words("warm")
    if venue is not None:
        _index(venue)


# The question

_FILLERS = {
    "en": r"u+m+|u+h+|uhm+|e+r+m*|h+m+|a+h+|oh|well|so|okay|ok|hi|hiya|hey|hello|please|pls|you know|i mean|"
    r"excuse me|good (?:morning|afternoon|evening)|thanks|thank you(?: very much)?|kind of|sort of",
    "ar": r"يعني|طيب|اه+|آه+|امم+|ممم+|مرحبا|هلا|السلام عليكم|لو سمحت[يو]?|من فضلكم?|عفوا|صباح الخير|مساء الخير|شكرا",
    "other": r"euh|bonjour|s'il vous plaît|hola|por favor|hallo|bitte|äh+m*|namaste|नमस्ते|कृपया|جی|براہ کرم|здравствуйте|"
    r"пожалуйста|ну|э+м*",
}
_FILLER = re.compile(
    rf"(?<!\w)(?:{'|'.join(_FILLERS.values())})(?!\w)(?:\s*[,،.!…]+(?=\s|$))?",
    re.IGNORECASE,
)


def cleaned(question: str) -> str:
    """The question without noises and courtesies, as long as anything is left of it."""
    question = " ".join(question[:LONGEST_QUESTION].split())
    without = " ".join(_FILLER.sub(" ", question).split()).strip(" ,،.…")
    return without if any(map(str.isalnum, without)) else question


def is_courtesy(question: str) -> bool:
    """Is it made of noises and courtesies only, such as "um, thanks"?"""
    return not any(map(str.isalnum, _FILLER.sub(" ", question)))


# The index


@dataclass(frozen=True)
class _Section:
    text: str
    sentences: tuple[str, ...]
    start: int  # its row, and those of its sentences up to `end`, in the matrix
    end: int


@dataclass(frozen=True)
class _Text:
    """A live version of an article in one language."""

    article: str
    version_id: int
    title: str
    language: str
    valid_from: datetime | None
    valid_until: datetime | None
    sections: tuple[_Section, ...]


@dataclass(frozen=True)
class Scores:
    """What a question scored, one value a text that is valid now."""

    texts: np.ndarray  # numbers of the texts
    sections: np.ndarray  # the best section of each
    whole: np.ndarray  # cosine with that section
    sentence: np.ndarray  # cosine with its best sentence
    bonus: np.ndarray  # what it gains by being in the asker's language, whatever it says
    dense: np.ndarray  # half and half
    standard: np.ndarray  # dense, as standard deviations above the mean of the text's language
    lexical: np.ndarray  # 0 to 1: BM25, the best text has the share of the question's words that some text has
    overlap: np.ndarray  # share of the question's words that the text has, rare words counting more
    fused: np.ndarray


class VenueIndex:
    """Everything that can be found at a venue at one revision. Never changed, so threads may share it."""

    def __init__(self, revision: int, embedder: str, texts: Sequence[_Text], vectors: np.ndarray) -> None:
        self.revision = revision
        self.embedder = embedder
        self.texts = tuple(texts)
        self._vectors = vectors
        sections = [(number, section) for number, text in enumerate(self.texts) for section in text.sections]
        self._sections = [section for _, section in sections]
        self._text_of_section = np.array([number for number, _ in sections], int)
        self._starts = np.array([section.start for section in self._sections], int)
        self._valid_from = np.array(
            [text.valid_from.timestamp() if text.valid_from else -np.inf for text in self.texts]
        )
        self._valid_until = np.array(
            [text.valid_until.timestamp() if text.valid_until else np.inf for text in self.texts]
        )
        self._languages = np.array([text.language for text in self.texts])
        self._numbers = {(text.article, text.language): number for number, text in enumerate(self.texts)}
        # A title counts twice: it was chosen to say what the text is about.
        words = [
            lexical.words(text.title, text.language) * 2
            + [word for section in text.sections for word in lexical.words(section.text, text.language)]
            for text in self.texts
        ]
        self._lexical = lexical.LexicalIndex(words)
        texts_with: dict[str, list[int]] = {}
        for number, found in enumerate(words):
            for word in set(found):
                texts_with.setdefault(word, []).append(number)
        self._texts_with = {word: np.array(numbers) for word, numbers in texts_with.items()}

    @cached_property
    def _compounds(self) -> frozenset[str]:
        """Words long enough to be two in a recogniser's ears."""
        written = " ".join(f"{text.title} {section.text}" for text in self.texts for section in text.sections)
        return frozenset(
            word for word in lexical.fold(written).split() if word.isalpha() and len(word) >= COMPOUND_FROM
        )

    def joined(self, question: str) -> str:
        """The question with "break fast" made "breakfast", if that is a word of this venue."""
        words: list[str] = []
        for word in question.split():
            if words and lexical.fold(words[-1] + word) in self._compounds:
                words[-1] += word
            else:
                words.append(word)
        return " ".join(words)

    def find(self, question: str, *, limit: int, at: datetime, language: str | None) -> list[Hit]:
        valid = np.flatnonzero((self._valid_from <= at.timestamp()) & (at.timestamp() < self._valid_until))
        if not len(valid):
            return []
        asked_in = lexical.language_of(question, language)
        scores, similarity = self.scores(question, valid, asked_in)
        best: dict[str, int] = {}  # article -> its best text, as a position in scores
        for position in np.argsort(-scores.fused, kind="stable").tolist():
            best.setdefault(self.texts[valid[position]].article, position)
            if len(best) == limit:
                break
        hits: list[Hit] = []
        for position in best.values():
            shown = self._in_language(scores, position, asked_in)
            text = self.texts[valid[shown]]
            section = self._sections[scores.sections[shown]]
            hits.append(
                Hit(
                    article=text.article,
                    version_id=text.version_id,
                    title=text.title,
                    language=text.language,
                    text=section.text,
                    sentences=section.sentences,
                    sentence_scores=tuple(similarity[section.start + 1 : section.end].tolist()),
                    score=float(scores.fused[position]),
                    dense=float(scores.dense[position]),
                    lexical=float(scores.lexical[position]),
                    confidence=confidence.probability(confidence.features(scores, position)),
                )
            )
        return hits

    def scores(self, question: str, valid: np.ndarray, asked_in: str) -> tuple[Scores, np.ndarray]:
        """The scores of the texts in `valid`, and the cosine of each row of the index."""
        question = self.joined(question)
        (vector,) = get_embedder().embed_queries([question])
        similarity = self._vectors @ vector
        whole = similarity[self._starts]
        # Without their first rows, the sections' slices hold the sentences only.
        sentences = similarity.copy()
        sentences[self._starts] = -1.0
        sentence = np.maximum.reduceat(sentences, self._starts)
        dense = (whole + sentence) / 2
        best = self._best_sections(dense)[valid]
        whole, sentence, dense = whole[best], sentence[best], dense[best]
        languages = self._languages[valid]
        bonus = np.where(languages == asked_in, getattr(get_embedder(), "same_language_bonus", 0.0), 0.0)
        standard = self._standardised(dense, languages, bonus)

        asked = lexical.words(question, asked_in)
        shared = self._lexical.scores(asked)[valid]
        overlap = self._overlap(asked, valid)
        # Of the best text's words, as many as the question is made of: in "my back is killing me can somebody rub it"
        # one shared word is chance, in "gluten free breakfast" it is not.
        if shared.max() > 0:
            shared = shared / shared.max() * overlap.max()
        fused = standard + LEXICAL_WEIGHT * shared
        return Scores(valid, best, whole, sentence, bonus, dense, standard, shared, overlap, fused), similarity

    def _best_sections(self, dense: np.ndarray) -> np.ndarray:
        """The best section of each text."""
        by_text = np.lexsort((-dense, self._text_of_section))
        return by_text[np.searchsorted(self._text_of_section, np.arange(len(self.texts)))]

    @staticmethod
    def _standardised(dense: np.ndarray, languages: np.ndarray, bonus: np.ndarray) -> np.ndarray:
        """In standard deviations above what a text of its language is expected to score whatever it says.

        A question is closer to all texts of its own language. Without a correction an article that exists in English
        only would not be found by an Arabic question among Arabic articles on other things (on XQuAD with a third of
        the passages in both languages and vectors as the model gives them, recall@1 is .60 without and .89 with it).
        How much closer is known for the embedder, and seen at this venue, the more exactly the more texts it has.
        """
        expected = (dense - bonus).mean() + bonus
        centred = np.empty_like(dense)
        for name in np.unique(languages):
            group = languages == name
            trust = group.sum() / (group.sum() + LANGUAGE_PRIOR)
            centred[group] = dense[group] - expected[group] - trust * (dense[group] - expected[group]).mean()
        return centred / max(float(centred.std()), 1e-4)

    def _overlap(self, asked: Sequence[str], valid: np.ndarray) -> np.ndarray:
        """For each text the share of the question's words that it has; rare words weigh more, unknown ones most."""
        shared, total = np.zeros(len(self.texts)), 0.0
        for word in set(asked):
            having = self._texts_with.get(word, _NONE)
            weight = np.log(1 + len(self.texts) / max(len(having), 1))
            shared[having] += weight
            total += weight
        return shared[valid] / total if total else shared[valid]

    def _in_language(self, scores: Scores, position: int, language: str) -> int:
        """The same article in the asker's language, if it has it and it is about as close to the question."""
        number = self._numbers.get((self.texts[scores.texts[position]].article, language))
        if number is None:
            return position
        other = int(np.searchsorted(scores.texts, number))
        is_valid = other < len(scores.texts) and scores.texts[other] == number
        return (
            other if is_valid and scores.standard[other] >= scores.standard[position] - LANGUAGE_PATIENCE else position
        )


_NONE = np.array([], int)


# Indexes in memory

_indexes: OrderedDict[int, VenueIndex] = OrderedDict()
_indexes_lock = threading.Lock()
_loading: dict[int, threading.Lock] = {}


def _index(venue: Venue) -> VenueIndex:
    revision = _revision(venue)
    index = _remembered(venue.pk, revision)
    if index is None:
        with _indexes_lock:
            loading = _loading.setdefault(venue.pk, threading.Lock())
        with loading:  # several calls may ask at once after an edit; one reads
            index = _remembered(venue.pk, revision) or _remember(venue.pk, _read(venue))
    return index


def _revision(venue: Venue) -> int:
    number = IndexRevision.objects.filter(venue=venue).values_list("number", flat=True).first()
    return number or 0


def _remembered(venue_pk: int, revision: int) -> VenueIndex | None:
    with _indexes_lock:
        index = _indexes.get(venue_pk)
        if index is None or index.revision != revision or index.embedder != get_embedder().name:
            return None
        _indexes.move_to_end(venue_pk)
        return index


def _remember(venue_pk: int, index: VenueIndex) -> VenueIndex:
    with _indexes_lock:
        _indexes[venue_pk] = index
        _indexes.move_to_end(venue_pk)
        while len(_indexes) > VENUES_IN_MEMORY:
            _indexes.popitem(last=False)
    return index


def _read(venue: Venue) -> VenueIndex:
    if _made_by_another_embedder(venue):
        logger.warning("The passages of %s were made by another search model; making them anew.", venue)
        indexing.reindex_venue(venue)
    # The revision first: passages that are newer than it are read once more by the next search, older ones never would.
    revision = _revision(venue)
    return build(revision, _rows(venue.passages.all()))


def _rows(passages: QuerySet[Passage]) -> Iterable[Row]:
    return passages.order_by("version_id", "position").values_list(
        "version_id",
        "kind",
        "text",
        "vector",
        "version__title",
        "version__text__language",
        "version__text__article__slug",
        "version__valid_from",
        "version__valid_until",
    )


def trial_index(venue: Venue, version: Version) -> VenueIndex:
    """What the venue's index would be with `version` live. Kept nowhere, and nothing that is live is touched."""
    text = version.text
    wanted = indexing.pieces(version.title, version.body)
    vectors = indexing.vectors_for(venue, wanted)
    facts = (version.title, text.language, text.article.slug, version.valid_from, version.valid_until)
    new = [(version.pk, piece.kind.value, piece.text, vectors[piece.digest], *facts) for piece in wanted]
    return build(0, [*_rows(venue.passages.exclude(version__text=text)), *new])


Row = tuple[int, str, str, bytes | memoryview, str, str, str, datetime | None, datetime | None]


def build(revision: int, rows: Iterable[Row]) -> VenueIndex:
    """The index of these passages, which come version by version and in their order."""
    texts: list[_Text] = []
    vectors: list[np.ndarray] = []
    for (version_id, title, language, article, valid_from, valid_until), passages in groupby(
        rows, key=lambda row: (row[0], *row[4:])
    ):
        sections: list[_Section] = []
        for _, kind, text, vector, *_ in passages:
            vectors.append(np.frombuffer(vector, "<f4"))
            if kind == Passage.Kind.WHOLE:
                sections.append(_Section(text, (), len(vectors) - 1, len(vectors)))
            else:
                section = sections[-1]
                sections[-1] = _Section(section.text, (*section.sentences, text), section.start, len(vectors))
        texts.append(_Text(article, version_id, title, language, valid_from, valid_until, tuple(sections)))
    embedder = get_embedder()
    matrix = np.stack(vectors).astype(np.float32) if vectors else np.empty((0, embedder.dimensions), np.float32)
    return VenueIndex(revision, embedder.name, texts, matrix)


def _made_by_another_embedder(venue: Venue) -> bool:
    return venue.passages.exclude(digest__startswith=indexing.embedder_mark(get_embedder().name)).exists()
