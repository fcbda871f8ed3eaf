"""The visitor's page in a real browser, with a line that a test controls (livekit_stub.js): every state, every way on.

The whole road with real parts is walked in test_whole_road.py.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from concierge.models import Notice, OpeningHours
from knowledge.models import GoldenQuestion
from tests import factories
from tests.browser.visitor import until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STUB = (Path(__file__).parent / "livekit_stub.js").read_text()
TOKEN = {"server_url": "ws://127.0.0.1:1", "participant_token": "token", "rating_key": "key"}
WIDE, PHONE, SMALL = (1440, 900), (390, 844), (320, 568)


@pytest.fixture
def palm(transactional_db):
    venue = factories.create_venue(host="palm.localhost", desk_phone="+971 4 555 0100")
    OpeningHours.objects.create(venue=venue, slug="house", names={"en": "House", "ar": "الفندق"}, rules="07:00-23:00")
    GoldenQuestion.objects.create(venue=venue, language="en", question="When does the pool close?", on_page=True)
    Notice.objects.create(venue=venue, language="en", text="The lift is out of order.")
    factories.create_worker()
    return venue


class Line:
    """The page, and the line behind it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.panel = page.locator("#call")
        self.log = page.get_by_role("log")
        self.tokens: list[dict[str, Any]] = []

    def __getattr__(self, verb: str) -> Any:
        """line.agentComes() of the stub, and so on."""
        return lambda *facts: self.page.evaluate("([verb, facts]) => line[verb](...facts)", [verb, list(facts)])

    def talk(self, *, with_agent: bool = True) -> Line:
        self.press("Talk")
        self.until("window.line?.connected")
        if with_agent:
            self.agentComes()
            self.expect_state("listening")
        return self

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def type(self, text: str) -> None:
        self.page.get_by_role("textbox", name="Type a question").fill(text)
        self.press("Send")

    def expect_state(self, state: str) -> None:
        expect(self.panel).to_have_attribute("data-state", state)

    def read(self, expression: str) -> Any:
        return self.page.evaluate(expression)

    def until(self, expression: str) -> None:
        until(self.page, expression)


@pytest.fixture
def visit(browser, live_server, palm):
    """visit(...) opens the page of palm; what the line does before the click stands in `before`."""
    contexts = []

    def visit(language="en", size=WIDE, token=(201, TOKEN, {}), before=None, permission=None, **options) -> Line:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, **{"permissions": ["microphone"], **options}
        )
        contexts.append(context)
        page = context.new_page()
        line = Line(page)
        page.on("pageerror", lambda error: pytest.fail(f"The page failed: {error}"))
        page.route("**/livekit-client.js", lambda route: route.fulfill(body=STUB, content_type="text/javascript"))

        def answer(route):
            line.tokens.append(route.request.post_data_json)
            status, body, headers = token
            route.fulfill(status=status, json=body, headers=headers)

        page.route("**/voice/token", answer)
        if permission:  # Chromium's fake microphone is always granted
            page.add_init_script(f"navigator.permissions.query = async () => ({{state: '{permission}'}})")
        if before:
            page.add_init_script(f"window.lineBefore = {before}")
        page.goto(
            live_server.url.replace("localhost", "palm.localhost").replace("127.0.0.1", "palm.localhost")
            + f"/{language}/"
        )
        return line

    yield visit
    for context in contexts:
        context.close()


# A conversation


def test_nothing_is_asked_of_anybody_before_the_click(visit):
    line = visit()
    line.expect_state("idle")
    assert line.read("performance.getEntriesByType('resource').some(entry => entry.name.includes('livekit'))") is False
    assert line.tokens == []


