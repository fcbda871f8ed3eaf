"""What a visitor's question finds."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from concierge.models import Venue
from knowledge import lexical, venue_index
from knowledge import search as searching
from knowledge.indexing import archive, publish
from knowledge.models import ArticleText
from knowledge.search import CONFIDENT, cleaned, search, warm
from tests.factories import create_article, create_text, create_venue

HOTEL = {
    "pool": ("Rooftop pool", "The pool on level 42 opens from 7 am to sunset. Towels are supplied."),
    "parking": ("Parking", "Self parking in the basement is free for residents. Valet is AED 75 a night."),
    "breakfast": ("Breakfast", "Breakfast is served from 6.30 to 10.30 am. Children under six eat free."),
    "pets": ("Pets", "Cats and dogs are not permitted. Trained assistance dogs are welcome."),
    "doctor": ("Doctor on call", "A physician can visit your room at any hour. The consultation is AED 600."),
    "laundry": ("Laundry", "Items handed over before 9 am are returned the same evening."),
}


@pytest.fixture(scope="module")
def built(django_db_setup, django_db_blocker):
    """The hotel, made once for this file. Each test's changes are undone."""
    with django_db_blocker.unblock():
        venue = create_venue(slug="hotel", host="hotel.test")
        for slug, (title, body) in HOTEL.items():
            create_article(venue=venue, slug=slug, title=title, body=body)
        yield venue
        venue.delete()


@pytest.fixture
def hotel(built, db):
    searching._indexes.clear()  # what an earlier test did to it was undone
    return Venue.objects.get(pk=built.pk)


def found(venue, question, **details):
    return [hit.article for hit in search(venue, question, **details)]


@pytest.mark.parametrize(
    ("question", "article"),
    [
        ("when can i swim", "pool"),
        ("um hi where do i leave my car please", "parking"),
        ("what time is break fast", "breakfast"),
        ("can i bring my puppy", "pets"),
        ("i have a fever can somebody medical come up", "doctor"),
        ("my shirt has a stain", "laundry"),
        ("وين أوقف سيارتي", "parking"),
        ("متى الفطور", "breakfast"),
        ("मैं अपनी गाड़ी कहाँ खड़ी करूँ", "parking"),
        ("mon chien peut venir", "pets"),
    ],
)
def test_spoken_questions_find_their_article_in_any_language(hotel, question, article):
    assert found(hotel, question)[0] == article


def test_a_word_that_was_heard_as_two_is_joined_if_the_venue_has_it(hotel):
    assert search(hotel, "break fast")[0].lexical == 1
    assert search(hotel, "the car park")[0].lexical < 1


def test_a_hit_carries_what_an_answer_needs(hotel):
    hit = search(hotel, "when does the pool open", language="en")[0]
    assert (hit.title, hit.language, hit.text) == ("Rooftop pool", "en", HOTEL["pool"][1])
    assert hit.version_id == ArticleText.objects.get(article__slug="pool").live_id
    assert hit.sentences == ("The pool on level 42 opens from 7 am to sunset.", "Towels are supplied.")
    assert hit.sentence_scores[0] > hit.sentence_scores[1]
    assert hit.confidence > CONFIDENT


def test_hits_come_best_first_and_not_more_than_asked_for(hotel):
    hits = search(hotel, "pool", limit=3)
    assert len(hits) == 3
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert search(hotel, "pool", limit=0) == []


@pytest.mark.parametrize("question", ["", "   ", "\n"])
def test_an_empty_question_finds_nothing(hotel, question):
    assert search(hotel, question) == []


@pytest.mark.parametrize("question", ["???", "um", "x" * 20_000, "🏊", "'; DROP TABLE knowledge_passage; --", "\0"])
def test_strange_questions_do_no_harm(hotel, question):
    assert len(search(hotel, question)) == 5


def test_a_venue_without_articles_finds_nothing(palm):
    assert search(palm, "pool") == []


def test_what_has_nothing_to_do_with_the_venue_is_less_sure_than_what_has(hotel):
    asked = search(hotel, "is parking free for guests")[0].confidence
    other = search(hotel, "who won the election in france")[0].confidence
    assert other < CONFIDENT < asked


def test_what_is_not_published_is_not_found(palm):
    create_text(venue=palm, slug="secret")
    assert found(palm, "when is the pool open") == []


