"""Fits what search learnt from public text, none of which is kept here: knowledge/e5_evened.npz and the figures in
knowledge/confidence.py. With the embedder in use the fit is for texts that are compared by both of its models, on the
groups that are English; with EMBEDDER=knowledge.embedding.LocalE5 it is for the others, on all groups.

The folder has the files of github.com/google-deepmind/xquad as they are (xquad.en.json, xquad.ar.json, …) and, in
`dstc10`, the files knowledge.json, logs.json and labels.json of github.com/alexa/alexa-with-dstc10-track2-dataset
(task2/data/knowledge.json and task2/data/val). A set of passages plays the venue. Questions that it answers are asked
again with their passage (and what is nearly the same) taken away, and so are questions of other venues: visitors ask
in vain both for a detail that is missing and for what the venue never wrote a word about.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from knowledge import confidence, indexing, lexical
from knowledge.comparing import Source, index_of, read_xquad, without_punctuation
from knowledge.confidence import Fit
from knowledge.embedding import LocalE5, get_embedder
from knowledge.evaluation import auroc
from knowledge.search import cleaned
from knowledge.venue_index import VenueIndex

ARTICLES_A_VENUE = 60
QUESTIONS_A_VENUE = 60
# (language of the questions, language of the passages, venues)
XQUAD_GROUPS = (("en", "en", 5), ("ar", "ar", 5), ("ar", "en", 5), ("hi", "en", 4), ("ru", "en", 4), ("ar", "mixed", 5))
DSTC_HOTELS, DSTC_RESTAURANTS = 40, 20
FEWEST_DOCUMENTS = 15
# Two questions this near each other ask the same; a document behind a third such question is left out as too common.
SAME_QUESTION = 0.65
MOST_ALIKE = 3
FEWEST_LEFT = 5


@dataclass
class Group:
    """Features of questions of one kind, and what there was for each at the venue that it was put to."""

    rows: list[np.ndarray]
    there: list[str]  # ANSWER, TAKEN or NOTHING
    by_both: list[bool] = field(default_factory=list)  # was the text compared by both models?

    @property
    def is_by_both(self) -> bool:
        # "Dos" in a restaurant's name makes a question or two look Spanish.
        return 2 * sum(self.by_both) > len(self.there)

    @property
    def features(self) -> np.ndarray:
        return np.array(self.rows)

    @property
    def answerable(self) -> np.ndarray:
        return np.array(self.there) == ANSWER

    @property
    def weights(self) -> np.ndarray:
        return np.array([SHARES[there] / self.there.count(there) for there in self.there])


ANSWER, TAKEN, NOTHING = "answer", "answer taken away", "nothing like it"
SHARES = {ANSWER: 0.5, TAKEN: 0.25, NOTHING: 0.25}
Groups = dict[str, Group]


def collect(folder: Path, say: Callable[[str], None]) -> Groups:
    groups: Groups = defaultdict(lambda: Group([], []))
    chance = random.Random(7)
    for asked_in, written_in, venues in XQUAD_GROUPS:
        say(f"XQuAD: {asked_in} questions, {written_in} passages")
        _xquad(groups, folder, asked_in, written_in, venues, chance)
    say("DSTC10: written questions")
    _dstc_written(groups, folder / "dstc10", chance)
    say("DSTC10: spoken questions")
    _dstc_spoken(groups, folder / "dstc10", chance)
    return dict(groups)


def fit(groups: Iterable[Group], ridge: float = 1.0) -> Fit:
    """Logistic regression by Newton's method; each group weighs the same, and half of it has answers."""
    features, outcomes, weights = [], [], []
    for group in groups:
        features.append(group.features)
        outcomes.append(group.answerable.astype(float))
        weights.append(group.weights)
    x, y, weight = np.concatenate(features), np.concatenate(outcomes), np.concatenate(weights)
    weight *= len(x) / weight.sum()
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    x = np.c_[np.ones(len(x)), (x - mean) / spread]
    penalty = ridge * np.diag([0.0] + [1.0] * (x.shape[1] - 1))
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ beta))
        gradient = x.T @ (weight * (p - y)) + penalty @ beta
        beta -= np.linalg.solve((x * (weight * p * (1 - p))[:, None]).T @ x + penalty, gradient)
    coefficients = beta[1:] / spread
    return Fit(tuple(coefficients.tolist()), float(beta[0] - coefficients @ mean))


@dataclass(frozen=True)
class Quality:
    auroc: float | None
    refused: float
    accepted: dict[str, float]  # by what there was instead of an answer


def quality(group: Group, probabilities: np.ndarray, threshold: float) -> Quality:
    yes, no = probabilities[group.answerable], probabilities[~group.answerable]
    there = np.array(group.there)
    accepted = {kind: float((probabilities[there == kind] >= threshold).mean()) for kind in (TAKEN, NOTHING)}
    return Quality(auroc(yes.tolist(), no.tolist()), float((yes < threshold).mean()), accepted)


def threshold_refusing(share: float, group: Group, probabilities: np.ndarray) -> float:
    """The threshold at which this share of the group's answerable questions would be refused."""
    return float(np.quantile(probabilities[group.answerable], share))


def raw_vectors(folder: Path, embedder: LocalE5) -> np.ndarray:
    """The model's vectors of XQuAD's English and Arabic passages, their sentences, and the questions."""
    texts: list[str] = []
    for language in ("en", "ar"):
        passages, questions = _read_xquad(folder, language)
        texts += [
            f"passage: {piece.embedded}" for source in passages for piece in indexing.pieces("", source.body, language)
        ]
        texts += [f"query: {question}" for _, question in questions]
    return np.stack([embedder.raw(text) for text in texts])


