"""What a venue has written, in memory, as search reads it.

An index is made of segments: unit vectors in NumPy, and which text has which word. Neither is ever changed, so threads
share them; after an edit the next index takes over the segments there are, leaves out the texts that are gone, and
adds a segment with the new ones. Up to EXACT_ROWS passages each is compared with the question; beyond, the signs of
the vectors (48 bytes each) and the shared words choose the texts that are. An English passage has a second vector, by
a model that reads English only; English questions are compared with both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby

import numpy as np

from knowledge import hearing, lexical
from knowledge.embedding import english_embedder, get_embedder
from knowledge.models import Passage

SEGMENT_ROWS = 16_384
# Each publication makes a segment; when so many are smaller than this, they become one.
SMALL_ROWS, MOST_SMALL = 2_048, 8
MOST_DEAD = 0.25  # of a segment's rows, before it is made anew without them
EXACT_ROWS = 40_000
# Beyond EXACT_ROWS: texts that are compared in full, and texts by which it is told how close texts are in general.
CANDIDATES, CANDIDATES_BY_WORDS, TYPICAL = 512, 128, 1_000
ROWS_AT_ONCE = 512  # as many as the processor's cache holds between being gathered and being multiplied

# Standard deviations that the best text gains when it has every word of the question that counts. XQuAD, where
# questions share many words with their text, would have more, up to 2; DSTC10's spoken ones do not mind 0.8 to 1.6.
# So public text allows a range; 1.0 of it was taken for what it did to the hotel that we develop on.
LEXICAL_WEIGHT = 1.0
# What the cosines of both vectors count where a question and a text are English. Public text allows the English one a
# share of .4 to .7 (XQuAD less, DSTC10's spoken questions more). Together they tell texts apart better than the first
# alone does, and so spread them wider; the sum of 0.8 makes up for it. With 1.0 an article that is there in Arabic only
# would no longer be found among English ones (XQuAD, a fifth of the passages in Arabic: recall@1 of their questions .36
# instead of .56), with 0.8 it is (.60); among English texts the sum makes no difference.
FIRST_WEIGHT, ENGLISH_WEIGHT = 0.32, 0.48
# So many texts of a language at a venue count as much as what is known of languages in general (see _standardised).
LANGUAGE_PRIOR = 8
# Standard deviations that a text loses which is there in the asker's language as well: what it says is said there, and
# what brings it nearer to the question is mostly chance. XQuAD with each passage in English and Arabic: without, four
# of 397 English questions were shown the Arabic text, with 0.5 none; recall@1 .957 and .960, of Arabic questions .912
# and from 2 on .917. Passages that are in Arabic only are found by English questions as before (.607, .617).
TRANSLATED = 2.0
# What a word counts for that is not the one that was heard, and only sounds like it or nearly so.
SOUNDS_SAME, SOUNDS_NEARLY = 0.8, 0.5
# Letters; shorter words are made of two others by chance.
COMPOUND_FROM = 6

Key = tuple[int, int]  # a text, and the revision at which its passages were made

# Of a passage: version, kind, text, vector; then what is the same for all passages of a version: text and revision,
# title, language, slug, valid from, valid until.
Row = tuple[int, str, str, bytes | memoryview, int, int, str, str, str, datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Section:
    text: str
    sentences: tuple[str, ...]
    start: int  # its row, and those of its sentences up to `end`, counted from the first of its text
    end: int


@dataclass(frozen=True, slots=True)
class Text:
    """A live version of an article in one language. Its rows: each section, its sentences; then the variants."""

    key: Key
    version_id: int
    article: str  # slug
    title: str
    language: str
    valid_from: datetime | None
    valid_until: datetime | None
    sections: tuple[Section, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's vectors."""

    vector: np.ndarray
    english: np.ndarray | None  # the second one, if it is English

    @classmethod
    def by(cls, question: str, language: str) -> Asked:
        words = lexical.as_written(question)
        english = english_embedder()
        if english and language == "en" and lexical.looks_english(words):
            (both,) = english.embed_english_queries([words])
            return cls(both[: english.dimensions], both[english.dimensions :])
        (vector,) = get_embedder().embed_queries([words])
        return cls(vector, None)


