"""The visitor's language: asked for in words, or heard in the first turn. The session and the plugins are real."""

import pytest
from asgiref.sync import async_to_sync

from agent_worker.behaviors.language import LANGUAGE, follow_language, notice
from agent_worker.languages import Ask, asked_for, first_language, name_of
from agent_worker.phrases import phrase
from agent_worker.providers import whisper
from agent_worker.providers.extractive import ExtractiveLLM
from tests.agent_worker.scene import Scene as Spoken
from tests.agent_worker.scene import played
from tests.agent_worker.sound import espeak_says, frames
from tests.agent_worker.test_steering import Scene, said
from tests.factories import create_article, create_call
from tests.fakes import ScriptedLLM
from voice.models import Call, Happening

ASKS = {
    "Can we speak Arabic please?": "ar",
    "Could you answer in Arabic from now on?": "ar",
    "Arabic, please.": "ar",
    "Do you speak Arabic?": "ar",
    "I would like to continue in English": "en",
    "Let's switch to Hindi": "hi",
    "Hello, can you speak to me in French?": "fr",
    "English please": "en",
    "تكلم عربي": "ar",
    "هل يمكن أن نتكلم بالعربية من فضلك؟": "ar",
    "ممكن نحكي عربي؟": "ar",
    "بالعربي لو سمحت": "ar",
    "اللغة الإنجليزية من فضلك": "en",
    "انجليش بليز": "en",
    "العربية": "ar",
}
ASKS_FOR_SOMETHING_ELSE = [
    "Is there an Arabic breakfast?",
    "Do your guides speak Arabic?",
    "Do you have an English newspaper?",
    "Where can I learn to speak Arabic?",
    "Is the menu in English?",
    "Can I change money?",
    "هل المطعم العربي مفتوح؟",
    "هل لديكم قائمة بالإنجليزية؟",
    "أين المدرسة الإنجليزية؟",
    "",
]


@pytest.mark.parametrize(("text", "code"), ASKS.items(), ids=ASKS.keys())
def test_a_visitor_who_asks_for_a_language_is_understood(text, code):
    assert asked_for(text) == Ask(code)


@pytest.mark.parametrize("text", ASKS_FOR_SOMETHING_ELSE)
def test_a_language_that_is_only_mentioned_changes_nothing(text):
    assert asked_for(text) is None


def test_what_was_asked_beside_the_language_is_kept():
    assert asked_for("Can we speak Arabic please? When does the pool open?") == Ask("ar", "When does the pool open?")
    assert asked_for("Hello! English, please.") == Ask("en")


@pytest.mark.parametrize(
    ("text", "heard_in", "current", "decided"),
    [
        ("Where is the pool?", "en", "ar", "en"),
        ("Where is the pool?", "en-US", "ar", "en"),
        ("Où est la piscine ?", "fr", "en", None),  # not a language of the venue
        ("Hello", "en", "ar", None),  # everybody says that
        ("متى يفتح المسبح؟", None, "en", "ar"),
        ("Where is the pool?", None, "ar", "en"),
        ("Where is the pool?", None, "en", "en"),
    ],
)
def test_the_first_turn_decides_on_a_language_of_the_venue(text, heard_in, current, decided):
    assert first_language(text, heard_in, current, ["en", "ar"]) == decided


def test_languages_are_called_by_their_names_in_each_other():
    assert name_of("ar", "en") == "Arabic"
    assert "عربي" in name_of("ar", "ar")


# A call without a room


@pytest.fixture
def call(palm):
    create_article(venue=palm, slug="pool", title="Pool", body="The pool is open from six to ten in the evening.")
    body = "المسبح مفتوح من السادسة إلى العاشرة مساءً."
    create_article(venue=palm, slug="pool", title="المسبح", body=body, language="ar")
    return create_call(venue=palm, mode=Call.Mode.TEXT)


def typed(call, *questions, model=None):
    async def run():
        async with Scene(call, model or ExtractiveLLM("en")) as scene:
            for question in questions:
                await scene.ask(question)
            return scene

    return async_to_sync(run)()


