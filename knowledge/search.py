"""Finding what a venue has written about a question. The only reader of Passage.

Each process keeps one index a venue in memory (knowledge.venue_index), read from Passage rows. When the venue's
IndexRevision has moved, which one small query tells, what changed is read and the rest is taken over. A question is
compared with each section as a whole and with its best sentence, half and half, or with a variant of the question
that an editor wrote beside the text, if that is closer; where both are English, by two models. The words that both
share count a little, since people who speak seldom use the words that were written. The weights were chosen on public
text.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db.models import Q, QuerySet
from django.utils import timezone

from concierge.models import Venue
from knowledge import confidence, indexing, lexical
from knowledge.confidence import CONFIDENT
from knowledge.embedding import get_embedder
from knowledge.models import ArticleText, IndexRevision, Passage, Version
from knowledge.venue_index import Asked, Key, Row, Scores, VenueIndex, build, segments

__all__ = ["CONFIDENT", "Hit", "search", "warm"]

logger = logging.getLogger(__name__)

LONGEST_QUESTION = 1_000  # characters
VENUES_IN_MEMORY = 200
ROWS_A_FETCH = 2_000
KEYS_A_QUERY = 500


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
    return find(_index(venue), question, limit=limit, at=at or timezone.now(), language=language)


def find(index: VenueIndex, question: str, *, limit: int, at: datetime, language: str | None) -> list[Hit]:
    """What `search` finds in this index. The question is cleaned already, and not empty."""
    valid = index.valid_at(at)
    if not len(valid):
        return []
    asked_in = lexical.language_of(question, language)
    scores, similarity = index.scores(question, valid, asked_in)
    return hits_of(index, scores, similarity, limit=limit)


def hits_of(index: VenueIndex, scores: Scores, similarity: np.ndarray, *, limit: int) -> list[Hit]:
    best: dict[str, int] = {}  # article -> its best text, as a position in scores
    for position in index.ordered(scores, scores.fused):
        best.setdefault(index.texts[scores.texts[position]].article, position)
        if len(best) == limit:
            break
    hits: list[Hit] = []
    for position in best.values():
        text, section = index.texts[scores.texts[position]], index.section(scores, position)
        hits.append(
            Hit(
                article=text.article,
                version_id=text.version_id,
                title=text.title,
                language=text.language,
                text=section.text,
                sentences=section.sentences,
                sentence_scores=tuple(index.sentence_scores(scores, position, similarity)),
                score=float(scores.fused[position]),
                dense=float(scores.dense[position]),
                lexical=float(scores.lexical[position]),
                confidence=confidence.probability(scores, position),
            )
        )
    return hits


def warm(venue: Venue | None = None) -> None:
    """Load now what the first question would otherwise wait for."""
    Asked.by("warm", "en")
    lexical.words("warm")
    if venue is not None:
        _index(venue)


# The question

_FILLERS = {
    "en": r"u+m+|u+h+|uhm+|e+r+m*|h+m+|a+h+|oh|well|so|okay|ok|yeah|hi|hiya|hey|hello|please|pls|you know|i mean|"
    r"listen|excuse me|good (?:morning|afternoon|evening)|thanks|thank you(?: very much)?|kind of|sort of|"
    r"(?:could|can|would|will) you (?:please |kindly )?tell me|(?:i was|i'm|i am) (?:just )?wondering|"
    r"i(?: just)? (?:need|want|would like|wanted) to (?:know|ask)|i'd like to (?:know|ask)|let me ask",
    "ar": r"يعني|طيب|اه+|آه+|امم+|ممم+|مرحبا|هلا|السلام عليكم|لو سمحت[يوم]?|من فضلكم?|بليز|عفوا|صباح الخير|مساء الخير|"
    r"شكرا|تكفى|الله يخليك|يا (?:أخي|اخي|أخ|اخ|أستاذ|استاذ|حبيبي|باشا)|"
    r"(?:ممكن|تقدر|هل يمكنك أن) (?:تقول|تقولي|تقولون|تخبر|تخبرني)(?: لي)?|قول ?لي|"
    r"(?:ممكن|بغيت|ابغى|أبغى|ابي|أبي|عايز|بدي|حابب|أريد|اريد)(?: أن)? (?:أسأل|اسأل|اسال|أعرف|اعرف)",
    "other": r"euh|bonjour|s'il vous plaît|hola|por favor|hallo|bitte|äh+m*|namaste|नमस्ते|कृपया|अरे|भैया|माफ़ कीजिए|"
    r"(?:ज़रा |क्या आप )?बता(?:इए|ओ| सकते हैं| दीजिए)|मैं (?:पूछना|जानना) चाहता (?:था|हूँ)(?: कि)?|جی|براہ کرم|"
    r"здравствуйте|пожалуйста|ну|э+м*|слушайте|(?:подскажите|скажите)(?: пожалуйста)?|я (?:бы )?хотела? (?:бы )?"
    r"(?:узнать|спросить)",
}
_FILLER = re.compile(
    rf"(?<!\w)(?:{'|'.join(_FILLERS.values())})(?!\w)(?:\s*[,،.!…]+(?=\s|$))?"
    # Chinese has no spaces between words, so only what a question begins with.
    r"|^\s*(?:(?:那个|嗯|你好|您好|麻烦|请问|问一下|一下|我想(?:知道|问))[,，。\s]*)+",
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


# Indexes in memory

_indexes: OrderedDict[int, VenueIndex] = OrderedDict()
_indexes_lock = threading.Lock()
_loading: dict[int, threading.Lock] = {}


def _index(venue: Venue) -> VenueIndex:
    revision = _revision(venue)
    index = _remembered(venue.pk)
    if index is None or index.revision != revision:
        with _indexes_lock:
            loading = _loading.setdefault(venue.pk, threading.Lock())
        with loading:  # several calls may ask at once after an edit; one reads
            index = _remembered(venue.pk)
            if index is None or index.revision != revision:
                index = _remember(venue.pk, _read(venue, index))
    return index


def _revision(venue: Venue) -> int:
    number = IndexRevision.objects.filter(venue=venue).values_list("number", flat=True).first()
    return number or 0


def _remembered(venue_pk: int) -> VenueIndex | None:
    with _indexes_lock:
        index = _indexes.get(venue_pk)
        if index is None or index.embedder != get_embedder().name:
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


def _read(venue: Venue, old: VenueIndex | None) -> VenueIndex:
    """The index as the database has it. Of what `old` has, only the changes are read."""
    if _made_by_another_embedder(venue):
        logger.warning("The passages of %s were made by another search model; making them anew.", venue)
        indexing.reindex_venue(venue)
    # The revision first: passages that are newer than it are read once more by the next search, older ones never would.
    revision = _revision(venue)
    if old is None:
        return build(revision, _rows(venue.passages.all()))
    texts = ArticleText.objects.filter(article__venue=venue).exclude(live=None)
    live: set[Key] = set(texts.values_list("pk", "indexed"))
    known = old.keys
    new = sorted(text_id for text_id, _ in live - known)
    return old.after(revision, gone=known - live, new=segments(_rows_of(venue, new)))


def _rows_of(venue: Venue, texts: list[int]) -> Iterator[Row]:
    for start in range(0, len(texts), KEYS_A_QUERY):
        yield from _rows(venue.passages.filter(version__text__in=texts[start : start + KEYS_A_QUERY]))


def _rows(passages: QuerySet[Passage]) -> Iterator[Row]:
    # An iterator, since a query set would keep every vector a second time.
    return (
        passages.order_by("version_id", "position")
        .values_list(
            "version_id",
            "kind",
            "text",
            "vector",
            "version__text_id",
            "version__text__indexed",
            "version__title",
            "version__text__language",
            "version__text__article__slug",
            "version__valid_from",
            "version__valid_until",
        )
        .iterator(chunk_size=ROWS_A_FETCH)
    )


def trial_indexes(venue: Venue, version: Version) -> tuple[VenueIndex, VenueIndex]:
    """The venue's index as it is, and as it would be with `version` live: kept nowhere, and nothing live is touched."""
    text = version.text
    wanted = indexing.pieces_of(version)
    vectors = indexing.vectors_for(venue, wanted)
    facts = (text.pk, 0, version.title, text.language, text.article.slug, version.valid_from, version.valid_until)
    new: list[Row] = [(version.pk, piece.kind.value, piece.text, vectors[piece.digest], *facts) for piece in wanted]
    live = _index(venue)
    return live, live.without_text(text.pk, plus=segments(new))


def _made_by_another_embedder(venue: Venue) -> bool:
    # Digests begin with the embedder's mark and go on in hexadecimal digits.
    mark = indexing.embedder_mark(get_embedder().name)
    return venue.passages.filter(Q(digest__lt=mark) | Q(digest__gt=f"{mark}z")).exists()
