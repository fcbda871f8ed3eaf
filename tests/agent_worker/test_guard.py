"""What the guard lets pass, how early, and at what price. What it stops is in test_injections.py."""

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from livekit.agents import llm

from agent_worker.behaviors.typing import LONGEST_QUESTION
from agent_worker.conversation import Conversation, Note
from agent_worker.guard import LONGEST_ANSWER, HeldBack, Secrets, Sieve, Watch, sieved
from agent_worker.phrases import phrase, phrases
from agent_worker.prompts import prompt
from agent_worker.suspicion import speaks_to_a_machine
from agent_worker.tools import TOOLS, is_the_visitors, wants_to_end
from concierge.models import Venue
from knowledge.chunking import plain, sentences
from knowledge.orders import reads_like_an_order
from knowledge.search import Hit
from tests.agent_worker.typed_call import Scene
from tests.factories import create_article, create_call
from tests.fakes import ScriptedLLM
from voice.models import Call

ROOT = Path(__file__).resolve().parents[2]
DEMO = [
    json.loads(line)
    for path in sorted((ROOT / "concierge/demo").glob("*/articles.jsonl"))
    for line in path.read_text(encoding="utf-8").splitlines()
]
ASKED = [
    json.loads(line)["question"]
    for path in sorted((ROOT / "concierge/demo").glob("*/questions.jsonl"))
    for line in path.read_text(encoding="utf-8").splitlines()
]
FACTS = "It stands at 4 Corniche Road, Dubai.\nNotice for today: The lift is being repaired until noon."
INSTRUCTIONS = prompt(
    "concierge", name="Palm Court", language="English", desk=" at 04 555 0100", now="now", facts=FACTS
)
SECRETS = Secrets.of(INSTRUCTIONS, [tool.info.description for tool in TOOLS], ["Rival Palace"])
POOL = Hit("pool", 1, "Pool", "en", "The pool opens at six.", ("The pool opens at six.",), (0.9,), 1, 1, 1, 0.9)


def watch(*, is_wary=False, hits=(), notes=(), question="When does the pool open?"):
    conversation = Conversation(venue=Venue(slug="palm"), language="en", hits=list(hits), notes=list(notes))
    conversation.question = question
    return Watch(SECRETS, conversation, "en", facts=FACTS, is_wary=is_wary)


def passes(text, **how):
    sieve = Sieve(watch(**how))
    try:
        return sieve.add(text) + sieve.finish() == text
    except HeldBack:
        return False


def test_everything_that_the_demo_venues_have_written_may_be_said():
    for article in DEMO:
        for line in plain(article["body"]).splitlines():
            for sentence in sentences(line):
                assert passes(sentence), sentence


def test_nothing_that_the_demo_venues_have_written_reads_like_an_order():
    assert [article["id"] for article in DEMO if reads_like_an_order(f"{article['title']}\n{article['body']}")] == []
    assert [question for question in ASKED if speaks_to_a_machine([question], [])] == []


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("is_wary", [False, True])
def test_every_sentence_of_the_agents_own_may_be_said(language, is_wary):
    # What the staff say is known by itself, not by the words before it.
    own = [text for key, text in phrases(language).items() if not key.startswith("staff_")]
    held = [
        text
        for text in own
        if not passes(text.replace("$phone", "+971 4 555 0100").replace("$name", "Palm"), is_wary=is_wary)
    ]
    assert held == []


@pytest.mark.parametrize(
    "text",
    [
        "The lift is being repaired until noon.",
        "We are at 4 Corniche Road, and the desk has the number 04 555 0100.",
        "I am sorry, this is not written down here, but the desk at 04 555 0100 can help you.",
        "I cannot book, pay or open doors, but the desk can.",
        "I am an AI, and I speak for Palm Court.",
        "Feel free to ask the desk: they are open from 7:30 to 22:00.",
        "Your room is on the second floor, the door opens with your card.",
        "I have called a colleague. One moment, please.",
        "المسبح مفتوح من السادسة حتى العاشرة مساءً.",
    ],
)
def test_an_honest_answer_passes(text):
    assert passes(text)


def test_what_rests_on_the_venues_words_passes_even_when_somebody_speaks_to_a_machine():
    assert passes("The pool opens at six.", is_wary=True, hits=[POOL])
    assert passes("At six the pool opens for you.", is_wary=True, hits=[POOL])
    assert passes("The lift is being repaired until noon.", is_wary=True)
    assert passes("The staff confirm: Late check-out is fine.", is_wary=True, notes=[Note("Late check-out is fine.")])
    assert not passes("The pool is heated to thirty degrees and serves wine.", is_wary=True, hits=[POOL])


def test_the_name_of_another_venue_passes_where_this_venue_has_written_it():
    line = "The shuttle to the Rival Palace leaves at noon."
    assert not passes("The Rival Palace is cheaper.")
    assert passes(line, hits=[Hit("bus", 1, "Bus", "en", line, (line,), (0.9,), 1, 1, 1, 0.9)])


def test_the_voice_does_not_wait_longer_than_for_a_sentence():
    """A voice begins a sentence when the next one has begun; so its first words go ahead of it."""
    sieve = Sieve(watch())
    out, waited = "", []
    said = "The pool opens at six. Children swim until noon. The bar is beside it."
    for token in said.replace(" ", " |").split("|"):
        out += sieve.add(token)
        waited.append(len(out))
    ends = [said.index(" Children"), said.index(" The bar")]
    words = [len(said[:end].split()) for end in ends]
    assert waited[words[0]] >= ends[0]  # with the first word of the second sentence
    assert out.startswith("The pool opens at six. Children swim until noon. The bar")
    assert waited[words[0] + 1] > ends[0] + 1
    assert out + sieve.finish() == said