def test_another_venue_finds_nothing_of_ours(hotel, rival):
    create_article(venue=rival, slug="theirs", title="Pool", body="The pool is for members.")
    assert found(rival, "pool") == ["theirs"]
    assert "theirs" not in found(hotel, "pool", limit=100)


def test_an_archived_article_is_not_found_any_more(hotel):
    assert found(hotel, "pool")[0] == "pool"
    archive(ArticleText.objects.get(article__slug="pool"))
    assert "pool" not in found(hotel, "pool", limit=100)


def test_a_deleted_article_is_not_found_any_more(hotel):
    assert found(hotel, "pool")[0] == "pool"
    hotel.articles.get(slug="pool").delete()
    assert "pool" not in found(hotel, "pool", limit=100)


def test_a_new_version_replaces_the_old_one(palm):
    text = create_article(venue=palm, slug="pool", body="The pool is open from six to ten.").text
    search(palm, "pool")
    text.write(title="Pool", body="The pool is closed for repairs.")
    publish(text)
    assert [hit.text for hit in search(palm, "pool")] == ["The pool is closed for repairs."]


def test_a_publication_that_is_rolled_back_leaves_no_trace(palm):
    text = create_article(venue=palm, body="The pool is open.").text
    text.write(title="Pool", body="The pool is closed.")
    with transaction.atomic():
        publish(text)
        assert search(palm, "pool")[0].text == "The pool is closed."
        transaction.set_rollback(True)
    assert search(palm, "pool")[0].text == "The pool is open."
    text.refresh_from_db()
    text.write(title="Pool", body="The pool is heated.")
    publish(text)
    assert search(palm, "pool")[0].text == "The pool is heated."


@pytest.mark.parametrize(("days", "is_found"), [(-2, False), (0, True), (2, False)], ids=["before", "during", "after"])
def test_an_article_is_found_while_it_is_valid(palm, days, is_found):
    now = timezone.now()
    text = create_text(venue=palm, slug="tent")
    text.write(
        title="Tent",
        body="Iftar is served in the tent.",
        valid_from=now - timedelta(days=1),
        valid_until=now + timedelta(days=1),
    )
    publish(text)
    assert (found(palm, "tent", at=now + timedelta(days=days)) == ["tent"]) == is_found


# What people also ask


def test_a_question_like_a_variant_finds_the_article_and_shows_only_what_is_written(hotel):
    question = "is there somewhere to break the fast at sunset"
    assert found(hotel, question)[0] != "doctor"
    text = ArticleText.objects.get(article__slug="doctor")
    text.write(title=text.live.title, body=text.live.body, variants="Where can I break my fast at sunset?")
    publish(text)
    hit = search(hotel, question)[0]
    assert (hit.article, hit.text) == ("doctor", HOTEL["doctor"][1])
    assert len(hit.sentences) == len(hit.sentence_scores) == 2
    assert "fast" not in " ".join([hit.title, hit.text, *hit.sentences])
    assert hit.confidence > CONFIDENT


def test_a_variant_helps_in_any_language(hotel):
    text = ArticleText.objects.get(article__slug="laundry")
    text.write(title=text.live.title, body=text.live.body, variants="هل عندكم خدمة كي الثياب؟")
    publish(text)
    assert found(hotel, "اكوي ثوبي وين", language="ar")[0] == "laundry"


def test_a_variant_that_is_taken_away_is_not_found_any_more(palm):
    text = create_article(venue=palm, slug="pool", variants="zebra crossing").text
    create_article(venue=palm, slug="gym", title="Gym", body="The gym never closes.")
    assert search(palm, "zebra crossing")[0].lexical == 1
    text.write(title="Pool", body=text.live.body, variants="")
    publish(text)
    assert search(palm, "zebra crossing")[0].lexical == 0


@pytest.mark.parametrize(
    "question",
    [
        pytest.param("أين مواقف السيارات", id="written"),
        pytest.param("وين مواقف السيارات", id="gulf"),
        pytest.param("فين مواقف السيارات", id="egypt"),
        pytest.param("اين مواقف السيارات", id="no-hamza"),
        pytest.param("أَيْنَ مَوَاقِفُ السَّيَّارَاتِ", id="vowel-signs"),
        pytest.param("أيـن مـواقف السيـارات", id="long-dash"),
    ],
)
def test_an_arabic_question_is_the_same_however_it_is_spelt(hotel, question):
    assert search(hotel, question)[0].dense == pytest.approx(search(hotel, "أين مواقف السيارات")[0].dense, abs=1e-5)


