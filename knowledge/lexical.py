"""Words as search counts them: folded, stemmed, without the ones that every text has. Pure.

Both sides, stored text and question, pass through words(), so that a database's own full-text search is never asked
and SQLite and PostgreSQL rank alike.
"""

from __future__ import annotations

import logging
import re
import threading
import unicodedata
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
import snowballstemmer
from bm25s import stopwords

logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets itself to DEBUG

_STEMMERS = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}

# The language that a script is read as where the text's own language is written in another.
_SCRIPTS = (
    (re.compile(r"[\u0600-\u06ff]"), "ar"),
    (re.compile(r"[\u0400-\u04ff]"), "ru"),
    (re.compile(r"[\u0900-\u097f]"), "hi"),
    (re.compile(r"[\u0370-\u03ff]"), "el"),
    (re.compile(r"[\u0b80-\u0bff]"), "ta"),
    (re.compile(r"[\u3040-\u30ff]"), "ja"),
    (re.compile(r"[\u4e00-\u9fff]"), "zh"),
    (re.compile(r"[\uac00-\ud7af]"), "ko"),
    (re.compile(r"[\u0e00-\u0e7f]"), "th"),
)
# Languages that share a script, and the letters that only they have.
_SHARED = {"ar": ("ar", "fa", "ur"), "ru": ("ru", "uk", "bg"), "hi": ("hi", "ne", "mr")}
_URDU, _PERSIAN = re.compile(r"[ٹڈڑںےھہ]"), re.compile(r"[گچپژ]")
_NOT_LATIN = {language for _, name in _SCRIPTS for language in _SHARED.get(name, (name,))}

_ARABIC_STOP_WORDS = """
في من على عن الى إلى مع هل ما ماذا متى اين أين كيف كم لماذا هذا هذه ذلك تلك هناك هنا التي الذي الذين اللي و او أو ثم ان
أن إن لا لم لن قد كان كانت يكون تكون هو هي هم انا أنا نحن انت أنت لي لنا لك لكم له لها لهم عند عندي عندكم عندنا كل بعد
قبل بين حتى لين اذا إذا لو يا شو وش ايش إيش وين ليش ابي أبي ابغى أبغى نبي نبغى اريد أريد ممكن اقدر أقدر يمكن فيه فيها به
بها منه منها عليه عليها أي اي غير بعض كذا يعني طيب الحين
"""
_MORE_STOP_WORDS = {
    "en": """
    am are be been can could did do does get got had has have he her here him his how i is it its let like me my near
    need of our please she should some somebody someone tell that their them there they this to us want was we were what
    when where which who why will with would you your um uh
    """,
    "ur": "کا کی کے کو میں سے پر ہے ہیں تھا تھی اور یہ وہ کیا کہاں کب کیسے کتنا کتنے نے تک بھی ہو",
    "hi": "का की के को में से पर है हैं था थी और यह वह क्या कहाँ कब कैसे कितना कितने ने तक भी हो",
}
_STOP_LISTS = {
    "en": stopwords.STOPWORDS_EN_PLUS,
    "fr": stopwords.STOPWORDS_FRENCH,
    "de": stopwords.STOPWORDS_GERMAN,
    "es": stopwords.STOPWORDS_SPANISH,
    "it": stopwords.STOPWORDS_ITALIAN,
    "nl": stopwords.STOPWORDS_DUTCH,
    "pt": stopwords.STOPWORDS_PORTUGUESE,
    "ru": stopwords.STOPWORDS_RUSSIAN,
    "sv": stopwords.STOPWORDS_SWEDISH,
    "tr": stopwords.STOPWORDS_TURKISH,
    "ar": _ARABIC_STOP_WORDS.split(),
}

# Vowel signs, the long dash, and letters that are written in several ways.
_ARABIC_MARKS = re.compile("[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0640]")
_ARABIC_LETTERS = str.maketrans("أإآٱىیةکؤئ", "ااااييهكوي")
_LATIN_WITH_MARKS = re.compile("([a-z])[\u0300-\u036f]+")


def _marks() -> str:
    """Vowel signs and the like, as a character class: \\w leaves them out, and with them half of every Hindi word."""
    ranges: list[list[int]] = []
    for code in range(0x300, 0x10000):
        if unicodedata.category(chr(code)) in ("Mn", "Mc"):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


_WORD = re.compile(r"[^\W_{marks}][\w\u200c\u200d{marks}]*(?:[-'’][\w{marks}]+)*".replace("{marks}", _marks()))
# Scripts that write no spaces between words: their neighbouring characters are the words.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]{2,}")


