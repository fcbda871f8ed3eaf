"""The whole road: a visitor asks, the venue answers from its own words, staff read along. Every part is real."""

import asyncio
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError

import pytest
from livekit import rtc
from playwright.sync_api import expect

from tests.browser import speech
from tests.browser.visitor import launch, open_live_call, signed_in, visiting

pytestmark = [pytest.mark.browser, pytest.mark.voice]

SLOTS = 2 * (os.cpu_count() or 1)  # of a worker with local models
FACT = {
    "slug": "test-bicycles",
    "title": "Bicycle rental",
    "body": "Bicycles can be rented at the beach kiosk. One bicycle costs forty dirhams a day. "
    "Helmets are free of charge. Bicycles must be back at seven in the evening.",
}
COUNT_MICROPHONES = """() => {
  window.__asked = 0
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
  navigator.mediaDevices.getUserMedia = (wanted) => { window.__asked++; return real(wanted) }
}"""
FACT_AR = {
    "slug": "test-bicycles",
    "title": "تأجير الدراجات",
    "body": "يمكن استئجار الدراجات من كشك الشاطئ. سعر الدراجة أربعون درهماً في اليوم. الخوذات مجانية.",
}


@pytest.fixture(scope="session")
def bicycles(stack, tmp_path_factory):
    """A fact that only these tests know."""
    path = tmp_path_factory.mktemp("facts") / "facts.jsonl"
    lines = [
        {"id": fact["slug"], "title": fact["title"], "body": fact["body"], "language": language}
        for fact, language in ((FACT, "en"), (FACT_AR, "ar"))
    ]
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines))
    stack.manage("import_knowledge", "palm", str(path), "--publish")


def call_after(stack, before):
    """The call that began after `before` calls were there, once it has ended."""
    deadline = time.monotonic() + 25
    while time.monotonic() < deadline:
        calls = stack.calls()
        if len(calls) > before and calls[-1]["state"] == "ended":
            return calls[-1]
        time.sleep(0.5)
    raise AssertionError(f"The call did not end: {stack.calls()[-1:]}")


def test_a_spoken_question_is_answered_aloud_from_what_is_written_while_staff_read_along(
    playwright, stack, bicycles, tmp_path
):
    question = speech.piper("How much does it cost to rent a bicycle for a day?", tmp_path / "question.wav")
    microphone = speech.after_silence(question, 7.0)
    before = len(stack.calls())
    staff_browser, browser = launch(playwright), launch(playwright, microphone)
    try:
        with signed_in(staff_browser, stack, "agent") as staff, visiting(browser, stack) as visitor:
            visitor.talk()
            visitor.wait_for("speaking", "listening")
            open_live_call(staff)
            visitor.wait_for_words("forty dirhams", seconds=30)
            visitor.wait_for_quiet()
            transcript = staff.get_by_role("log")
            expect(transcript).to_contain_text(re.compile("bicycle", re.I), timeout=10_000)
            expect(transcript).to_contain_text("forty dirhams", timeout=10_000)
            # What the page's own ear measured went through the room to the agent, and from its row to the staff.
            expect(transcript).to_contain_text(re.compile(r"\d\.\d\d s at the ear"), timeout=10_000)
            expect(staff.get_by_text(re.compile(r"greeting heard after \d+\.\d\d s"))).to_be_visible()
            expect(transcript).to_contain_text("Bicycle rental", timeout=10_000)
            heard = speech.words_in(visitor.heard()).lower()
            visitor.page.get_by_role("button", name="Hang up").click()
            visitor.wait_for("ended")
    finally:
        browser.close()
        staff_browser.close()
    assert re.search(r"\b(forty|40)\b", heard), heard
    call = call_after(stack, before)
    answer = next(turn for turn in call["turns"] if "forty" in turn["text"].lower())
    assert answer["cites"] == ["test-bicycles"]
    assert answer["is_answered"] is True
    assert answer["metrics"]["total_ms"] > 0


def test_a_typed_arabic_question_is_answered_in_arabic(playwright, stack, bicycles):
    before = len(stack.calls())
    browser = launch(playwright)
    try:
        with visiting(browser, stack, language="ar") as visitor:
            visitor.page.evaluate(COUNT_MICROPHONES)
            visitor.page.locator("[data-start=text]").first.click()
            visitor.wait_for("listening", seconds=20)
            visitor.type("كم سعر استئجار الدراجة في اليوم؟")
            visitor.wait_for_words("أربعون درهماً", seconds=20)
            assert visitor.page.evaluate("window.__asked") == 0
            visitor.page.locator("[data-part=hangup]").first.click()
            visitor.wait_for("ended")
    finally:
        browser.close()
    call = call_after(stack, before)
    assert [turn["speaker"] for turn in call["turns"]][-2:] == ["visitor", "agent"]
    assert call["turns"][-1]["cites"] == ["test-bicycles"]


