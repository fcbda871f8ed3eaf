"""Which stored sentences stand behind a spoken answer. Pure, and computed from the words, never from what a model says.

A sentence of the answer is supported by the stored sentence that shares most of its words that count, numbers most of
all. An answer in another language than its source shares only numbers and names; those must then all be there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from knowledge import chunking, lexical
from knowledge.search import Hit

# Of the answer's words, weighed, that a stored sentence must have.
ENOUGH_SHARED = 0.5
# One shared word is chance ("The pool is lovely"), unless the answer has no other.
FEWEST_SHARED = 2
NUMBER_WEIGHT = 2.0
TITLE_WEIGHT = 0.5

_NUMBERS = {
    word: str(number)
    for words in (
        "zero one two three four five six seven eight nine ten eleven twelve",
        "صفر واحد اثنين ثلاثة اربعة خمسة ستة سبعة ثمانية تسعة عشرة احدعشر اثناعشر",
        "- الواحدة الثانية الثالثة الرابعة الخامسة السادسة السابعة الثامنة التاسعة العاشرة - -",
    )
    for number, word in enumerate(lexical.fold(words).split())
    if word != "-"
} | {"noon": "12", "midnight": "12", "twenty": "20", "thirty": "30", "half": "30", "forty": "40", "fifty": "50"}


@dataclass(frozen=True)
class _Words:
    weights: dict[str, float]
    script: str

    @property
    def numbers(self) -> frozenset[str]:
        return frozenset(word for word in self.weights if word.isdigit())


def supporting(answer: str, hits: Sequence[Hit]) -> list[tuple[Hit, str]]:
    """For each sentence of the answer that rests on a hit: the hit, and the sentence of it. Each pair once."""
    found: list[tuple[Hit, str]] = []
    for line in chunking.plain(answer).splitlines():
        for said in chunking.sentences(line):
            best = max(
                (
                    (score, -rank, hit, sentence)
                    for rank, hit in enumerate(hits)
                    for score, sentence in _scores(said, hit)
                ),
                key=lambda candidate: candidate[:2],
                default=None,
            )
            if best and best[0] >= ENOUGH_SHARED and (best[2], best[3]) not in found:
                found.append((best[2], best[3]))
    return found


def _scores(said: str, hit: Hit) -> list[tuple[float, str]]:
    """How much of what was said each sentence of the hit has, 0 where it is not enough."""
    answer = _words(said, "")
    title = _words(hit.title, hit.language)
    scores: list[tuple[float, str]] = []
    for sentence in hit.sentences:
        if _plainly(said) == _plainly(sentence):
            scores.append((2.0, sentence))
            continue
        source = _words(sentence, hit.language)
        shared = {word: weight for word, weight in answer.weights.items() if word in source.weights}
        about = {
            word: weight for word, weight in answer.weights.items() if word in title.weights and word not in shared
        }
        if answer.script != source.script:
            names = {word for word in answer.weights if word.isdigit() or lexical.language_of(word, "en") == "en"}
            scores.append(
                (1.0 if names and names <= source.weights.keys() | title.weights.keys() and shared else 0.0, sentence)
            )
            continue
        total = sum(answer.weights.values())
        few = len(shared) + len(about) < min(FEWEST_SHARED, len(answer.weights))
        if not total or not shared or few or (answer.numbers and not answer.numbers & source.numbers):
            scores.append((0.0, sentence))
            continue
        scores.append(((sum(shared.values()) + TITLE_WEIGHT * sum(about.values())) / total, sentence))
    return scores


def _plainly(text: str) -> str:
    return "".join(filter(str.isalnum, lexical.fold(text)))


@lru_cache(2_000)
def _words(text: str, language: str) -> _Words:
    language = lexical.language_of(text, language or "en")
    weights: dict[str, float] = {}
    for written, stem in lexical.stems(_with_digits(text), language):
        weights[stem] = NUMBER_WEIGHT if written.isdigit() else 1.0
    script = language if language in ("ar", "ur", "fa", "hi", "ru", "el", "ta", "zh", "ja", "ko", "th") else "latin"
    return _Words(weights, script)


def _with_digits(text: str) -> str:
    """ "six" as "6", since an answer may say what the article writes in digits."""
    return " ".join(_NUMBERS.get(word.strip(".,:;!?؟،؛"), word) for word in lexical.fold(text).split())