def test_a_call_shows_what_the_agent_is_doing(visit):
    line = visit().talk(with_agent=False)
    line.expect_state("connecting")
    for state, words in [("listening", "Listening"), ("thinking", "Looking it up…"), ("speaking", "Speaking")]:
        if line.read("Boolean(line.agent)"):
            line.agentIs(state)
        else:
            line.agentComes(state)
        line.expect_state(state)
        expect(line.panel.get_by_text(words, exact=True)).to_be_visible()
    asked = line.tokens[0]["participant_attributes"]
    assert re.fullmatch("[0-9a-f]{32}", asked.pop("visit"))
    assert line.tokens == [{"participant_attributes": {"lang": "en", "mode": "voice", "page": "/en/", "record": "no"}}]
    assert line.read("line.buffered && line.published.preConnectBuffer")


def test_the_visitors_words_replace_and_the_agents_words_follow(visit):
    line = visit().talk()
    line.hears("when does the", False)
    line.hears("When does the pool close?", True)
    line.answers()
    line.says("The pool closes ")
    line.says("at seven. ")
    turns = line.log.locator("li .words")
    expect(turns).to_have_text(["When does the pool close?", "The pool closes at seven. "])
    expect(turns.nth(1).locator(".said")).to_have_text("The pool closes ")
    line.done()
    expect(turns.nth(1).locator(".said")).to_have_text("The pool closes at seven. ")


def test_html_in_spoken_words_and_sources_stays_text(visit):
    line = visit().talk()
    line.hears("<img src=x onerror=alert(1)>")
    line.answers()
    line.says("<b>bold</b> ")
    line.agentSets({"concierge.sources": '[{"title": "<i>Pools</i>", "article": "h1"}]'})
    expect(line.log).to_contain_text("<img src=x")
    expect(line.log).to_contain_text("<b>bold</b>")
    expect(line.log).to_contain_text("<i>Pools</i>")


def test_sources_hang_under_the_answer_that_rested_on_them(visit):
    line = visit().talk()
    line.answers()
    line.says("It closes at seven. ")
    line.done()
    line.agentSets({"concierge.sources": '[{"title": "Pools and beach", "article": "h1"}]'})
    expect(line.log.locator("li.agent .source")).to_have_text("Pools and beach")


def test_what_an_answer_rests_on_waits_for_its_words(visit):
    line = visit().talk()
    line.answers()
    line.says("Welcome. ")
    line.done()
    line.type("When does the pool close?")
    line.agentSets(
        {"concierge.sources": '[{"title": "Pools and beach", "article": "h1"}]', "concierge.confirmed": "i1"}
    )
    line.answers("a2")
    line.says("It closes at seven. ")
    greeting, answer = line.log.locator("li.agent").all()
    expect(answer.locator(".confirmed")).to_be_visible()
    expect(answer.locator(".source")).to_have_text("Pools and beach")
    expect(greeting.locator(".confirmed")).to_be_hidden()
    expect(greeting.locator(".source")).to_have_count(0)


def test_a_word_said_into_an_answer_takes_nothing_from_it(visit):
    line = visit().talk()
    line.answers()
    line.says("It closes at seven. ")
    line.hears("Mhm.")
    line.done()
    line.agentSets({"concierge.confirmed": "i1"})
    expect(line.log.locator("li.agent .confirmed")).to_be_visible()


def test_captions_follow_the_language_of_the_conversation(visit):
    line = visit().talk()
    line.answers()
    line.says("We can speak Arabic. ")
    line.done()
    line.agentSets({"concierge.language": "ar"})
    line.answers("a2")
    line.says("المسبح مفتوح. ")
    words = line.log.locator("li.agent .words")
    expect(words.first).not_to_have_attribute("lang", "ar")
    expect(words.last).to_have_attribute("lang", "ar")
    expect(words.last).to_have_css("direction", "rtl")


def test_a_screen_reader_hears_whole_sentences_once(visit):
    line = visit().talk()
    announced = line.panel.locator("[aria-live=polite]")
    line.answers()
    line.says("The pool closes ")
    expect(announced).not_to_contain_text("The pool")
    line.says("at 17:32. The bar ")
    expect(announced.get_by_text("The pool closes at 17:32.", exact=True)).to_have_count(1)
    line.says("stays open")
    line.done()
    expect(announced.get_by_text("The bar stays open", exact=True)).to_have_count(1)
    expect(line.log).to_have_attribute("aria-live", "off")