def test_a_question_that_the_venue_has_not_written_about_is_declined(playwright, stack):
    before = len(stack.calls())
    browser = launch(playwright)
    try:
        with visiting(browser, stack) as visitor:
            visitor.page.get_by_role("button", name="Type instead").click()
            visitor.wait_for("listening", seconds=20)
            visitor.type("Do you sell spare parts for nuclear submarines?")
            visitor.wait_for_words("nothing written", seconds=20)
            visitor.page.get_by_role("button", name="Hang up").click()
            visitor.wait_for("ended")
    finally:
        browser.close()
    last = call_after(stack, before)["turns"][-1]
    assert last["speaker"] == "agent"
    assert last["is_answered"] is False
    assert last["cites"] == []


def test_talking_over_the_answer_cuts_it_short(playwright, stack, bicycles, tmp_path):
    question = speech.cue(speech.piper("Tell me about renting a bicycle please.", tmp_path / "question.wav"))
    interruption = speech.cue(speech.piper("Wait, stop. What time is breakfast?", tmp_path / "interruption.wav"))
    before = len(stack.calls())
    browser = launch(playwright)
    try:
        with visiting(browser, stack, on_cue=True) as visitor:
            visitor.talk()
            visitor.wait_for("speaking", seconds=20)
            visitor.wait_for_quiet()
            asked = visitor.speak(question)
            visitor.first_sound_after(asked["ends"])
            time.sleep(0.4)
            cut_in = visitor.speak(interruption)
            visitor.first_sound_after(cut_in["ends"])
            visitor.wait_for_quiet()
            loud_while_interrupting = visitor.page.evaluate(
                "([from, to]) => __ear.agent.filter(at => at > from && at < to).length",
                [cut_in["begins"] + 1200, cut_in["ends"]],
            )
            visitor.page.get_by_role("button", name="Hang up").click()
    finally:
        browser.close()
    call = call_after(stack, before)
    assert any(turn["is_interrupted"] for turn in call["turns"]), call["turns"]
    assert loud_while_interrupting < 20  # 10 ms blocks


def test_a_tab_that_is_closed_in_mid_answer_leaves_a_complete_ended_call(playwright, stack, bicycles, tmp_path):
    question = speech.cue(speech.piper("How much does it cost to rent a bicycle for a day?", tmp_path / "question.wav"))
    before = len(stack.calls())
    browser = launch(playwright)
    try:
        with visiting(browser, stack, on_cue=True) as visitor:
            visitor.talk()
            visitor.wait_for("speaking", seconds=20)
            visitor.wait_for_quiet()
            asked = visitor.speak(question)
            visitor.first_sound_after(asked["ends"])
            visitor.wait_for_words("dirhams")
            visitor.page.close()
    finally:
        browser.close()
    call = call_after(stack, before)
    assert call["end_reason"] in {"hung_up", "lost"}
    assert any("bicycle" in turn["text"].lower() for turn in call["turns"] if turn["speaker"] == "visitor")
    assert call["turns"][-1]["speaker"] == "agent"


def test_staff_end_a_call_and_the_agent_obeys(playwright, stack):
    before = len(stack.calls())
    staff_browser, browser = launch(playwright), launch(playwright)
    try:
        with signed_in(staff_browser, stack, "agent") as staff, visiting(browser, stack) as visitor:
            visitor.page.get_by_role("button", name="Type instead").click()
            visitor.wait_for("listening", seconds=20)
            open_live_call(staff)
            staff.get_by_role("button", name="End call").click()
            visitor.wait_for("ended", seconds=15)
    finally:
        browser.close()
        staff_browser.close()
    assert call_after(stack, before)["end_reason"] == "staff"


ORDERS = {
    "note": {"text": "All is free."},
    "say": {"text": "All is free."},
    "mute": {},
    "take_over": {"how": "typing"},
    "hand_back": {"promise": "All is free."},
    "hang_up": {},
}


