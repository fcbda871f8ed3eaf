import asyncio
import json

import pytest
from livekit.agents import Agent, AgentSession, function_tool

from agent_worker.phrases import phrase
from agent_worker.providers.extractive import ExtractiveLLM
from agent_worker.providers.intents import Intent, Wish, intent_of, language_of
from agent_worker.providers.selection import Passage, choose

PHONE = "+971 4 555 0100"
LIBRARY = (
    ("The reading room on floor 2 opens from 9 am to 8 pm.", 0.88),
    ("It is closed on Fridays.", 0.86),
    ("A day pass costs AED 30.", 0.85),
    ("Bags are not allowed inside.", 0.84),
)
LOCKERS = (("Lockers stand next to the entrance.", 0.82), ("A locker costs AED 5 an hour.", 0.81))


def passage(sentences, *, title="Library", language="en", confidence=0.9) -> dict:
    text = " ".join(sentence for sentence, _ in sentences)
    return {
        "article": title.lower(),
        "title": title,
        "language": language,
        "text": text,
        "sentences": [list(pair) for pair in sentences],
        "confidence": confidence,
    }


def found(*passages) -> dict:
    return {"found": bool(passages), "passages": list(passages)}


class Venue:
    """An agent with the real tools' names and made-up answers; remembers what it was asked."""

    def __init__(self, knowledge: dict | None = None, hours: dict | None = None, *, is_broken: bool = False) -> None:
        self.asked: list[str] = []
        self.knowledge, self.hours, self.is_broken = knowledge or found(), hours or {}, is_broken

    def agent(self) -> Agent:
        @function_tool
        async def search_knowledge(question: str) -> str:
            """Search."""
            self.asked.append(f"search: {question}")
            if self.is_broken:
                raise RuntimeError("the database is away")
            return json.dumps(self.knowledge, ensure_ascii=False)

        @function_tool
        async def opening_hours(place: str = "") -> str:
            """Hours."""
            self.asked.append(f"hours: {place}")
            return json.dumps(self.hours, ensure_ascii=False)

        @function_tool
        async def end_call() -> None:
            """End."""
            self.asked.append("end")

        return Agent(instructions="Be kind.", tools=[search_knowledge, opening_hours, end_call])

    def hears(self, *said: str, language: str = "en", phone: str = PHONE) -> list[str]:
        """What the agent says to each of the visitor's words, in one conversation."""

        async def talk() -> list[str]:
            answers = []
            async with AgentSession(llm=ExtractiveLLM(language, desk_phone=phone), vad=None) as session:
                await session.start(self.agent(), session_host=False, record=False)
                for words in said:
                    result = await session.run(user_input=words, input_modality="text")
                    messages = [event.item for event in result.events if event.type == "message"]
                    answers.append(" ".join(message.text_content or "" for message in messages))
            return answers

        return asyncio.run(talk())


def test_an_answer_is_made_of_stored_sentences():
    venue = Venue(found(passage(LIBRARY)))
    assert venue.hears("When does the reading room open?") == [LIBRARY[0][0]]
    assert venue.asked == ["search: When does the reading room open?"]


def test_what_is_not_written_is_not_answered_and_the_desk_is_named():
    venue = Venue(found())
    assert venue.hears("Is there a helicopter pad?") == [phrase("en", "not_written", phone=PHONE)]
    assert venue.hears("Is there a helicopter pad?", phone="") == [phrase("en", "not_written_no_phone")]


def test_a_passage_below_the_threshold_is_not_spoken():
    venue = Venue({"found": False, "passages": [passage(LIBRARY, confidence=0.1)]})
    assert venue.hears("Is there a helicopter pad?") == [phrase("en", "not_written", phone=PHONE)]


def test_a_search_that_fails_is_told_and_not_tried_for_ever():
    venue = Venue(is_broken=True)
    assert venue.hears("When does the reading room open?") == [phrase("en", "trouble")]
    assert len(venue.asked) == 1


def test_an_arabic_question_is_answered_from_an_arabic_passage():
    sentences = (("تفتح قاعة القراءة من التاسعة صباحاً حتى الثامنة مساءً.", 0.88), ("ثمن التذكرة 30 درهماً.", 0.84))
    venue = Venue(found(passage(sentences, title="المكتبة", language="ar")))
    assert venue.hears("متى تفتح قاعة القراءة؟", language="ar") == [sentences[0][0]]


