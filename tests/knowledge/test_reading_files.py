"""Word, tables, pages and text: what comes out, and what is refused, each in one sentence."""

import tracemalloc
import zipfile

import pytest

from knowledge.reading import archives, contained, docx, page, sitemap, table
from knowledge.reading.documents import drafts_of, read_file, slug_of_address
from knowledge.reading.drafts import BadInput
from knowledge.reading.encoding import decode
from knowledge.reading.formats import kind_of
from knowledge.reading.sections import Document, Section, Unreadable, split
from tests.knowledge import papers

ZONE = None  # no draft here has a date


# Word


def test_headings_of_a_word_document_part_it(tmp_path):
    body = papers.paragraph("Guide", "Heading1") + papers.paragraph("Pool", "Heading2") + papers.paragraph("Seven.")
    body += papers.paragraph("Gym", "Heading2") + papers.paragraph("Always.")
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="Heading{n}"><w:name w:val="heading {n}"/></w:style>' for n in (1, 2)
    )
    w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    path = papers.docx(tmp_path / "a.docx", body, word__styles=b"x")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("word/styles.xml", f"<w:styles {w}>{styles}</w:styles>")
        archive.writestr(
            "word/_rels/document.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
            'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/>'
            "</Relationships>",
        )
    assert [(one.title, one.body) for one in docx.read(path, "Guide").sections] == [
        ("Pool", "Seven."),
        ("Gym", "Always."),
    ]


def test_html_is_cleaned_on_its_way_to_markdown():
    html = (
        '<p onclick="steal()">Open <a href="javascript:hit()">now</a> <a href="data:text/html,x">or</a> '
        '<a href="https://palm.example/">later</a></p><script>steal()</script><img src="x" onerror="steal()">'
    )
    text = docx.to_markdown(html)
    assert "steal" not in text
    assert "javascript:" not in text
    assert "data:" not in text
    assert "[later](https://palm.example/)" in text


def bomb(path, name="word/document.xml", size=30_000_000):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b" " * size)
    return path


@pytest.mark.parametrize("name", ["word/document.xml", "xl/workbook.xml"], ids=["docx", "xlsx"])
def test_a_zip_bomb_is_not_opened(tmp_path, name):
    path = bomb(tmp_path / "a.docx", name)
    tracemalloc.start()
    with pytest.raises(Unreadable, match="zip bomb"):
        archives.check(path)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_a_nested_archive_stays_closed_and_is_named(tmp_path):
    path = papers.docx(tmp_path / "a.docx", papers.paragraph("Open."), **{"word__inner.zip": b"PK\x03\x04" + b"x" * 99})
    document = docx.read(path, "A")
    assert document.sections[0].body == "Open."
    assert list(map(str, document.notes)) == ["Left out: word/inner.zip, a file inside the file."]