def test_hearing_is_shown_while_somebody_speaks_and_no_words_have_come(visit):
    line = visit().talk()
    line.read("line.voice.gain.value = 0.3")
    expect(line.log.get_by_text("hearing…")).to_be_visible()
    line.read("line.voice.gain.value = 0")
    line.hears("Good evening")
    expect(line.log.get_by_text("hearing…")).to_have_count(0)
    expect(line.log.locator("li .words")).to_have_text(["Good evening"])


def test_the_page_times_what_the_ear_hears(visit):
    line = visit().talk()
    line.read("window.heard = []")
    for kind in ["greeting", "ear"]:
        line.read(f"document.addEventListener('concierge:{kind}', (event) => heard.push(['{kind}', event.detail.ms]))")
    line.agentSounds()
    pause = line.page.wait_for_timeout
    line.read("line.agentVoice.gain.value = 0.2")
    pause(400)
    line.read("line.agentVoice.gain.value = 0")
    pause(500)
    line.read("line.voice.gain.value = 0.3")
    pause(500)
    silent = line.read("(line.voice.gain.value = 0, performance.now())")
    pause(700)
    line.answers("a2")
    sounds = line.read("(line.agentVoice.gain.value = 0.2, performance.now())")
    line.says("At seven. ")
    line.until("heard.length === 2")
    (first, greeting_ms), (second, ear_ms) = line.read("heard")
    assert (first, second) == ("greeting", "ear")
    assert greeting_ms > 0
    assert ear_ms == pytest.approx(sounds - silent, abs=300)
    expect(line.log.locator("li.agent").last).to_have_attribute("data-ear-ms", str(ear_ms))
    told = [{"kind": "greeting", "ms": greeting_ms}, {"kind": "ear", "ms": ear_ms}]
    assert line.read("line.data") == [["concierge.ear", report] for report in told], "the agent is told"


def test_mute_and_hang_up(visit):
    line = visit().talk()
    line.press("Mute")
    assert line.read("line.muted") is True
    expect(line.panel.get_by_text("You are muted")).to_be_visible()
    line.press("Unmute")
    assert line.read("line.muted") is False
    line.press("Hang up")
    line.expect_state("ended")
    assert line.read("line.left && line.microphoneStopped")
    expect(line.page.get_by_role("button", name="Talk", exact=True)).to_be_enabled()


# Typing


def test_typing_needs_no_microphone(visit):
    line = visit(permissions=[])
    line.press("Type instead")
    line.until("window.line?.connected")
    line.agentComes()
    line.expect_state("listening")
    assert line.tokens[0]["participant_attributes"]["mode"] == "text"
    assert line.read("line.microphoneAsked") is None
    expect(line.page.get_by_role("textbox")).to_be_focused()
    expect(line.page.get_by_role("button", name="Mute")).to_have_count(0)


def test_a_question_typed_before_the_agent_came_is_sent_when_it_comes(visit):
    line = visit()
    line.type("Is breakfast included?")
    line.until("window.line?.connected")
    expect(line.log).to_contain_text("Is breakfast included?")
    assert line.read("line.sent") == []
    line.agentComes()
    line.until("line.sent.length === 1")
    assert line.read("line.sent") == [["lk.chat", "Is breakfast included?"]]


def test_a_typed_question_joins_the_spoken_conversation(visit):
    line = visit().talk()
    line.hears("Hello")
    line.type("And the spa?")
    expect(line.log.locator("li.visitor .words")).to_have_text(["Hello", "And the spa?"])
    assert line.read("line.sent") == [["lk.chat", "And the spa?"]]


