import numpy as np
import pytest

from knowledge import embedding, indexing
from knowledge.indexing import archive, pieces, publish, reindex, reindex_venue
from knowledge.models import ArticleText, IndexRevision, Passage
from tests.factories import create_article, create_text
from tests.knowledge.fakes import HashingEmbedder


class CountingEmbedder(HashingEmbedder):
    """Remembers what it was asked to embed."""

    embedded: list[str] = []

    def embed_passages(self, texts):
        self.embedded.extend(texts)
        return super().embed_passages(texts)


@pytest.fixture
def embedded(settings):
    settings.EMBEDDER = "tests.knowledge.test_indexing.CountingEmbedder"
    embedding.get_embedder().embedded.clear()
    return embedding.get_embedder().embedded


def revision(venue):
    return IndexRevision.objects.get(venue=venue).number


def test_publishing_makes_passages_of_the_whole_and_of_each_sentence(palm):
    version = create_article(venue=palm, title="Pool", body="It opens at six. It is free.")
    assert list(version.passages.values_list("kind", "text")) == [
        ("whole", "It opens at six. It is free."),
        ("sentence", "It opens at six."),
        ("sentence", "It is free."),
    ]
    vector = np.frombuffer(version.passages.first().vector, "<f4")
    assert np.allclose(np.linalg.norm(vector.reshape(2, -1), axis=1), 1, atol=1e-5)


def test_publishing_moves_the_pointer_and_the_status(palm):
    text = create_text(venue=palm)
    publish(text)
    stored = ArticleText.objects.get()
    assert (stored.live, stored.status) == (text.latest, "published")
    assert (text.live, text.status) == (text.latest, "published")


def test_an_older_version_can_be_published_again(palm):
    text = create_article(venue=palm, body="Old words.").text
    old = text.live
    text.write(title="Pool", body="New words.")
    publish(text)
    publish(text, old)
    assert {passage.version for passage in palm.passages.all()} == {old}


def test_a_version_of_another_text_is_refused(palm):
    text, other = create_text(venue=palm), create_text(venue=palm)
    with pytest.raises(ValueError, match="no such version"):
        publish(text, other.latest)


def test_a_text_without_words_cannot_be_published(palm):
    text = palm.articles.create(slug="empty").texts.create(language="en")
    with pytest.raises(ValueError, match="no such version"):
        publish(text)


def test_every_change_moves_the_revision_of_this_venue_only(palm, rival):
    create_article(venue=rival)
    before = revision(rival)
    text = create_article(venue=palm).text
    numbers = [revision(palm)]
    for change in (reindex, archive, publish):
        change(text)
        numbers.append(revision(palm))
    text.article.delete()
    numbers.append(revision(palm))
    assert numbers == sorted(set(numbers))
    assert revision(rival) == before


def test_vectors_of_unchanged_sentences_are_reused(palm, embedded):
    text = create_article(venue=palm, title="Pool", body="It opens at six. It is free.").text
    embedded.clear()
    text.write(title="Pool", body="It opens at seven. It is free.")
    publish(text)
    assert sorted(embedded) == ["Pool. It opens at seven.", "Pool. It opens at seven. It is free."]


def test_equal_words_at_two_venues_are_embedded_for_each(palm, rival, embedded):
    create_article(venue=palm, body="One sentence here.")
    embedded.clear()
    create_article(venue=rival, body="One sentence here.")
    assert embedded == ["Pool. One sentence here."]


def test_archiving_keeps_the_versions_that_calls_cite(palm):
    version = create_article(venue=palm)
    archive(version.text)
    version.refresh_from_db()
    assert not Passage.objects.exists()
    assert version.text.live is None


def test_reindexing_a_venue_touches_only_what_is_out_of_date(palm):
    stale = create_article(venue=palm, title="Gym", body="The gym never closes.")
    create_article(venue=palm, title="Spa", body="The spa is on level five.")
    before = revision(palm)
    assert reindex_venue(palm) == 0
    assert revision(palm) == before
    stale.passages.filter(kind="sentence").delete()
    assert reindex_venue(palm) == 1
    assert stale.passages.count() == 2


def test_the_reindex_command_says_what_it_did(palm, rival, capsys):
    from django.core.management import call_command

    create_article(venue=palm)
    call_command("reindex")
    assert capsys.readouterr().out == "palm: 0 of its texts indexed anew.\nrival: 0 of its texts indexed anew.\n"
    with pytest.raises(SystemExit) as stop:
        call_command("reindex", "nowhere")
    assert stop.value.code == 2


def test_reindexing_does_not_bring_back_what_was_published_over(palm):
    text = create_article(venue=palm, body="Old words.").text
    behind = ArticleText.objects.get(pk=text.pk)
    assert behind.live.body == "Old words."
    text.write(title="Pool", body="New words.")
    publish(text)
    reindex(behind)
    assert {passage.version.body for passage in palm.passages.all()} == {"New words."}


def test_a_body_that_says_nothing_aloud_is_found_by_its_title():
    assert {piece.text for piece in pieces("Map", "---", "en")} == {"Map"}


def test_a_sentence_is_embedded_with_its_title_and_heading():
    embedded = [piece.embedded for piece in pieces("Spa", "## Prices\n\nA massage is AED 300.", "en")]
    assert "Spa. Prices. A massage is AED 300." in embedded


def test_another_embedder_means_other_digests():
    assert indexing.digest("one", "text") != indexing.digest("other", "text")
    assert len(indexing.digest("one", "text")) == 64


@pytest.mark.parametrize(
    ("language", "title", "body", "lengths"),
    [
        pytest.param("en", "Spa", "The spa is open.", [384, 384], id="english"),
        pytest.param("fr", "Spa", "Le spa est ouvert.", [256, 256], id="french"),
        pytest.param("en", "سبا", "السبا مفتوح.", [256, 256], id="arabic-under-english"),
    ],
)
def test_only_english_words_have_a_second_vector(palm, settings, language, title, body, lengths):
    settings.EMBEDDER = "tests.knowledge.fakes.HashingEnglishEmbedder"
    version = create_article(venue=palm, title=title, body=body, language=language)
    assert [len(vector) // 4 for vector in version.passages.values_list("vector", flat=True)] == lengths


def test_the_same_words_in_another_language_are_embedded_apart(palm, settings):
    settings.EMBEDDER = "tests.knowledge.fakes.HashingEnglishEmbedder"
    for language in ("fr", "en"):
        create_article(venue=palm, slug="wifi", title="Wi-Fi", body="Wi-Fi: Palm", language=language)
    found = palm.passages.values_list("version__text__language", "vector")
    assert {(language, len(vector) // 4) for language, vector in found} == {("fr", 256), ("en", 384)}
