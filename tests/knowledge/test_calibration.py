import json

import numpy as np
import pytest
from django.core.management import call_command

from knowledge import calibration
from knowledge.calibration import ANSWER, NOTHING, TAKEN, Group, fit, quality, threshold_refusing
from knowledge.comparing import without_punctuation

FEWER = {"ARTICLES_A_VENUE": 20, "QUESTIONS_A_VENUE": 20, "DSTC_HOTELS": 12, "DSTC_RESTAURANTS": 6}


@pytest.fixture
def group():
    chance = np.random.default_rng(1)
    there = [ANSWER, TAKEN, ANSWER, NOTHING] * 200
    means = {ANSWER: 1.0, TAKEN: -0.5, NOTHING: -1.5}
    return Group([chance.normal((means[kind], 0.0)) for kind in there], there)


def test_the_fit_finds_the_figure_that_tells(group):
    fitted = fit([group])
    assert fitted.coefficients[0] > 5 * abs(fitted.coefficients[1])
    found = quality(group, fitted.probabilities(group.features), 0.5)
    assert found.auroc > 0.9
    assert found.accepted[NOTHING] < found.accepted[TAKEN]


def test_the_threshold_refuses_the_share_that_was_asked_for(group):
    probabilities = fit([group]).probabilities(group.features)
    threshold = threshold_refusing(0.25, group, probabilities)
    assert quality(group, probabilities, threshold).refused == pytest.approx(0.25, abs=0.01)


def test_questions_are_put_as_a_recogniser_writes_them():
    assert without_punctuation("What's the Wi-Fi's name, please?") == "what's the wi-fi's name please"
    assert without_punctuation("متى يفتح المسبح؟") == "متى يفتح المسبح"


@pytest.fixture
def folder(tmp_path):
    """The public files in their form, with words of our own."""
    chance = np.random.default_rng(2)

    def words(count, letters="abdegiklmnorstu"):
        return " ".join("".join(chance.choice(list(letters), 6)) for _ in range(count))

    for language in ("en", "ar", "hi", "ru"):
        paragraphs = [
            {"context": f"{body}.", "qas": [{"question": f"{' '.join(body.split()[:4])}?"}] * 2}
            for body in (words(8, "بتثجحخدرزسشعفقلمن") if language == "ar" else words(8) for _ in range(60))
        ]
        data = [{"title": f"document {at}", "paragraphs": paragraphs[at : at + 5]} for at in range(0, 60, 5)]
        (tmp_path / f"xquad.{language}.json").write_text(json.dumps({"data": data}))
    (tmp_path / "dstc10").mkdir()

    def entity():
        bodies = {str(number): words(8) for number in range(20)}
        documents = {at: {"title": f"{body[:20]}?", "body": f"{body}."} for at, body in bodies.items()}
        return {"name": "x", "docs": documents}

    kinds = {kind: {str(number): entity() for number in range(16)} for kind in ("hotel", "restaurant")}
    (tmp_path / "dstc10" / "knowledge.json").write_text(json.dumps(kinds))
    asked = [(kinds["hotel"][str(at)]["docs"]["3"]["title"], at) for at in range(10)]
    gold = [{"target": True, "knowledge": [{"domain": "hotel", "entity_id": at, "doc_id": 3}]} for _, at in asked]
    turns = [[{"speaker": "U", "text": text}] for text, _ in asked]
    turns += [[{"speaker": "U", "text": words(5)}] for _ in range(10)]
    (tmp_path / "dstc10" / "logs.json").write_text(json.dumps(turns))
    (tmp_path / "dstc10" / "labels.json").write_text(json.dumps(gold + [{"target": False}] * 10))
    return tmp_path


def test_the_command_prints_what_belongs_into_the_code(folder, settings, capsys, monkeypatch):
    for name, fewer in FEWER.items():
        monkeypatch.setattr(calibration, name, fewer)
    settings.EMBEDDER = "tests.knowledge.fakes.HashingEmbedder"
    call_command("calibrate_search", str(folder))
    printed = capsys.readouterr().out
    assert [line.split(" = ")[0] for line in printed.splitlines()[:2]] == ["BY_ONE", "CONFIDENT"]
    assert "dstc spoken" in printed
    assert "xquad ar>en" in printed


def test_what_both_models_compared_is_fitted_on_english_alone(folder, settings, capsys, monkeypatch):
    for name, fewer in FEWER.items():
        monkeypatch.setattr(calibration, name, fewer)
    settings.EMBEDDER = "tests.knowledge.fakes.HashingEnglishEmbedder"
    call_command("calibrate_search", str(folder))
    printed = capsys.readouterr().out
    assert [line.split(" = ")[0] for line in printed.splitlines()[:2]] == ["BY_BOTH", "CONFIDENT"]
    assert "xquad en>en" in printed
    assert "xquad ar>" not in printed


def test_a_folder_without_the_files_is_said_to_be_one(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        call_command("calibrate_search", str(tmp_path))
    assert stop.value.code == 2
    assert "xquad.en.json is missing" in capsys.readouterr().err
