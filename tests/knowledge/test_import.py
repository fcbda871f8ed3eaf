"""`manage.py import_knowledge`: all or nothing, and twice is once."""

import json
from datetime import UTC, datetime

import pytest
from django.core.management import call_command

from knowledge.indexing import archive
from knowledge.models import ArticleText, Version
from knowledge.search import search
from tests.knowledge import papers

POOL = {"id": "pool", "title": "Pool", "body": "The pool opens at six.", "language": "en"}
GYM = {"id": "gym", "title": "Gym", "body": "The gym never closes."}


@pytest.fixture
def run(capsys):
    """Runs the command; answers its exit code, what it printed and what it complained of."""

    def run(*arguments):
        code = 0
        try:
            call_command("import_knowledge", *map(str, arguments))
        except SystemExit as stop:
            code = stop.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def lines(tmp_path):
    def lines(*articles):
        path = tmp_path / "kb.jsonl"
        path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in articles), "utf-8")
        return path

    return lines


def test_articles_are_imported_and_can_be_found(run, lines, palm):
    code, out, _ = run("palm", lines(POOL, GYM), "--publish")
    assert (code, out) == (0, "palm: 2 created, 0 updated, 0 unchanged; 2 published.\n")
    assert search(palm, "when can I swim")[0].article == "pool"


def test_without_publish_they_are_drafts(run, lines, palm):
    run("palm", lines(POOL))
    assert ArticleText.objects.get().status == "draft"
    assert search(palm, "pool") == []


def test_the_same_again_changes_nothing(run, lines, palm):
    run("palm", lines(POOL, GYM), "--publish")
    before = palm.index_revision.number
    code, out, _ = run("palm", lines(POOL, GYM), "--publish")
    assert (code, out) == (0, "palm: 0 created, 0 updated, 2 unchanged; 0 published.\n")
    palm.index_revision.refresh_from_db()
    assert palm.index_revision.number == before
    assert Version.objects.count() == 2


@pytest.mark.parametrize(
    "change",
    [{"title": "Roof pool"}, {"body": "Closed."}, {"valid_until": "2030-01-01"}],
    ids=["title", "body", "validity"],
)
def test_a_change_makes_a_new_version(run, lines, palm, change):
    run("palm", lines(POOL, GYM), "--publish")
    _, out, _ = run("palm", lines(POOL | change, GYM), "--publish")
    assert out == "palm: 0 created, 1 updated, 1 unchanged; 1 published.\n"
    assert palm.articles.get(slug="pool").texts.get().live.number == 2


def test_another_language_is_another_text_of_the_same_article(run, lines, palm):
    arabic = {"id": "pool", "title": "المسبح", "body": "يفتح المسبح في السادسة.", "language": "ar"}
    run("palm", lines(POOL, arabic), "--publish")
    assert sorted(palm.articles.get().texts.values_list("language", flat=True)) == ["ar", "en"]


def test_drafts_published_later_are_the_versions_that_were_there(run, lines, palm):
    run("palm", lines(POOL))
    _, out, _ = run("palm", lines(POOL), "--publish")
    assert out == "palm: 0 created, 0 updated, 1 unchanged; 1 published.\n"


def test_an_archived_article_is_published_again_when_asked(run, lines, palm):
    run("palm", lines(POOL), "--publish")
    archive(ArticleText.objects.select_related("article").get())
    run("palm", lines(POOL), "--publish")
    assert search(palm, "pool")[0].article == "pool"