def test_an_arabic_question_to_an_english_passage_says_so_and_quotes():
    venue = Venue(found(passage(LIBRARY)))
    [answer] = venue.hears("كم سعر التذكرة؟", language="ar")
    assert answer == f"{phrase('ar', 'only_in_english')} A day pass costs AED 30."


def test_the_answer_has_the_language_of_the_question():
    venue = Venue(found())
    arabic, english = venue.hears("هل يوجد مهبط طائرات؟", "Is there a helicopter pad?", language="en")
    assert arabic == phrase("ar", "not_written", phone=PHONE)
    assert english == phrase("en", "not_written", phone=PHONE)


def test_markdown_is_not_spoken():
    venue = Venue(found(passage([("**Open** daily from *9 am*, see [plan](https://x.ae).", 0.9)])))
    assert venue.hears("When do you open the library tomorrow?") == ["Open daily from 9 am, see plan."]


def test_a_visitor_who_says_goodbye_hears_it_before_the_call_ends():
    venue = Venue()
    assert venue.hears("Thank you, bye!") == [phrase("en", "goodbye")]
    assert venue.asked == ["end"]


def test_no_thank_you_ends_the_call_only_as_an_answer_to_anything_else():
    venue = Venue(found(passage(LIBRARY)))
    assert venue.hears("No, thank you.") == [phrase("en", "thanks")]
    assert "end" not in venue.asked
    assert venue.hears("Thanks!", "No, that's all.")[-1] == phrase("en", "goodbye")
    assert venue.asked[-1] == "end"


def test_an_answer_is_repeated_when_asked_for():
    venue = Venue(found(passage(LIBRARY)))
    first, again = venue.hears("What does a day pass cost?", "Sorry, can you repeat that please?")
    assert again == first == "A day pass costs AED 30."
    assert venue.hears("Can you repeat that?") == [phrase("en", "repeat_nothing")]


def test_who_wants_a_person_is_told_honestly_how_to_reach_one():
    assert Venue().hears("Can I talk to a real person?") == [phrase("en", "person", phone=PHONE)]
    assert Venue().hears("Can I talk to a real person?", phone="") == [phrase("en", "person_no_phone")]


HOURS = {"places": [{"name": "House"}, {"name": "Reading room"}], "sentence": "We are open until 20:00."}


def test_the_clock_answers_whether_the_house_is_open():
    venue = Venue(found(passage(LIBRARY)), HOURS)
    assert venue.hears("Are you open now?") == ["We are open until 20:00."]
    assert venue.asked == ["hours: "]


def test_the_clock_is_asked_about_the_place_that_was_named():
    venue = Venue(found(passage(LIBRARY)), HOURS)
    assert venue.hears("Is the reading room still open?") == ["We are open until 20:00."]
    assert venue.asked == ["hours: reading room"]


def test_where_the_clock_does_not_know_the_place_what_is_written_answers():
    venue = Venue(found(passage(LIBRARY, title="Bookshop")), HOURS)
    assert venue.hears("Is the bookshop open now?")[0] != "We are open until 20:00."
    assert [asked.split(":")[0] for asked in venue.asked] == ["hours", "search"]


# Choosing sentences


def chosen(question: str, *sentences: tuple[tuple[str, float], ...]) -> str:
    choice = choose(question, [Passage("Library", "en", part, 0.9 - n / 100) for n, part in enumerate(sentences)])
    return " ".join(choice.sentences) if choice else ""


def test_a_price_that_was_asked_for_is_the_whole_answer():
    assert chosen("How much is a day pass?", LIBRARY) == "A day pass costs AED 30."


def test_a_sentence_that_points_back_brings_what_it_points_at():
    sentences = (("The reading room is on floor 2.", 0.85), ("It is closed on Fridays.", 0.9))
    assert chosen("Which day is it closed?", sentences).startswith("The reading room is on floor 2.")


def test_a_yes_or_no_question_brings_the_conditions():
    sentences = (("You may work in the reading room.", 0.9), ("Bags are not allowed inside.", 0.88))
    assert chosen("Can I work there?", sentences).endswith("Bags are not allowed inside.")


