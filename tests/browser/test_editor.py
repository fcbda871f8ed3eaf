"""The editors' pages in a real browser: what scripts add, and that everybody can use them."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from concierge.models import Membership
from knowledge import golden, indexing
from tests import factories
from voice.models import Gap

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def palm():
    venue = factories.create_venue()
    factories.create_user(venue=venue, role=Membership.Role.EDITOR, name="sara")
    factories.create_text(venue=venue, slug="pool", title="Pool", body="# Times\n\nFrom **six** to ten.")
    factories.create_text(venue=venue, slug="pool", title="المسبح", body="من السادسة إلى العاشرة.", language="ar")
    factories.create_text(venue=venue, slug="parking", title="Parking", body="Under the house." + "w" * 300)
    return venue


@pytest.fixture
def busy(palm):
    """A venue with a past: an older version, golden questions that were asked, and a question asked in vain."""
    palm.articles.get(slug="pool").texts.get(language="en").write(title="Pool", body="From seven to ten.")
    golden.store(palm, "When does the pool open?", "en", ["pool"])
    golden.run(palm, "Pool")
    golden.run(palm, "Parking")
    turn = factories.create_call(venue=palm).add_turn("visitor", "Do you rent bicycles?", language="en")
    Gap.objects.create(pk=1, venue=palm).questions.create(turn=turn, embedder="none", vector=b"")


@pytest.fixture
def open_page(browser, live_server, palm):
    """Opens an address as sara, in a browser of the given kind. Complaints of the browser fail the test."""
    complaints = []
    contexts = []
    cookies = []

    def open_page(path, **kind):
        context = browser.new_context(base_url=live_server.url, **kind)
        contexts.append(context)
        context.add_cookies(cookies)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        if "/accounts/login/" in page.url:
            page.fill("[name=login]", "sara")
            page.fill("[name=password]", "secret")
            page.press("[name=password]", "Enter")
            page.wait_for_url(re.compile(re.escape(path)))
            cookies.extend(context.cookies())
        return page

    yield open_page
    for context in contexts:
        context.close()
    # A page that refuses an edit says so with its status, which Chromium finds worth a line.
    assert [line for line in complaints if "409" not in line] == []


def test_the_list_follows_what_is_typed_and_the_way_back(open_page):
    page = open_page("/knowledge/palm/")
    page.keyboard.press("/")
    page.keyboard.type("under")
    page.wait_for_url("**/?q=under*")
    assert page.locator(".entry-title").all_inner_texts() == ["Parking"]
    page.select_option("[name=language]", "ar")
    page.get_by_text("Nothing like this is written").wait_for()
    page.go_back()
    page.locator(".entry-title").wait_for()
    assert page.locator(".entry-title").all_inner_texts() == ["Parking"]


def test_typed_words_are_previewed_and_saved_by_key(open_page):
    page = open_page("/knowledge/palm/pool/en/")
    page.fill("#id_body", "Closed **today** <script>document.title = 'hit'</script>")
    page.locator("#preview strong", has_text="today").wait_for()
    page.keyboard.press("Control+s")
    page.get_by_text("Draft saved as version 2.").wait_for()
    assert page.input_value("#id_body").startswith("Closed **today**")
    assert page.title() == "Pool · Palm Court"


def test_words_that_another_editor_changed_meanwhile_are_both_shown(open_page):
    first, second = open_page("/knowledge/palm/pool/en/"), open_page("/knowledge/palm/pool/en/")
    first.fill("#id_body", "From seven, says the first.")
    first.keyboard.press("Control+s")
    first.get_by_text("Draft saved").wait_for()
    second.fill("#id_body", "From eight, says the second.")
    second.keyboard.press("Control+s")
    second.get_by_text("Somebody else changed this text meanwhile").wait_for()
    assert second.get_by_role("region", name="The newer text").inner_text() == "From seven, says the first."
    assert second.input_value("#id_body") == "From eight, says the second."
    second.keyboard.press("Control+s")
    second.get_by_text("Draft saved as version 3.").wait_for()


def test_unsaved_words_are_not_lost_by_a_click(open_page):
    page = open_page("/knowledge/palm/pool/en/")
    page.locator("#id_body").press_sequentially("!")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.locator(".crumbs a").first.click()
    page.wait_for_timeout(200)
    assert asked == ["beforeunload"]
    assert page.url.endswith("/pool/en/")


def test_a_book_is_refused_before_it_travels(open_page):
    page = open_page("/knowledge/palm/pool/en/")
    page.fill("#id_body", "x" * 100_001)
    assert "100,001 characters of 100,000" in page.eval_on_selector("#id_body", "box => box.validationMessage")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "?q=helipad",
        "new/",
        "pool/en/?beside=ar",
        "pool/ar/",
        "pool/en/versions/2/",
        "try/",
        "golden/",
        "gaps/",
        "gaps/1/",
    ],
)
def test_the_pages_are_accessible_and_fit(open_page, busy, path):
    for kind in (
        {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
        {"viewport": {"width": 320, "height": 640}, "color_scheme": "dark"},
        {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "locale": "ar"},
    ):
        page = open_page(f"/knowledge/palm/{path}", **kind)
        violations = Axe().run(page).response["violations"]
        assert not violations, [(found["id"], found["nodes"][0]["html"]) for found in violations]
        assert page.evaluate("document.documentElement.scrollWidth") <= kind["viewport"]["width"]


def test_what_is_typed_survives_a_reload_without_being_saved(open_page):
    page = open_page("/knowledge/palm/pool/en/")
    page.locator("#id_body").press_sequentially("From half past ni")
    page.get_by_text("Kept. Nobody sees it until you save.").wait_for()
    page.reload()
    assert "From half past ni" in page.input_value("#id_body")
    page.get_by_role("button", name="Throw it away").click()
    page.wait_for_load_state()
    assert page.input_value("#id_body") == "# Times\n\nFrom **six** to ten."


def test_the_keys_are_listed_under_a_question_mark_and_do_what_is_said(open_page):
    page = open_page("/knowledge/palm/")
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keyboard shortcuts").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") != first
    page.keyboard.press("Enter")
    page.locator("#id_body").click()
    page.keyboard.press("?")
    assert page.get_by_role("dialog").count() == 0, "in a box it is a letter"
    page.evaluate("document.activeElement.blur()")
    page.goto("/knowledge/palm/")
    page.keyboard.press("n")
    page.wait_for_url("**/new/")


def test_an_edit_is_written_shown_at_the_gate_accepted_and_heard(open_page, palm):
    pool = palm.articles.get(slug="pool").texts.get(language="en")
    pool.write(title="Rooftop pool", body="The rooftop pool opens at six in the morning.")
    indexing.publish(pool)
    golden.store(palm, "When does the rooftop pool open?", "en", ["pool"])
    page = open_page("/knowledge/palm/pool/en/")
    page.fill("#id_title", "Minibar")
    page.fill("#id_body", "Drinks are put on your bill.")
    page.locator("#preview", has_text="put on your bill").wait_for()
    page.keyboard.press("Control+Enter")
    page.get_by_role("heading", name="Before it goes live").wait_for()
    assert page.get_by_text("opens at six in the morning.").is_visible()
    violations = Axe().run(page).response["violations"]
    assert not violations, [(found["id"], found["nodes"][0]["html"]) for found in violations]
    page.get_by_role("button", name="Publish").click()
    page.get_by_text("Tick the box to publish it all the same").wait_for()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Publish").click()
    page.get_by_text("Visitors hear these words from now on.").wait_for()
    page.goto("/knowledge/palm/try/")
    page.fill("#id_q", "Are drinks from the minibar put on my bill?")
    page.get_by_role("button", name="Ask").click()
    page.locator(".hit-words", has_text="Drinks are put on your bill.").first.wait_for()


def test_language_moment_and_button_stand_on_one_line(open_page):
    page = open_page("/knowledge/palm/try/", viewport={"width": 1440, "height": 900})
    beside = [page.locator("#id_language"), page.locator("#id_at"), page.get_by_role("button", name="Ask", exact=True)]
    boxes = [one.bounding_box() for one in beside]
    assert len({(box["y"], box["height"]) for box in boxes}) == 1, boxes
