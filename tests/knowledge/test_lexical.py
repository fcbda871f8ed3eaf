import numpy as np
import pytest

from knowledge.lexical import Postings, bm25, fold, language_of, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("المَسْبَحُ", "المسبح", id="vowel-signs"),
        pytest.param("مســـبح", "مسبح", id="long-dash"),
        pytest.param("أإآ", "ااا", id="alef"),
        pytest.param("مستشفى", "مستشفي", id="ya"),
        pytest.param("غرفة", "غرفه", id="ta-marbuta"),
        pytest.param("٢٤", "24", id="arabic-digits"),
        pytest.param("WiFi", "wifi", id="case"),
        pytest.param("ﻻ", "لا", id="ligature"),
    ],
)
def test_spellings_of_one_word_fold_to_one(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        pytest.param("swimming pools", "swim pool", "en", id="english"),
        pytest.param("الغرف", "غرف", "ar", id="arabic-article"),
        pytest.param("wi-fi", "wifi", "en", id="hyphen"),
        pytest.param("chambres", "chambre", "fr", id="french"),
        pytest.param("the hotel's pool", "hotel pool", "en", id="possessive"),
        pytest.param("café", "cafe", "en", id="accents"),
    ],
)
def test_forms_of_one_word_count_as_one(one, other, language):
    assert set(words(other, language)) <= set(words(one, language))


def test_words_that_every_text_has_do_not_count():
    assert words("what is the", "en") == []
    assert words("ما هو في", "ar") == []


def test_hindi_words_stay_whole():
    assert len(words("नाश्ता", "hi")) == 1


def test_unspaced_scripts_are_read_by_neighbouring_characters():
    assert words("游泳池", "zh") == ["游泳", "泳池"]


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("where is the pool", None, "en"),
        ("where is the pool", "ar", "en"),
        ("où est la piscine", "fr", "fr"),
        ("أين المسبح", "en", "ar"),
        ("أين WiFi", None, "ar"),
        ("نماز کی جگہ کہاں ہے", None, "ur"),
        ("где бассейн", None, "ru"),
        ("", None, "en"),
    ],
)
def test_the_script_says_the_language_where_nobody_else_does(text, given, expected):
    assert language_of(text, given) == expected


def score(texts, question):
    """BM25 of each text."""
    postings = Postings(texts)
    scores = np.zeros(len(texts))
    for word in question:
        numbers, counts = postings[word]
        scores[numbers] += bm25(
            counts,
            postings.lengths[numbers],
            max(postings.lengths.sum(), 1) / max(len(texts), 1),
            len(numbers),
            len(texts),
        )
    return scores.tolist()


def test_rare_words_count_more_than_common_ones():
    pool, gym, spa = score([["pool", "open"], ["gym", "open"], ["spa", "open"]], ["pool", "open"])
    assert pool > gym == spa > 0


@pytest.mark.parametrize("texts", [[], [[]], [["pool"]]], ids=["no-texts", "no-words", "unknown-word"])
def test_nothing_in_common_scores_nothing(texts):
    assert score(texts, ["x"]) == [0.0] * len(texts)


def test_what_is_merged_is_what_would_be_made_of_what_is_left():
    first, second = [["pool", "pool"], ["gym"], ["spa", "open"]], [["gym", "open"], ["pool"]]
    merged = Postings.merged(
        [(Postings(first), np.array([True, False, True])), (Postings(second), np.array([True, True]))]
    )
    anew = Postings([first[0], first[2], *second])
    for word in ("pool", "gym", "spa", "open", "x"):
        assert [column.tolist() for column in merged[word]] == [column.tolist() for column in anew[word]]
    assert merged.lengths.tolist() == anew.lengths.tolist()
