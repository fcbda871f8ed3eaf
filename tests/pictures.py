"""`make pictures`: the README's pictures, taken of the running house with real calls going on."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.stack import ROOT, Stack
from tests.browser.visitor import Visitor, launch, signed_in, visiting

FOLDER = ROOT / "docs" / "pictures"
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    stack = Stack()
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
            staff = exits.enter_context(signed_in(browser, stack, "admin"))
            staff.wait_for_timeout(1500)
            take(staff, "staff-wall", WIDE)
            staff.get_by_role("link", name="Palm Court").first.click()
            staff.wait_for_timeout(1500)
            take(staff, "staff-call", WIDE)
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