def test_the_outcome_as_json(run, lines, palm):
    _, out, _ = run("palm", lines(POOL, GYM), "--publish", "--json")
    assert json.loads(out) == {
        "venue": "palm",
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "published": 2,
        "articles": [
            {"id": "pool", "language": "en", "outcome": "created"},
            {"id": "gym", "language": "en", "outcome": "created"},
        ],
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param("{", "not JSON", id="broken"),
        pytest.param("[]", "not a JSON object", id="list"),
        pytest.param({"title": "T", "body": "B"}, "id is missing", id="no-id"),
        pytest.param({"id": "x", "title": "T"}, "body is missing", id="no-body"),
        pytest.param({"id": "x", "title": " ", "body": "B"}, "title is empty", id="empty-title"),
        pytest.param({"id": "x", "title": 5, "body": "B"}, "title is not text", id="title-is-a-number"),
        pytest.param({"id": "x", "title": "T", "body": "B" * 100_001}, "the most is 100,000", id="too-long"),
        pytest.param({"id": "x", "title": "T" * 201, "body": "B"}, "the most is 200", id="title-too-long"),
        pytest.param({"id": "x/y", "title": "T", "body": "B"}, "slashes", id="slash"),
        pytest.param({"id": "x", "title": "T", "body": "a\0b"}, "NUL", id="nul"),
        pytest.param('{"id": "x", "title": "T", "body": "\\ud800"}', "half of a pair", id="surrogate"),
        pytest.param({"id": "x", "title": "T", "body": "B", "language": "English"}, "a code such as", id="language"),
        pytest.param({"id": "x", "title": "T", "body": "B", "valid_from": "soon"}, "not a date", id="date"),
        pytest.param(
            {"id": "x", "title": "T", "body": "B", "valid_from": "2026-02-02", "valid_until": "2026-01-01"},
            "before valid_from",
            id="dates-the-wrong-way-round",
        ),
        pytest.param(POOL, "already in", id="twice"),
    ],
)
def test_a_broken_line_is_named_and_nothing_is_imported(run, lines, palm, line, reason):
    path = lines(POOL, "", line, GYM)
    code, out, err = run("palm", path, "--publish")
    assert code == 2
    assert err.startswith(f"{path}, line 3: ")
    assert reason in err
    assert err.count("\n") == 1
    assert out == ""
    assert not palm.articles.exists()


def test_a_line_that_is_not_utf8_is_named(run, tmp_path, palm):
    path = tmp_path / "kb.jsonl"
    path.write_bytes(json.dumps(POOL).encode() + b"\n\xff\xfe\n")
    code, _, err = run("palm", path)
    assert (code, err) == (2, f"{path}, line 2: not UTF-8 text.\n")


def test_days_are_days_at_the_venue(run, lines, palm):
    run("palm", lines(POOL | {"valid_from": "2026-12-01", "valid_until": "2026-12-02T18:00+00:00"}))
    version = Version.objects.get()
    assert version.valid_from == datetime(2026, 11, 30, 20, tzinfo=UTC)  # midnight in Dubai
    assert version.valid_until == datetime(2026, 12, 2, 18, tzinfo=UTC)


def test_a_last_day_counts_whole(run, lines, palm):
    run("palm", lines(POOL | {"valid_until": "2026-12-01"}))
    assert Version.objects.get().valid_until == datetime(2026, 12, 1, 20, tzinfo=UTC)


def test_without_a_language_the_script_tells_a_language_of_the_venue(run, lines, palm):
    arabic = {"id": "a", "title": "المسبح", "body": "يفتح المسبح في السادسة."}
    russian = {"id": "b", "title": "Бассейн", "body": "Бассейн открыт."}
    run("palm", lines(GYM, arabic, russian))
    languages = dict(ArticleText.objects.values_list("article__slug", "language"))
    assert languages == {"gym": "en", "a": "ar", "b": "en"}


def test_another_venue_keeps_its_article_of_the_same_id(run, lines, palm, rival):
    run("rival", lines(POOL | {"body": "Theirs."}), "--publish")
    run("palm", lines(POOL), "--publish")
    assert [hit.text for hit in search(rival, "pool")] == ["Theirs."]


@pytest.mark.parametrize(
    ("venue", "path", "reason"),
    [
        (
            "nowhere",
            "kb.jsonl",
            "There is no venue 'nowhere'. Make it with: manage.py create_venue nowhere --host HOST",
        ),
        ("palm", "missing.jsonl", "missing.jsonl: no such file or folder."),
        ("palm", "missing", "missing: no such file or folder."),
        ("palm", "manage.py", "manage.py: is of no kind that can be imported"),
        ("palm", "http://127.0.0.1/a", "http://127.0.0.1/a: leads to an address that is not public"),
    ],
)
def test_what_cannot_be_imported_is_said_in_one_line(run, palm, venue, path, reason):
    code, _, err = run(venue, path)
    assert code == 2
    assert err.startswith(reason)
    assert err.count("\n") == 1


