import json

import pytest
from django.core.management import call_command

from knowledge.comparing import Question, as_misheard, as_spoken, without_punctuation

ASKED = Question("When does the swimming pool open?", "en", frozenset())


@pytest.fixture
def hotel(tmp_path, settings):
    settings.EMBEDDER = "tests.knowledge.fakes.HashingEmbedder"
    folder = tmp_path / "hotel"
    folder.mkdir()
    articles = [
        {"id": "pool", "title": "Pool", "body": "The swimming pool is on the roof."},
        {"id": "gym", "title": "Gym", "body": "The gym never closes."},
    ]
    questions = [
        {"question": "Where is the swimming pool?", "lang": "en", "answer_ids": ["pool"]},
        {"question": "Does the gym close?", "lang": "en", "answer_ids": ["gym"]},
        {"question": "Is there a helipad?", "lang": "en", "answer_ids": []},
    ]
    (folder / "kb.jsonl").write_text("\n".join(map(json.dumps, articles)))
    (folder / "questions.jsonl").write_text("\n".join(map(json.dumps, questions)))
    return folder


def test_the_command_prints_a_row_for_each_method_and_stores_nothing(hotel, db, capsys):
    call_command("compare_search", str(hotel))
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[2] for row in rows] == ["BM25 alone", "embeddings alone", "ours"]
    assert {row[1] for row in rows} == {"2"}
    assert all(float(row[3]) == 1 for row in rows)


def test_xquad_is_asked_in_each_language_and_across_to_english(tmp_path, settings, capsys):
    settings.EMBEDDER = "tests.knowledge.fakes.HashingEmbedder"
    for language, words in {"en": ["zebra", "lion"], "ar": ["حمار", "أسد"]}.items():
        paragraphs = [{"context": f"{word} 7{at}.", "qas": [{"question": word}]} for at, word in enumerate(words)]
        data = {"data": [{"title": "Animals", "paragraphs": paragraphs}]}
        (tmp_path / f"xquad.{language}.json").write_text(json.dumps(data))
    call_command("compare_search", str(tmp_path))
    names = [line.split(" | ")[0] for line in capsys.readouterr().out.splitlines()[2::3]]
    assert names == ["| XQuAD ar", "| XQuAD en", "| XQuAD ar → en"]


def test_a_folder_with_neither_is_bad_input(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        call_command("compare_search", str(tmp_path))
    assert stop.value.code == 2
    assert "neither kb.jsonl nor xquad.en.json" in capsys.readouterr().err


def test_a_spoken_question_has_an_opening_and_no_punctuation():
    assert as_spoken(ASKED).endswith(" when does the swimming pool open")
    assert as_spoken(ASKED) == as_spoken(ASKED)


def test_a_misheard_question_differs_in_a_word():
    plain, misheard = without_punctuation(ASKED.text).split(), as_misheard(ASKED).split()
    assert [a != b for a, b in zip(plain, misheard, strict=True)].count(True) <= 1
    assert sorted(map(len, plain)) == sorted(map(len, misheard))
