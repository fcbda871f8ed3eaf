"""The bench's own arithmetic: which part of a wait is ours."""

from __future__ import annotations

from typing import Any

import pytest

from tests.own_share import own_share

EARS = [{"last_loud_at": 100.0, "final_sent_at": 100.15}]
# "It opens at ten. " is four words, each a token.
MODEL: dict[str, Any] = {
    "asked_at": 100.2,
    "text": "It opens at ten. And more.",
    "token_at": [100.6, 100.61, 100.62, 100.63, 100.9, 100.95],
    "last_token_at": 100.95,
    "call": "",
}
VOICE = [
    {"context": "a", "text": "It opens at ten.", "text_at": 100.65, "first_byte_at": 100.8},
    {"context": "a", "text": "And more.", "text_at": 100.96, "first_byte_at": 101.0},
]


def test_what_no_provider_and_no_end_of_turn_covers_is_ours() -> None:
    share = own_share(100.0, 100.9, 0.1, ears=EARS, model=[MODEL], voice=VOICE)

    # 50 ms until the model was asked, 20 until the voice had its text, 100 from its sound to the ear.
    assert share == pytest.approx(0.17)


def test_a_long_end_of_turn_hides_what_runs_beside_it() -> None:
    assert own_share(100.0, 100.9, 0.85, ears=EARS, model=[MODEL], voice=VOICE) == pytest.approx(0.05)


def test_a_tool_call_is_waited_for_and_a_guess_that_was_dropped_is_not() -> None:
    call = MODEL | {"asked_at": 100.15, "last_token_at": 100.2, "call": "opening_hours", "text": "", "token_at": []}
    dropped = MODEL | {"asked_at": 100.15, "last_token_at": 100.2}

    assert own_share(100.0, 100.9, 0.1, ears=EARS, model=[call, MODEL], voice=VOICE) == pytest.approx(0.12)
    assert own_share(100.0, 100.9, 0.1, ears=EARS, model=[dropped, MODEL], voice=VOICE) == pytest.approx(0.17)


def test_a_request_that_was_taken_back_before_its_first_token_is_none() -> None:
    taken_back = {"asked_at": 100.3, "text": "", "call": ""}
    assert own_share(100.0, 100.9, 0.1, ears=EARS, model=[MODEL, taken_back], voice=VOICE) == pytest.approx(0.17)


def test_another_voice_leaves_nothing_to_compare_with() -> None:
    assert own_share(100.0, 100.9, 0.1, ears=EARS, model=[MODEL], voice=[]) is None