def test_a_suggested_question_starts_a_typed_conversation(visit):
    line = visit()
    line.press("When does the pool close?")
    line.until("window.line?.connected")
    assert line.tokens[0]["participant_attributes"]["mode"] == "text"
    expect(line.log).to_contain_text("When does the pool close?")


def test_long_questions_are_cut_at_500_characters_and_say_so_near_the_end(visit):
    line = visit()
    box = line.page.get_by_role("textbox")
    box.fill("a" * 350)
    expect(line.page.locator("#characters")).to_be_hidden()
    box.press_sequentially("b" * 60)
    expect(line.page.locator("#characters")).to_have_text("90 characters left")
    assert box.get_attribute("maxlength") == "500"


@pytest.mark.parametrize(("language", "told"), [("en", "The rest was left out"), ("ar", "وقد تُرك الباقي")])
def test_a_text_that_does_not_fit_is_cut_with_a_word(visit, language, told):
    line = visit(language)
    box = line.page.get_by_role("textbox")
    box.focus()
    line.page.keyboard.insert_text("When does the pool open? " * 800)  # as a paste does
    assert len(box.input_value()) == 500
    expect(line.page.locator("#characters")).to_contain_text(told)
    expect(line.panel.locator("[data-part=announcer]")).to_contain_text(told)
    line.page.keyboard.press("Backspace")
    expect(line.page.locator("#characters")).not_to_contain_text(told)


# What goes wrong, and the way on


def expect_trouble(line: Line, words: str, *ways: str) -> None:
    line.expect_state("failed")
    expect(line.panel.locator("[data-part=outcome]")).to_contain_text(words)
    offered = line.panel.locator("[data-way]:visible")
    assert [re.sub(r"\s+", " ", way).strip() for way in offered.all_inner_texts()] == list(ways)
    expect(line.panel.locator("[aria-live=polite]")).to_contain_text(words)


AGAIN, TYPE, DESK = "Try again", "Type instead", "Ring the desk +971 4 555 0100"


@pytest.mark.parametrize(
    ("name", "words", "ways"),
    [
        ("NotAllowedError", "may not use your microphone", [AGAIN, TYPE, DESK]),
        ("NotFoundError", "No microphone was found", [AGAIN, TYPE, DESK]),
        ("NotReadableError", "in use by another program", [AGAIN, TYPE, DESK]),
    ],
)
def test_without_a_microphone_one_click_leads_to_typing(visit, name, words, ways):
    line = visit(before=f'{{microphoneError: "{name}"}}')
    line.press("Talk")
    expect_trouble(line, words, *ways)
    line.panel.get_by_role("button", name="Type instead").click()
    line.until("line.connected?.token")
    line.agentComes()
    line.expect_state("listening")
    expect(line.page.get_by_role("textbox")).to_be_focused()


@pytest.mark.parametrize(
    ("status", "code", "message", "ways"),
    [
        (503, "line_busy", "All lines are busy. Please try again in a moment.", [AGAIN, DESK]),
        (503, "not_available", "The concierge is not available right now.", [AGAIN, DESK]),
        (429, "too_many", "Too many calls were started from your network.", [AGAIN, DESK]),
        (503, "out_of_minutes", "The concierge has talked enough for today.", [DESK]),
        (403, "foreign_origin", "This call can only be started from the venue's own page.", [AGAIN, DESK]),
    ],
)
def test_a_refusal_is_told_in_the_venues_own_words_before_the_microphone_opens(visit, status, code, message, ways):
    line = visit(token=(status, {"error": code, "message": message}, {"Retry-After": "15"}), permission="prompt")
    line.press("Talk")
    expect_trouble(line, message, *ways)
    assert line.read("line.microphoneAsked") is None


def test_a_microphone_that_was_forbidden_earlier_is_told_without_opening_a_call(visit):
    line = visit(permission="denied")
    line.press("Talk")
    expect_trouble(line, "may not use your microphone", AGAIN, TYPE, DESK)
    assert line.tokens == []


