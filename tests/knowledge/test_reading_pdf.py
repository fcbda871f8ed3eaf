"""PDFs: Arabic comes out as it is read, tables keep their rows, and what cannot be read says why."""

import pytest

from knowledge.reading import contained, pdf
from knowledge.reading.sections import Unreadable
from knowledge.reading.visual_order import logical
from tests.knowledge.papers import pdf as paper
from tests.knowledge.papers import visual


def read(path):
    return pdf.read(path, "Guide", contained.quietly)


def words(document):
    return "\n".join(f"{section.title}\n{section.body}" for section in document.sections)


# The order of letters


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("يفتح المسبح في السابعة.", id="words"),
        pytest.param("من 7:00 إلى 23:00 كل يوم", id="times"),
        pytest.param("السعر 1,250.50 درهم", id="price"),
        pytest.param("خصم 20% على 3 ليال", id="percent"),
        pytest.param("من ٦:٣٠ إلى ١٠:٣٠ صباحاً", id="arabic-digits"),
        pytest.param("مطعم Palm Grill في الطابق 2", id="latin-inside"),
        pytest.param("الهاتف 800-555 (مجاني)", id="hyphen-and-brackets"),
        pytest.param("في 24/11/2026 مساءً", id="date"),
        pytest.param("الغرف 101-115 في الطابق الأول", id="range"),
        pytest.param("من 7-9 مساءً", id="short-range"),
        pytest.param("في 2026-11-24 مساءً", id="iso-date"),
        pytest.param("اتصل على 04-555-1234 الآن", id="hyphenated-phone"),
        pytest.param("من ٧-٩ مساءً", id="arabic-digits-range"),
        pytest.param("الطابق -2 للسيارات", id="below-zero"),
        pytest.param("اتصل على +971 4 555 1234 الآن", id="phone"),
        pytest.param("الموقع www.palm.example أو info@palm.example", id="addresses"),
    ],
)
def test_a_line_is_read_in_the_order_in_which_it_was_typed(text):
    assert logical(list(visual(text))) == text


def test_lam_alef_and_presentation_forms_become_letters():
    assert logical(list("ﺔﻋﺎﺴﻟﺍ ﻻ")) == "لا الساعة"
    assert logical(["ﻼ", "ﻫ", "ﺃ"]) == logical(["لا", "ه", "أ"]) == "أهلا"


def test_a_phone_number_that_its_author_kept_left_to_right_is_not_turned():
    assert logical([*"+971 4 555 1234 ", *visual("الهاتف")]) == "الهاتف +971 4 555 1234"


def test_a_letter_keeps_its_marks(tmp_path):
    line = list(visual("يسمح"))
    # Drawn as Chromium does: the mark before its letter, in the order of the page.
    line.insert(line.index("ي"), "\u064f")
    assert "يُسمح" in words(read(paper(tmp_path / "a.pdf", [(300, 700, 12, "".join(line))])))


# Files


def test_headings_part_a_document_and_pages_are_remembered(tmp_path):
    first = [
        (400, 800, 24, visual("دليل الفندق")),
        (400, 760, 18, visual("المسبح")),
        (300, 730, 12, visual("يفتح من 7:00 إلى 23:00.")),
    ]
    second = [(400, 800, 18, visual("الإفطار")), (300, 770, 12, visual("يقدم حتى 10:30."))]
    pool, breakfast = read(paper(tmp_path / "a.pdf", first, second)).sections
    assert (pool.title, pool.body, pool.first_page) == ("المسبح", "يفتح من 7:00 إلى 23:00.", 1)
    assert (breakfast.title, breakfast.body, breakfast.first_page) == ("الإفطار", "يقدم حتى 10:30.", 2)


def test_a_table_keeps_its_rows_and_begins_at_the_right(tmp_path):
    rows = [("الغرفة", "السعر"), ("مفردة", "450"), ("مزدوجة", "600")]
    page = [
        item
        for number, (name, price) in enumerate(rows)
        for item in [(400, 700 - 20 * number, 12, visual(name)), (200, 700 - 20 * number, 12, visual(price))]
    ]
    body = read(paper(tmp_path / "a.pdf", page)).sections[0].body
    assert body.splitlines() == ["| الغرفة | السعر |", "| --- | --- |", "| مفردة | 450 |", "| مزدوجة | 600 |"]


def test_two_columns_of_prose_are_read_one_after_the_other(tmp_path):
    left = ["The pool on the roof is open for all of our guests", "from seven in the morning until late at night."]
    right = ["Breakfast is served in the garden from half past six", "to half past ten, and on Fridays until noon."]
    page = [(20, 700 - 14 * n, 10, line) for n, line in enumerate(left)]
    page += [(320, 700 - 14 * n, 10, line) for n, line in enumerate(right)]
    assert read(paper(tmp_path / "a.pdf", page)).sections[0].body == f"{' '.join(left)}\n\n{' '.join(right)}"


def test_lines_become_paragraphs_and_page_numbers_go(tmp_path):
    long = "A long line of words that fills the page to its margin and"
    pages = [[(50, 600, 12, long), (50, 585, 12, f"ends on page {n}."), (300, 30, 12, f"{n}")] for n in range(1, 5)]
    body = read(paper(tmp_path / "a.pdf", *pages)).sections[0].body
    assert body.startswith("A long line of words that fills the page to its margin and ends on page 1.")
    assert "\n4" not in body


def test_a_heading_at_the_top_of_each_page_is_no_running_head(tmp_path):
    pages = [[(50, 800, 20, f"Chapter {n}"), (50, 600, 11, "Words of this chapter.")] for n in range(1, 5)]
    titles = [section.title for section in read(paper(tmp_path / "a.pdf", *pages)).sections]
    assert titles == ["Chapter 1", "Chapter 2", "Chapter 3", "Chapter 4"]


def test_a_script_in_a_pdf_is_not_text(tmp_path):
    path = paper(
        tmp_path / "a.pdf",
        [(50, 700, 12, "Harmless words.")],
        catalog="/OpenAction 7 0 R",
        extra="<< /S /JavaScript /JS (app.alert\\('hit'\\)) >>",
    )
    assert words(read(path)) == "Guide\nHarmless words."


@pytest.mark.parametrize(
    ("pages", "reason"),
    [
        pytest.param([[]], "is a scan: pictures of pages without text", id="scan"),
        pytest.param([[(50, 700, 12, "x")]] * 500, "has 500 pages; the most is 200", id="500-pages"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path, pages, reason):
    with pytest.raises(Unreadable, match=reason):
        read(paper(tmp_path / "a.pdf", *pages))


@pytest.mark.parametrize("content", [b"%PDF-1.7\n%%EOF", b"%PDF-1.7\n" + b"\xff" * 5000], ids=["empty", "noise"])
def test_a_damaged_file_says_so(tmp_path, content):
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    with pytest.raises(Unreadable, match="damaged"):
        read(path)


def test_a_page_is_drawn_as_a_picture(tmp_path):
    path, target = paper(tmp_path / "a.pdf", [(50, 700, 12, "Pool")]), tmp_path / "1.png"
    contained.picture(path, 1, target)
    assert target.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(Unreadable, match="has no page 2"):
        contained.picture(path, 2, target)
