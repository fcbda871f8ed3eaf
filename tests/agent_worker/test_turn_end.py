import asyncio

import pytest
from livekit.agents import LanguageCode, UserInputTranscribedEvent
from livekit.agents.voice.turn import _StreamingTurnDetector, _StreamingTurnDetectorStream

from agent_worker.turn_end import DOUBT, TurnEnd, reads_unfinished


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


def final(words: str) -> UserInputTranscribedEvent:
    return UserInputTranscribedEvent(transcript=words, is_final=True)


def test_the_turn_waits_by_the_last_final_words():
    async def thresholds() -> list[float | None]:
        detector = TurnEnd()
        stream = detector.stream()
        assert isinstance(detector, _StreamingTurnDetector)
        assert isinstance(stream, _StreamingTurnDetectorStream)
        found = []
        for event in (
            final("Is there a"),
            UserInputTranscribedEvent(transcript="Is there a gym", is_final=False),
            final("Is there a gym?"),
        ):
            detector.hear(event)
            found.append(await stream.unlikely_threshold(LanguageCode("en")))
        await stream.aclose()
        return found

    unfinished, still_unfinished, whole = asyncio.run(thresholds())
    assert unfinished == still_unfinished > 1  # no sound is surer than that
    assert whole == DOUBT
