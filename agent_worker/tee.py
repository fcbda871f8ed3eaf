"""One stream for several readers: what livekit has them take turns for with a lock.

There each item is handed over by the lock, which takes two rounds of the event loop, so that a stream can bring no more
than one item in two rounds. A detector that tells 30 things a second, twice, stayed behind for good on a loop of eight
calls. Here whoever finds nothing left reads on for all, as long as the stream has something.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Tee(Generic[T]):
    """`readers` of `stream`; each gets every item, and the error or the end that the stream has."""

    def __init__(self, stream: AsyncIterable[T], readers: int = 2) -> None:
        self._stream = aiter(stream)
        self._kept: list[deque[T]] = [deque() for _ in range(readers)]
        self._is_read = False  # by one of the readers, now
        self._others: list[asyncio.Future[None]] = []  # who wait for it
        self._ended: BaseException | None = None
        self._readers = tuple(self._read(kept) for kept in self._kept)

    def __len__(self) -> int:
        return len(self._readers)

    def __iter__(self) -> Iterator[AsyncIterator[T]]:
        return iter(self._readers)

    def __getitem__(self, place: Any) -> Any:
        return self._readers[place]

    async def aclose(self) -> None:
        for reader in self._readers:
            try:
                await reader.aclose()
            except Exception:  # it is being read elsewhere, and ends there
                continue
        await self._close_stream()

    async def _read(self, kept: deque[T]) -> AsyncGenerator[T, None]:
        try:
            while True:
                if kept:
                    yield kept.popleft()
                elif self._ended is not None:
                    if isinstance(self._ended, StopAsyncIteration):
                        return
                    raise self._ended
                elif self._is_read:
                    await self._another_read()
                else:
                    await self._read_on()
        finally:
            self._kept = [other for other in self._kept if other is not kept]
            if not self._kept:
                await self._close_stream()

    async def _read_on(self) -> None:
        self._is_read = True
        try:
            item = await anext(self._stream)
        except asyncio.CancelledError:
            raise  # that of this reader; another reads on
        except BaseException as error:
            self._ended = error
        else:
            for kept in self._kept:
                kept.append(item)
        finally:
            self._is_read = False
            others, self._others = self._others, []
            for other in others:
                if not other.done():
                    other.set_result(None)

    async def _another_read(self) -> None:
        other: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._others.append(other)
        await other

    async def _close_stream(self) -> None:
        close = getattr(self._stream, "aclose", None)
        if close is not None:
            try:
                await close()
            except Exception:
                return
