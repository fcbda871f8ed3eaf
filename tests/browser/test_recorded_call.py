"""A call that may be recorded: asked before, recorded by the worker, heard again in step with what was said, erased."""

import re
import subprocess

import av
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser import speech
from tests.browser.test_whole_road import call_after
from tests.browser.visitor import launch, signed_in, until, visiting

pytestmark = [pytest.mark.browser, pytest.mark.voice]

AXE = Axe()
RECORDING = """
from voice import recordings
from voice.models import Call
call = Call.objects.get(pk={call!r})
print(recordings.path_of(call.pk), call.recording_began_at.timestamp(), call.rating, call.rating_words)
"""


@pytest.fixture
def browser(playwright):
    opened = launch(playwright)
    yield opened
    opened.close()


@pytest.fixture
def recording_venue(stack):
    switch = "from concierge.models import Venue; Venue.objects.filter(slug='palm').update(records_calls={})"
    stack.shell(switch.format(True))
    yield
    stack.shell(switch.format(False))


def talk_and_rate(stack, browser, tmp_path, *, agrees):
    """One question aloud, then the thumb. Returns the call."""
    before = len(stack.calls())
    question = speech.cue(speech.piper("When does the pool open?", tmp_path / "question.wav"))
    with visiting(browser, stack, on_cue=True) as visitor:
        if agrees:
            visitor.page.get_by_role("checkbox", name=re.compile("You may record")).check()
        visitor.talk()
        visitor.wait_for("speaking", seconds=20)
        visitor.wait_for_quiet()
        shown = visitor.page.get_by_text("This call is recorded")
        (expect(shown).to_be_visible if agrees else expect(shown).to_be_hidden)()
        visitor.forget()
        visitor.speak(question)
        visitor.wait_for_quiet()
        visitor.page.get_by_role("button", name="Hang up").click()
        visitor.wait_for("ended")
        visitor.page.get_by_text("Yes", exact=True).click()
        box = visitor.page.get_by_label(re.compile("What should we know"))
        expect(box).to_be_focused()
        box.fill("Quick and right. My number is 0501234567.")
        assert [violation["id"] for violation in AXE.run(visitor.page).response["violations"]] == []
        visitor.page.locator(".rating-words button").click()
        expect(box).to_be_hidden()
    return call_after(stack, before)


def loud_seconds(path):
    """When something is heard, by side."""
    with av.open(path) as file:
        sound = np.concatenate([frame.to_ndarray() for frame in file.decode(audio=0)], axis=1)
        rate = file.streams.audio[0].rate
    return [np.flatnonzero(np.abs(side) > 0.05) / rate for side in sound], sound.shape[1] / rate


def test_a_call_with_the_visitors_yes_is_heard_again_in_step_and_can_be_erased(
    stack, browser, recording_venue, tmp_path
):
    call = talk_and_rate(stack, browser, tmp_path, agrees=True)
    path, began, rating, *words = stack.shell(RECORDING.format(call=call["id"])).split()
    assert (rating, " ".join(words)) == ("good", "Quick and right. My number is ••••••••••.")
    (visitor, agent), seconds = loud_seconds(path)
    asked = next(turn for turn in call["turns"] if turn["speaker"] == "visitor")
    greeting, answer = [turn["said_at"] - float(began) for turn in call["turns"] if turn["speaker"] == "agent"][:2]
    print(f"\n{seconds:.1f} s; greeting at {greeting:.2f}, heard from {agent[0]:.2f}; answer at {answer:.2f}")
    assert agent[0] == pytest.approx(greeting, abs=0.5)
    assert agent[agent > answer - 0.5][0] == pytest.approx(answer, abs=0.5)
    assert visitor[visitor > asked["said_at"] - float(began) - 1][0] < answer

    with signed_in(browser, stack, "manager") as staff:
        staff.goto(stack.url("localhost", f"/staff/calls/{call['id']}/"))
        player = staff.locator("audio")
        until(staff, "document.querySelector('audio').duration > 1")
        assert player.evaluate("audio => audio.duration") == pytest.approx(seconds, abs=0.5)
        staff.locator(".turn.agent").nth(1).get_by_role("button", name="From here").click()
        until(staff, "!document.querySelector('audio').paused && !document.querySelector('audio').seeking")
        assert player.evaluate("audio => audio.currentTime") == pytest.approx(answer - 0.3, abs=0.7)
        expect(staff.locator(".turn.agent").nth(1)).to_have_class(re.compile("playing"))
        assert [violation["id"] for violation in AXE.run(staff).response["violations"]] == []
        staff.get_by_role("link", name="Erase this visitor's calls").click()
        staff.get_by_role("checkbox", name=re.compile("Yes, erase it")).check()
        staff.get_by_role("button", name="Erase").click()
        expect(staff.get_by_text("1 call is erased.")).to_be_visible()
    assert subprocess.run(["test", "-e", path], check=False).returncode == 1
    assert call["id"] not in [kept["id"] for kept in stack.calls()]


def test_a_call_without_the_visitors_yes_goes_on_and_is_not_recorded(stack, browser, recording_venue, tmp_path):
    call = talk_and_rate(stack, browser, tmp_path, agrees=False)
    assert any(turn["is_answered"] for turn in call["turns"])
    assert not list((stack.data_dir / "recordings").glob(f"{call['id']}*"))