def fold(text: str) -> str:
    """Case, Arabic spelling, digits and Latin accents made alike."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _ARABIC_MARKS.sub("", text).translate(_ARABIC_LETTERS)
    return "".join(str(unicodedata.digit(c)) if not c.isascii() and c.isdigit() else c for c in text)


# Function words as people say and type them in the Gulf, Egypt, the Levant, Iraq and the Maghreb, and as the written
# language has them, which is what models have read most.
_STANDARD_ARABIC = {
    said: written
    for written, all_said in {
        "أين": "وين فين وينه فينه اين",
        "ما": "شو ايش إيش أيش وش ايه إيه شنو شنهو",
        "متى": "امتى إمتى ايمتى متي",
        "كيف": "ازاي إزاي شلون كيفاش",
        "لماذا": "ليش ليه علاش",
        "كم": "قديش اديش كام شقد",
        "بكم": "بكام بقديش",
        "من": "مين منو",
        "أريد": "ابغى أبغى ابغي أبغي ابي أبي عايز عايزة عاوز عاوزة بدي حابب حابة اريد",
        "نريد": "نبغى نبي عايزين عاوزين بدنا حابين",
        "أستطيع": "اقدر أقدر",
        "نستطيع": "نقدر",
        "أحتاج": "محتاج محتاجة احتاج",
        "هذا": "هاد هادا هيدا ده دا",
        "هذه": "هاي هادي هيدي دي هذة",
        "الذي": "اللي",
        "الآن": "الحين دلوقتي هلق هلأ هسه هسة توا الان",
        "كثير": "كتير وايد واجد برشا",
        "ليس": "مو مش مب موب",
        "أيضا": "كمان برضو برضه ايضا",
        "شيء": "شي",
        "إلى": "الى لين",
        "على": "علي",
        "أو": "او",
        "أي": "اي",
        "أن": "ان",
        "أنا": "انا",
        "إذا": "اذا",
        "أكثر": "اكثر",
        "أقل": "اقل",
        "أقرب": "اقرب",
        "أول": "اول",
        "آخر": "اخر",
    }.items()
    for said in all_said.split()
}


def plain(text: str) -> str:
    """Without vowel signs and the long dash, with plain digits: a model has read few texts that have them."""
    return "".join(
        str(unicodedata.digit(c)) if not c.isascii() and c.isdecimal() else c for c in _ARABIC_MARKS.sub("", text)
    )


def as_written(question: str) -> str:
    """A question that was spoken or typed in a hurry, as it is best embedded."""
    return " ".join(_STANDARD_ARABIC.get(word, word) for word in plain(question).split(" "))


def language_of(text: str, language: str | None = None) -> str:
    """The language to read a text as: the one given unless the script says otherwise, English if nothing does."""
    given = (language or "").split("-")[0].lower()
    script = script_of(text)
    if script == "":
        return given if given and given not in _NOT_LATIN else "en"
    if given in _SHARED.get(script, ()):
        return given
    if script == "ar" and _URDU.search(text):
        return "ur"
    return "fa" if script == "ar" and _PERSIAN.search(text) else script


def looks_english(text: str) -> bool:
    """Whether a text in Latin letters has at least as many function words of English as it has words that are not:
    another language's function words, and words with letters that English has not.
    """
    written = _WORD.findall(fold(text))
    foreign = sum(not word.isascii() or word in _foreign_stop_words() for word in written)
    return foreign <= sum(word in _stop_words("en") for word in written)


def script_of(text: str) -> str:
    """The script of at least half of the words, by the language that stands for it; "" for Latin."""
    words = text.split()
    for script, name in _SCRIPTS:
        if words and sum(1 for word in words if script.search(word)) * 2 >= len(words):
            return name
    return ""


def words(text: str, language: str | None = None) -> list[str]:
    """The stems that count, in order."""
    return [stem for _, stem in stems(text, language)]


def stems(text: str, language: str | None = None) -> list[tuple[str, str]]:
    """Each word that counts as it was written (folded), and its stem."""
    fallback = language_of(text, language)
    found: list[tuple[str, str]] = []
    for word in _WORD.findall(fold(text)):
        for part in _parts(word):
            stem = _stem(part, _language_of_word(part, fallback))
            if stem:
                found.append((part, stem))
    return found


def _parts(word: str) -> list[str]:
    word = word.removesuffix("'s").removesuffix("’s")
    if _UNSPACED.search(word):
        return [word[at : at + 2] for at in range(len(word) - 1)]
    if "-" in word:
        parts = word.split("-")
        return [*parts, "".join(parts)]  # "Wi-Fi" is also written "wifi"
    return [word.replace("'", "").replace("’", "")]


def _language_of_word(word: str, language: str) -> str:
    """A word in another script than its text's language: an English name in an Arabic sentence."""
    if word[0] <= "\u024f":
        return "en" if language in _NOT_LATIN else language
    return language_of(word, language)


