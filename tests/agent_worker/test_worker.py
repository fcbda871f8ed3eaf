"""What a worker does for all of its calls, and when."""

import time

import pytest

from agent_worker import worker


@pytest.fixture
def warmed(monkeypatch):
    """How often the models were asked to load."""
    times = []
    monkeypatch.setattr(worker, "warm", lambda: times.append(time.monotonic()))
    monkeypatch.setattr(worker, "warmed_at", None)
    return times


def test_models_are_loaded_for_the_first_call_and_not_again_for_each_further_one(warmed):
    for _ in range(3):
        worker.prewarm(None)
    assert len(warmed) == 1


def test_what_venues_have_added_is_looked_for_from_time_to_time(warmed, monkeypatch):
    worker.prewarm(None)
    monkeypatch.setattr(worker, "warmed_at", worker.warmed_at - worker.LOOKS_AGAIN_AFTER - 1)
    worker.prewarm(None)
    worker.prewarm(None)
    assert len(warmed) == 2


def test_models_that_did_not_load_are_tried_again(warmed, monkeypatch):
    loads = worker.warm

    def fails():
        raise MemoryError

    monkeypatch.setattr(worker, "warm", fails)
    with pytest.raises(MemoryError):
        worker.prewarm(None)
    monkeypatch.setattr(worker, "warm", loads)
    worker.prewarm(None)
    assert len(warmed) == 1