# Questions and passages


def _ask(
    group: Group, index: VenueIndex, question: str, language: str, there: str, taken: Collection[str] = ()
) -> None:
    """Note the features of the best text, among those that are not taken away."""
    valid = np.array([number for number, text in enumerate(index.texts) if text.article not in taken])
    scores, _ = index.scores(question, valid, lexical.language_of(question, language))
    best = int(np.argmax(scores.fused))
    group.rows.append(confidence.features(scores, best))
    group.by_both.append(bool(scores.by_both[best]))
    group.there.append(there)


def _xquad(groups: Groups, folder: Path, asked_in: str, written_in: str, venues: int, chance: random.Random) -> None:
    group = groups[f"xquad {asked_in}>{written_in}"]
    passages, _ = _read_xquad(folder, "en" if written_in == "mixed" else written_in)
    _, questions = _read_xquad(folder, asked_in)
    documents = sorted({source.title for source in passages})
    for _ in range(venues):
        # Some documents play no part in this venue: their questions have nothing like an answer in it.
        absent = set(chance.sample(documents, len(documents) // 4))
        present = [number for number, source in enumerate(passages) if source.title not in absent]
        chosen = chance.sample(present, ARTICLES_A_VENUE)
        sources = [passages[number] for number in chosen]
        if written_in == "mixed":
            translations, _ = _read_xquad(folder, asked_in)
            sources += [translations[number] for number in chosen[: ARTICLES_A_VENUE // 3]]
        index = index_of(sources, titled=False)
        slugs = {source.slug for source in sources}
        here = [(slug, question) for slug, question in questions if slug in slugs]
        for slug, question in chance.sample(here, QUESTIONS_A_VENUE):
            _ask(group, index, question, asked_in, ANSWER)
            _ask(group, index, question, asked_in, TAKEN, {slug})
        elsewhere = [question for slug, question in questions if passages[int(slug)].title in absent]
        for question in chance.sample(elsewhere, QUESTIONS_A_VENUE):
            _ask(group, index, question, asked_in, NOTHING)


@lru_cache
def _read_xquad(folder: Path, language: str) -> tuple[list[Source], list[tuple[str, str]]]:
    passages, questions = read_xquad(folder / f"xquad.{language}.json")
    return passages, [(slug, without_punctuation(question)) for slug, question in questions]


def _dstc_written(groups: Groups, folder: Path, chance: random.Random) -> None:
    """A guest's question on the answers alone, since it is the title that would give them away."""
    knowledge = json.loads((folder / "knowledge.json").read_text())
    for domain, other, count in (("hotel", "restaurant", DSTC_HOTELS), ("restaurant", "hotel", DSTC_RESTAURANTS)):
        group = groups[f"dstc written {domain}"]
        for entity in chance.sample(sorted(knowledge[domain]), count):
            documents = knowledge[domain][entity]["docs"]
            if len(documents) < FEWEST_DOCUMENTS:
                continue
            index = index_of([Source(slug, "en", "", document["body"]) for slug, document in documents.items()])
            questions = {slug: without_punctuation(document["title"]) for slug, document in documents.items()}
            for slug, question in questions.items():
                alike = _alike(questions, question) | {slug}
                if len(alike) <= MOST_ALIKE:
                    _ask(group, index, question, "en", ANSWER)
                    _ask(group, index, question, "en", TAKEN, alike)
            for document in knowledge[other][chance.choice(sorted(knowledge[other]))]["docs"].values():
                question = without_punctuation(document["title"])
                if not _alike(questions, question):
                    _ask(group, index, question, "en", NOTHING)


def _dstc_spoken(groups: Groups, folder: Path, chance: random.Random) -> None:
    knowledge = json.loads((folder / "knowledge.json").read_text())
    said = [cleaned(turns[-1]["text"]) for turns in json.loads((folder / "logs.json").read_text())]
    labels = json.loads((folder / "labels.json").read_text())
    group = groups["dstc spoken"]
    indexes: dict[tuple[str, str], VenueIndex] = {}
    for text, label in zip(said, labels, strict=True):
        if not label["target"]:
            continue
        gold = label["knowledge"]
        entity = (gold[0]["domain"], str(gold[0]["entity_id"]))
        documents = knowledge[entity[0]][entity[1]]["docs"]
        if entity not in indexes:
            indexes[entity] = index_of(
                [Source(slug, "en", one["title"], one["body"]) for slug, one in documents.items()]
            )
        titles = {slug: without_punctuation(document["title"]) for slug, document in documents.items()}
        right = {str(document["doc_id"]) for document in gold}
        alike = right.union(*(_alike(titles, titles[slug]) for slug in right))
        if len(documents) - len(alike) >= FEWEST_LEFT:
            _ask(group, indexes[entity], text, "en", ANSWER)
            _ask(group, indexes[entity], text, "en", TAKEN, alike)
    for text, label in zip(said, labels, strict=True):
        if not label["target"]:
            _ask(group, chance.choice(list(indexes.values())), text, "en", NOTHING)


def _alike(questions: dict[str, str], question: str) -> set[str]:
    """Those of the questions that ask the same."""
    vectors = get_embedder().embed_queries(list(questions.values()))
    (asked,) = get_embedder().embed_queries([question])
    return {slug for slug, near in zip(questions, vectors @ asked > SAME_QUESTION, strict=True) if near}