# Markdown


def markdown(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def the_version():
    return Version.objects.select_related("text__article").get()


def test_the_first_heading_is_the_title(run, tmp_path, palm):
    run("palm", markdown(tmp_path, "roof-pool.md", "# Rooftop pool\n\nOpens at seven.\n\n## Towels\n\nFree.\n"))
    version = the_version()
    assert (version.text.article.slug, version.title) == ("roof-pool", "Rooftop pool")
    assert version.body == "Opens at seven.\n\n## Towels\n\nFree."


def test_front_matter_says_what_the_article_is(run, tmp_path, palm):
    front = '---\nid: p1\ntitle: "Pool: the roof"\nlanguage: ar\nvalid_from: 2026-01-01\ntags: [a, b]\n---\n'
    run("palm", markdown(tmp_path, "x.md", front + "يفتح في السابعة."))
    version = the_version()
    assert (version.text.article.slug, version.text.language) == ("p1", "ar")
    assert (version.title, version.body) == ("Pool: the roof", "يفتح في السابعة.")
    assert version.valid_from is not None


def test_without_any_title_the_files_name_is_it(run, tmp_path, palm):
    run("palm", markdown(tmp_path, "late-check-out.md", "Until six."))
    assert the_version().title == "late check out"


def test_a_folder_brings_all_its_articles_and_their_languages(run, tmp_path, palm):
    markdown(tmp_path, "pool.md", "# Pool\n\nOpen.")
    markdown(tmp_path, "pool.ar.md", "# المسبح\n\nمفتوح.")
    markdown(tmp_path, "ar/gym.md", "# النادي\n\nمفتوح.")
    markdown(tmp_path, ".git/notes.md", "not an article")
    markdown(tmp_path, "picture.txt", "not an article either")
    code, *_ = run("palm", tmp_path, "--publish")
    assert code == 0
    assert sorted(ArticleText.objects.values_list("article__slug", "language")) == [
        ("gym", "ar"),
        ("pool", "ar"),
        ("pool", "en"),
    ]


def test_one_bad_file_stops_the_whole_folder(run, tmp_path, palm):
    markdown(tmp_path, "a.md", "# Good\n\nText.")
    bad = markdown(tmp_path, "b.md", "# Only a heading\n")
    code, _, err = run("palm", tmp_path, "--publish")
    assert (code, err) == (2, f"{bad}: body is empty.\n")
    assert not palm.articles.exists()


def test_an_empty_folder_is_said_to_be_one(run, tmp_path, palm):
    assert run("palm", tmp_path)[2] == f"{tmp_path}: no file in this folder can be imported.\n"


def test_every_format_takes_the_same_road(run, tmp_path, palm):
    papers.docx(tmp_path / "guide.docx", papers.paragraph("The pool opens at six."))
    papers.pdf(tmp_path / "card.pdf", [(50, 700, 12, "The gym never closes.")])
    (tmp_path / "faq.csv").write_text("Question,Answer\nIs parking free?,It is.\n")
    code, out, _ = run("palm", tmp_path, "--publish")
    assert (code, out) == (0, "palm: 3 created, 0 updated, 0 unchanged; 3 published.\n")
    assert sorted(palm.articles.values_list("slug", flat=True)) == ["card", "faq-is-parking-free", "guide"]


def test_a_table_whose_columns_are_not_plain_is_left_to_the_page(run, tmp_path, palm):
    path = tmp_path / "faq.csv"
    path.write_text("Thema,Frage,Antwort\na,b,c\n")
    assert run("palm", path)[::2] == (
        2,
        f"{path}: does not say which column is the title; head them question and answer.\n",
    )


def test_when_publishing_fails_nothing_was_imported(run, lines, palm, monkeypatch):
    def fail(*args, **details):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("knowledge.importing.indexing.publish_all", fail)
    with pytest.raises(RuntimeError):
        run("palm", lines(POOL), "--publish")
    assert not palm.articles.exists()