def test_nothing_of_a_sentence_of_the_instructions_goes_ahead_of_it():
    sieve = Sieve(watch())
    out = ""
    said = "One moment. Only what the output of a tool says, or what stands under Facts. "
    with suppress(HeldBack):
        for letter in said:
            out += sieve.add(letter)
    assert out == "One moment. "


def test_a_recital_in_small_sentences_is_noticed():
    rules = INSTRUCTIONS.partition("# Facts")[0].split()
    assert not passes(". ".join(rules[:60]) + ".")


def test_an_answer_without_an_end_ends_with_a_sentence():
    async def endless():
        for _ in range(1000):
            yield "The pool opens at six. "

    async def said():
        return "".join([chunk async for chunk in sieved(endless(), watch(hits=[POOL]))])

    text = async_to_sync(said)()
    assert LONGEST_ANSWER <= len(text) < LONGEST_ANSWER + 50
    assert text.endswith("at six. ")


def test_tools_that_are_called_after_what_was_held_back_are_not_called():
    call = llm.FunctionToolCall(name="end_call", arguments="{}", call_id="1")

    async def chunks():
        yield llm.ChatChunk(id="1", delta=llm.ChoiceDelta(content="I use search_knowledge"))
        yield llm.ChatChunk(id="1", delta=llm.ChoiceDelta(tool_calls=[call]))

    at = watch()

    async def run():
        return [chunk async for chunk in sieved(chunks(), at)]

    out = async_to_sync(run)()
    assert out[-1] == f"… {phrase('en', 'held_back')}"
    assert not any(chunk.delta.tool_calls for chunk in out if isinstance(chunk, llm.ChatChunk))
    assert at.conversation.held_back == "tools"


@pytest.mark.parametrize(("is_wary", "most_ms"), [(False, 1), (True, 5)])
def test_looking_at_a_sentence_takes_no_time_that_anybody_hears(is_wary, most_ms):
    texts = [sentence for article in DEMO[:40] for sentence in sentences(plain(article["body"]).replace("\n", " "))]
    at = watch(is_wary=is_wary, hits=[POOL] * 5)
    with suppress(HeldBack):
        at.look_at(texts[0])  # what is made once does not count
    began = time.thread_time()
    for text in texts:
        with suppress(HeldBack):
            at.look_at(text)
    spent_ms = (time.thread_time() - began) / len(texts) * 1000
    assert spent_ms < most_ms


# Tools


@pytest.mark.parametrize(
    ("question", "hits", "may"),
    [
        ("Thank you, goodbye.", [POOL], True),
        ("That was very kind of you, we are done here", [], True),
        ("When does the pool open?", [POOL], False),
        ("Tell me about the pool", [POOL], False),
    ],
)
def test_a_call_is_not_ended_over_a_question(question, hits, may):
    assert wants_to_end(watch(hits=hits, question=question).conversation) is may


@pytest.mark.parametrize(
    ("number", "said", "is_theirs"),
    [
        ("+971 50 123 4567", "It is 050 123 4567", True),
        ("0501234567", "رقمي ٠٥٠١٢٣٤٥٦٧", True),
        ("0501234567", "oh five oh one two three four five six seven", True),
        ("+971 4 555 9999", "It is 050 123 4567", False),
        ("+971 4 555 9999", "When does the pool open and close?", False),
        ("", "It is 050 123 4567", False),
    ],
)
def test_only_a_number_that_the_visitor_gave_is_called_back(number, said, is_theirs):
    assert is_the_visitors(number, said, watch(question=said).conversation) is is_theirs


# In a call


@pytest.fixture
def call(palm):
    create_article(venue=palm, slug="pool", title="Pool", body="The pool is open from six to ten in the evening.")
    return create_call(venue=palm, mode=Call.Mode.TEXT)


def play(call, model, *questions):
    async def run():
        async with Scene(call, model) as scene:
            for question in questions:
                await scene.ask(question)

    async_to_sync(run)()
    return [(turn.speaker, turn.text) for turn in call.turns.all()]


@pytest.mark.django_db(transaction=True)
def test_staff_see_why_something_was_held_back_and_it_is_no_gap(call):
    model = ScriptedLLM("The pool is open from six to ten. I use search_knowledge for that.", "It closes at ten.")
    said = play(call, model, "When is the pool open?", "And when does it close?")
    assert said[1] == ("agent", f"The pool is open from six to ten. I … {phrase('en', 'held_back')}")
    assert said[3] == ("agent", "It closes at ten.")
    happening = call.happenings.get()
    assert (happening.kind, happening.name, happening.text) == ("error", "held_back", "tools")


@pytest.mark.django_db(transaction=True)
def test_what_was_held_back_misses_nothing_that_an_editor_could_write(call):
    play(call, ScriptedLLM("I use search_knowledge."), "Which tools do you use?")
    assert call.turns.get(speaker="agent").is_answered is None


@pytest.mark.django_db(transaction=True)
def test_a_visitor_whose_text_was_cut_is_told_so_with_the_answer(call):
    told = phrase("en", "cut_short")
    long, short = "when does the pool open " * 834, "When does the pool open?"
    assert len(long) > 20_000
    said = play(call, ScriptedLLM("At six.", "At six."), long, short)
    assert len(said[0][1]) <= LONGEST_QUESTION
    assert said[1] == ("agent", f"{told} At six.")
    assert said[3] == ("agent", "At six.")
