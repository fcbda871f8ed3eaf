"""One stream, several readers."""

import asyncio

from livekit.agents.utils.aio import Chan

from agent_worker.tee import Tee


async def numbers(upto, *, then=None):
    for number in range(upto):
        await asyncio.sleep(0)
        yield number
    if then:
        raise then


async def everything(reader):
    return [item async for item in reader]


def test_each_reader_gets_every_item_in_order():
    async def scene():
        return await asyncio.gather(*map(everything, Tee(numbers(5), 3)))

    assert asyncio.run(scene()) == [[0, 1, 2, 3, 4]] * 3


def test_a_reader_who_comes_late_gets_all_as_well():
    async def scene():
        early, late = Tee(numbers(3))
        return await everything(early), await everything(late)

    assert asyncio.run(scene()) == ([0, 1, 2], [0, 1, 2])


def test_an_error_of_the_stream_reaches_each_reader_after_the_items_before_it():
    async def scene():
        heard = ([], [])

        async def listen(reader, items):
            async for item in reader:
                items.append(item)

        readers = Tee(numbers(2, then=ValueError("gone")))
        ends = await asyncio.gather(*map(listen, readers, heard), return_exceptions=True)
        return heard, [str(end) for end in ends]

    assert asyncio.run(scene()) == (([0, 1], [0, 1]), ["gone", "gone"])


def test_when_the_one_who_reads_on_is_cancelled_another_does():
    async def scene():
        channel = Chan()
        first, second = Tee(channel)
        reading, waiting = asyncio.create_task(anext(first)), asyncio.create_task(anext(second))
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait({reading})
        channel.send_nowait("words")
        return await asyncio.wait_for(waiting, 1)

    assert asyncio.run(scene()) == "words"


def test_closing_ends_the_stream_behind_it():
    is_closed = []

    async def stream():
        try:
            yield 1
            yield 2
        finally:
            is_closed.append(True)

    async def scene():
        tee = Tee(stream())
        assert await anext(tee[0]) == 1
        await tee.aclose()
        return list(is_closed)  # when the loop ends it closes whatever is left open

    assert asyncio.run(scene())