class Segment:
    """Some texts, their vectors in the order of their rows, and their words."""

    def __init__(
        self,
        texts: Sequence[Text],
        vectors: np.ndarray,
        english: np.ndarray,
        is_english: np.ndarray,
        postings: lexical.Postings,
        written: frozenset[str],
    ) -> None:
        self.texts = tuple(texts)
        self.vectors = vectors
        self.english = english  # the second vectors, of the rows that are English only
        self.is_english = is_english
        self.english_places = np.cumsum(is_english) - 1  # a row's place in `english`, if it is English
        self.postings = postings
        self.written = written  # words as they stand in the texts, folded
        self.versions = np.array([text.version_id for text in self.texts], int)
        # Numbers to compare by; this process's own.
        self.articles = np.array([hash(text.article) for text in self.texts], int)
        self.languages = np.array([hash(text.language) for text in self.texts], int)
        self.valid_from = np.array([t.valid_from.timestamp() if t.valid_from else -np.inf for t in self.texts], float)
        self.valid_until = np.array([t.valid_until.timestamp() if t.valid_until else np.inf for t in self.texts], float)
        rows = np.array([text.rows for text in self.texts], int)
        self.row_starts = np.cumsum(rows) - rows
        self.section_text = np.repeat(np.arange(len(self.texts)), [len(text.sections) for text in self.texts])
        self.section_rows = self.row_starts[self.section_text] + np.array(
            [section.start for text in self.texts for section in text.sections], int
        )
        variants = [range(text.sections[-1].end, text.rows) for text in self.texts]
        self.variant_text = np.repeat(np.arange(len(self.texts)), [len(these) for these in variants])
        self.variant_rows = self.row_starts[self.variant_text] + np.array(
            [at for these in variants for at in these], int
        )

    @cached_property
    def heard(self) -> hearing.Heard:
        return hearing.Heard(self.written)

    @cached_property
    def signs(self) -> np.ndarray:
        """A column of 64 directions after the other, so that each is one run through memory."""
        return np.ascontiguousarray(_signs(self.vectors).T)

    @cached_property
    def english_signs(self) -> np.ndarray:
        return np.ascontiguousarray(_signs(self.english).T)

    def unlike(self, asked: Asked) -> np.ndarray:
        """In how many directions each row's vectors have another sign than the question's."""
        first = _different(self.signs, asked.vector)
        if asked.english is None or not len(self.english):
            return first
        second = _different(self.english_signs, asked.english)
        if len(second) == len(first):
            return first + second
        unlike = first * 2  # as if a second vector were as unlike as the first
        unlike[self.is_english] = first[self.is_english] + second
        return unlike

    def similarity(self, asked: Asked, rows: np.ndarray | None = None) -> np.ndarray:
        """The cosine of each of these rows (of all) with the question; where both are English, both models'."""
        similarity = _cosines(self.vectors, rows, asked.vector)
        if asked.english is None or not len(self.english):
            return similarity
        is_english = self.is_english if rows is None else self.is_english[rows]
        places = None if rows is None else self.english_places[rows[is_english]]
        second = ENGLISH_WEIGHT * _cosines(self.english, places, asked.english)
        if len(second) == len(similarity):
            return FIRST_WEIGHT * similarity + second
        similarity[is_english] = FIRST_WEIGHT * similarity[is_english] + second
        return similarity

    @classmethod
    def merged(cls, parts: Sequence[tuple[Segment, np.ndarray]]) -> Segment:
        """One with the texts of all that are kept, a mask each."""
        texts = [
            text for part, kept in parts for text, is_kept in zip(part.texts, kept.tolist(), strict=True) if is_kept
        ]
        rows = [np.repeat(kept, np.diff(np.append(part.row_starts, len(part.vectors)))) for part, kept in parts]
        vectors = [part.vectors[kept] for (part, _), kept in zip(parts, rows, strict=True)]
        english = [part.english[kept[part.is_english]] for (part, _), kept in zip(parts, rows, strict=True)]
        is_english = [part.is_english[kept] for (part, _), kept in zip(parts, rows, strict=True)]
        postings = lexical.Postings.merged([(part.postings, kept) for part, kept in parts])
        written = frozenset[str]().union(*(part.written for part, _ in parts))
        return cls(texts, np.concatenate(vectors), _stacked(english), np.concatenate(is_english), postings, written)