def test_a_refusal_without_words_still_says_when_to_come_back(visit):
    line = visit(token=(503, {"error": "line_busy"}, {"Retry-After": "15"}))
    line.press("Talk")
    expect_trouble(line, "All our lines are busy. Try again in 15 seconds.", AGAIN, DESK)


def test_an_unreachable_server_is_told(visit):
    line = visit(before="{connectError: true}")
    line.press("Talk")
    expect_trouble(line, "cannot be reached from here", AGAIN, DESK)
    assert line.read("line.microphoneStopped")


def test_an_agent_that_does_not_come_within_15_seconds_is_told(visit):
    line = visit()
    line.page.clock.install()
    line.talk(with_agent=False)
    line.page.clock.run_for(14_000)
    line.expect_state("connecting")
    line.page.clock.run_for(1_500)
    expect_trouble(line, "Nobody picked up on our side", AGAIN, DESK)


def test_an_agent_that_leaves_is_told(visit):
    line = visit().talk()
    line.agentLeaves()
    expect_trouble(line, "left without a word", AGAIN, DESK)


def test_a_lost_network_is_shown_and_so_is_its_return(visit):
    line = visit().talk()
    line.read("line.room.emit('Reconnecting')")
    line.expect_state("connecting")
    expect(line.panel.get_by_text("The line dropped. Reconnecting…").first).to_be_visible()
    line.read("line.room.emit('Reconnected')")
    line.expect_state("listening")
    line.read("line.room.emit('Reconnecting')")
    line.read("line.room.emit('Disconnected', 9)")
    expect_trouble(line, "The connection was lost", AGAIN, DESK)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("goodbye", "Goodbye, and thank you."),
        ("silence", "It was quiet for a while"),
        ("longest_call", "as long as one conversation can be"),
        ("staff", "Our staff closed this conversation"),
        ("error", "Something broke on our side"),
    ],
)
def test_the_end_says_why(visit, reason, words):
    line = visit().talk()
    line.agentSets({"concierge.ended": reason})
    line.read("line.room.emit('Disconnected', 5)")
    line.expect_state("ended")
    expect(line.panel.locator("[data-part=outcome]")).to_contain_text(words)
    expect(line.panel.get_by_role("button", name="New conversation")).to_be_visible()


def test_blocked_sound_asks_for_a_tap(visit):
    line = visit().talk()
    line.read("line.room.canPlaybackAudio = false; line.room.emit('AudioPlaybackStatusChanged')")
    line.press("Tap for sound")
    expect(line.page.get_by_role("button", name="Tap for sound")).to_be_hidden()


def test_a_microphone_that_gives_nothing_is_told(visit):
    line = visit().talk()
    line.read("line.room.emit('LocalAudioSilenceDetected')")
    expect(line.panel.get_by_text("We hear nothing from your microphone.")).to_be_visible()


# When it is over


@pytest.mark.parametrize(("language", "yes"), [("en", "Yes"), ("ar", "نعم")])
def test_a_visitor_says_whether_it_helped_and_may_add_words(visit, language, yes):
    line = visit(language)
    said = []

    def take(route):
        said.append(route.request.post_data_json)
        route.fulfill(status=201, json={"stored": True})

    line.page.route("**/voice/rating", take)
    line.page.locator("[data-start=voice]").click()
    line.until("window.line?.connected")
    line.agentComes("speaking")
    line.answers()
    line.says("At seven. ")
    expect(line.page.locator(".rating")).to_be_hidden()
    line.page.locator("[data-part=hangup]").click()
    line.page.get_by_text(yes, exact=True).click()
    box = line.page.locator(".rating textarea")
    expect(box).to_be_focused()
    assert violations(line.page) == []
    box.fill("Thank you")
    line.page.locator(".rating-words button").click()
    expect(box).to_be_hidden()
    assert said == [{"key": "key", "rating": "good"}, {"key": "key", "rating": "good", "words": "Thank you"}]