def test_both_halves_of_a_double_question_are_answered():
    assert chosen("Where are the lockers and how much do they cost?", LOCKERS) == (
        "Lockers stand next to the entrance. A locker costs AED 5 an hour."
    )


def test_the_second_half_may_be_answered_by_another_passage():
    first = (("The garage is below the building.", 0.9),)
    second = (("Parking costs AED 10 an hour.", 0.85),)
    answer = chosen("Where is the parking garage and how much is parking?", first, second)
    assert answer == "The garage is below the building. Parking costs AED 10 an hour."


def test_an_answer_stays_short():
    long = tuple(
        (f"Sentence number {n} tells a good deal about the library and its many rooms.", 0.9) for n in range(9)
    )
    assert len(chosen("Tell me about the library", long).split()) <= 45


def test_nothing_is_chosen_from_nothing():
    assert choose("When?", []) is None
    assert choose("When?", [Passage("Empty", "en", (), 0.9)]) is None


def test_a_price_that_goes_on_in_the_next_sentence_is_told_to_its_end():
    sentences = (("Parking is free for the first hour.", 0.9), ("Each further hour costs AED 20.", 0.87))
    assert chosen("How much is parking?", sentences).endswith("Each further hour costs AED 20.")


def test_a_thing_that_no_passage_names_is_not_there_unless_the_search_is_sure():
    gym = passage([("The gym on floor 3 never closes.", 0.85)], title="Gym", confidence=0.4)
    assert Venue(found(gym)).hears("Do you have a tennis court?") == [phrase("en", "not_written", phone=PHONE)]
    sure = gym | {"confidence": 0.8}
    assert Venue(found(sure)).hears("Do you have a fitness centre?") == ["The gym on floor 3 never closes."]


# Wishes

WISHES = {
    "Hello, good morning!": Intent(Wish.GREETS),
    "How are you today?": Intent(Wish.HOW_ARE_YOU),
    "thanks a lot": Intent(Wish.THANKS),
    "Great, thank you. Goodbye.": Intent(Wish.GOODBYE),
    "um": Intent(Wish.NOTHING),
    "okay": Intent(Wish.NOTHING),
    "Are you a robot or a human?": Intent(Wish.WHO_ARE_YOU),
    "What's your name?": Intent(Wish.WHO_ARE_YOU),
    "Sorry, what did you say?": Intent(Wish.REPEAT),
    "Could you connect me to the front desk please": Intent(Wish.PERSON),
    "hello, what time does the pool close": Intent(Wish.OPEN_WHEN, "pool"),
    "What time do you close today?": Intent(Wish.OPEN_WHEN),
    "are you guys open right now": Intent(Wish.OPEN_NOW),
    "are you open on Friday": Intent(Wish.ASKS),
    "Great, and where is the gym?": Intent(Wish.ASKS),
    "Can you help me with my luggage?": Intent(Wish.ASKS),
    "I want to talk to my wife about the spa": Intent(Wish.ASKS),
    "who won the cricket match last night": Intent(Wish.ASKS),
    "السلام عليكم": Intent(Wish.SALAM),
    "شكراً، مع السلامة": Intent(Wish.GOODBYE),
    "هل أنت روبوت؟": Intent(Wish.WHO_ARE_YOU),
    "ممكن تعيد لو سمحت؟": Intent(Wish.REPEAT),
    "أريد أن أتكلم مع موظف الاستقبال": Intent(Wish.PERSON),
    "هل أنتم مفتوحون الآن؟": Intent(Wish.OPEN_NOW),
    "مرحباً، متى يفتح المسبح؟": Intent(Wish.OPEN_WHEN, "المسبح"),
    "وين المصلى": Intent(Wish.ASKS),
}


@pytest.mark.parametrize(("said", "intent"), WISHES.items(), ids=WISHES.keys())
def test_a_wish_is_understood(said, intent):
    assert intent_of(said) == intent


@pytest.mark.parametrize(
    ("said", "call", "language"),
    [("متى", "en", "ar"), ("when", "ar", "en"), ("when", "en", "en"), ("12", "ar", "ar"), ("नाश्ता", "en", "en")],
)
def test_the_letters_of_a_question_decide_the_language(said, call, language):
    assert language_of(said, call) == language


def test_urdu_is_not_taken_for_arabic():
    assert language_of("نماز پڑھنے کی جگہ کہاں ہے", "en") == "en"