def segments(rows: Iterable[Row]) -> Iterator[Segment]:
    """The passages, which come version by version and in their order, some thousand rows at a time."""
    dimensions = get_embedder().dimensions
    texts: list[Text] = []
    vectors: list[np.ndarray] = []
    words: list[list[str]] = []
    written: set[str] = set()

    def finished() -> Segment:
        english = [vector[dimensions:][None] for vector in vectors]
        made = Segment(
            texts,
            np.stack([vector[:dimensions] for vector in vectors]).astype(np.float32),
            _stacked(english),
            np.array([vector.size > 0 for vector in english], bool),
            lexical.Postings(words),
            frozenset(written),
        )
        for used in (texts, vectors, words, written):
            used.clear()
        return made

    for (version_id, text_id, revision, title, language, article, valid_from, valid_until), passages in groupby(
        rows, key=lambda row: (row[0], *row[4:])
    ):
        before = len(vectors)
        sections: list[Section] = []
        variants: list[str] = []
        for _, kind, text, vector, *_ in passages:
            vectors.append(np.frombuffer(vector, "<f4"))
            end = len(vectors) - before
            if kind == Passage.Kind.WHOLE:
                sections.append(Section(text, (), end - 1, end))
            elif kind == Passage.Kind.SENTENCE:
                section = sections[-1]
                sections[-1] = Section(section.text, (*section.sentences, text), section.start, end)
            else:
                variants.append(text)
        texts.append(
            Text(
                (text_id, revision),
                version_id,
                article,
                title,
                language,
                valid_from,
                valid_until,
                tuple(sections),
                len(vectors) - before,
            )
        )
        # A title counts twice: it was chosen to say what the text is about.
        stems = lexical.stems(title, language) * 2
        for text in (*(section.text for section in sections), *variants):
            stems += lexical.stems(text, language)
        words.append([stem for _, stem in stems])
        written |= {word for word, _ in stems}
        if len(vectors) >= SEGMENT_ROWS:
            yield finished()
    if texts:
        yield finished()


@dataclass(frozen=True)
class Scores:
    """What a question scored, one value a text that it was compared with."""

    texts: np.ndarray  # numbers of the texts, ascending
    typical: np.ndarray  # which of them stand for all that are valid
    sections: np.ndarray  # the best section of each
    by_both: np.ndarray  # was it compared by the English model too?
    whole: np.ndarray  # cosine with that section
    sentence: np.ndarray  # cosine with its best sentence
    bonus: np.ndarray  # what it gains by being in the asker's language, whatever it says
    dense: np.ndarray  # half and half; if a variant is closer, that
    standard: np.ndarray  # dense, as standard deviations above the mean of the text's language
    lexical: np.ndarray  # 0 to 1: BM25, the best text has the share of the question's words that some text has
    overlap: np.ndarray  # share of the question's words that the text has, rare words counting more
    fused: np.ndarray