@cache
def _stop_words(language: str) -> frozenset[str]:
    listed = [*_STOP_LISTS.get(language, ()), *_MORE_STOP_WORDS.get(language, "").split()]
    return frozenset(fold(word).replace("'", "") for word in listed)


@cache
def _foreign_stop_words() -> frozenset[str]:
    """Those of the other languages in Latin letters that are not English words too."""
    languages = _STOP_LISTS.keys() - _NOT_LATIN - {"en"}
    return frozenset[str]().union(*map(_stop_words, languages)) - _stop_words("en")


# A stemmer keeps state while it works; threads take turns. The cache answers nearly always.
_stemming = threading.Lock()


@lru_cache(50_000)
def _stem(word: str, language: str) -> str:
    """The word's stem, "" for a stop word."""
    if word in _stop_words(language) or (len(word) == 1 and not word.isdigit()):
        return ""
    if language in _STEMMERS and not word.isdigit():
        with _stemming:
            word = _stemmer(language).stemWord(word) or word
    # Last, since stemmers want the accents: French for one.
    return unicodedata.normalize("NFC", _LATIN_WITH_MARKS.sub(r"\1", unicodedata.normalize("NFD", word)))


@cache
def _stemmer(language: str) -> Any:
    return snowballstemmer.stemmer(_STEMMERS[language])


class Postings:
    """Which texts have a word, and how often. Read only, so threads may share it.

    The texts' numbers go from 0 to `size` - 1; those with one word lie side by side.
    """

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        self._ids: dict[str, int] = {}
        words = np.array([self._ids.setdefault(word, len(self._ids)) for text in texts for word in text], np.int64)
        self.lengths = np.array([len(text) for text in texts], np.float32)
        numbers = np.repeat(np.arange(len(texts)), self.lengths.astype(int))
        pairs, counts = np.unique(words * max(len(texts), 1) + numbers, return_counts=True)
        self._keep(pairs // max(len(texts), 1), pairs % max(len(texts), 1), counts)

    def _keep(self, words: np.ndarray, numbers: np.ndarray, counts: np.ndarray) -> None:
        """The arguments are sorted by word."""
        self._starts = np.searchsorted(words, np.arange(len(self._ids) + 1))
        self._numbers, self._counts = numbers.astype(np.int32), counts.astype(np.float32)

    def __getitem__(self, word: str) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of the texts that have the word, and how often each has it."""
        found = self._ids.get(word)
        if found is None:
            return _NO_NUMBERS, _NO_COUNTS
        here = slice(self._starts[found], self._starts[found + 1])
        return self._numbers[here], self._counts[here]

    @classmethod
    def merged(cls, parts: Sequence[tuple[Postings, np.ndarray]]) -> Postings:
        """One for the texts of all parts that are kept (a mask each), numbered anew in their order."""
        merged = cls([])
        words, numbers, counts, before = [], [], [], 0
        for part, kept in parts:
            ids = np.array([merged._ids.setdefault(word, len(merged._ids)) for word in part._ids], np.int64)
            here = kept[part._numbers]
            renumbered = np.cumsum(kept) - 1 + before
            words.append(np.repeat(ids, np.diff(part._starts))[here])
            numbers.append(renumbered[part._numbers[here]])
            counts.append(part._counts[here])
            before += int(kept.sum())
        merged.lengths = np.concatenate([part.lengths[kept] for part, kept in parts])
        all_words = np.concatenate(words)
        order = np.argsort(all_words, kind="stable")
        merged._keep(all_words[order], np.concatenate(numbers)[order], np.concatenate(counts)[order])
        return merged


_NO_NUMBERS, _NO_COUNTS = np.array([], np.int32), np.array([], np.float32)

# BM25 as Lucene has it.
SATURATION, LENGTH_WEIGHT = 1.5, 0.75


def bm25(counts: np.ndarray, lengths: np.ndarray, mean_length: float, having: int, texts: int) -> np.ndarray:
    """What a word adds to the scores of the texts that have it `counts` times; `having` of all `texts` do."""
    rarity = np.log(1 + (texts - having + 0.5) / (having + 0.5))
    return rarity * counts / (counts + SATURATION * (1 - LENGTH_WEIGHT + LENGTH_WEIGHT * lengths / mean_length))
