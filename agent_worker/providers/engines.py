"""Engines are loaded once a process and shared by all of its calls.

Pages, commands and tests have event loops beside that of all calls, so nothing here is bound to a loop. Hearing and
speaking are two lanes: a caller's greeting never waits behind another caller's transcription. Each lane serves whoever
came first.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import wraps
from threading import Lock
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Lane:
    """Threads of their own for one kind of heavy work, first come, first served."""

    def __init__(self, name: str, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)
        self._waiting = 0
        self._lock = Lock()

    @property
    def is_free(self) -> bool:
        """Would new work begin at once?"""
        return self._waiting < self.threads

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do `work` in the lane. Cancelled before its turn, it is never begun."""
        return await asyncio.wrap_future(self._submit(work, *args, **kwargs))

    def do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same, for code that is not on an event loop and may wait."""
        return self._submit(work, *args, **kwargs).result()

    def _submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        with self._lock:
            self._waiting += 1
        future = self._pool.submit(work, *args, **kwargs)
        future.add_done_callback(self._done)
        return future

    def _done(self, future: Future[T]) -> None:
        with self._lock:
            self._waiting -= 1


class AtOnce(Executor):
    """Does what takes less time than the way to another thread and back, where it is asked for: on an event loop.

    What comes back is a future of that loop, since one of another kind would be told to the loop's next round but one:
    on a busy loop a detector that looks 30 times a second never came to an end of what it had to look at.
    """

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done  # type: ignore[return-value]  # asyncio.wrap_future takes it as it is


# One core hears while another speaks. More cores hear more callers at once.
hearing = Lane("hearing", max(1, (os.cpu_count() or 2) // 2))
speaking = Lane("speaking", 1)


def loaded_once(load: Callable[P, T]) -> Callable[P, T]:
    """Keep what `load` returns for equal arguments. Whoever asks while it loads, waits for it."""
    kept: dict[object, T] = {}
    lock = Lock()

    @wraps(load)
    def get(*args: P.args, **kwargs: P.kwargs) -> T:
        key = (args, tuple(sorted(kwargs.items())))
        with lock:
            if key not in kept:
                kept[key] = load(*args, **kwargs)
            return kept[key]

    return get
