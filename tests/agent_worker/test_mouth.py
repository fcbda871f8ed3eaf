import asyncio
import time
from types import SimpleNamespace

import numpy as np
import pytest
from livekit import rtc

from agent_worker import mouth
from agent_worker.mouth import FADE_OUT, RATE, Mouth, faded, stillest
from tests.agent_worker.scene import played

FRAME = RATE // 100
LOUD = 8000


class Line:
    """The way to the visitor: what it is given is heard in its time, unless it is taken back before."""

    def __init__(self) -> None:
        self.heard = np.empty(0, np.int16)
        self._queue = np.empty(0, np.int16)
        self._since = 0.0

    def _listen(self) -> None:
        now = time.monotonic()
        count = min(len(self._queue), int((now - self._since) * RATE))
        self.heard = np.concatenate([self.heard, self._queue[:count]])
        self._queue, self._since = self._queue[count:], now

    @property
    def queued_duration(self) -> float:
        self._listen()
        return len(self._queue) / RATE

    def clear_queue(self) -> None:
        self._listen()
        self._queue = self._queue[:0]

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        self._listen()
        self._queue = np.concatenate([self._queue, np.frombuffer(frame.data, np.int16)])

    async def aclose(self) -> None:
        pass


async def published(*_):
    async def wait_for_subscription():
        pass

    return SimpleNamespace(wait_for_subscription=wait_for_subscription)


@pytest.fixture
def line(monkeypatch):
    line = Line()
    monkeypatch.setattr(mouth.rtc, "AudioSource", lambda *_, **__: line)
    monkeypatch.setattr(mouth.rtc, "LocalAudioTrack", SimpleNamespace(create_audio_track=lambda *_: None))
    return line


class Talk:
    """A mouth in a room with a visitor, who is told `seconds` of a tone that rises all the while."""

    def __init__(self, seconds: float) -> None:
        room = SimpleNamespace(
            remote_participants={"visitor": SimpleNamespace(identity="visitor")},
            local_participant=SimpleNamespace(publish_track=published),
            on=lambda *_: None,
            off=lambda *_: None,
        )
        self.samples = np.linspace(LOUD, 2 * LOUD, int(seconds * RATE)).astype(np.int16)
        self.mouth = Mouth(room)
        self.ends: list = []
        self.mouth.on("playback_finished", self.ends.append)

    async def __aenter__(self):
        self.mouth.open("visitor")
        for part in np.split(self.samples, range(FRAME, len(self.samples), FRAME)):
            await self.mouth.capture_frame(mouth.frame_of(part))
        self.mouth.flush()
        return self

    async def __aexit__(self, *_):
        await self.mouth.aclose()


def test_an_answer_that_pauses_is_heard_to_its_end_and_misses_nothing(line):
    async def talk():
        async with Talk(0.6) as talk:
            await asyncio.sleep(0.25)
            talk.mouth.pause()
            await asyncio.sleep(0.15)
            before = line.queued_duration, len(line.heard)
            talk.mouth.resume()
            await talk.mouth.wait_for_playout()
            return talk, before

    talk, (queued, paused_at) = played(talk())
    assert queued == 0.0
    first, then = line.heard[:paused_at], line.heard[paused_at:]
    assert first.max() < talk.samples.max() / 1.1  # it did pause
    assert first[-1] < LOUD / 10  # and faded out
    heard_before = first[first >= LOUD].max()
    assert then[int(0.03 * RATE)] <= heard_before  # goes on with what was heard already
    assert then.max() == talk.samples.max()
    [end] = talk.ends
    assert not end.interrupted
    assert end.playback_position == pytest.approx(0.6)


def test_an_answer_that_is_cut_short_fades_out_and_tells_how_much_was_heard(line):
    async def talk():
        async with Talk(0.6) as talk:
            await asyncio.sleep(0.2)
            talk.mouth.clear_buffer()
            position = (await talk.mouth.wait_for_playout()).playback_position
            await asyncio.sleep(FADE_OUT + 0.03)
            assert line.queued_duration == 0.0
            return talk, position

    talk, position = played(talk())
    assert talk.ends[0].interrupted
    assert 0.0 < position < 0.5
    assert len(line.heard) / RATE == pytest.approx(position + FADE_OUT, abs=0.04)
    assert line.heard[-1] < LOUD / 10


def test_no_cut_leaps_further_than_the_voice_itself_does():
    voice = (LOUD * np.sin(2 * np.pi * 300 * np.arange(RATE) / RATE)).astype(np.int16)
    leaps = np.abs(np.diff(voice)).max()
    for at in range(FRAME, FRAME * 2, 7):
        tail = faded(voice[at : at + int(FADE_OUT * RATE)], FADE_OUT)
        cut = np.concatenate([voice[:at], tail, np.zeros(FRAME, np.int16)])
        assert np.abs(np.diff(cut)).max() <= leaps


def test_the_next_answer_is_heard_after_one_that_was_cut_short_while_it_paused(line):
    async def talk():
        async with Talk(0.4) as talk:
            await asyncio.sleep(0.1)
            talk.mouth.pause()
            talk.mouth.clear_buffer()
            await talk.mouth.wait_for_playout()
            talk.mouth.resume()
            await talk.mouth.capture_frame(mouth.frame_of(np.full(FRAME * 5, LOUD * 3, np.int16)))
            talk.mouth.flush()
            await talk.mouth.wait_for_playout()
            return talk

    talk = played(talk())
    assert [end.interrupted for end in talk.ends] == [True, False]
    assert line.heard.max() == LOUD * 3


@pytest.mark.parametrize("at_once", [True, False], ids=["in one piece", "as it comes"])
def test_the_silence_before_a_voices_first_word_is_left_out(line, at_once):
    silence, word = np.zeros(RATE // 5, np.int16), np.full(RATE // 5, LOUD, np.int16)
    samples = np.concatenate([silence, word])

    async def talk():
        async with Talk(0) as talk:
            for part in [samples] if at_once else np.split(samples, range(FRAME, len(samples), FRAME)):
                await talk.mouth.capture_frame(mouth.frame_of(part))
                if not at_once:
                    await asyncio.sleep(0)
            talk.mouth.flush()
            await talk.mouth.wait_for_playout()

    played(talk())
    assert line.heard[0] == LOUD
    assert (line.heard == LOUD).sum() == len(word)


def test_an_answer_of_nothing_but_silence_is_over_in_its_time(line):
    async def talk():
        async with Talk(0) as talk:
            await talk.mouth.capture_frame(mouth.frame_of(np.zeros(RATE // 10, np.int16)))
            talk.mouth.flush()
            return await talk.mouth.wait_for_playout()

    assert played(talk()).playback_position == pytest.approx(0.1)


def test_a_long_silence_at_the_beginning_is_meant():
    silence, word = np.zeros(RATE, np.int16), np.full(RATE // 5, LOUD, np.int16)
    assert mouth.lead(np.concatenate([silence, word])) == 0


def test_a_paused_answer_begins_again_in_the_gap_before_the_word():
    word, gap = np.full(RATE // 5, LOUD, np.int16), np.zeros(RATE // 20, np.int16)
    until = len(word) + len(gap) + len(word) // 2
    begin = stillest(np.concatenate([word, gap, word]), until)
    assert len(word) <= begin < len(word) + len(gap)
