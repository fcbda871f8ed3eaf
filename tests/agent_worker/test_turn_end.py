import asyncio
from dataclasses import replace

import numpy as np
import pytest
from livekit.agents import LanguageCode, stt
from livekit.agents.voice.turn import TurnDetectionEvent, _StreamingTurnDetector, _StreamingTurnDetectorStream

from agent_worker.pipeline import DOUBT_DELAY, MAX_DELAY, MIN_DELAY, Profile, build_session, warm
from agent_worker.turn_end import BREAKS_OFF, DOUBT, reads_unfinished
from concierge.models import Venue
from tests.agent_worker.scene import Scene, played
from tests.agent_worker.sound import espeak_says, silence


@pytest.mark.parametrize(
    "words",
    [
        *("Is there a", "I would like to know.", "My son lost his jacket and", "It's possible to get to the...", "Um,"),
        *("أريد أن أعرف متى", "هل يوجد موقف في", "عندي سؤال عن…", "أُريدُ"),
    ],
)
def test_whoever_stops_after_such_words_will_go_on(words):
    assert reads_unfinished(words)


@pytest.mark.parametrize(
    "words",
    [
        *("Is there a gym in the house?", "when does the pool close", "Thank you.", "Yes", "Room four one two."),
        *("متى يغلق المسبح؟", "هل يوجد موقف للسيارات", "شكرا"),
    ],
)
def test_whole_sentences_are_taken_as_whole(words):
    assert not reads_unfinished(words)


def final(words: str, breaks_off: float = 0.0) -> stt.SpeechEvent:
    heard = stt.SpeechData(language=LanguageCode("en"), text=words, metadata={BREAKS_OFF: breaks_off})
    return stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[heard])


def interim(words: str) -> stt.SpeechEvent:
    return replace(final(words), type=stt.SpeechEventType.INTERIM_TRANSCRIPT)


def waits(*events: stt.SpeechEvent, sound: float) -> list[float]:
    """Seconds of silence that would end the turn after each of `events`."""

    async def judged() -> list[float]:
        session = build_session(Venue(slug="palm"), "en", userdata=None)
        turn_end, found = session.turn_detection, []
        stream = turn_end.stream()
        assert isinstance(turn_end, _StreamingTurnDetector)
        assert isinstance(stream, _StreamingTurnDetectorStream)
        for event in events:
            turn_end.hear(event)
            prediction = stream.predict()
            if not prediction.done():
                prediction.set_result(TurnDetectionEvent("eot_prediction", sound, 0.0))
            is_unlikely = sound < await stream.unlikely_threshold(LanguageCode("en"))
            found.append(session.options.endpointing["max_delay" if is_unlikely else "min_delay"])
        await stream.aclose()
        await session.aclose()
        return found

    return asyncio.run(judged())


SOUNDS_WHOLE, SOUNDS_OPEN = DOUBT + 0.01, DOUBT - 0.01


def test_the_turn_waits_by_the_last_final_words():
    said = (final("Is there a"), interim("Is there a gym"), final("Is there a gym?"))
    assert waits(*said, sound=SOUNDS_WHOLE) == [MAX_DELAY, MAX_DELAY, MIN_DELAY]


def test_a_voice_that_stays_up_is_waited_for_whatever_the_words():
    assert waits(final("Is there a gym?"), sound=SOUNDS_OPEN) == [MAX_DELAY]


def test_where_a_word_may_be_broken_off_the_wait_is_between_the_two():
    said = (final("Is it possible to get to them?", 0.02), final("Is it possible to get to the", 0.02), final("Yes."))
    assert waits(*said, sound=SOUNDS_WHOLE) == [DOUBT_DELAY, MAX_DELAY, MIN_DELAY]
    assert MIN_DELAY < DOUBT_DELAY < MAX_DELAY


@pytest.mark.voice
def test_whoever_stops_to_think_is_not_answered_before_they_went_on(somewhere, tmp_path):
    warm(Profile.LOCAL, {"en": []})
    first, then = espeak_says("Please wake me at,", tmp_path), espeak_says("five thirty tomorrow.", tmp_path)
    said = np.concatenate([first, silence(0.7), then])

    async def call() -> list[str]:
        async with Scene(somewhere, None, aloud=True) as scene:
            await scene.speak(said)
            await scene.until_answered()
            return scene.outcome.visitor

    [heard] = played(call())
    assert "wake" in heard.lower()
    assert "tomorrow" in heard.lower()