class VenueIndex:
    """Everything that can be found at a venue at one revision."""

    def __init__(self, revision: int, embedder: str, parts: Sequence[tuple[Segment, np.ndarray]]) -> None:
        """`parts`: segments, and which of their texts count (a mask each)."""
        self.revision = revision
        self.embedder = embedder
        self._parts = tuple(parts)
        self._segments = [segment for segment, _ in parts]
        self.texts = [text for segment in self._segments for text in segment.texts]
        self.alive = _joined([kept for _, kept in parts], bool)
        self._versions = _joined([segment.versions for segment in self._segments], int)
        self._articles = _joined([segment.articles for segment in self._segments], int)
        self._valid_from = _joined([segment.valid_from for segment in self._segments], float)
        self._valid_until = _joined([segment.valid_until for segment in self._segments], float)
        languages = _joined([segment.languages for segment in self._segments], int)
        self._language_codes, self._languages = np.unique(languages, return_inverse=True)
        self._lengths = _joined([segment.postings.lengths for segment in self._segments], np.float32)
        self._alive_texts = int(self.alive.sum())
        self._mean_length = max(float(self._lengths[self.alive].mean()), 1.0) if self._alive_texts else 1.0
        self._sections = [section for text in self.texts for section in text.sections]
        self._first_texts = _starts([len(segment.texts) for segment in self._segments])
        first_rows = _starts([len(segment.vectors) for segment in self._segments])
        self._first_rows = first_rows

        def shifted(name: str, by: np.ndarray) -> np.ndarray:
            found = zip(self._segments, by.tolist(), strict=True)
            return _joined([getattr(segment, name) + start for segment, start in found], int)

        self._row_starts = shifted("row_starts", first_rows)
        self._section_text = shifted("section_text", self._first_texts)
        self._section_rows = shifted("section_rows", first_rows)
        self._variant_text = shifted("variant_text", self._first_texts)
        self._variant_rows = shifted("variant_rows", first_rows)
        self.rows = sum(len(segment.vectors) for segment in self._segments)
        self._is_english = _joined([segment.is_english for segment in self._segments], bool)
        self._is_sentence = np.ones(self.rows, bool)
        self._is_sentence[self._section_rows] = self._is_sentence[self._variant_rows] = False

    # What it is made of

    @property
    def keys(self) -> set[Key]:
        return {text.key for text, is_alive in zip(self.texts, self.alive.tolist(), strict=True) if is_alive}

    @property
    def vector_bytes(self) -> int:
        return sum(segment.vectors.nbytes + segment.english.nbytes for segment in self._segments)

    def after(self, revision: int, *, gone: Collection[Key], new: Iterable[Segment]) -> VenueIndex:
        """The index after a change. What stays is shared with this one."""
        parts = []
        for segment, kept in self._parts:
            if gone:
                kept = kept & np.array([text.key not in gone for text in segment.texts], bool)
            parts.append((segment, kept))
        return VenueIndex(revision, self.embedder, _tidied([*parts, *_whole(new)]))

    def without_text(self, text_id: int, *, plus: Iterable[Segment]) -> VenueIndex:
        """What it would be if these passages took the place of that text's."""
        return self.after(0, gone={key for key in self.keys if key[0] == text_id}, new=plus)

    # Words

    def joined(self, question: str) -> str:
        """The question with "break fast" made "breakfast", if that is a word of this venue."""
        words: list[str] = []
        for word in question.split():
            if words and self._is_compound(lexical.fold(words[-1] + word)):
                words[-1] += word
            else:
                words.append(word)
        return " ".join(words)

    def _is_compound(self, word: str) -> bool:
        is_long = len(word) >= COMPOUND_FROM and word.isalpha()
        return is_long and any(word in segment.written for segment in self._segments)

    def understood(self, question: str, language: str) -> dict[str, float]:
        """The question's words that count, as stems, and how much each counts: less if it is a word of this venue that
        only sounds like what was heard.
        """
        counted: dict[str, float] = {}
        for written, stem in lexical.stems(question, language):
            weight = 1.0
            if not self._having(stem) and (near := self._near(written, language)):
                stem, weight = near
            counted[stem] = max(weight, counted.get(stem, 0.0))
        return counted

    def _near(self, written: str, language: str) -> tuple[str, float] | None:
        """The stem of the word that a word unknown here may have been, and how much it counts."""
        near: dict[str, int] = {}
        for segment in self._segments:
            near |= segment.heard.like(written)
        found = [
            (far, -self._having(stem), stem)
            for other, far in near.items()
            for stem in lexical.words(other, language)[:1]
            if self._having(stem)
        ]
        # Of those that are as near, the one that most texts have.
        far, _, stem = min(found, default=(0, 0, ""))
        return (stem, SOUNDS_NEARLY if far else SOUNDS_SAME) if stem else None

    def _having(self, stem: str) -> int:
        """How many texts have the word."""
        return sum(int(kept[segment.postings[stem][0]].sum()) for segment, kept in self._parts)

    def by_words(self, asked: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """For each text its BM25 score, and the share of the words that it has: rare words weigh more, unknown ones
        most.
        """
        score, shared, total = np.zeros(len(self.texts)), np.zeros(len(self.texts)), 0.0
        for word, counts_for in asked.items():
            found = [segment.postings[word] for segment in self._segments]
            numbers = _joined([these + start for (these, _), start in zip(found, self._first_texts, strict=True)], int)
            counts = _joined([these for _, these in found], np.float32)
            alive = self.alive[numbers]
            numbers, counts = numbers[alive], counts[alive]
            weight = np.log(1 + self._alive_texts / max(len(numbers), 1))
            total += weight
            if len(numbers):
                shared[numbers] += weight * counts_for
                score[numbers] += counts_for * lexical.bm25(
                    counts, self._lengths[numbers], self._mean_length, len(numbers), self._alive_texts
                )
        return score, shared / total if total else shared

    # Meaning

    def valid_at(self, at: datetime) -> np.ndarray:
        """The numbers of the texts that count and are valid."""
        moment = at.timestamp()
        return np.flatnonzero(self.alive & (self._valid_from <= moment) & (moment < self._valid_until))

    def scores(self, question: str, valid: np.ndarray, asked_in: str) -> tuple[Scores, np.ndarray]:
        """The scores of the texts in `valid` (of many only the best, and a sample), and the cosine of each row that
        was compared.
        """
        question = self.joined(question)
        asked = Asked.by(question, asked_in)
        by_words, overlap = self.by_words(self.understood(question, asked_in))
        chosen, typical = self._chosen(asked, valid, by_words)
        similarity = self._similarity(asked, chosen)

        whole = similarity[self._section_rows]
        # Without other rows, the sections' slices hold the sentences only.
        sentence = np.maximum.reduceat(np.where(self._is_sentence, similarity, np.float32(-1)), self._section_rows)
        by_section = (whole + sentence) / 2
        best = self._best_sections(by_section)
        dense = by_section[best]
        np.maximum.at(dense, self._variant_text, similarity[self._variant_rows])

        best, dense = best[chosen], dense[chosen]
        languages = self._languages[chosen]
        is_same = self._language_codes[languages] == hash(asked_in)
        bonus = np.where(is_same, getattr(get_embedder(), "same_language_bonus", 0.0), 0.0)
        standard = self._standardised(dense, languages, bonus, typical)
        # Of the best text's words, as many as the question is made of: in "my back is killing me can somebody rub it"
        # one shared word is chance, in "gluten free breakfast" it is not.
        shared, overlap = by_words[chosen], overlap[chosen]
        if shared.max() > 0:
            shared = shared / shared.max() * overlap.max()
        articles = self._articles[chosen]
        is_translated = ~is_same & np.isin(articles, articles[is_same])
        fused = standard + LEXICAL_WEIGHT * shared - TRANSLATED * is_translated
        by_both = self._is_english[self._section_rows[best]] & (asked.english is not None)
        scores = Scores(
            chosen, typical, best, by_both, whole[best], sentence[best], bonus, dense, standard, shared, overlap, fused
        )
        return scores, similarity

    def ordered(self, scores: Scores, by: np.ndarray) -> list[int]:
        """Positions in `scores`, best first. Equals come in an order that does not depend on how the index grew."""
        return np.lexsort((self._versions[scores.texts], -by)).tolist()

    def section(self, scores: Scores, position: int) -> Section:
        return self._sections[scores.sections[position]]

    def sentence_scores(self, scores: Scores, position: int, similarity: np.ndarray) -> list[float]:
        """The cosines of the best section's sentences."""
        number = scores.sections[position]
        section, start = self._sections[number], int(self._section_rows[number])
        return similarity[start + 1 : start + section.end - section.start].tolist()

    def _chosen(self, asked: Asked, valid: np.ndarray, by_words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which texts are compared in full, and which of them stand for all."""
        if self.rows <= EXACT_ROWS or len(valid) <= CANDIDATES + CANDIDATES_BY_WORDS + TYPICAL:
            return valid, np.ones(len(valid), bool)
        different = _joined([segment.unlike(asked) for segment in self._segments], np.uint16)
        unlike = np.minimum.reduceat(different, self._row_starts)[valid]
        sample = valid[:: len(valid) // TYPICAL]
        nearest = valid[np.argpartition(unlike, CANDIDATES)[:CANDIDATES]]
        named = valid[np.argpartition(-by_words[valid], CANDIDATES_BY_WORDS)[:CANDIDATES_BY_WORDS]]
        near = np.concatenate([nearest, named[by_words[named] > 0]])
        # With the same articles in other languages, of which one is the asker's.
        is_near = np.isin(self._articles, self._articles[near])
        chosen = np.unique(np.concatenate([sample, valid[is_near[valid]]]))
        return chosen, np.isin(chosen, sample, assume_unique=True)

    def _similarity(self, asked: Asked, chosen: np.ndarray) -> np.ndarray:
        """The cosine of each row of these texts; of other rows -1."""
        if self.rows <= EXACT_ROWS or len(chosen) == len(self.texts):
            return _joined([segment.similarity(asked) for segment in self._segments], np.float32)
        similarity = np.full(self.rows, np.float32(-1))
        ends = np.append(self._row_starts[1:], self.rows)
        counts = (ends - self._row_starts)[chosen]
        rows = np.repeat(self._row_starts[chosen] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        limits = np.searchsorted(rows, np.append(self._first_rows, self.rows))
        for number, segment in enumerate(self._segments):
            here = rows[limits[number] : limits[number + 1]]
            similarity[here] = segment.similarity(asked, here - self._first_rows[number])
        return similarity

    def _best_sections(self, dense: np.ndarray) -> np.ndarray:
        """The best section of each text, the first among equals."""
        if len(dense) == len(self.texts):
            return np.arange(len(dense))
        firsts = np.searchsorted(self._section_text, np.arange(len(self.texts)))
        is_best = np.flatnonzero(dense == np.maximum.reduceat(dense, firsts)[self._section_text])
        best = np.empty(len(self.texts), int)
        best[self._section_text[is_best[::-1]]] = is_best[::-1]
        return best

    def _standardised(
        self, dense: np.ndarray, languages: np.ndarray, bonus: np.ndarray, typical: np.ndarray
    ) -> np.ndarray:
        """In standard deviations above what a text of its language is expected to score whatever it says.

        A question is closer to all texts of its own language. Without a correction an article that exists in English
        only would not be found by an Arabic question among Arabic articles on other things (on XQuAD with a third of
        the passages in both languages and vectors as the model gives them, recall@1 is .60 without and .89 with it).
        How much closer is known for the embedder, and seen at this venue, the more exactly the more texts it has.
        """
        above = dense - ((dense - bonus)[typical].mean() + bonus)
        counts = np.bincount(languages[typical], minlength=len(self._language_codes))
        sums = np.bincount(languages[typical], weights=above[typical], minlength=len(self._language_codes))
        # The mean of a language, trusted the more the more texts it has.
        centred = above - (sums / (counts + LANGUAGE_PRIOR))[languages]
        return centred / max(float(centred[typical].std()), 1e-4)


def build(revision: int, rows: Iterable[Row]) -> VenueIndex:
    """The index of these passages, which come version by version and in their order."""
    return VenueIndex(revision, get_embedder().name, list(_whole(segments(rows))))


def _whole(found: Iterable[Segment]) -> Iterator[tuple[Segment, np.ndarray]]:
    return ((segment, np.ones(len(segment.texts), bool)) for segment in found)


def _tidied(parts: Iterable[tuple[Segment, np.ndarray]]) -> list[tuple[Segment, np.ndarray]]:
    """Without segments that are mostly dead, and with few small ones."""
    kept: list[tuple[Segment, np.ndarray]] = []
    small: list[tuple[Segment, np.ndarray]] = []
    for segment, alive in parts:
        if not alive.any():
            continue
        if 1 - alive.mean() > MOST_DEAD:
            segment = Segment.merged([(segment, alive)])
            alive = np.ones(len(segment.texts), bool)
        (small if len(segment.vectors) < SMALL_ROWS else kept).append((segment, alive))
    if len(small) > MOST_SMALL:
        small = list(_whole([Segment.merged(small)]))
    return kept + small


def _cosines(vectors: np.ndarray, rows: np.ndarray | None, vector: np.ndarray) -> np.ndarray:
    """Those of these rows (of all) with `vector`. All have length 1."""
    if rows is None:
        return vectors @ vector
    found = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = slice(start, start + ROWS_AT_ONCE)
        found[some] = np.take(vectors, rows[some], axis=0) @ vector
    return found


def _different(signs: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """In how many directions each row (of `signs`, a column) has another sign than the vector."""
    different = np.zeros(signs.shape[1], np.uint16)
    for column, bits in zip(signs, _signs(vector[None])[0], strict=True):
        different += np.bitwise_count(column ^ bits)
    return different


def _stacked(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Those that have columns; of some all rows are in another language."""
    found = [array for array in arrays if array.size]
    return np.concatenate(found) if found else np.empty((0, 0), np.float32)


def _signs(vectors: np.ndarray) -> np.ndarray:
    """A bit a direction, in words of 64."""
    bits = np.packbits(vectors > 0, axis=1)
    return np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8))).view(np.uint64)


def _starts(counts: Sequence[int]) -> np.ndarray:
    return np.cumsum(counts, dtype=int) - np.array(counts, int)


def _joined(arrays: Sequence[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.empty(0, kind)
