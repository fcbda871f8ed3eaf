"""From an editor's words to a visitor's ear, every process real: what is published is said in a call that is open."""

import json
import time

import pytest
from playwright.sync_api import expect

from tests.browser import speech
from tests.browser.visitor import launch, signed_in, visiting

pytestmark = [pytest.mark.browser, pytest.mark.voice]

PATIENCE = 60_000  # milliseconds, for what a background task does
QUESTION = "How much does it cost to rent a telescope?"
BEFORE = "Telescopes stand on the roof. Renting a telescope costs thirty dirhams for one evening."
AFTER = "Telescopes stand on the roof. Renting a telescope costs eighty dirhams for one evening."
ASKED_IN_VAIN = "Where can I get my violin repaired?"


@pytest.fixture(scope="module")
def telescope(stack, tmp_path_factory):
    """A fact that only these tests know, and a golden question that it answers."""
    path = tmp_path_factory.mktemp("facts") / "facts.jsonl"
    path.write_text(json.dumps({"id": "test-telescope", "title": "Telescope rental", "body": BEFORE, "language": "en"}))
    stack.manage("import_knowledge", "palm", str(path), "--publish")
    stack.shell(
        "from concierge.models import Venue; from knowledge import golden; "
        f"golden.store(Venue.objects.get(slug='palm'), {QUESTION!r}, 'en', ['test-telescope'])"
    )


def until(page, is_so, *, seconds=PATIENCE / 1000):
    """Load the page again until it is so: a task worker is at it."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, page.locator("main").inner_text()
        time.sleep(0.5)
        page.reload()


def test_what_is_published_is_said_in_a_call_that_is_open(playwright, stack, telescope, tmp_path):
    aloud = speech.cue(speech.piper(QUESTION, tmp_path / "question.wav"))
    desk, browser = launch(playwright), launch(playwright)
    try:
        with signed_in(desk, stack, "editor") as page, visiting(browser, stack, on_cue=True) as visitor:
            visitor.talk()
            visitor.wait_for("speaking", "listening")
            visitor.wait_for_quiet()
            visitor.type(QUESTION)
            visitor.wait_for_words("thirty dirhams")
            visitor.wait_for_quiet()

            page.goto(stack.url("localhost", "/knowledge/palm/test-telescope/en/"))
            page.fill("#id_body", AFTER)
            expect(page.locator("#preview")).to_contain_text("eighty dirhams")
            page.get_by_role("button", name="Publish").click()
            change = page.locator(".gate-change", has_text=QUESTION).first
            expect(change.locator(".old-and-new > div").first).to_contain_text("thirty dirhams", timeout=PATIENCE)
            expect(change.locator(".old-and-new > div").last).to_contain_text("eighty dirhams")
            assert "eighty" not in visitor.captions(), "what waits at the gate is not said"
            page.get_by_role("button", name="Publish").click()
            page.get_by_text("Visitors hear these words from now on.").wait_for(timeout=PATIENCE)

            visitor.type(QUESTION)
            visitor.wait_for_words("eighty dirhams")
            visitor.wait_for_quiet()
            visitor.forget()
            asked = visitor.speak(aloud)
            visitor.first_sound_after(asked["ends"])
            visitor.wait_for_quiet()
            heard = speech.words_in(visitor.heard()).lower()
            visitor.hang_up()
    finally:
        browser.close()
        desk.close()
    assert "eighty" in heard or "80" in heard, heard
    assert "thirty" not in heard


def test_a_question_asked_in_vain_is_drafted_published_asked_again_and_fixed(playwright, stack):
    desk, browser = launch(playwright), launch(playwright)
    try:
        with signed_in(desk, stack, "editor") as page, visiting(browser, stack) as visitor:
            visitor.page.get_by_role("button", name="Type instead").click()
            visitor.wait_for("listening")
            visitor.type(ASKED_IN_VAIN)
            visitor.wait_for_words("nothing written")
            visitor.hang_up()

            page.goto(stack.url("localhost", "/knowledge/palm/gaps/"))
            until(page, page.get_by_role("link", name=ASKED_IN_VAIN).count)
            page.get_by_role("link", name=ASKED_IN_VAIN).click()
            gap = page.url
            page.get_by_role("button", name="Draft an article").click()
            expect(page.locator("#id_body")).to_have_value(f"Visitors asked:\n\n- {ASKED_IN_VAIN}")
            page.fill("#id_title", "Violin repair")
            page.fill("#id_body", "You can get your violin repaired by the luthier in the lobby, Monday to Thursday.")
            page.get_by_role("button", name="Publish").click()
            # The visitor's own question is at the gate: without an answer now, with one then.
            change = page.locator(".gate-change", has_text=ASKED_IN_VAIN)
            expect(change).to_contain_text("luthier in the lobby", timeout=PATIENCE)
            page.get_by_role("button", name="Publish").click()
            page.get_by_text("Visitors hear these words from now on.").wait_for(timeout=PATIENCE)

            page.goto(gap)
            until(page, page.get_by_text("answered now").count)
            expect(page.locator(".verdict")).to_contain_text("Fixed")
            expect(page.locator(".gap-asked")).to_contain_text("luthier in the lobby")
    finally:
        browser.close()
        desk.close()
