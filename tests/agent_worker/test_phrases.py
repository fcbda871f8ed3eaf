import re

import pytest

from agent_worker.phrases import languages, phrase, phrases


def facts_in(text: str) -> set[str]:
    return set(re.findall(r"\$(\w+)", text))


@pytest.mark.parametrize("language", languages())
def test_every_language_has_the_same_sentences_with_the_same_facts(language):
    english, other = phrases("en"), phrases(language)
    assert other.keys() == english.keys()
    assert {key: facts_in(text) for key, text in other.items()} == {
        key: facts_in(text) for key, text in english.items()
    }


def test_arabic_sentences_are_in_arabic_letters():
    assert not [text for text in phrases("ar").values() if re.search(r"[A-Za-z]", re.sub(r"\$\w+", "", text))]


def test_facts_are_filled_in():
    assert "Palm Court" in phrase("en", "greeting", name="Palm Court")


def test_a_missing_fact_is_an_error_and_not_a_spoken_dollar_sign():
    with pytest.raises(KeyError):
        phrase("en", "greeting")


def test_a_language_that_nobody_wrote_falls_back_to_english():
    assert phrase("fr", "goodbye") == phrase("en", "goodbye")
