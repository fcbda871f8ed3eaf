"""Chooses the sentences of what was found that answer a question. Pure; every sentence stays as it was written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer

from agent_worker.providers.intents import is_arabic, plain
from agent_worker.providers.spoken import without_markup

MOST_SENTENCES = 3
MOST_WORDS = 45  # some 17 seconds of speech
FURTHER = 0.75  # how much worse than the best a further sentence may be


@dataclass(frozen=True)
class Passage:
    title: str
    language: str
    sentences: tuple[tuple[str, float], ...]  # with the likeness of each to the question, as the search gave it
    confidence: float


@dataclass(frozen=True)
class Choice:
    sentences: tuple[str, ...]
    language: str


def choose(question: str, passages: Sequence[Passage]) -> Choice | None:
    """One to three whole sentences that answer `question`, in the order in which they are written."""
    passages = [passage for passage in passages if passage.sentences]
    if not passages:
        return None
    facets = facets_of(question)
    chosen: list[tuple[int, int]] = []  # passage, sentence
    for facet in facets:
        where = _passage_for(facet, passages) if len(facets) > 1 else 0
        chosen += [(where, index) for index in _pick(facet, passages[where], alone=len(facets) == 1)]
    kept = sorted(dict.fromkeys(chosen))[:MOST_SENTENCES]
    # A sentence in another language than the first would want an introduction of its own.
    language = passages[kept[0][0]].language
    kept = [(where, index) for where, index in kept if passages[where].language == language]
    return Choice(tuple(without_markup(passages[where].sentences[index][0]) for where, index in kept), language)


def facets_of(question: str) -> list[str]:
    """ "Where can I park and how much is it" asks two things."""
    parts = re.split(
        r"[?؟;]\s+|,?\s+and (?:also )?(?=(?:how|where|what|when|which|who|do|does|is|are|can|could|may)\b)"
        r"|[،,]?\s+و(?=(?:كم|اين|أين|وين|متى|متي|هل|ما|ماذا|كيف|بكم)\b)",
        question.strip().rstrip("?؟ "),
    )
    facets = [part for part in parts if len(words_of(part)) >= 1 or kinds_asked(part)]
    return facets[:2] or [question]


# One facet, one passage


def _passage_for(facet: str, passages: Sequence[Passage]) -> int:
    """The first passage, unless only a later one has what this half of the question asks for."""
    kinds = kinds_asked(facet)
    if not kinds or any(kinds & kinds_told(text) for text, _ in passages[0].sentences):
        return 0
    asked = words_of(facet)
    for index, passage in enumerate(passages[1:], 1):
        if passage.confidence < passages[0].confidence * 0.6:
            break
        if any(kinds & kinds_told(text) and asked & words_of(text) for text, _ in passage.sentences):
            return index
    return 0


def _pick(facet: str, passage: Passage, *, alone: bool) -> list[int]:
    sentences = [text for text, _ in passage.sentences]
    scores = _scores(facet, passage)
    best = max(range(len(sentences)), key=lambda index: scores[index])
    picked = [best, *_what_it_leans_on(best, sentences)]
    exact = kinds_asked(facet) & EXACT
    is_settled = bool(exact & kinds_told(sentences[best]))
    for index in sorted(range(len(sentences)), key=lambda index: -scores[index]):
        more = [index, *_what_it_leans_on(index, sentences)]
        if set(more) <= set(picked) or scores[index] < scores[best] - FURTHER:
            continue
        # A price or a time that was asked for is the answer; a yes-or-no question wants its conditions too.
        if (is_settled or not alone) and not is_condition(sentences[index]):
            continue
        together = sorted({*picked, *more})
        if len(together) <= MOST_SENTENCES and sum(len(sentences[i].split()) for i in together) <= MOST_WORDS:
            picked = together
    return sorted(set(picked))


def _scores(facet: str, passage: Passage) -> list[float]:
    """Likeness in meaning, words in common, and the right kind of answer, each worth about one."""
    asked, kinds = words_of(facet), kinds_asked(facet)
    likeness = [score for _, score in passage.sentences]
    top = max(likeness)
    scores = []
    for text, score in passage.sentences:
        # Sentence vectors of e5 lie close together: 0.03 apart is far.
        value = max(-2.0, (score - top) / 0.03)
        common = asked & words_of(text)
        value += 1.5 * len(common) / len(asked) if asked else 0.0
        told = kinds_told(text)
        value += 1.2 if kinds & told & EXACT else 0.4 if kinds & told else 0.0
        scores.append(value)
    return scores


_LEANS = re.compile(
    r"^(?:it|its|they|them|their|this|these|that|those|both|he|she|there|here|otherwise|then|also|but|however|instead|"
    r"after that|the same|such|هو|هي|هم|وهو|وهي|وهم|كما|كذلك|وكذلك|ذلك|هذا|هذه|تلك|لكن|ولكن|وذلك|كلاهما|ايضا|ولا|وفيه|وفيها|فيه|فيها)\b"
)
_CONDITION = re.compile(
    r"\b(?:not|no|only|must|except|unless|but|never|without|if|required|require|requires|need|needs|excluding|"
    r"لا|ليس|ليست|فقط|يجب|باستثناء|الا|يلزم|يشترط|ممنوع|شرط|اذا|بدون|يرجي)\b"
)


def leans(sentence: str) -> bool:
    """Does it begin with a word that points at the sentence before?"""
    return bool(_LEANS.match(plain(without_markup(sentence))))


def is_condition(sentence: str) -> bool:
    return bool(_CONDITION.search(plain(sentence)))


def _what_it_leans_on(index: int, sentences: Sequence[str]) -> list[int]:
    return [index - 1] if index and leans(sentences[index]) else []


# Kinds of answers

_ASKED = {
    "time": r"\b(?:when|what time|how late|how early|until|till|what hours?|hours|what day|which day|opening|closing)\b"
    r"|\b(?:متي|الساعه كم|كم الساعه|اي ساعه|وقت|اوقات|مواعيد|موعد|ساعات|لين|اي يوم)\b",
    "price": r"\b(?:how much|price|prices|cost|costs|fee|fees|charge|charged|charges|rate|pay|paid|free|expensive|cheap|"
    r"included|deposit|ticket|tickets)\b|\b(?:بكم|كم سعر|كم السعر|سعر|السعر|اسعار|تكلفه|رسوم|ثمن|مجاني|مجانا|ادفع|ندفع|تذكره|التذاكر|كم يكلف)\b",
    "span": r"\b(?:how long|how many minutes|how far|duration)\b|\b(?:كم يستغرق|كم تستغرق|كم مده|المده|كم يبعد|مسافه)\b",
    "count": r"\b(?:how many|how old|what age|minimum age|how big|how tall|what size)\b|\b(?:كم عدد|كم عمر|العمر|كم واحد)\b",
    "place": r"\b(?:where|which (?:floor|level)|what (?:floor|level)|how (?:do|can) (?:i|we) (?:get|find|go|reach)|directions?|nearest|located)\b"
    r"|\b(?:اين|وين|فين|مكان|اي طابق|كيف اصل|كيف اروح|اقرب|موقع)\b",
    "contact": r"\b(?:phone|number|call|contact|email|e mail|whatsapp|extension)\b|\b(?:رقم|هاتف|تلفون|اتصل|ايميل|واتساب|بريد)\b",
    "code": r"\b(?:password|passcode|code|network|wifi|wi fi)\b|\b(?:كلمه السر|كلمه المرور|الواي فاي|شبكه|رمز)\b",
    "way": r"\b(?:how (?:do|can|could|should|would) (?:i|we|you|one)|how to|what do i (?:do|need)|who (?:do|can|should))\b|\b(?:كيف|طريقه|اطلب|احجز)\b",
    "leave": r"\b(?:can|could|may|allowed|do (?:i|we) (?:have|need) to|is it (?:ok|okay|possible|allowed)|permitted|must|should)\b"
    r"|\b(?:ممكن|مسموح|هل يمكن|هل يسمح|يسمح|اقدر|نقدر|يجوز|لازم|يجب)\b",
    "have": r"\b(?:do you (?:have|offer|rent|sell|serve|provide)|have you got|is there|are there|any)\b|\b(?:هل يوجد|هل توجد|هل لديكم|عندكم|يوجد|في)\b",
}  # fmt: skip
_MONTHS_AND_DAYS = (
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday|weekends?|weekdays?|daily|every day|around the clock"
)
_TOLD = {
    "time": rf"\d\s*(?:am|pm|a m|p m)\b|\b\d{{1,2}} \d{{2}}\b|\b(?:noon|midnight|sunset|sunrise|dawn|oclock|{_MONTHS_AND_DAYS}|never closes|24 hours|24 7)\b"
    r"|\b(?:الساعه|صباحا|مساء|ظهرا|ليلا|يوميا|منتصف الليل|الغروب|غروب|الشروق|الجمعه|السبت|الاحد|ص|م|علي مدار)\b",
    "price": r"\b(?:aed|dhs?|dirhams?|usd|euros?|dollars?|percent|free|complimentary|included|no charge|charged?|fee|price|costs?|deposit|paid)\b"
    r"|\b(?:درهم|درهما|دراهم|مجاني|مجانا|مجانيه|بالمئه|في المئه|رسوم|السعر|سعر|تكلفه|مشمول|بدون مقابل)\b",
    "span": r"\b(?:\d+|one|two|three|fifteen|ten|five|twenty|thirty|half an?) (?:minutes?|mins?|hours?|days?|nights?|km|kilomet\w+|met\w+)\b"
    r"|\b(?:دقيقه|دقائق|ساعه|ساعات|ايام|يوم|كيلومتر|متر)\b",
    "count": r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|sixteen|eighteen|under|above|over)\b|\b(?:سنه|سنوات|عاما|شخص|اشخاص)\b",
    "place": r"\b(?:level|floor|lobby|next to|near|beside|behind|opposite|across|between|entrance|basement|ground|corner|left|right|"
    r"upstairs|downstairs|located|street|road|gate|wing|outside|inside|at the|in the)\b|\b(?:الطابق|طابق|الدور|بجانب|قرب|مقابل|خلف|بجوار|عند|مدخل|المدخل|الردهه|اللوبي|شارع|بوابه|يقع|تقع)\b",
    "contact": r"\d(?: ?\d){5,}|\b(?:dial|call|extension|ext|press|email|whatsapp)\b|\b(?:اتصل|رقم|هاتف|تحويله|اضغط)\b",
    "code": r"\b(?:password|passcode|code|network|room number|last name|surname)\b|\b(?:كلمه|رمز|شبكه|رقم غرفتك|رقم الغرفه)\b",
    "way": r"\b(?:ask|book|call|dial|press|tell|contact|reserve|order|use|show|leave|hang|tap|scan|through|at the desk|at reception|request)\b"
    r"|\b(?:اطلب|اسال|اتصل|احجز|اضغط|استخدم|اترك|يمكن|يمكنك|تواصل)\b",
    "leave": r"\b(?:can|may|allowed|not|no|must|welcome|permitted|only|possible|please|forbidden|until|need|required)\b"
    r"|\b(?:يمكن|يسمح|مسموح|ممنوع|لا|يجب|فقط|يرجي|نرحب|يلزم)\b",
    "have": r"\b(?:available|offer|offers|offered|have|has|there|provided|includes?|serve|serves|served|no)\b|\b(?:متوفر|متوفره|يوجد|توجد|لدينا|نقدم|تقدم|يقدم|لا)\b",
}  # fmt: skip
_ASKED_SHAPES = {kind: re.compile(shape) for kind, shape in _ASKED.items()}
_TOLD_SHAPES = {kind: re.compile(shape) for kind, shape in _TOLD.items()}
# Kinds that one can see in a sentence without understanding it.
EXACT = frozenset({"time", "price", "span", "contact", "code"})


@lru_cache(maxsize=4096)
def kinds_asked(question: str) -> frozenset[str]:
    said = plain(question)
    return frozenset(kind for kind, shape in _ASKED_SHAPES.items() if shape.search(said))


@lru_cache(maxsize=4096)
def kinds_told(sentence: str) -> frozenset[str]:
    said = plain(re.sub(r"(?<=\d)[.:](?=\d)", " ", sentence.replace("%", " percent ")))
    return frozenset(kind for kind, shape in _TOLD_SHAPES.items() if shape.search(said))


# Words in common

_EMPTY = frozenset(
    "a an and any are as at be by can could do does for from get have how i if in is it its me my need of on or our so "
    "some that the their them there they this to too up us was we what when where which who will with would you your "
    "please want like um uh hi hello much many time late long am pm tell know about go going "
    "من في علي الي عن ما هل هو هي ان كم متي اين وين كيف لي لو هذا هذه ذلك مع او ثم قد لا نعم اريد ابي ابغي ممكن فيه عندكم يوجد شو ايش".split()
)
_STEMMERS = {"en": "english", "ar": "arabic"}


@lru_cache(maxsize=4096)
def words_of(text: str) -> frozenset[str]:
    """The stems of the words that carry meaning."""
    stemmer = snowballstemmer.stemmer(_STEMMERS["ar" if is_arabic(text) else "en"])
    return frozenset(stemmer.stemWords([word for word in plain(text).split() if word not in _EMPTY]))
