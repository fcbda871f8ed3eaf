"""`make pictures`: the README's pictures, taken of the running house with real calls going on."""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.stack import ROOT, Stack
from tests.browser.visitor import Visitor, launch, signed_in, visiting

FOLDER = ROOT / "docs" / "pictures"
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make pictures", description=__doc__)
    parser.add_argument("--staff", action="store_true", help="Only those of the staff's pages, once all are seen.")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    stack = Stack(env={"RING_AGAIN_SECONDS": "120"})  # the visitor waits while pictures are taken
    try:
        print("Starting the house …", flush=True)
        stack.start()
        with sync_playwright() as playwright, ExitStack() as exits:
            browser = launch(playwright)
            exits.callback(browser.close)
            english = exits.enter_context(visiting(browser, stack))
            take(english.page, "visitor-en", WIDE)
            ask(english, "When is breakfast served?")
            take(english.page, "visitor-en-call", WIDE)
            arabic = exits.enter_context(visiting(browser, stack, language="ar"))
            take(arabic.page, "visitor-ar", WIDE)
            ask(arabic, "متى يُقدَّم الإفطار؟")
            take(arabic.page, "visitor-ar-phone", PHONE)
            mall = exits.enter_context(visiting(browser, stack, host="mall.localhost"))
            ask(mall, "Where can I park?")
            museum = exits.enter_context(visiting(browser, stack, host="museum.localhost"))
            ask(museum, "Do you repair submarines?")
            staff = take_staff(exits, browser, stack, english, museum)
            if options.staff:
                return
            staff.goto(stack.url("localhost", "/knowledge/palm/"))
            take(staff, "knowledge", WIDE)
            take_knowledge(staff, stack)
    finally:
        stack.stop()


GUIDE = """<html lang=ar dir=rtl><meta charset=utf-8><body style="font: 15px sans-serif; margin: 3em">
<h1>دليل الضيف</h1><h2>النادي الصحي</h2>
<p>يفتح النادي الصحي من الساعة 9:00 إلى الساعة 21:00 كل يوم. للحجز: <bdi dir=ltr>+971 4 555 1234</bdi>.</p>
<table border=1 cellpadding=6><tr><th>الجلسة<th>المدة<th>السعر<tr><td>تدليك<td>60 دقيقة<td>350 درهماً
<tr><td>حمام مغربي<td>45 دقيقة<td>280 درهماً</table>
<h2>غسيل الملابس</h2><p>تُعاد الملابس المسلَّمة قبل الساعة 10:00 في اليوم نفسه. كيّ القميص 12 درهماً.</p>"""


def take_import(page: Page, stack: Stack) -> None:
    """An Arabic PDF, as the editor looks at it: the page beside what was read."""
    with tempfile.TemporaryDirectory() as folder:
        pdf = Path(folder) / "guest-guide.pdf"
        paper = page.context.new_page()
        paper.set_content(GUIDE)
        paper.pdf(path=pdf)
        paper.close()
        page.goto(stack.url("localhost", "/knowledge/palm/import/"))
        page.set_input_files("[name=files]", pdf)
        page.locator(".bring .primary").click()
    page.locator("[data-state=review]").wait_for()
    take(page, "knowledge-import", WIDE)
    page.locator(".draft .entry-title").first.click()
    page.locator(".pages img").first.evaluate("image => image.decode()")
    take(page, "knowledge-import-numbers", WIDE)


def take_staff(exits: ExitStack, browser: Browser, stack: Stack, visitor: Visitor, other: Visitor) -> Page:
    """What docs/staff.md shows: one visitor wants a person and is taken over; days of calls are made up."""
    stack.shell(f"{PAST_CALLS}\nmake_up()")
    # Whatever the hour of the pictures.
    stack.shell(
        "from concierge.models import OpeningHours; OpeningHours.objects.filter(slug='desk').update(rules='24/7')"
    )
    staff = exits.enter_context(signed_in(browser, stack, "admin"))
    duty = exits.enter_context(signed_in(browser, stack, "agent"))
    duty.get_by_role("button", name="Go on shift").click()
    duty.get_by_role("button", name="On shift").wait_for()
    ask_again(visitor, "Can I talk to a person, please?")
    staff.wait_for_timeout(1500)
    take(duty, "staff-rung", WIDE)
    staff.reload()
    staff.wait_for_timeout(1500)
    take(staff, "staff-wall", WIDE)
    take(staff, "staff-wall-phone", PHONE)
    duty.get_by_role("button", name="I come").click()
    duty.get_by_text("The visitor waits for you").wait_for()
    duty.wait_for_timeout(1000)
    take(duty, "staff-call", WIDE)
    duty.locator("body").press("t")
    duty.get_by_role("button", name="Hand back").wait_for()
    duty.locator("[data-line]").fill("This is Omar from the front desk. How can I help you?")
    duty.locator("[data-line]").press("Enter")
    duty.get_by_role("log").get_by_text("Omar from the front desk").first.wait_for()
    visitor.type("Could I stay until two tomorrow?")
    duty.wait_for_timeout(2500)
    take(duty, "staff-take-over", WIDE)
    staff.goto(stack.url("localhost", "/staff/history/"))
    take(staff, "staff-history", WIDE)
    staff.goto(stack.url("localhost", "/staff/numbers/"))
    staff.wait_for_timeout(1500)
    take(staff, "staff-numbers", WIDE)
    return staff


