"""Staff listen, note, take over and hand back, with a visitor who is really there. Every part is real."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser import speech
from tests.browser.test_whole_road import call_after
from tests.browser.visitor import launch, open_live_call, signed_in, visiting

pytestmark = [pytest.mark.browser, pytest.mark.voice]

AWAY_SECONDS = 8  # STAFF_AWAY_SECONDS


@pytest.fixture
def browsers(playwright):
    opened = []

    def browser(microphone=None):
        opened.append(launch(playwright, microphone))
        return opened[-1]

    yield browser
    for one in opened:
        one.close()


def press(staff, key):
    staff.locator("body").press(key)


def write(staff, line):
    box = staff.locator("[data-line]")
    box.fill(line)
    box.press("Enter")


def starts_typing(visitor):
    visitor.page.get_by_role("button", name="Type instead").click()
    visitor.wait_for("listening", seconds=20)
    visitor.wait_for_words("Welcome")


def person(visitor):
    """Where the visitor's page says that somebody of the staff has the word."""
    return visitor.page.locator("[data-part=person]")


def hangs_up(visitor):
    visitor.page.get_by_role("button", name="Hang up").click()
    visitor.wait_for("ended")


def test_a_note_is_used_in_the_next_answer_and_the_visitor_sees_who_confirmed_it(stack, browsers):
    before = len(stack.calls())
    with signed_in(browsers(), stack, "agent") as staff, visiting(browsers(), stack) as visitor:
        starts_typing(visitor)
        open_live_call(staff)
        press(staff, "n")
        write(staff, "The jazz band plays on the terrace tonight at nine.")
        expect(staff.get_by_text("has your note")).to_be_visible()
        visitor.type("Is there a jazz band tonight?")
        visitor.wait_for_words("The staff confirm: The jazz band plays on the terrace tonight at nine.")
        expect(visitor.page.locator(".turn.agent:last-child .confirmed")).to_be_visible()
        expect(staff.get_by_role("log").get_by_text("confirmed by the staff").last).to_be_visible()
        hangs_up(visitor)
    assert call_after(stack, before)["turns"][-1]["is_answered"] is True


def test_what_staff_type_is_heard_and_what_they_promised_is_kept(stack, browsers, tmp_path):
    aside = speech.cue(speech.piper("I would like some extra towels please.", tmp_path / "aside.wav"))
    before = len(stack.calls())
    with signed_in(browsers(), stack, "agent") as staff, visiting(browsers(), stack, on_cue=True) as visitor:
        visitor.talk()
        visitor.wait_for("speaking", seconds=20)
        visitor.wait_for_quiet()
        open_live_call(staff)
        press(staff, "t")
        expect(person(visitor)).to_have_text("A person of our staff is answering you.")
        visitor.forget()

        visitor.speak(aside)
        expect(staff.get_by_role("log")).to_contain_text(re.compile("towel", re.I), timeout=15_000)
        time.sleep(3)
        assert visitor.page.evaluate("__ear.agent.length") < 20, "The agent answered while a person had the call."

        typed_at = visitor.page.evaluate("performance.now()")
        write(staff, "Your towels are on the way to room seven.")
        audible = visitor.first_sound_after(typed_at) - typed_at
        print(f"\ntyped line -> audible: {audible:.0f} ms")
        visitor.wait_for_words("towels are on the way")
        visitor.wait_for_quiet()
        assert re.search("towels", speech.words_in(visitor.heard()), re.I)

        press_hand_back(staff, "Late check-out at two in the afternoon.")
        visitor.wait_for_words("I am with you again")
        expect(person(visitor)).to_be_hidden()
        visitor.type("When is my late check-out?")
        visitor.wait_for_words("Our staff promised you: Late check-out at two in the afternoon.")
        hangs_up(visitor)
    turns = call_after(stack, before)["turns"]
    assert [turn["text"] for turn in turns if turn["speaker"] == "staff"] == [
        "Your towels are on the way to room seven."
    ]
    assert any("towel" in turn["text"].lower() for turn in turns if turn["speaker"] == "visitor")


def press_hand_back(staff, promise):
    staff.locator("[data-line]").press("Escape")
    press(staff, "b")
    write(staff, promise)
    expect(staff.get_by_role("button", name="Hand back")).to_be_hidden()


def test_a_person_who_takes_over_by_voice_is_heard_by_the_visitor(stack, browsers, tmp_path):
    words = "Good evening, this is the front desk speaking. Your taxi is waiting at the north gate."
    microphone = speech.after_silence(speech.piper(words, tmp_path / "staff.wav"), 2.0)
    before = len(stack.calls())
    with signed_in(browsers(microphone), stack, "agent") as staff, visiting(browsers(), stack, on_cue=True) as visitor:
        visitor.talk()
        visitor.wait_for("speaking", seconds=20)
        visitor.wait_for_quiet()
        open_live_call(staff)
        visitor.forget()
        press(staff, "v")
        expect(person(visitor)).to_have_text("A person of our staff is speaking with you.")
        expect(staff.get_by_role("button", name="Hand back")).to_be_visible()
        visitor.first_sound_after(0)
        visitor.wait_for_quiet(seconds=2.5)
        heard = speech.words_in(visitor.heard())
        assert re.search("taxi", heard, re.I), heard
        written = staff.locator("[data-turns] .turn.staff").filter(has_text=re.compile("taxi", re.I))
        expect(written.first).to_be_visible(timeout=15_000)
        staff.get_by_role("button", name="Hand back").click()
        staff.get_by_role("button", name="Hand back").click()
        visitor.wait_for_words("I am with you again")
        hangs_up(visitor)
    call = call_after(stack, before)
    assert call["end_reason"] in {"hung_up", "lost"}
    spoken = " ".join(turn["text"] for turn in call["turns"] if turn["speaker"] == "staff")
    assert re.search("front desk.*taxi", spoken, re.I), call["turns"]