def test_an_arabic_text_is_found_as_well_with_vowel_signs_as_without(palm):
    create_article(venue=palm, slug="plain", title="المسبح", body="يفتح المسبح في ٧ صباحا.", language="ar")
    create_article(venue=palm, slug="signs", title="المَسْبَح", body="يَفْتَحُ المَسْبَحُ في 7 صباحا.", language="ar")
    one, other = search(palm, "متى يفتح المسبح")
    assert one.dense == pytest.approx(other.dense, abs=1e-5)
    assert {one.text, other.text} == {"يفتح المسبح في ٧ صباحا.", "يَفْتَحُ المَسْبَحُ في 7 صباحا."}


# Words that were not understood


@pytest.mark.parametrize(("said", "meant"), [("where is the jim", "gym"), ("is the spar open", "spa")])
def test_a_word_that_was_heard_as_another_counts_as_the_one_the_venue_has(palm, said, meant):
    create_article(venue=palm, slug="gym", title="Gym", body="The gym is on the roof.")
    create_article(venue=palm, slug="spa", title="Spa", body="The spa is in the basement.")
    hits = {hit.article: hit.lexical for hit in search(palm, said)}
    assert hits.pop(meant) > 0.3 > max(hits.values()) == 0
    assert found(palm, said)[0] == meant


def test_a_word_that_the_venue_has_is_taken_as_it_is(palm):
    create_article(venue=palm, slug="gym", title="Gym", body="The gym is on the roof.")
    create_article(venue=palm, slug="jim", title="Jim", body="Jim is the concierge.")
    assert found(palm, "where is jim")[0] == "jim"


# Languages


@pytest.fixture
def bilingual(hotel):
    create_article(venue=hotel, slug="pool", title="المسبح", body="يفتح المسبح من السابعة حتى الغروب.", language="ar")
    create_article(venue=hotel, slug="prayer", title="المصلى", body="المصلى في الطابق الأول.", language="ar")
    create_article(venue=hotel, slug="wifi", title="الإنترنت", body="شبكة الواي فاي مجانية للضيوف.", language="ar")
    create_article(venue=hotel, slug="gym", title="النادي", body="النادي الرياضي مفتوح طوال اليوم.", language="ar")
    return hotel


def test_an_article_counts_once_however_many_languages_it_has(bilingual):
    articles = found(bilingual, "المسبح", limit=100)
    assert len(articles) == len(set(articles)) == 9


@pytest.mark.parametrize(("question", "language"), [("when does the pool open", "en"), ("متى يفتح المسبح", "ar")])
def test_an_article_is_shown_in_the_language_of_the_asker(bilingual, question, language):
    hit = search(bilingual, question, language=language)[0]
    assert (hit.article, hit.language) == ("pool", language)


def test_an_article_is_shown_in_the_askers_language_even_if_another_is_a_little_closer(hotel):
    create_article(venue=hotel, slug="spa", title="Spa", body="Massages cost AED 300 for an hour.")
    create_article(venue=hotel, slug="spa", title="سبا", body="أسعار التدليك: 300 درهم للساعة.", language="ar")
    # The English words in it make the English text the closer one.
    hit = search(hotel, "كم سعر massage لمدة hour", language="ar")[0]
    assert (hit.article, hit.language) == ("spa", "ar")


def test_what_is_there_in_the_askers_language_is_not_found_by_a_translation_that_is_closer_by_chance(bilingual):
    luggage = {
        "en": ("Luggage storage", "The bell desk keeps your bags. A porter comes to your room when you dial 2."),
        "ar": ("حفظ الأمتعة", "يحفظ مكتب الحمّالين أمتعتكم. اتصلوا بالرقم 2 ليصل الحمّال إلى غرفتكم."),
    }
    for language, (title, body) in luggage.items():
        create_article(venue=bilingual, slug="luggage", title=title, body=body, language=language)
    hits = search(bilingual, "I am staying in room for 1-2 and I need two more towels.", language="en", limit=100)
    assert hits[0].article != "luggage"
    assert {hit.article: hit.language for hit in hits}["luggage"] == "en"


