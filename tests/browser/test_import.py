"""Import in a real browser: an Arabic PDF, as real programs write it, from the file to the answer."""

import re
import shutil
import subprocess

import pytest
from axe_playwright_python.sync_playwright import Axe

from concierge.models import Membership
from knowledge.search import search
from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

GUIDE = """<!doctype html><html lang="ar" dir="rtl"><meta charset="utf-8"><body style="font-family: sans-serif">
<h1>دليل الفندق</h1><h2>المسبح</h2>
<p>يفتح المسبح من الساعة 7:00 إلى الساعة 23:00 كل يوم. لا يُسمح للأطفال دون 12 سنة بالسباحة وحدهم.</p>
<p>سعر الدخول للزوار 150 درهماً، والمناشف مجانية. الهاتف <bdi dir="ltr">+971 4 555 1234</bdi> أو 800-555.</p>
<h2>الإفطار والعشاء</h2><p>الإفطار في مطعم Palm Grill من ٦:٣٠ إلى ١٠:٣٠ صباحاً في الطابق 2.</p>
<table border="1"><tr><th>الغرفة<th>السعر<tr><td>مفردة<td>450 درهم<tr><td>مزدوجة<td>600 درهم</table></body></html>"""
PHRASES = [
    "يفتح المسبح من الساعة 7:00 إلى الساعة 23:00 كل يوم.",
    "لا يُسمح للأطفال دون 12 سنة بالسباحة وحدهم.",
    "سعر الدخول للزوار 150 درهماً، والمناشف مجانية.",
    "الهاتف +971 4 555 1234 أو 800-555.",
    "الإفطار في مطعم Palm Grill من ٦:٣٠ إلى ١٠:٣٠ صباحاً في الطابق 2.",
    "| مفردة | 450 درهم |",
    "| مزدوجة | 600 درهم |",
]


@pytest.fixture
def palm(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
    venue = factories.create_venue()
    factories.create_user(venue=venue, role=Membership.Role.EDITOR, name="sara")
    return venue


@pytest.fixture
def open_page(browser, live_server, palm):
    """Opens an address as sara, in a browser of the given kind. Complaints of the browser fail the test."""
    complaints = []
    contexts = []

    def open_page(path, **kind):
        context = browser.new_context(base_url=live_server.url, **kind)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        page.fill("[name=login]", "sara")
        page.fill("[name=password]", "secret")
        page.press("[name=password]", "Enter")
        page.wait_for_url(re.compile(re.escape(path)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def chromium_pdf(browser, folder):
    page = browser.new_page()
    page.set_content(GUIDE)
    page.pdf(path=folder / "guide.pdf")
    page.close()


def libreoffice_pdf(browser, folder):
    if not shutil.which("soffice"):
        pytest.skip("LibreOffice is not installed (Debian: libreoffice-writer-nogui)")
    (folder / "guide.html").write_text(GUIDE, "utf-8")
    office = ["soffice", "--headless", "--infilter=HTML (StarWriter)", f"-env:UserInstallation=file://{folder}/office"]
    subprocess.run(
        [*office, "--convert-to", "pdf", "--outdir", folder, folder / "guide.html"], check=True, capture_output=True
    )


@pytest.mark.parametrize("make", [chromium_pdf, libreoffice_pdf])
def test_an_arabic_pdf_is_reviewed_published_and_found(browser, open_page, palm, tmp_path, make):
    make(browser, tmp_path)
    page = open_page("/knowledge/palm/import/")
    page.set_input_files("[name=files]", tmp_path / "guide.pdf")
    page.get_by_role("button", name="Read it").click()
    page.locator("[data-state=review]").wait_for()
    assert page.locator(".entry-title").all_inner_texts() == ["المسبح", "الإفطار والعشاء"]
    assert search(palm, "متى يفتح المسبح") == []

    assert page.get_by_text("العربية").count() == 2

    page.get_by_role("link", name="Compare the numbers").first.click()
    for title in ("المسبح", "الإفطار والعشاء"):
        page.get_by_role("heading", name=title, exact=True).wait_for()
        picture = page.get_by_role("img", name="Page 1 as it looks")
        assert picture.evaluate("async (image) => { await image.decode(); return image.naturalWidth }") > 600
        page.get_by_role("button", name="All numbers are right").click()
        page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Take over and publish").click()
    page.locator("[data-state=done]").wait_for()

    texts = "\n".join(text.live.body for article in palm.articles.all() for text in article.texts.all())
    assert [phrase for phrase in PHRASES if phrase not in texts] == []
    hit = search(palm, "متى يفتح المسبح", language="ar")[0]
    assert (hit.title, "7:00 إلى الساعة 23:00" in hit.text) == ("المسبح", True)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param({"viewport": {"width": 1440, "height": 900}}, id="wide"),
        pytest.param({"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}, id="phone, dark"),
        pytest.param({"viewport": {"width": 1440, "height": 900}, "locale": "ar"}, id="arabic"),
    ],
)
def test_everybody_can_use_the_pages(browser, open_page, palm, tmp_path, kind):
    chromium_pdf(browser, tmp_path)
    (tmp_path / "faq.csv").write_text("Thema,Frage,Antwort\nPool,Wann offen?,Ab sechs.\nGym,,Immer.\n")
    page = open_page("/knowledge/palm/import/", **kind)
    shown = []

    def check(name):
        page.wait_for_load_state("networkidle")
        page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        violations = Axe().run(page).response["violations"]
        shown.extend((name, found["id"], found["nodes"][0]["html"]) for found in violations)
        assert page.evaluate("document.documentElement.scrollWidth") <= kind["viewport"]["width"], name

    check("bring")
    page.set_input_files("[name=files]", tmp_path / "faq.csv")
    page.locator(".bring .primary").click()
    page.locator("[data-state=mapping]").wait_for()
    check("mapping")
    page.select_option("[name=column-title]", "1")
    page.select_option("[name=column-body]", "2")
    page.locator("[value=map]").click()
    page.locator("[data-state=review]").wait_for()
    check("rows")
    page.goto("/knowledge/palm/import/")
    page.set_input_files("[name=files]", tmp_path / "guide.pdf")
    page.locator(".bring .primary").click()
    page.locator("[data-state=review]").wait_for()
    check("review")
    page.locator(".draft .entry-title").first.click()
    page.locator(".pages img").first.wait_for()
    check("draft")
    assert shown == []


def test_what_is_chosen_is_named_in_the_words_of_the_page(open_page, palm, tmp_path):
    (tmp_path / "faq.csv").write_text("Thema,Frage\n")
    page = open_page("/knowledge/palm/import/", locale="ar")
    files = page.locator(".files")
    assert files.inner_text().split("\n") == ["اختر ملفات", "أو أفلتها هنا"]
    with page.expect_file_chooser() as chooser:
        files.click()
    chooser.value.set_files(tmp_path / "faq.csv")
    assert files.inner_text().split("\n") == ["اختر ملفات", "faq.csv"]