def ask_again(visitor: Visitor, question: str) -> None:
    visitor.type(question)
    visitor.page.wait_for_timeout(4000)


# Past calls for the pictures of history and numbers: four weeks of them, the same each time.
PAST_CALLS = """
import random
from datetime import timedelta
from django.utils import timezone
from concierge.models import Venue
from tests.factories import create_call
from voice.models import Call, Gap, GapQuestion, search_words
from voice.review import review

ASKED = [
    ("When does the pool open?", "en"), ("What time is breakfast?", "en"), ("Is there parking?", "en"),
    ("متى يُقدَّم الإفطار؟", "ar"), ("Can I check out later than noon?", "en"), ("هل يوجد موقف سيارات؟", "ar"),
]
IN_VAIN = [("Do you rent bicycles?", "en"), ("Is there a sauna?", "en"), ("هل لديكم ساونا؟", "ar")]

def make_up():
    random.seed(7)
    gaps = {}
    for venue in Venue.objects.all():
        for number in range(70):
            hour = min(23, max(0, round(random.gauss(11, 4))))
            day = timezone.now() - timedelta(days=random.randrange(1, 28))
            begun = day.replace(hour=hour, minute=random.randrange(60))
            is_vain = number % 7 == 0
            words, language = random.choice(IN_VAIN if is_vain else ASKED)
            lasted = timedelta(seconds=random.randrange(40, 200))
            times = {"opened_at": begun, "began_at": begun, "ended_at": begun + lasted}
            mode = random.choice(Call.Mode.values)
            call = create_call(venue=venue, state="ended", language=language, mode=mode, end_reason="hung_up", **times)
            question = call.turns.create(
                number=1, speaker="visitor", text=words, language=language, said_at=begun + timedelta(seconds=5),
                search_words=search_words(words, language),
            )
            stages = {
                "end_of_turn_ms": (480, 90), "stt_ms": (310, 60), "search_ms": (14, 4), "llm_ms": (60, 25),
                "tts_ms": (140, 40), "total_ms": (880, 160), "ear_ms": (1010, 190),
            }
            waits = {stage: max(1, round(random.gauss(*shape))) for stage, shape in stages.items()}
            reply = "I am sorry, I have nothing written about that." if is_vain else "From seven in the morning."
            call.turns.create(
                number=2, speaker="agent", text=reply, language=language, is_answered=not is_vain, metrics=waits,
                said_at=begun + timedelta(seconds=7), search_words=search_words(reply, language),
            )
            if number % 9 == 1:
                call.happenings.create(kind="verb", name="type", at=begun + timedelta(seconds=20))
            if is_vain:
                gap = gaps.setdefault((venue.pk, words), None) or Gap.objects.create(venue=venue)
                gaps[venue.pk, words] = gap
                GapQuestion.objects.create(gap=gap, turn=question, embedder="none", vector=b"")
            review(call)
"""


def take_knowledge(page: Page, stack: Stack) -> None:
    """What docs/knowledge.md shows. The museum's visitor has asked in vain before."""
    page.goto(stack.url("localhost", "/knowledge/palm/pools/en/?beside=ar"))
    page.locator("#preview").wait_for()
    take(page, "knowledge-text", WIDE)
    take_import(page, stack)
    page.goto(stack.url("localhost", "/knowledge/palm/try/"))
    page.fill("#id_q", "When does the pool open?")
    page.press("#id_q", "Enter")
    page.locator(".answer").wait_for()
    take(page, "knowledge-try", WIDE)
    page.goto(stack.url("localhost", "/knowledge/palm/golden/"))
    page.get_by_role("button", name="Ask them now").click()
    page.wait_for_timeout(8000)
    page.goto(stack.url("localhost", "/knowledge/palm/golden/"))
    take(page, "knowledge-golden", WIDE)
    page.goto(stack.url("localhost", "/knowledge/palm/?q=pool"))
    page.locator(".entry-title").first.click()
    page.fill("#id_title", "Minibar")
    page.fill("#id_body", "Drinks from the minibar are put on your bill.")
    page.locator("[data-publish]").click()
    page.wait_for_url("**")
    page.locator(".gate, .notice").first.wait_for()
    take(page, "knowledge-gate", WIDE)
    page.goto(stack.url("localhost", "/knowledge/museum/gaps/"))
    take(page, "knowledge-gaps", WIDE)


def ask(visitor: Visitor, question: str) -> None:
    visitor.page.locator("[data-start=text]").click()
    visitor.wait_for("listening")
    visitor.type(question)
    visitor.page.wait_for_timeout(5000)


def take(page: Page, name: str, size: dict[str, int]) -> None:
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(600)
    path: Path = FOLDER / f"{name}.png"
    page.screenshot(path=path)
    print(path.relative_to(ROOT), flush=True)


if __name__ == "__main__":
    main()