def test_the_callers_language_is_a_wish_and_the_questions_script_a_fact(bilingual):
    assert search(bilingual, "متى يفتح المسبح", language="en")[0].language == "ar"


def test_an_english_article_is_found_among_arabic_ones(bilingual):
    assert found(bilingual, "كم سعر صف السيارة", language="ar")[0] == "parking"


def test_an_arabic_article_is_found_by_an_english_question(bilingual):
    assert found(bilingual, "is the wifi free", language="en")[0] == "wifi"


# English

ENGLISH = "tests.knowledge.fakes.HashingEnglishEmbedder"


@pytest.fixture
def swimmers(palm, settings):
    """The English model alone knows what swimming is."""
    settings.EMBEDDER = ENGLISH
    create_article(venue=palm, slug="pool", title="Pool", body="The pool is on the roof.")
    create_article(venue=palm, slug="gym", title="Gym", body="The gym is on the ground floor.")
    create_article(venue=palm, slug="plongée", title="Plongée", body="La pool est sur le toit.", language="fr")
    return palm


def meaning(venue, article, question, **details):
    return next(hit.dense for hit in search(venue, question, **details) if hit.article == article)


@pytest.mark.parametrize("language", ["en", "en-GB", None])
def test_the_english_model_has_a_say_where_question_and_text_are_english(swimmers, language):
    assert found(swimmers, "where can i swim", language=language)[0] == "pool"
    assert meaning(swimmers, "pool", "where can i swim") > meaning(swimmers, "gym", "where can i swim") + 0.1
    assert meaning(swimmers, "plongée", "where can i swim") < 0.1


@pytest.mark.parametrize(
    ("question", "language"),
    [
        pytest.param("swim", "fr", id="the-asker-speaks-french"),
        pytest.param("où est le swim", "en", id="french-on-an-english-page"),
        pytest.param("donde esta el swim", None, id="spanish-by-nobody-known"),
        pytest.param("أين swim الآن", "en", id="arabic-on-an-english-page"),
    ],
)
def test_the_english_model_is_not_asked_in_another_language(swimmers, question, language):
    assert meaning(swimmers, "pool", question, language=language) < 0.1


def test_english_is_told_from_other_languages_in_its_letters():
    for english in ("pool hours", "wifi password", "what is the café called", "can i pay in euro"):
        assert lexical.looks_english(english), english
    for other in ("où est la piscine", "wo ist das schwimmbad", "bể bơi ở đâu", "havuz nerede açılıyor"):
        assert not lexical.looks_english(other), other


def test_english_is_chosen_from_many_by_both_models(palm, settings, monkeypatch):
    settings.EMBEDDER = ENGLISH
    for number in range(41):
        create_article(venue=palm, slug=f"room-{number}", title=f"Room {number}", body=f"Room {number} is blue.")
    create_article(venue=palm, slug="pool", title="Pool", body="The pool is on the roof.")
    exact = found(palm, "where can i swim", limit=1)
    for name, few in {"EXACT_ROWS": 0, "CANDIDATES": 3, "CANDIDATES_BY_WORDS": 1, "TYPICAL": 10}.items():
        monkeypatch.setattr(venue_index, name, few)
    assert found(palm, "where can i swim", limit=1) == exact == ["pool"]


# The index in memory


def test_a_search_asks_the_database_one_small_question(hotel, django_assert_num_queries):
    warm(hotel)
    with django_assert_num_queries(1):
        search(hotel, "pool")


def test_an_edit_is_read_alone_and_the_rest_is_kept(hotel, django_assert_num_queries):
    search(hotel, "pool")
    before = searching._indexes[hotel.pk]
    text = ArticleText.objects.get(article__slug="pool")
    text.write(title="Pool", body="The pool is closed.")
    publish(text)
    with django_assert_num_queries(5):  # revision, another embedder's passages, revision, what is live, what is new
        assert search(hotel, "pool")[0].text == "The pool is closed."
    after = searching._indexes[hotel.pk]
    assert set(after._segments) > set(before._segments)
    assert sum(len(segment.texts) for segment in set(after._segments) - set(before._segments)) == 1


