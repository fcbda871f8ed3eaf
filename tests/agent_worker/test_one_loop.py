"""Calls of one process on one event loop: each is over when it is over, and takes along what it began."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from livekit.agents.ipc.proc_client import _ProcClient

from agent_worker import one_loop


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(_ProcClient, "run", _ProcClient.run)
    loop = one_loop.share_one_loop()
    yield
    loop.call_soon_threadsafe(loop.stop)


def run(call: Coroutine[Any, Any, None]) -> None:
    """As livekit's thread of a call does."""
    _ProcClient.run(SimpleNamespace(_initialized=True, _monitor_task=lambda: call))  # type: ignore[arg-type]


def test_calls_in_threads_of_their_own_share_one_loop_and_meet_on_it() -> None:
    loops = []
    met = threading.Barrier(2, timeout=5)

    async def call() -> None:
        assert one_loop.is_shared()
        loops.append(asyncio.get_running_loop())
        await asyncio.to_thread(met.wait)  # neither ends before both are there

    threads = [threading.Thread(target=run, args=(call(),), daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(loops) == 2
    assert loops[0] is loops[1]


def test_what_a_call_leaves_running_ends_with_it_and_what_others_run_goes_on() -> None:
    left: list[asyncio.Task[None]] = []
    of_another: list[asyncio.Task[None]] = []
    may_go = threading.Event()
    is_there = threading.Event()

    async def endless() -> None:
        await asyncio.sleep(60)

    async def begins_others() -> None:
        left.append(asyncio.create_task(endless()))
        await asyncio.sleep(60)

    async def leaves_work() -> None:
        left.append(asyncio.create_task(begins_others()))
        await asyncio.sleep(0)

    async def another() -> None:
        of_another.append(asyncio.create_task(endless()))
        is_there.set()
        await asyncio.to_thread(may_go.wait, 5)

    beside = threading.Thread(target=run, args=(another(),), daemon=True)
    beside.start()
    assert is_there.wait(5)
    run(leaves_work())
    assert [task.cancelled() for task in left] == [True, True]
    assert not of_another[0].done()
    may_go.set()
    beside.join(5)
    assert of_another[0].cancelled()


def test_a_call_that_fails_tells_its_thread_and_the_next_one_runs() -> None:
    async def fails() -> None:
        raise RuntimeError("no room")

    with pytest.raises(RuntimeError, match="no room"):
        run(fails())
    went_well = []

    async def goes_well() -> None:
        went_well.append(True)

    run(goes_well())
    assert went_well


def test_elsewhere_no_loop_is_shared() -> None:
    async def command() -> bool:
        return one_loop.is_shared()

    assert asyncio.run(command()) is False
