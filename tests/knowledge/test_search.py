from knowledge.indexing import archive, publish
from knowledge.search import search
from tests.factories import create_article, create_text


def found(venue, question, **details):
    return [hit.article for hit in search(venue, question, **details)]


def test_a_published_article_is_found(palm):
    create_article(venue=palm, slug="pool", title="Pool", body="The pool is open from six to ten.")
    create_article(venue=palm, slug="parking", title="Parking", body="Parking in the basement is free.")
    assert found(palm, "when can I swim")[0] == "pool"


def test_what_is_not_published_is_not_found(palm):
    create_text(venue=palm, slug="secret")
    assert found(palm, "when is the pool open") == []


def test_an_archived_article_is_not_found_any_more(palm):
    pool = create_article(venue=palm, slug="pool")
    assert found(palm, "pool") == ["pool"]
    archive(pool.text)
    assert found(palm, "pool") == []


def test_a_new_version_replaces_the_old_one(palm):
    text = create_article(venue=palm, slug="pool", body="The pool is open from six to ten.").text
    search(palm, "pool")
    text.write(title="Pool", body="The pool is closed for repairs.")
    publish(text)
    assert [hit.text for hit in search(palm, "pool")] == ["The pool is closed for repairs."]


def test_another_venue_finds_nothing_of_ours(palm, rival):
    create_article(venue=palm, slug="pool")
    assert found(rival, "pool") == []