@pytest.mark.django_db(transaction=True)
def test_a_switch_is_answered_stored_and_shown(call):
    scene = typed(call, "When does the pool open?", "Can we speak Arabic please?", "متى يفتح المسبح؟")
    call.refresh_from_db()
    assert call.language == "ar"
    assert scene.room.shown[LANGUAGE] == "ar"
    (happening,) = call.happenings.filter(kind=Happening.Kind.VERB)
    assert (happening.name, happening.text) == ("language", "English → Arabic")
    answers = [text for speaker, text in said(call) if speaker == "agent"]
    assert "six to ten" in answers[0]
    assert answers[1] == phrase("ar", "language_switched")
    assert "السادسة" in answers[2]
    assert [turn.language for turn in call.turns.filter(speaker="agent")] == ["en", "ar", "ar"]
    assert call.turns.get(text=phrase("ar", "language_switched")).is_answered is None


@pytest.mark.django_db(transaction=True)
def test_the_model_is_told_of_the_new_language_before_it_answers(call):
    model = ScriptedLLM("Six.", "السادسة.")
    typed(call, "When does the pool open?", "Speak Arabic please. When does the pool open?", model=model)
    before, after = (shown.items[0].text_content for shown in model.shown)
    assert "Speak English" in before
    assert "Speak Arabic" in after


@pytest.mark.django_db(transaction=True)
def test_a_language_that_the_venue_has_not_is_declined_in_the_one_that_is_spoken(call):
    typed(call, "Can we speak French?")
    call.refresh_from_db()
    assert call.language == "en"
    assert said(call)[-1][1] == phrase("en", "language_missing", languages="English or Arabic")


@pytest.mark.django_db(transaction=True)
def test_the_first_words_in_another_language_decide_and_later_ones_do_not(call):
    typed(call, "متى يفتح المسبح؟", "When does the pool open?")
    call.refresh_from_db()
    assert call.language == "ar"


@pytest.mark.django_db(transaction=True)
def test_the_words_of_staff_who_hold_a_call_switch_nothing(call):
    async def run():
        async with Scene(call, ExtractiveLLM("en")) as scene:
            scene.conversation.held_as = "typing"
            notice(scene, scene.session, "Can we speak Arabic please?")
            return scene.conversation.language

    assert async_to_sync(run)() == "en"


# By voice


class ByVoice(Spoken):
    async def __aenter__(self):
        await super().__aenter__()
        follow_language(self, self.session)
        return self

    @property
    def room(self):
        class Nowhere:
            def isconnected(self):
                return False

        return Nowhere()


@pytest.mark.voice
def test_a_visitor_who_asks_aloud_is_answered_in_that_language(somewhere, providers, tmp_path):
    import livekit.plugins.deepgram  # plugins register in the main thread
    import livekit.plugins.elevenlabs
    import livekit.plugins.openai  # noqa: F401

    somewhere.languages = ["en", "ar"]

    async def call():
        async with ByVoice(somewhere, providers, aloud=True) as scene:
            await scene.speak(espeak_says("How do I get to the pool?", tmp_path), "How do I get to the pool?")
            await scene.until_answered(1)
            await scene.speak(espeak_says("Can we speak Arabic?", tmp_path), "Can we speak Arabic?")
            await scene.until_answered(2)
            await scene.speak(espeak_says("متى يفتح المسبح", tmp_path, voice="ar"), "متى يفتح المسبح؟")
            await scene.until_answered(3)
            return scene.session.userdata.language

    assert played(call()) == "ar"
    assert providers.ears.requests[0]["query"]["language"] == ["multi"]
    assert [request["query"]["language_code"] for request in providers.voice.requests] == ["en", "ar"]


@pytest.mark.voice
def test_whisper_notices_that_an_arabic_page_has_an_english_visitor(tmp_path):
    heard = played(_heard("Where is the swimming pool and when does it open?", "ar", tmp_path))
    assert heard.language == "en"
    assert "swimming pool" in heard.text.lower()


@pytest.mark.voice
def test_whisper_keeps_to_the_language_that_it_hears_well(tmp_path):
    assert played(_heard("Where is the swimming pool and when does it open?", "en", tmp_path)).language == "en"


async def _heard(text, language, folder):
    ear = whisper.WhisperSTT(language, among=["en", "ar"])
    event = await ear.recognize(frames(espeak_says(text, folder, voice="en-gb")))
    return event.alternatives[0]