def test_entities_are_refused(tmp_path):
    path = papers.docx(tmp_path / "a.docx", "", **{"word__other.xml": b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'})
    with pytest.raises(Unreadable, match="declares entities"):
        docx.read(path, "A")


def test_a_damaged_document_says_so(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as archive:
        archive.writestr("word/document.xml", "<broken")
    with pytest.raises(Unreadable, match="damaged"):
        docx.read(tmp_path / "a.docx", "A")


# Tables


def rows_of(path, kind, mapping):
    return table.read(path, kind, "FAQ", mapping, contained.quietly).sections


@pytest.mark.parametrize(
    ("head", "guess"),
    [
        (["Question", "Answer"], {"title": 0, "body": 1}),
        (["id", "Answer", "Question", "Lang"], {"title": 2, "body": 1, "id": 0, "language": 3}),
        (["السؤال", "الإجابة"], {"title": 0, "body": 1}),
        (["Was", "Wie"], {"title": 0, "body": 1}),
        (["Was", "Wie", "Wo"], {}),
    ],
)
def test_columns_are_guessed_by_their_names(head, guess):
    assert table.guess(head) == guess


@pytest.mark.parametrize("sign", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_a_csv_s_separator_is_found(tmp_path, sign):
    path = tmp_path / "faq.csv"
    path.write_text(f'Question{sign}Answer\nPool?{sign}"From 7{sign} to 23."\n\nGym?{sign}Always.\n')
    found = rows_of(path, "csv", {"title": 0, "body": 1})
    assert [(one.title, one.body, one.row) for one in found] == [
        ("Pool?", f"From 7{sign} to 23.", 2),
        ("Gym?", "Always.", 4),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1256", "iso8859-6"])
def test_arabic_tables_in_old_encodings_are_read(encoding):
    text = "السؤال,الجواب\nمتى يفتح المسبح؟,يفتح المسبح من السابعة صباحاً إلى العاشرة ليلاً\n"
    text = text if encoding != "iso8859-6" else text.replace("ً", "")
    assert decode(text.encode(encoding)) == text


def test_french_and_russian_in_old_encodings_are_read():
    assert decode("La piscine est ouverte dès sept heures, même à Noël".encode("cp1252")).startswith(
        "La piscine est ouverte dès"
    )
    assert decode("Бассейн открыт с семи утра до десяти вечера".encode("cp1251")).startswith("Бассейн")


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(Unreadable, match="broken text"):
        decode(bytes(range(128, 160)) * 20)


def test_formulas_are_text_and_harmless_when_written(tmp_path):
    path = tmp_path / "faq.csv"
    path.write_text("Question,Answer\n\"=cmd|'/c calc'!A1\",+971 4 555\n")
    one = rows_of(path, "csv", {"title": 0, "body": 1})[0]
    assert (one.title, one.body) == ("=cmd|'/c calc'!A1", "+971 4 555")
    assert table.harmless_cell(one.title).startswith("'=")
    assert table.harmless_cell("\t=1").startswith("'")
    assert table.harmless_cell("Open at 7") == "Open at 7"


def test_a_spreadsheet_s_values_are_text(tmp_path):
    import datetime

    path = papers.xlsx(
        tmp_path / "faq.xlsx", ["Question", "Answer", "From"], ["Price?", 450.0, datetime.datetime(2026, 12, 1)]
    )
    one = rows_of(path, "xlsx", {"title": 0, "body": 1, "valid_from": 2})[0]
    assert (one.title, one.body, one.valid_from) == ("Price?", "450", "2026-12-01")
    assert contained.look("xlsx", path)["columns"] == ["Question", "Answer", "From"]


def test_a_table_with_too_many_rows_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "MOST_ROWS", 3)
    path = tmp_path / "faq.csv"
    path.write_text("Question,Answer\n" + "Pool?,Open.\n" * 4)
    with pytest.raises(Unreadable, match="more than 3 rows"):
        rows_of(path, "csv", {"title": 0, "body": 1})


# Pages

PAGE = """<html><head><title>Pool | Palm</title><script>var price = "SCRIPT"</script></head><body>
<nav><a href="/">Home</a> <a href="/spa">Spa</a></nav><main><h1>Rooftop pool</h1>
<p onclick="hit()">The pool on the roof is open from seven in the morning until eleven at night, every day.</p>
<p>Towels are free for guests of the house, and <a href="data:text/html,HIDDEN">children</a> swim too.</p>
<table><tr><th>Day</th><th>Hours</th></tr><tr><td>Friday</td><td>9-23</td></tr></table>
</main><footer>Copyright Palm</footer></body></html>"""


def page_of(tmp_path, text, **options):
    path = tmp_path / "page"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return page.read(path, "page", **options).sections


def test_a_page_says_what_it_says_and_no_script(tmp_path):
    (one,) = page_of(tmp_path, PAGE)
    assert one.title == "Rooftop pool"
    assert "open from seven in the morning" in one.body
    assert "children" in one.body
    assert "| Friday | 9-23 |" in one.body
    for foreign in ("SCRIPT", "onclick", "HIDDEN", "data:", "Copyright"):
        assert foreign not in one.body


@pytest.mark.parametrize("tag", ["template", "noscript", "iframe", "object", "embed"])
def test_what_no_reader_of_the_page_sees_is_not_read(tmp_path, tag):
    hidden = f"<{tag}>HIDDEN words that nobody should hear.</{tag}>"
    (one,) = page_of(tmp_path, PAGE.replace("every day.</p>", f"every day. {hidden} Or nearly.</p>"))
    assert "HIDDEN" not in one.body


@pytest.mark.parametrize("tag", ["script", "style"])
def test_a_script_within_a_heading_is_no_title(tmp_path, tag):
    (one,) = page_of(tmp_path, PAGE.replace("<h1>Rooftop pool", f"<h1>Rooftop <{tag}>steal()</{tag}>pool"))
    assert one.title == "Rooftop pool"


def test_an_arabic_page_in_an_old_encoding_is_read(tmp_path):
    text = (
        f"<html><head><meta charset='windows-1256'></head><body><h1>المسبح</h1><p>{'يفتح المسبح في السابعة. ' * 9}</p>"
    )
    (one,) = page_of(tmp_path, text.encode("cp1256"))
    assert one.title == "المسبح"
    assert one.body.startswith("يفتح المسبح في السابعة.")


def test_a_page_that_a_script_draws_says_so(tmp_path):
    with pytest.raises(Unreadable, match="perhaps a script draws it"):
        page_of(tmp_path, "<html><body><div id=app></div><script>draw()</script></body></html>")


# Sitemaps


def test_a_sitemap_of_a_million_entries_is_read_to_its_limit_only(tmp_path):
    path = tmp_path / "map"
    entry = b"<url><loc>https://palm.example/a</loc></url>\n"
    with path.open("wb") as file:
        file.write(b'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">')
        for _ in range(10):
            file.write(entry * 100_000)
    tracemalloc.start()
    found, has_more, is_index = sitemap.read(path, 200)
    assert (len(found), has_more, is_index) == (200, True, False)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('<!DOCTYPE x [<!ENTITY a "a">]><urlset><url><loc>&a;</loc></url></urlset>', "declares entities"),
        ("<rss><channel/></rss>", "no sitemap"),
        ("words", "is not XML"),
    ],
    ids=["entities", "other", "none"],
)
def test_what_is_no_sitemap_says_so(tmp_path, text, reason):
    (tmp_path / "map").write_text(text)
    with pytest.raises(Unreadable, match=reason):
        sitemap.read(tmp_path / "map", 10)


# What a file is


def file(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_a_file_is_what_its_content_is(tmp_path):
    papers.docx(tmp_path / "guide.pdf", papers.paragraph("Open."))
    assert kind_of(tmp_path / "guide.pdf", "guide.pdf") == "docx"
    papers.pdf(tmp_path / "guide.docx", [(50, 700, 12, "Open.")])
    assert kind_of(tmp_path / "guide.docx", "guide.docx") == "pdf"
    assert kind_of(file(tmp_path, "a", b"<!doctype html><p>x"), "guide.md") == "html"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.docx", b"just words", "is called .docx but is plain text"),
        ("a.exe", b"words", "of no kind that can be imported"),
        ("a.md", b"MZ\x90\x00", "is a program"),
        ("a.md", b"\x7fELF\x02", "is a program"),
        ("a.pdf", b"\x89PNG\r\n", "is a picture"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1", "old Word or Excel"),
        ("a.md", b"a\x00b", "neither a document nor text"),
        ("a.md", b"", "is empty"),
        ("a.docx", b"PK\x03\x04 broken", "is damaged"),
        ("a.csv", b"a,b\n" * 1_500_000, "MB of text; the most is 5 MB"),
    ],
)
def test_what_is_refused_by_its_content_says_why(tmp_path, name, content, reason):
    with pytest.raises(Unreadable, match=reason):
        kind_of(file(tmp_path, name, content), name)


def test_a_file_of_50_mb_is_refused_unread(tmp_path):
    path = tmp_path / "a.pdf"
    with path.open("wb") as opened:
        opened.truncate(50_000_000)
    with pytest.raises(BadInput, match=r"a.pdf: has 50 MB; the most is 20 MB\."):
        read_file(path, "a.pdf", ZONE)


def test_an_archive_of_files_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as archive:
        archive.writestr("inner.docx", b"x")
    with pytest.raises(Unreadable, match="is an archive; unpack it"):
        kind_of(tmp_path / "a.docx", "a.docx")


# The child process


def test_a_reader_that_wants_too_much_memory_is_stopped_with_a_sentence(tmp_path):
    path = papers.docx(tmp_path / "a.docx", "".join(papers.paragraph(f"{n:x} {n * 7919:x}") for n in range(9_000)))
    with pytest.raises(Unreadable, match=r"needs more memory|gave up"):
        contained.run({"job": "read", "kind": "docx", "path": str(path), "title": "A"}, memory=70_000_000)


def test_a_reader_that_takes_too_long_is_stopped_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(contained, "WALL_SECONDS", 0.05)
    path = papers.pdf(tmp_path / "a.pdf", [(50, 700, 12, "x")])
    with pytest.raises(Unreadable, match="takes too long"):
        contained.read("pdf", path, "A")


# Drafts


def test_ids_come_from_the_name_and_the_heading_and_stay():
    document = Document("Guide", [Section("Pool", "Seven."), Section("Pool", "Eight."), Section("المسبح", "سبعة.")])
    slugs = [one.draft.slug for one in drafts_of(document, "Guest Guide.docx", ZONE, slug="Guest Guide").found]
    assert slugs == ["guest-guide-pool", "guest-guide-pool-2", "guest-guide-المسبح"]


def test_a_row_that_cannot_be_an_article_is_told_apart():
    document = Document(
        "FAQ", [Section("Pool", "", row=2), Section("Gym", "Open.", row=3), Section("Q" * 300, "A", row=4)]
    )
    found = drafts_of(document, "faq.csv", ZONE, slug="faq").found
    assert [one.reason and str(one.reason) for one in found] == [
        "faq.csv, row 2: body is empty.",
        None,
        "faq.csv, row 4: title has 300 characters; the most is 200.",
    ]


@pytest.mark.parametrize(
    ("address", "slug"),
    [
        ("https://palm.example/dining/pool.html", "dining pool"),
        ("https://palm.example/", "palm example"),
        ("https://palm.example/ar/%D9%85%D8%B3%D8%A8%D8%AD", "ar مسبح"),
        ("https://palm.example/page?id=7", "page id=7"),
    ],
)
def test_a_page_s_id_comes_from_its_address(address, slug):
    assert slug_of_address(address) == slug


def test_a_document_is_parted_at_the_headings_that_repeat():
    text = "# Guide\n\nWelcome.\n\n## Pool\n\nSeven.\n\n### Towels\n\nFree.\n\n## Gym\n\n```\n# no heading\n```"
    assert [(one.title, one.body) for one in split(text, "File")] == [
        ("Guide", "Welcome."),
        ("Pool", "Seven.\n\n### Towels\n\nFree."),
        ("Gym", "```\n# no heading\n```"),
    ]