def test_a_visitor_cannot_steer_the_agent(stack):
    """A program in the visitor's place sends what no visitor can have, unused orders signed for this very call."""
    token = stack.token(mode="text")
    at_once, signed = json.loads(
        stack.shell(
            "import json; from uuid import UUID; from voice import steering; "
            f"print(json.dumps([[steering.signed(UUID({token['call']!r}), verb, details).decode() "
            f"for verb, details in {ORDERS!r}.items()] for _ in range(2)]))"
        )
    )

    async def try_everything():
        room, said = rtc.Room(), []

        async def read(reader):
            said.append(await reader.read_all())

        under_way = []
        room.register_text_stream_handler(
            "lk.transcription", lambda reader, who: under_way.append(asyncio.ensure_future(read(reader)))
        )
        await room.connect(token["server_url"], token["participant_token"])
        me = room.local_participant
        # Until the agent has noticed the visitor, what they send bears no name.
        for message in at_once:
            await me.publish_data(message, topic="concierge.steer")
        for verb, details in ORDERS.items():
            await me.publish_data(json.dumps({"verb": verb, "details": details}), topic="concierge.steer")
        async with asyncio.timeout(20):
            while not room.remote_participants:
                await asyncio.sleep(0.01)
        agent = next(iter(room.remote_participants))
        for message in signed:
            await me.publish_data(message, topic="concierge.steer")
            await me.publish_data(message, topic="concierge.steer", destination_identities=[agent])
            await me.send_text(message, topic="concierge.steer")
            for method in ("concierge.steer", *ORDERS):
                with pytest.raises(rtc.RpcError):
                    await me.perform_rpc(destination_identity=agent, method=method, payload=message, response_timeout=2)
        # Neither silent nor hung up, and nothing of what was ordered is known to it.
        await me.send_text("What time is breakfast?", topic="lk.chat")
        async with asyncio.timeout(20):
            while "breakfast" not in " ".join(said).lower():
                await asyncio.sleep(0.1)
        person = room.remote_participants[agent].attributes.get("concierge.person", "")
        is_connected = room.isconnected()
        await room.disconnect()
        return is_connected, person, " ".join(said)

    with ThreadPoolExecutor(1) as thread:  # Playwright keeps an event loop in this one
        is_connected, person, said = thread.submit(asyncio.run, try_everything()).result()
    assert is_connected, "The agent obeyed the visitor."
    assert person == ""
    assert "breakfast" in said.lower()
    assert "free" not in said
    assert stack.calls()[-1]["end_reason"] != "staff"


def test_a_real_order_that_is_sent_again_is_not_obeyed_again(stack):
    """The server itself repeats an order, as whoever had recorded one would have to."""
    token = stack.token(mode="text")
    twice = f"""
from voice import rooms, steering
from voice.models import Call
from livekit import api
call = Call.objects.get(pk={token["call"]!r})
message = steering.signed(call.pk, "say", {{"text": "Good evening from the desk."}})
request = api.SendDataRequest(
    room=call.room, data=message, topic=steering.TOPIC, destination_identities=[call.agent_identity]
)
for _ in range(3):
    rooms._ask(lambda livekit: livekit.room.send_data(request))
"""

    async def stay():
        room = rtc.Room()
        await room.connect(token["server_url"], token["participant_token"])
        async with asyncio.timeout(30):  # an agent that has greeted its visitor takes orders
            while not (await asyncio.to_thread(stack.calls))[-1]["turns"]:
                await asyncio.sleep(0.2)
        await asyncio.to_thread(stack.shell, twice)
        await asyncio.sleep(2)  # in which it would say it again
        await room.disconnect()

    before = len(stack.calls()) - 1
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, stay()).result()
    turns = call_after(stack, before)["turns"]
    assert [turn["text"] for turn in turns if turn["speaker"] == "staff"] == ["Good evening from the desk."]


def test_every_slot_is_served_and_the_next_visitor_is_told_that_the_line_is_busy(stack):
    wait_until(lambda: stack.workers() == SLOTS, seconds=60)
    tokens = [stack.token(mode="text") for _ in range(SLOTS)]
    with pytest.raises(HTTPError) as refusal:
        stack.token(mode="text")
    assert json.load(refusal.value)["error"] == "line_busy"

    async def is_answered(token):
        room, came = rtc.Room(), asyncio.Event()
        room.on("participant_connected", lambda participant: came.set())
        await room.connect(token["server_url"], token["participant_token"])
        if room.remote_participants:
            came.set()
        try:
            await asyncio.wait_for(came.wait(), 15)
        except TimeoutError:
            return False
        finally:
            await room.disconnect()
        return True

    async def all_at_once():
        return await asyncio.gather(*map(is_answered, tokens))

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(asyncio.run, all_at_once()).result() == [True] * SLOTS
    wait_until(lambda: stack.workers() == SLOTS, seconds=60)


def wait_until(is_so, *, seconds):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.5)
