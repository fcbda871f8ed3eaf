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
VERBATIM = 2.0

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


def supporting(answer: str, hits: Sequence[Hit]) -> list[tuple[Hit, str]]:
    """For each sentence of the answer that rests on a hit: the hit, and the sentence of it. Each pair once."""
    found: list[tuple[Hit, str]] = []
    for line in chunking.plain(answer).splitlines():
        for said in chunking.sentences(line):
            best, support = ENOUGH_SHARED, None
            for hit in hits:
                for sentence in hit.sentences:
                    share = _share(said, sentence, hit)
                    # Among equals the better hit, which comes first.
                    if share > best or (share == best and support is None):
                        best, support = share, (hit, sentence)
            if support and support not in found:
                found.append(support)
    return found


def _share(said: str, sentence: str, hit: Hit) -> float:
    """How much of what was said the stored sentence has, words of its title counting half; 0 if it says too little."""
    if _plainly(said) == _plainly(sentence):
        return VERBATIM
    answer, source, title = _words(said, hit.language), _words(sentence, hit.language), _words(hit.title, hit.language)
    shared = answer.weights.keys() & source.weights.keys()
    if answer.script != source.script:
        names = {word for word in answer.weights if word.isdigit() or lexical.language_of(word) == "en"}
        return 1.0 if shared and names <= source.weights.keys() | title.weights.keys() else 0.0
    about = (answer.weights.keys() & title.weights.keys()) - shared
    numbers = {word for word in answer.weights if word.isdigit()}
    if not shared or len(shared) + len(about) < min(FEWEST_SHARED, len(answer.weights)):
        return 0.0
    if numbers and not numbers & source.weights.keys():
        return 0.0
    weight = sum(answer.weights[word] for word in shared) + TITLE_WEIGHT * sum(answer.weights[word] for word in about)
    return weight / sum(answer.weights.values())


def _plainly(text: str) -> str:
    return "".join(filter(str.isalnum, lexical.fold(text)))


@lru_cache(2_000)
def _words(text: str, language: str) -> _Words:
    language = lexical.language_of(text, language or "en")
    weights: dict[str, float] = {}
    for written, stem in lexical.stems(_with_digits(text), language):
        weights[stem] = NUMBER_WEIGHT if written.isdigit() else 1.0
    return _Words(weights, lexical.script_of(text))


def _with_digits(text: str) -> str:
    """ "six" as "6", since an answer may say what the article writes in digits."""
    return " ".join(_NUMBERS.get(word.strip(".,:;!?؟،؛"), word) for word in lexical.fold(text).split())
