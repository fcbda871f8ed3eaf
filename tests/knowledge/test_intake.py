"""Import under /knowledge/, through the front door: brought, read in the background, looked at, taken over."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from concierge.models import Membership
from knowledge import intake
from knowledge.intake_views import marked_numbers
from knowledge.models import ArticleText, Import, ImportedDraft, Version
from knowledge.reading.documents import Found, Reading
from knowledge.reading.drafts import BadInput, Draft
from tests import factories
from tests.knowledge import hostile, papers
from tests.knowledge.fakes import HashingEmbedder

POOL = b"# Pool\n\nThe pool opens at six."


@pytest.fixture(autouse=True)
def _at_once(settings):
    """Background tasks run when they are enqueued. One test below lets the real task worker do it."""
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}


@pytest.fixture(autouse=True)
def _uploads(settings, tmp_path):
    settings.DATA_DIR = tmp_path


@pytest.fixture(autouse=True)
def _instant(monkeypatch):
    monkeypatch.setattr("knowledge.indexing.get_embedder", HashingEmbedder)


def sign_in(user) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    return client


@pytest.fixture
def editor(palm, django_capture_on_commit_callbacks):
    client = sign_in(factories.create_user(venue=palm, role=Membership.Role.EDITOR, name="sara"))
    post = client.post

    def post_and_commit(*arguments, **options):
        with django_capture_on_commit_callbacks(execute=True):
            return post(*arguments, **options)

    client.post = post_and_commit
    return client


def bring(client, name, content, **facts):
    return client.post("/knowledge/palm/import/", {"files": SimpleUploadedFile(name, content), **facts})


def press(client, response, action, **facts):
    return client.post(response.url, {"action": action, **facts})


def said(response) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def see(client, response) -> str:
    return client.get(response.url).content.decode()


# The way in


def test_a_file_is_looked_at_before_it_is_an_article(editor, palm):
    response = bring(editor, "pool.md", POOL)
    page = see(editor, response)
    assert 'data-state="review"' in page
    assert "The pool opens at six." in page
    assert not palm.articles.exists()
    press(editor, response, "publish", which="all")
    text = palm.articles.get().texts.get()
    assert (text.status, text.live.author.username) == (ArticleText.Status.PUBLISHED, "sara")
    assert palm.passages.exists()
    assert 'data-state="done"' in see(editor, response)
    assert not palm.imports.get().folder.exists(), "the file is not kept longer than it is needed"


def test_as_drafts_nothing_can_be_found(editor, palm):
    response = bring(editor, "pool.md", POOL)
    press(editor, response, "draft", which="all")
    assert palm.articles.get().texts.get().status == ArticleText.Status.DRAFT
    assert not palm.passages.exists()


@pytest.mark.django_db(transaction=True)  # the worker closes its connection after each task
def test_the_task_worker_does_the_work(palm, settings):
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    client = sign_in(factories.create_user(venue=palm, role=Membership.Role.EDITOR))
    response = bring(client, "pool.md", POOL)
    page = see(client, response)
    assert 'data-state="uploaded"' in page
    assert "every 1s" in page
    call_command("db_worker", "--batch", "--no-startup-delay", "--no-reload", "--skip-checks")
    assert 'data-state="review"' in see(client, response)


def test_the_same_file_again_changes_only_what_changed(editor, palm):
    table = "id,title,body\npool,Pool,Opens at six.\ngym,Gym,Never closes.\n"
    for _ in range(2):
        response = bring(editor, "kb.csv", table.encode())
        press(editor, response, "map", **{"column-id": 0, "column-title": 1, "column-body": 2})
        press(editor, response, "publish", which="all")
    assert Version.objects.count() == 2
    response = bring(editor, "kb.csv", table.replace("six", "seven").encode())
    press(editor, response, "map", **{"column-id": 0, "column-title": 1, "column-body": 2})
    one = palm.imports.first()
    assert dict(one.drafts.values_list("slug", "outcome")) == {"pool": "changed", "gym": "unchanged"}
    draft_page = editor.get(f"{response.url}1/").content.decode()
    assert "Opens at <del>six</del><ins>seven</ins>." in draft_page
    press(editor, response, "publish", which="all")
    assert palm.articles.get(slug="pool").texts.get().live.number == 2
    assert palm.articles.get(slug="gym").texts.get().live.number == 1


def test_some_of_the_texts_can_be_taken(editor, palm):
    lines = b'{"id": "pool", "title": "Pool", "body": "Six."}\n{"id": "gym", "title": "Gym", "body": "Always."}'
    response = bring(editor, "kb.jsonl", lines)
    assert "Tick the texts" in said(press(editor, response, "draft", which="ticked"))
    press(editor, response, "draft", which="ticked", position=[2])
    assert list(palm.articles.values_list("slug", flat=True)) == ["gym"]
    assert palm.imports.get().state == Import.State.REVIEW
    press(editor, response, "draft", which="all")
    assert palm.imports.get().state == Import.State.DONE
    assert palm.articles.count() == 2


def test_words_that_an_editor_wrote_meanwhile_are_not_overwritten(editor, palm):
    factories.create_text(venue=palm, slug="pool", title="Pool", body="Old.")
    response = bring(editor, "pool.md", POOL)
    palm.articles.get().texts.get().write(title="Pool", body="Written by hand.")
    press(editor, response, "publish", which="all")
    page = see(editor, response)
    assert "Nothing was taken over: <bdi>pool (en) was changed meanwhile" in page
    assert palm.articles.get().texts.get().latest.body == "Written by hand."
    assert "Written" in editor.get(f"{response.url}1/").content.decode(), "it is compared with the new words"
    press(editor, response, "publish", which="all")
    assert palm.articles.get().texts.get().live.body == "The pool opens at six."


def test_when_one_text_fails_nothing_is_taken_over(editor, palm, monkeypatch):
    response = bring(
        editor, "kb.jsonl", b'{"id": "a", "title": "A", "body": "A."}\n{"id": "b", "title": "B", "body": "B."}'
    )

    def fail(*args, **details):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("knowledge.importing.indexing.publish_all", fail)
    press(editor, response, "publish", which="all")
    assert not palm.articles.exists()
    assert "error of ours" in see(editor, response)
    assert palm.imports.get().state == Import.State.REVIEW


def test_two_clicks_take_over_once(editor, palm):
    response = bring(editor, "pool.md", POOL)
    press(editor, response, "publish", which="all")
    assert "Somebody was faster" in said(press(editor, response, "publish", which="all"))
    assert Version.objects.count() == 1


def test_an_import_can_be_deleted_with_its_file(editor, palm):
    response = bring(editor, "pool.md", POOL)
    folder = palm.imports.get().folder
    assert folder.exists()
    press(editor, response, "delete")
    assert not palm.imports.exists()
    assert not folder.exists()


# Tables


def test_a_table_s_columns_are_asked_for_and_each_row_says_what_becomes_of_it(editor, palm):
    table = "Thema,Frage,Antwort\nPool,Wann offen?,Ab sechs.\nGym,,Immer.\n=1+1,=2+2,Nie."
    response = bring(editor, "faq.csv", table.encode())
    page = see(editor, response)
    assert 'data-state="mapping"' in page
    assert "Wann offen?" in page
    assert "Choose a column" in said(press(editor, response, "map", **{"column-title": 1}))
    press(editor, response, "map", **{"column-title": 1, "column-body": 2})
    page = see(editor, response)
    assert "faq.csv, row 3: title is empty." in page
    assert not palm.articles.exists()
    rows = editor.get(f"{response.url}rows.csv").content.decode("utf-8-sig")
    assert "'=2+2" in rows, "no spreadsheet runs what somebody wrote in ours"
    press(editor, response, "publish", which="all")
    assert sorted(palm.articles.values_list("slug", flat=True)) == ["faq-22", "faq-wann-offen"]


def test_a_refused_row_is_put_right_where_its_words_are_wrong_and_in_the_file_where_anything_else_is(editor, palm):
    table = "title,body,language,valid_until\nالمسبح,,ar,2030-01-01\nGym,Always open.,en,some day\n"
    response = bring(editor, "kb.csv", table.encode())
    press(editor, response, "map", **{f"column-{name}": at for at, name in enumerate(table.splitlines()[0].split(","))})
    words = {"title": "المسبح", "body": "يفتح المسبح في السادسة."}
    assert editor.post(f"{response.url}1/", words).status_code == 302
    put_right = palm.imports.get().drafts.get(position=1)
    assert (put_right.outcome, put_right.language, put_right.valid_until.year) == ("new", "ar", 2030)
    assert editor.post(f"{response.url}2/", words).status_code == 409
    assert palm.imports.get().drafts.get(position=2).outcome == "refused"


# PDF


def test_numbers_of_a_pdf_are_compared_with_its_page_before_they_are_published(editor, palm, tmp_path):
    line = papers.visual("يفتح من 7:00 إلى 23:00.")
    paper = papers.pdf(tmp_path / "a.pdf", [(400, 760, 20, papers.visual("المسبح")), (300, 730, 12, line)])
    response = bring(editor, "guide.pdf", paper.read_bytes())
    assert "Compare the numbers" in see(editor, response)
    press(editor, response, "publish", which="all")
    assert "numbers that nobody has compared" in see(editor, response)
    assert not palm.articles.exists()

    address = f"{response.url}1/"
    page = editor.get(address).content.decode()
    assert page.count('name="number"') == 2
    picture = editor.get(f"{response.url}page-1.png")
    assert picture.content.startswith(b"\x89PNG")
    words = {"title": "المسبح", "body": "يفتح من 7:00 إلى 23:00."}
    editor.post(address, words | {"number": [0]})
    assert not palm.imports.get().drafts.get().is_confirmed, "one number is not both"
    editor.post(address, words | {"body": "يفتح من 8:00 إلى 23:00.", "number": [0, 1]})
    assert not palm.imports.get().drafts.get().is_confirmed, "other numbers are looked at again"
    editor.post(address, words | {"body": "يفتح من 8:00 إلى 23:00.", "number": [0, 1]})
    press(editor, response, "publish", which="all")
    live = palm.articles.get().texts.get().live
    assert (live.text.language, live.body) == ("ar", "يفتح من 8:00 إلى 23:00.")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("من 7:00 إلى 23:00", ["7:00", "23:00"]),
        ("هاتف +971 4 555 1234 أو 800-555", ["+971 4 555 1234", "800-555"]),
        ("٦:٣٠ و 20% و 1,250.50", ["٦:٣٠", "20%", "1,250.50"]),
    ],
)
def test_every_number_is_marked(text, numbers):
    assert [part.text for part in marked_numbers(text) if part.number is not None] == numbers


def test_only_pages_of_the_drafts_have_pictures(editor, palm, tmp_path):
    response = bring(editor, "a.pdf", papers.pdf(tmp_path / "a.pdf", [(50, 700, 12, "Pool.")]).read_bytes())
    assert editor.get(f"{response.url}page-2.png").status_code == 404


# Refused


def refused(tmp_path):
    papers.pdf(tmp_path / "scan.pdf", [])
    yield "scan.pdf", (tmp_path / "scan.pdf").read_bytes(), "scan.pdf: is a scan"
    yield "notes.pdf", b"just words", "notes.pdf: is called .pdf but is plain text"
    yield "kb.jsonl", b'{"id": "a", "title": "A", "body": "B"}\n{', "kb.jsonl, line 2: not JSON"
    yield "a.md", b"\x80\x81\xfe" * 50, "a.md: is broken text"
    yield "a.zip", b"PK\x05\x06" + b"\0" * 18, "a.zip: is neither a document nor text"
    for one in (*hostile.refused_unread(tmp_path), *hostile.refused_by_its_reader(tmp_path)):
        if one.path.stat().st_size <= intake.MOST_BYTES:
            yield one.path.name, one.path.read_bytes(), f"{one.path.name}: {one.refused}"


def test_what_cannot_be_read_is_refused_with_its_name_and_the_reason(editor, palm, tmp_path):
    for name, content, reason in refused(tmp_path):
        response = bring(editor, name, content)
        page = see(editor, response)
        assert 'data-state="refused"' in page, name
        assert reason in page
    assert not palm.articles.exists()
    assert not ImportedDraft.objects.exists()
    assert not any(one.folder.exists() for one in palm.imports.all()), "what was refused is not kept"


def test_a_file_of_50_mb_is_refused_at_the_door(editor, palm, tmp_path):
    huge = next(hostile.refused_unread(tmp_path))
    response = bring(editor, "huge.pdf", huge.path.read_bytes())
    assert f"huge.pdf: {huge.refused}" in response.content.decode()
    assert not palm.imports.exists()


def test_what_is_hostile_in_a_file_that_can_be_read_stays_behind(editor, palm, tmp_path):
    for one in hostile.read_harmlessly(tmp_path):
        response = bring(editor, one.path.name, one.path.read_bytes())
        if palm.imports.first().state == Import.State.MAPPING:
            press(editor, response, "map", **{"column-title": 0, "column-body": 1})
        assert 'data-state="review"' in see(editor, response), one.path.name
    drafts = list(ImportedDraft.objects.values_list("title", "body"))
    assert len(drafts) == 5
    assert all("at seven" in body for _title, body in drafts)
    everything = str(drafts)
    for foreign in ("steal", "HIDDEN", "data:", "javascript:", "onclick"):
        assert foreign not in everything


def test_why_it_is_refused_is_said_in_the_reader_s_language(editor, palm, tmp_path):
    papers.pdf(tmp_path / "scan.pdf", [])
    response = bring(editor, "scan.pdf", (tmp_path / "scan.pdf").read_bytes())
    page = editor.get(response.url, headers={"accept-language": "ar"}).content.decode()
    assert "scan.pdf: مسح ضوئي: صور صفحات بلا نص" in page
    assert "is a scan" not in page


def test_why_a_row_is_refused_is_said_in_the_reader_s_language(editor, palm):
    response = bring(editor, "faq.csv", b"Question,Answer\nPool?,\n")
    press(editor, response, "map", **{"column-title": 0, "column-body": 1})
    for path in ("", "rows.csv"):
        page = editor.get(f"{response.url}{path}", headers={"accept-language": "ar"}).content.decode()
        assert "faq.csv، الصف 2: الحقل body فارغ." in page


def test_what_is_not_even_kept_is_refused_in_the_reader_s_language(editor, palm):
    upload = {"address": "http://user:secret@palm.example/"}
    page = editor.post("/knowledge/palm/import/", upload, headers={"accept-language": "ar"}).content.decode()
    assert "فيه اسم مستخدم أو كلمة مرور" in page


def test_a_file_above_the_limit_is_not_even_kept(editor, palm, monkeypatch):
    monkeypatch.setattr(intake, "MOST_BYTES", 10)
    response = bring(editor, "a.md", POOL)
    assert response.status_code == 422
    assert "a.md: has 0 MB; the most is" in response.content.decode()
    assert not palm.imports.exists()


def test_an_error_of_ours_refuses_the_import_and_not_the_worker(editor, palm, monkeypatch):
    def fail(*args, **details):
        raise RuntimeError("bug")

    monkeypatch.setattr(intake, "read_file", fail)
    assert "error of ours" in see(editor, bring(editor, "pool.md", POOL))


@pytest.mark.parametrize("name", ["../../etc/passwd.md", "a\r\nSet-Cookie: x.md", "<script>alert(1)</script>.md"])
def test_a_file_s_name_is_only_words(editor, palm, name):
    page = see(editor, bring(editor, name, POOL))
    assert "<script>alert" not in page
    one = palm.imports.get()
    assert one.file.name == "file"


def test_an_address_inside_is_refused(editor, palm):
    response = editor.post("/knowledge/palm/import/", {"address": "http://169.254.169.254/latest/meta-data/"})
    assert "http://169.254.169.254/latest/meta-data/: leads to an address that is not public" in see(editor, response)


def test_nothing_brought_says_so(editor):
    assert "Choose a file" in editor.post("/knowledge/palm/import/", {}).content.decode()
    assert editor.post("/knowledge/palm/import/", {"address": "no address"}).status_code == 422


# By itself


@pytest.fixture
def page(monkeypatch):
    """The page at any address, as a test has it now."""
    now = {"body": "Opens at six."}

    def read_address(url, zone, fetcher, progress):
        if "reason" in now:
            raise BadInput(url, now["reason"])
        return Reading([Found(Draft(url, "pool", "Pool", now["body"]))])

    monkeypatch.setattr(intake, "read_address", read_address)
    return now


def tick(django_capture_on_commit_callbacks, **later):
    Import.objects.update(read_again_at=timezone.now() - timedelta(seconds=1))
    with django_capture_on_commit_callbacks(execute=True):
        return intake.read_due_again()


def test_an_address_is_read_again_and_only_news_wants_an_editor(editor, palm, page, django_capture_on_commit_callbacks):
    response = editor.post("/knowledge/palm/import/", {"address": "https://palm.example/pool", "every": "day"})
    press(editor, response, "publish", which="all")
    one = palm.imports.get()
    assert one.read_again_at > timezone.now() + timedelta(hours=23)

    assert tick(django_capture_on_commit_callbacks) == 1
    assert palm.imports.get().state == Import.State.DONE, "nothing new, nothing to do"

    page["body"] = "Opens at seven."
    tick(django_capture_on_commit_callbacks)
    one = palm.imports.get()
    assert one.state == Import.State.REVIEW
    assert one.drafts.get().outcome == "changed"
    assert palm.articles.get().texts.get().live.body == "Opens at six.", "an editor looks first"
    assert one.read_again_at > timezone.now()


def test_a_page_that_is_gone_for_a_day_is_tried_again(editor, palm, page, django_capture_on_commit_callbacks):
    editor.post("/knowledge/palm/import/", {"address": "https://palm.example/pool", "every": "week"})
    page["reason"] = "answered 500"
    tick(django_capture_on_commit_callbacks)
    assert palm.imports.get().state == Import.State.REFUSED
    del page["reason"]
    tick(django_capture_on_commit_callbacks)
    assert palm.imports.get().state == Import.State.REVIEW


def test_without_a_rhythm_an_address_is_read_when_asked(editor, palm, page, django_capture_on_commit_callbacks):
    response = editor.post("/knowledge/palm/import/", {"address": "https://palm.example/pool"})
    assert tick(django_capture_on_commit_callbacks) == 0
    page["body"] = "Opens at seven."
    press(editor, response, "again")
    assert "Opens at seven." in see(editor, response)
    press(editor, response, "schedule", every="week")
    assert palm.imports.get().every == "week"


def test_what_a_dead_worker_left_is_freed(palm):
    long_ago = timezone.now() - timedelta(hours=1)
    reading = palm.imports.create(name="a.pdf", state=Import.State.READING, moved_at=long_ago)
    taking = palm.imports.create(name="b.pdf", state=Import.State.TAKING, moved_at=long_ago)
    alive = palm.imports.create(name="c.pdf", state=Import.State.READING)
    assert intake.free_stalled() == 2
    states = {one.pk: one.state for one in Import.objects.all()}
    assert states == {reading.pk: "refused", taking.pk: "review", alive.pk: "reading"}


def test_old_imports_go_and_those_that_are_read_again_stay(palm):
    long_ago = timezone.now() - timedelta(days=31)
    palm.imports.create(name="a.pdf", state=Import.State.REVIEW, moved_at=long_ago)
    palm.imports.create(name="https://palm.example/", is_address=True, every="week", moved_at=long_ago)
    assert intake.delete_old() == 1
    assert palm.imports.get().every == "week"


# Strangers


@pytest.mark.parametrize("path", ["", "{pk}/", "{pk}/1/", "{pk}/rows.csv", "{pk}/page-1.png"])
def test_strangers_see_nothing_of_it(palm, rival, path):
    one = palm.imports.create(name="secret.pdf", state=Import.State.REVIEW)
    one.drafts.create(
        position=1, slug="a", language="en", title="Secret", body="Secret 7.", outcome="new", first_page=1, last_page=1
    )
    url = f"/knowledge/palm/import/{path.format(pk=one.pk)}"
    rivals = factories.create_user(venue=rival, role=Membership.Role.MANAGER)
    viewer = factories.create_user(venue=palm, role=Membership.Role.VIEWER)
    for user in (rivals, viewer):
        assert sign_in(user).get(url).status_code == 404
    assert "/accounts/login/" in Client(headers={"host": "localhost"}).get(url).url


def test_an_import_is_not_reached_through_another_venue(palm, rival):
    one = palm.imports.create(name="secret.pdf", state=Import.State.REVIEW)
    client = sign_in(factories.create_user(venue=rival, role=Membership.Role.EDITOR))
    assert client.get(f"/knowledge/rival/import/{one.pk}/").status_code == 404
    client.post(f"/knowledge/rival/import/{one.pk}/", {"action": "delete"})
    assert palm.imports.exists()


def test_the_page_is_arabic_for_those_who_read_arabic(editor, palm):
    response = bring(editor, "pool.md", POOL)
    page = editor.get(response.url, headers={"accept-language": "ar"}).content.decode()
    assert "للمراجعة" in page
    assert "Take over" not in page