def test_an_index_that_grew_by_edits_is_as_one_read_anew(bilingual):
    """Through segments that are melted together and made anew without what is gone."""
    questions = ["when does the pool open", "wifi", "متى يفتح المسبح", "is the gym free"]
    for number in range(30):
        slug = list(HOTEL)[number % len(HOTEL)]
        text = ArticleText.objects.get(article__slug=slug, language="en")
        text.write(title=HOTEL[slug][0], body=f"{HOTEL[slug][1]} Notice {number}.", variants=f"Question {number}?")
        publish(text)
        search(bilingual, "pool")
    archive(ArticleText.objects.get(article__slug="laundry"))
    grown = [search(bilingual, question, limit=100) for question in questions]
    assert len(searching._indexes[bilingual.pk]._segments) <= 10
    searching._indexes.clear()
    anew = [search(bilingual, question, limit=100) for question in questions]
    for one, other in zip(grown, anew, strict=True):
        assert [(hit.article, hit.language, hit.text) for hit in one] == [
            (hit.article, hit.language, hit.text) for hit in other
        ]
        assert [hit.score for hit in one] == pytest.approx([hit.score for hit in other], abs=1e-4)


def test_many_texts_are_chosen_from_before_they_are_compared(palm, monkeypatch):
    """What is found among many passages is what would be found if each was compared."""
    for number in range(40):
        create_article(
            venue=palm, slug=f"room-{number}", title=f"Room {number}", body=f"Room {number} is quiet. It is blue."
        )
    create_article(venue=palm, slug="pool", title="Pool", body="The pool opens at six. Towels are there.")
    create_article(venue=palm, slug="pool", title="المسبح", body="يفتح المسبح في السادسة.", language="ar")
    exact = found(palm, "when can i swim", limit=1), found(palm, "room 17", limit=1)
    for name, few in {"EXACT_ROWS": 0, "CANDIDATES": 5, "CANDIDATES_BY_WORDS": 5, "TYPICAL": 10}.items():
        monkeypatch.setattr(venue_index, name, few)
    assert (
        (found(palm, "when can i swim", limit=1), found(palm, "room 17", limit=1)) == exact == (["pool"], ["room-17"])
    )
    assert search(palm, "when can i swim", language="ar", limit=1)[0].language == "en"
    assert search(palm, "متى يفتح المسبح", limit=1)[0].language == "ar"


def test_passages_of_another_embedder_are_made_anew(hotel, settings):
    assert found(hotel, "where is the pool")[0] == "pool"
    settings.EMBEDDER = "tests.knowledge.fakes.HashingEmbedder"
    assert found(hotel, "where is the pool")[0] == "pool"
    assert set(map(len, hotel.passages.values_list("vector", flat=True))) == {4 * 256}


def test_only_so_many_venues_are_kept_in_memory(hotel, rival, monkeypatch):
    monkeypatch.setattr(searching, "VENUES_IN_MEMORY", 1)
    for venue in (hotel, rival, hotel):
        search(venue, "pool")
    assert list(searching._indexes) == [hotel.pk]


@pytest.mark.django_db(transaction=True)
def test_calls_may_search_while_an_editor_publishes(palm):
    text = create_article(venue=palm, slug="pool", body="Version 0 of the pool.").text
    create_article(venue=palm, slug="gym", title="Gym", body="The gym never closes.")

    def ask(_):
        from django.db import connection

        try:
            return [hit.text for hit in search(palm, "pool", limit=100) if hit.article == "pool"]
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(ask, number) for number in range(60)]
        for number in range(1, 6):
            text.write(title="Pool", body=f"Version {number} of the pool.")
            publish(text)
        answers = [one.result() for one in asked]
    # At no moment are both versions found, or neither.
    assert all(len(answer) == 1 for answer in answers)
    assert search(palm, "pool")[0].text == "Version 5 of the pool."


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("um hi what time is breakfast", "what time is breakfast"),
        ("uh, excuse me, where is the gym please", "where is the gym"),
        ("يعني لو سمحت وين المسبح", "وين المسبح"),
        ("where is the sofa", "where is the sofa"),
        ("yeah listen could you tell me when the pool opens", "when the pool opens"),
        ("السلام عليكم ممكن تقول لي متى الفطور", "متى الفطور"),
        ("请问一下游泳池几点开", "游泳池几点开"),
        ("скажите пожалуйста где бассейн", "где бассейн"),
        ("hello", "hello"),
        ("thanks", "thanks"),
        ("  is   it\nopen ", "is it open"),
    ],
)
def test_noises_and_courtesies_are_left_out(said, meant):
    assert cleaned(said) == meant