def test_a_staff_tab_that_is_closed_gives_the_call_back_and_the_visitor_is_told(stack, browsers):
    before = len(stack.calls())
    with signed_in(browsers(), stack, "agent") as staff, visiting(browsers(), stack) as visitor:
        starts_typing(visitor)
        open_live_call(staff)
        press(staff, "t")
        expect(person(visitor)).to_have_text("A person of our staff is answering you.")
        staff.close()
        visitor.wait_for_words("My colleague had to leave", seconds=AWAY_SECONDS + 10)
        visitor.type("What time is breakfast?")
        visitor.wait_for_words("breakfast", seconds=15)
        hangs_up(visitor)
    assert call_after(stack, before)["turns"][-1]["speaker"] == "agent"


def test_who_listens_hears_the_call_and_is_not_seen(stack, browsers, tmp_path):
    question = speech.cue(speech.piper("What time is breakfast?", tmp_path / "question.wav"))
    with signed_in(browsers(), stack, "agent") as staff, visiting(browsers(), stack, on_cue=True) as visitor:
        visitor.talk()
        visitor.wait_for("speaking", seconds=20)
        visitor.wait_for_quiet()
        open_live_call(staff)
        press(staff, "l")
        expect(staff.locator("[data-verb=listen]")).to_have_attribute("aria-pressed", "true")
        staff.evaluate("""() => {
          window.__loudest = 0
          setInterval(() => { __loudest = Math.max(__loudest, document.querySelector('[data-level]').value) }, 20)
        }""")
        visitor.speak(question)
        visitor.wait_for_quiet()
        assert staff.evaluate("__loudest") > 0.05
        assert person(visitor).is_hidden()
        hangs_up(visitor)


def test_a_muted_agent_falls_silent_in_mid_answer(stack, browsers, tmp_path):
    question = speech.cue(speech.piper("What time is breakfast?", tmp_path / "question.wav"))
    with signed_in(browsers(), stack, "agent") as staff, visiting(browsers(), stack, on_cue=True) as visitor:
        visitor.talk()
        visitor.wait_for("speaking", seconds=20)
        visitor.wait_for_quiet()
        open_live_call(staff)
        asked = visitor.speak(question)
        visitor.first_sound_after(asked["ends"])
        pressed_at = visitor.page.evaluate("performance.now()")
        press(staff, "m")
        expect(person(visitor)).to_have_text("One moment, please…")
        time.sleep(2)
        silent = visitor.page.evaluate("__ear.agent.at(-1)") - pressed_at
        print(f"\nmute pressed -> agent silent: {silent:.0f} ms")
        assert silent < 1500
        expect(staff.get_by_role("button", name="Unmute")).to_be_visible()
        hangs_up(visitor)


DESK_ALWAYS_OPEN = "from concierge.models import OpeningHours; OpeningHours.objects.filter(slug='desk').delete()"


def test_a_visitor_who_wants_a_person_rings_whoever_is_on_shift(stack, browsers):
    stack.shell(DESK_ALWAYS_OPEN)  # whatever the hour of the test
    with signed_in(browsers(), stack, "agent") as staff, visiting(browsers(), stack) as visitor:
        staff.get_by_role("button", name="Go on shift").click()
        expect(staff.get_by_role("button", name="On shift")).to_be_visible()
        starts_typing(visitor)
        visitor.type("Can I talk to a real person please?")
        visitor.wait_for_words("I have called a colleague")
        staff.get_by_role("button", name="I come").click()
        expect(staff.get_by_text("The visitor waits for you")).to_be_visible()
        staff.get_by_role("link", name="All calls").click()
        expect(staff.get_by_role("button", name="I come")).to_be_hidden()
        staff.get_by_role("button", name="On shift").click()
        hangs_up(visitor)


def test_the_second_who_would_take_over_is_told_who_has_the_call(stack, browsers):
    with (
        signed_in(browsers(), stack, "agent") as first,
        signed_in(browsers(), stack, "manager") as second,
        visiting(browsers(), stack) as visitor,
    ):
        starts_typing(visitor)
        open_live_call(first)
        open_live_call(second)
        press(first, "t")
        expect(second.get_by_text("agent types")).to_be_visible()
        expect(second.get_by_role("button", name="Take over by typing")).to_be_hidden()
        expect(second.get_by_role("button", name="Note")).to_be_visible()
        hangs_up(visitor)