@pytest.mark.parametrize("agrees", [True, False], ids=["agrees", "does not"])
def test_a_visitor_is_asked_before_talk_whether_it_may_be_recorded(visit, palm, agrees):
    palm.records_calls = True
    palm.save()
    line = visit(token=(201, TOKEN | {"recorded": agrees}, {}))
    assert violations(line.page) == []
    if agrees:
        line.page.get_by_role("checkbox").check()
    line.talk()
    assert line.tokens[0]["participant_attributes"]["record"] == ("yes" if agrees else "no")
    expect(line.page.get_by_text("This call is recorded")).to_be_visible(visible=agrees)


# For everybody


def violations(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page).response["violations"]
    return [(rule["id"], node["failureSummary"] + node["html"][:200]) for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_before_during_and_after_a_call(visit, language, scheme):
    line = visit(language, color_scheme=scheme, reduced_motion="reduce")
    assert violations(line.page) == []
    line.page.locator("[data-start=voice]").click()
    line.until("window.line?.connected")
    line.agentComes("speaking")
    line.hears("When does the pool", False, "u1")
    line.answers()
    line.says("At seven. ")
    line.says("The bar ")
    line.agentSets({"concierge.sources": '[{"title": "Pools", "article": "h1"}]'})
    assert violations(line.page) == []
    line.page.locator("[data-part=hangup]").click()
    line.expect_state("ended")
    assert violations(line.page) == []


@pytest.mark.parametrize("size", [WIDE, PHONE, SMALL], ids=["wide", "phone", "small"])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_nothing_overflows(visit, language, size):
    line = visit(language, size=size)
    fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert line.read(fits)
    line.page.locator("[data-start=voice]").click()
    line.until("window.line?.connected")
    line.agentComes("speaking")
    line.hears("Donaudampfschifffahrtsgesellschaftskapitänswitwenrente" * 3)
    assert line.read(fits)
    line.agentLeaves()
    line.expect_state("failed")
    assert line.read(fits)


def test_on_a_phone_the_call_is_the_page_and_gives_it_back(visit):
    line = visit(size=PHONE).talk()
    expect(line.page.get_by_role("heading", level=1)).to_be_hidden()
    box = line.panel.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == PHONE
    line.press("Hang up")
    line.press("Back to the page")
    expect(line.page.get_by_role("heading", level=1)).to_be_visible()
    line.expect_state("idle")


def test_a_call_can_be_held_with_the_keyboard_alone(visit):
    line = visit()
    talk = line.page.get_by_role("button", name="Talk", exact=True)
    for _ in range(20):
        line.page.keyboard.press("Tab")
        if talk.evaluate("button => button === document.activeElement"):
            break
    outline = talk.evaluate("button => getComputedStyle(button).outlineStyle")
    assert outline == "solid"
    line.page.keyboard.press("Enter")
    line.until("window.line?.connected")
    line.agentComes()
    expect(line.panel).to_be_focused()
    names = []
    for _ in range(5):
        line.page.keyboard.press("Tab")
        names.append(line.read("document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText"))
    assert names == ["Conversation", "Mute", "Type a question", "Send", "Hang up"]
    line.page.keyboard.press("Enter")
    line.expect_state("ended")
    assert line.read("document.activeElement.innerText.trim()") == "New conversation"


def test_without_javascript_the_page_still_says_what_matters(visit):
    line = visit(java_script_enabled=False)
    for words in [
        "Palm Court",
        "A small hotel.",
        "The lift is out of order.",
        "07:00–23:00",
        "this page needs JavaScript",
    ]:
        expect(line.page.get_by_text(words).first).to_be_visible()
    expect(line.page.get_by_role("link", name="+971 4 555 0100").first).to_have_attribute("href", "tel:+97145550100")
    expect(line.page.get_by_role("button", name="Talk", exact=True)).to_be_hidden()
