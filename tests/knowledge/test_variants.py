"""What people also ask: written beside a text, searched, and never shown to a visitor."""

import io
import json
import zipfile

import pytest
from django.core.management import call_command

from concierge.models import Membership
from knowledge.exporting import export
from knowledge.indexing import publish, reindex_venue
from knowledge.intake import compare
from knowledge.models import MOST_VARIANTS, ArticleText, Import, Passage
from knowledge.reading.documents import Found
from knowledge.reading.drafts import Draft
from knowledge.search import search
from tests.factories import create_article, create_user

EDITOR = Membership.Role.EDITOR


@pytest.fixture(autouse=True)
def quick(settings):
    settings.EMBEDDER = "tests.knowledge.fakes.HashingEmbedder"


@pytest.fixture
def editor(client, palm):
    client.force_login(create_user(venue=palm, role=EDITOR))
    client.defaults["HTTP_HOST"] = "localhost"
    return client


def test_questions_beside_a_text_that_says_nothing_aloud_lead_nowhere_and_harm_no_search(palm):
    create_article(venue=palm, slug="pool", title="Pool", body="The pool opens at six.")
    create_article(venue=palm, slug="empty", title="-", body="---", variants="Is the sauna open?")
    assert variants(palm) == []
    assert [hit.article for hit in search(palm, "When does the pool open?")] == ["pool"]


def variants(venue):
    return list(venue.passages.filter(kind=Passage.Kind.VARIANT).values_list("text", flat=True))


def post(client, text, **typed):
    words = {"title": text.latest.title, "body": text.latest.body, "base_version": text.latest.number, "action": "save"}
    return client.post(f"/knowledge/{text.article.venue.slug}/{text.article.slug}/{text.language}/", words | typed)


def test_an_editor_writes_them_one_a_line_and_publishes_them(editor, palm):
    text = create_article(venue=palm, slug="pool").text
    asked = "Can I swim?\r\n\r\n  Is there   a pool \r\ncan i swim?"
    post(editor, text, variants=asked, action="publish")
    text = ArticleText.objects.get()
    assert text.live.variants == "can i swim?\nIs there a pool"
    assert variants(palm) == ["can i swim?", "Is there a pool"]
    page = editor.get(f"/knowledge/palm/{text.article.slug}/en/").content.decode()
    assert "can i swim?\nIs there a pool</textarea>" in page


def test_a_form_without_them_leaves_them(editor, palm):
    text = create_article(venue=palm, slug="pool", variants="Can I swim?").text
    post(editor, text, body="The pool is closed.")
    assert text.latest.variants == "Can I swim?"
    post(editor, text, base_version=2, body="The pool is closed.", variants="")
    assert text.latest.variants == ""


def test_too_many_are_refused_with_the_limit(editor, palm):
    text = create_article(venue=palm, slug="pool").text
    response = post(editor, text, variants="\n".join(f"Question {n}?" for n in range(MOST_VARIANTS + 1)))
    assert response.status_code == 422
    assert f"At most {MOST_VARIANTS} questions" in response.content.decode()


def test_a_question_brought_from_elsewhere_stands_in_the_box_and_nothing_is_stored(editor, palm):
    text = create_article(venue=palm, slug="pool", variants="Can I swim?").text
    page = editor.get("/knowledge/palm/pool/en/", {"variant": "is there <b> water"}).content.decode()
    assert "Can I swim?\nis there &lt;b&gt; water</textarea>" in page
    assert text.latest.number == 1


def test_they_are_what_a_version_changed(editor, palm):
    text = create_article(venue=palm, slug="pool", variants="Can I swim?").text
    post(editor, text, variants="May I swim?")
    page = editor.get("/knowledge/palm/pool/en/versions/2/").content.decode()
    assert "<del" in page
    assert "People also ask" in page


def test_reindexing_keeps_them(palm):
    create_article(venue=palm, variants="Can I swim?")
    Passage.objects.filter(kind=Passage.Kind.WHOLE).update(digest="old")
    assert reindex_venue(palm) == 1
    assert variants(palm) == ["Can I swim?"]
    assert reindex_venue(palm) == 0


def test_they_are_not_among_what_an_answer_may_say(palm):
    create_article(venue=palm, variants="Can I swim?")
    (hit,) = search(palm, "can i swim")
    assert "swim" not in f"{hit.title} {hit.text} {hit.sentences}"
    assert len(hit.sentence_scores) == len(hit.sentences) == 1


def test_what_is_exported_comes_back_with_them(palm, rival, tmp_path):
    create_article(venue=palm, slug="pool", variants="Can I swim?\nهل يمكن السباحة؟")
    create_article(venue=palm, slug="gym", title="Gym", body="The gym never closes.")
    first = export(palm)
    archive = zipfile.ZipFile(io.BytesIO(first))
    archive.extractall(tmp_path)
    assert "variants: Can I swim? | هل يمكن السباحة؟" in archive.read("articles/en/pool.md").decode()
    for names in (["articles.jsonl"], ["articles/en/pool.md"]):
        call_command("import_knowledge", "rival", *(str(tmp_path / name) for name in names), "--publish")
        assert variants(rival) == ["Can I swim?", "هل يمكن السباحة؟"]
        assert rival.articles.get(slug="pool").texts.get().versions.count() == 1


@pytest.mark.parametrize("wrong", [7, {"a": "b"}, ["ok", 3]])
def test_what_is_no_list_of_questions_is_refused(palm, tmp_path, wrong, capsys):
    file = tmp_path / "one.jsonl"
    file.write_text(json.dumps({"id": "pool", "title": "Pool", "body": "Open.", "variants": wrong}))
    with pytest.raises(SystemExit):
        call_command("import_knowledge", "palm", str(file))
    assert "variants is not a list of questions" in capsys.readouterr().err


def test_an_import_that_says_nothing_of_them_leaves_them(palm, tmp_path):
    text = create_article(venue=palm, slug="pool", variants="Can I swim?").text
    file = tmp_path / "one.jsonl"
    file.write_text(json.dumps({"id": "pool", "title": "Pool", "body": "The pool is closed."}))
    call_command("import_knowledge", "palm", str(file), "--publish")
    text.refresh_from_db()
    assert (text.live.number, text.live.variants) == (2, "Can I swim?")
    assert variants(palm) == ["Can I swim?"]


def test_a_table_may_bring_them(palm, tmp_path):
    (tmp_path / "faq.csv").write_text(
        'question,answer,also asked\nPool,Open.,"Can I swim?\nIs there water?"\nGym,Open.,\n'
    )
    call_command("import_knowledge", "palm", str(tmp_path / "faq.csv"), "--publish")
    assert variants(palm) == ["Can I swim?", "Is there water?"]


def test_a_review_tells_a_text_with_other_variants_from_the_same(palm):
    create_article(venue=palm, slug="pool", variants="Can I swim?")
    intake = Import.objects.create(venue=palm, name="x.jsonl")
    words = ("x", "pool", "Pool", "The pool is open from six to ten.", "en", None, None)
    found = [Found(Draft(*words, variants)) for variants in (None, "Can I swim?", "May I swim?")]
    outcomes = [compare(intake, [one])[0].outcome for one in found]
    assert outcomes == ["unchanged", "unchanged", "changed"]


def test_an_older_version_brings_its_variants_back(editor, palm):
    text = create_article(venue=palm, slug="pool", variants="Can I swim?").text
    text.write(title="Pool", body="Other words.", variants="")
    publish(text)
    editor.post("/knowledge/palm/pool/en/versions/1/")
    assert text.latest.variants == "Can I swim?"
