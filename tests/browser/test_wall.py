"""The wall of calls with a hundred of them, and when what it hangs on is gone for a while. The web process is real."""

import json
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser import smoothness
from tests.browser.visitor import launch, signed_in, until
from tests.browser.web import Web
from tests.redis_server import Redis

pytestmark = pytest.mark.browser

CALLS = 100
LONGEST_TASK_MS = 100
MOST_MEGABYTES = 100
WALL_JS = Path(__file__).with_name("wall.js").read_text()


@pytest.fixture
def browser(playwright):
    started = launch(playwright)
    yield started
    started.close()


@pytest.fixture(scope="module")
def web():
    running = Web().prepare()
    running.crowd("open", "--calls", str(CALLS))
    try:
        yield running.start()
    finally:
        running.stop()


def test_a_hundred_live_calls_stream_without_a_long_task(browser, web):
    with signed_in(browser, web, "noor") as staff:
        with staff.expect_websocket():
            staff.reload()
        cards = staff.locator(".live-calls .call-card")
        expect(cards).to_have_count(CALLS)
        sockets = []
        staff.on("websocket", lambda socket: sockets.append(socket.url))
        staff.evaluate(WALL_JS)
        smoothness.begin(browser, staff)
        told = json.loads(web.crowd("talk", "--seconds", "6", "--rate", "2"))
        staff.wait_for_timeout(1500)
        longest, _ = smoothness.longest_task_ms(browser)
        assert told["interims"] > 5 * CALLS
        changed = staff.evaluate("__wall.changed.size")
        assert changed == CALLS, "Words of every call are seen."
        assert longest < LONGEST_TASK_MS
        whole, heap = smoothness.megabytes(staff)
        print(f"\nlongest task {longest:.0f} ms of CPU, {whole:.0f} MB, of which scripts hold {heap:.0f} MB")
        assert whole < MOST_MEGABYTES
        assert not sockets, "The first socket has served all calls."
        expect(cards).to_have_count(CALLS)


def test_only_calls_that_need_somebody_are_left_when_asked(browser, web):
    web.shell("from voice.models import Call; call = Call.objects.last(); call.connection = 'poor'; call.save()")
    with signed_in(browser, web, "noor") as staff:
        staff.set_viewport_size({"width": 390, "height": 844})
        staff.wait_for_load_state()
        needs = staff.locator(".live-calls .need").count()
        expect(staff.locator(f".live-calls .call-card:nth-child(-n + {needs}).need")).to_have_count(needs)
        staff.get_by_role("button", name="Only calls that need somebody").click()
        expect(staff.locator(".live-calls .call-card:not(.need):visible")).to_have_count(0)
        expect(staff.get_by_text("bad connection")).to_be_visible()
        assert not Axe().run(staff).response["violations"]
        assert staff.evaluate("document.documentElement.scrollWidth <= innerWidth")


AS_EVER = "from voice.models import Call; print(Call.objects.filter(state='live').first().pk)"
DOES = "from voice.models import Call; Call.objects.get(pk='{call}').show_agent_state('{state}')"


def test_what_the_agent_does_is_seen_on_its_card_and_on_the_page_of_its_call(browser, web):
    call = web.shell(AS_EVER)
    with signed_in(browser, web, "noor") as staff:
        card = staff.locator(f"#call-{call}")
        expect(card.get_by_text("listening")).to_be_visible()
        web.shell(DOES.format(call=call, state="speaking"))
        expect(card.get_by_text("speaking")).to_be_visible()
        expect(card.get_by_text("listening")).to_have_count(0)
        card.get_by_role("link").click()
        head = staff.locator("[data-head]")
        expect(head.get_by_text("speaking")).to_be_visible()
        web.shell(DOES.format(call=call, state="listening"))
        expect(head.get_by_text("listening")).to_be_visible()


SILENT_SOON = """
from datetime import timedelta
from django.utils import timezone
from voice.models import Call
call = Call.objects.latest("began_at")
call.add_turn("agent", "Hello.", said_at=timezone.now() + timedelta(minutes=30))
print(call.pk)
"""


def test_a_call_in_which_nobody_is_heard_comes_forward_by_itself(browser, web):
    call = web.shell(SILENT_SOON)
    with signed_in(browser, web, "noor") as staff:
        staff.clock.install()
        told = []
        staff.on("websocket", lambda socket: socket.on("framereceived", lambda frame: told.append(frame)))
        staff.reload()
        until(staff, lambda: told)  # the snapshot makes new cards, which count from then on
        card = staff.locator(f"#call-{call}")
        expect(card.get_by_text("silence")).to_be_hidden()
        expect(card).to_have_attribute("data-need", "0")
        staff.clock.run_for(3_000)
        staff.clock.fast_forward("31:00")
        expect(card.get_by_text("silence")).to_be_visible()
        expect(card).to_have_attribute("data-need", "1")


LATEST = "from voice.models import Call; Call.objects.filter(state='live').first().add_turn('visitor', {words!r})"


def loses_and_finds(staff, *, stop, meanwhile, start):
    """The console says that the line is gone, comes back without being touched, and shows what it has missed."""
    staff.locator(".live-calls .call-card a").first.wait_for()
    staff.evaluate("window.__untouched = true")
    stop()
    expect(staff.locator(".wall .connection")).to_have_text("Reconnecting…", timeout=30_000)
    meanwhile()
    start()
    expect(staff.locator(".live-calls").get_by_text("Said while nobody could hear.")).to_be_visible(timeout=60_000)
    expect(staff.locator(".wall .connection")).to_be_empty()
    assert staff.evaluate("window.__untouched"), "The page was not loaded again."


def test_when_the_web_process_was_gone_nothing_is_missed(browser, web):
    with signed_in(browser, web, "noor") as staff:
        words = "Said while nobody could hear."
        loses_and_finds(staff, stop=web.stop, meanwhile=lambda: web.shell(LATEST.format(words=words)), start=web.start)


def test_when_redis_was_gone_nothing_is_missed(browser):
    redis = Redis().start()
    web = Web(extra={"REDIS_URL": redis.url}).prepare()
    try:
        web.crowd("open", "--calls", "3")
        web.start()
        with signed_in(browser, web, "noor") as staff:
            words = "Said while nobody could hear."
            loses_and_finds(
                staff, stop=redis.stop, meanwhile=lambda: web.shell(LATEST.format(words=words)), start=redis.start
            )
            # Not only the snapshot: what happens from now on arrives as well.
            web.shell(LATEST.format(words="Said when all was well again."))
            expect(staff.locator(".live-calls").get_by_text("Said when all was well again.")).to_be_visible()
    finally:
        web.stop()
        redis.stop()
