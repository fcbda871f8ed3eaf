import json

import pytest
from django.core.management import call_command

from knowledge.evaluation import Answered, Question, auroc, report
from tests.factories import create_article


def answered(*found, right=("a",), language="en", confidence=0.9, ms=1.0):
    return Answered(Question("?", language, frozenset(right)), found, confidence, ms)


def test_recall_and_mrr_are_about_the_first_right_article():
    overall = report([answered("a", "b"), answered("b", "a"), answered("b", "c", "d", "a"), answered("b")]).overall
    assert (overall.recall_at_1, overall.recall_at_3, overall.recall_at_5) == (0.25, 0.5, 0.75)
    assert overall.mrr_at_10 == pytest.approx((1 + 1 / 2 + 1 / 4) / 4, abs=1e-4)


def test_any_of_several_right_articles_will_do():
    assert report([answered("b", "c", right=("x", "b"))]).overall.recall_at_1 == 1


def test_figures_are_given_by_language_too():
    figures = report([answered("a"), answered("b", language="ar")])
    assert figures.languages["en"].recall_at_1 == 1
    assert figures.languages["ar"].recall_at_1 == 0


def test_declining_is_measured_in_both_directions():
    none = report(
        [
            answered("a", confidence=0.9),
            answered("a", confidence=0.01),
            answered("b", right=(), confidence=0.02),
            answered("b", right=(), confidence=0.8),
        ]
    ).no_answer
    assert (none.precision, none.recall, none.refused, none.accepted) == (0.5, 0.5, 0.5, 0.5)
    assert none.auroc == 0.5


def test_without_unanswerable_questions_there_is_nothing_to_measure_of_them():
    none = report([answered("a")]).no_answer
    assert (none.auroc, none.recall, none.accepted) == (None, None, None)


def test_a_tie_is_half_right():
    assert auroc([0.5, 0.7], [0.5]) == 0.75


@pytest.fixture
def questions(tmp_path):
    def questions(*lines):
        path = tmp_path / "questions.jsonl"
        path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines), "utf-8")
        return str(path)

    return questions


SWIM = {"lang": "en", "question": "when can i swim", "answer_ids": ["pool"], "kind": "easy"}
MOON = {"lang": "ar", "question": "كم تبعد الشمس", "answer_ids": []}


def test_the_command_prints_the_figures_as_json(palm, questions, capsys):
    create_article(venue=palm, slug="pool", title="Pool", body="The pool opens at six for a swim.")
    create_article(venue=palm, slug="gym", title="Gym", body="The gym never closes.")
    call_command("evaluate_search", "palm", questions(SWIM, "", MOON), "--json")
    figures = json.loads(capsys.readouterr().out)
    assert figures["questions"] == 2
    assert figures["overall"]["recall@1"] == figures["languages"]["en"]["recall@1"] == 1
    assert figures["no_answer"]["unanswerable"] == 1
    assert 0 < figures["p50_ms"] <= figures["p95_ms"]


def test_the_command_prints_a_table(palm, questions, capsys):
    create_article(venue=palm, slug="pool", title="Pool", body="The pool opens at six for a swim.")
    call_command("evaluate_search", "palm", questions(SWIM))
    out = capsys.readouterr().out
    assert "recall@1  recall@3  recall@5    MRR@10" in out
    assert "AUROC -" in out


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 1: not JSON"),
        ({"lang": "en", "answer_ids": []}, "line 1: question is missing"),
        ({"question": "x", "answer_ids": "pool"}, "line 1: answer_ids is not a list"),
        ({"question": "x", "lang": 5, "answer_ids": []}, "line 1: lang is no language code"),
        ({"question": "x", "lang": "english-of-the-isles", "answer_ids": []}, "line 1: lang is no language code"),
        ({"question": "x \ud83d", "answer_ids": []}, "line 1: question contains a character that is none"),
        ({"question": "x", "answer_ids": ["\0"]}, "line 1: answer_ids contains a character that is none"),
        ('{"question": %s}' % ("9" * 5000), "line 1: not JSON"),
        ({"question": "x", "lang": "en", "answer_ids": ["nowhere"]}, "has no article 'nowhere'"),
        ("", "no questions in it"),
    ],
)
def test_bad_questions_are_said_in_one_line(palm, questions, capsys, line, reason):
    with pytest.raises(SystemExit) as stop:
        call_command("evaluate_search", "palm", questions(line))
    err = capsys.readouterr().err
    assert stop.value.code == 2
    assert reason in err
    assert err.count("\n") == 1


def test_a_venue_that_is_not_there_is_said_so(db, questions, capsys):
    with pytest.raises(SystemExit) as stop:
        call_command("evaluate_search", "nowhere", questions(SWIM))
    assert stop.value.code == 2
    assert "There is no venue 'nowhere'" in capsys.readouterr().err
