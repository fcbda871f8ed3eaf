"""What leaves as a zip comes back the same."""

import io
import json
import zipfile
from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.test import Client

from concierge.models import Membership
from knowledge import golden, indexing
from knowledge.exporting import export, written
from tests import factories


def facts(venue):
    """All that a round trip has to keep, of each text: what is live, what is newer."""
    return [
        (
            one.text.article.slug,
            one.text.language,
            one.is_live,
            one.version.title,
            one.version.body,
            one.version.valid_from,
            one.version.valid_until,
        )
        for one in written(venue)
    ]


@pytest.fixture
def full(palm):
    factories.create_article(
        venue=palm, slug="pool", title='The "roof" pool: times', body="# Times\n\nFrom six.\n\n---\n\nEnd."
    )
    factories.create_article(venue=palm, slug="pool", title="المسبح", body="من السادسة إلى العاشرة.", language="ar")
    changed = factories.create_article(venue=palm, slug="مواقف", title="Parking", body="Under the house.").text
    changed.write(title="Parking", body="Behind the house\u2028since May.")
    factories.create_text(venue=palm, slug="spa", title="Spa", body="| a | b |\n|---|---|\n| 1 | 2 |")
    timed = factories.create_text(venue=palm, slug="../../etc/passwd".replace("/", "-"), title="Brunch")
    version, _ = timed.write(
        title="Brunch",
        body="At noon.",
        valid_from=datetime(2026, 11, 1, 8, 0, 0, 123, tzinfo=UTC),
        valid_until=datetime(2027, 1, 1, 19, 59, 59, tzinfo=UTC),
    )
    indexing.publish(timed, version)
    golden.store(palm, "When does the pool open?", "en", ["pool"])
    golden.store(palm, "هل لديكم طائرة؟", "ar", [])
    return palm


def test_an_export_imports_back_to_the_same_thing(full, tmp_path):
    call_command("export_knowledge", "palm", str(tmp_path / "palm.zip"))
    zipfile.ZipFile(tmp_path / "palm.zip").extractall(tmp_path)
    again = factories.create_venue(slug="again", host="again.test")
    call_command("import_knowledge", "again", str(tmp_path / "articles.jsonl"), "--publish")
    call_command("import_knowledge", "again", str(tmp_path / "drafts.jsonl"))
    assert facts(again) == facts(full)
    assert len(facts(again)) == 6


def test_its_markdown_alone_makes_the_same_articles(full, tmp_path):
    zipfile.ZipFile(io.BytesIO(export(full))).extractall(tmp_path)
    again = factories.create_venue(slug="again", host="again.test")
    call_command("import_knowledge", "again", str(tmp_path / "articles"), "--publish")
    assert facts(again) == [fact for fact in facts(full) if fact[2]]


def test_golden_questions_are_in_it_as_they_are_taken_in(full):
    lines = zipfile.ZipFile(io.BytesIO(export(full))).read("golden.jsonl").decode().splitlines()
    assert json.loads(lines[0]) == {"question": "هل لديكم طائرة؟", "lang": "ar", "answer_ids": []}
    assert json.loads(lines[1])["answer_ids"] == ["pool"]


def test_two_exports_of_the_same_words_are_the_same_bytes(full):
    assert export(full) == export(full)


def test_no_slug_leaves_its_folder(full):
    factories.create_article(venue=full, slug="../../etc/passwd")
    names = zipfile.ZipFile(io.BytesIO(export(full))).namelist()
    assert all(".." not in name and not name.startswith("/") for name in names)
    assert len(names) == len(set(names))


def test_an_editor_downloads_the_export_of_the_own_venue_only(full, rival):
    factories.create_article(venue=rival, slug="secret", body="A secret of the rival.")
    client = Client(headers={"host": "localhost"})
    client.force_login(factories.create_user(venue=full, role=Membership.Role.EDITOR))
    assert "/knowledge/palm/export/" in client.get("/knowledge/palm/").content.decode()
    response = client.get("/knowledge/palm/export/")
    assert response.headers["Content-Disposition"].startswith('attachment; filename="palm-20')
    assert "secret" not in "".join(zipfile.ZipFile(io.BytesIO(response.content)).namelist())
    assert client.get("/knowledge/rival/export/").status_code == 404


@pytest.mark.parametrize(
    ("venue", "path", "sentence"),
    [
        ("nowhere", "x.zip", "There is no venue 'nowhere'"),
        ("palm", "missing/folder/x.zip", "No such file or directory"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(palm, tmp_path, capsys, venue, path, sentence):
    with pytest.raises(SystemExit) as stopped:
        call_command("export_knowledge", venue, str(tmp_path / path))
    assert stopped.value.code == 2
    assert sentence in capsys.readouterr().err
