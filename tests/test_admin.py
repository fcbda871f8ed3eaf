"""The Django admin: operators only, no query in a loop, and nothing that goes round the rules."""

from datetime import date

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from concierge.models import Membership, OpeningHours, SpecialDay
from knowledge.models import ArticleText, GoldenQuestion, Version
from tests import factories
from tests.nplusone import no_query_in_a_loop
from voice.models import Call, Citation

OURS = [model for model in admin.site._registry if model._meta.app_label in {"concierge", "knowledge", "voice"}]


@pytest.fixture
def operator(db):
    client = Client(headers={"host": "localhost"})
    client.force_login(factories.create_user(is_superuser=True, is_staff=True))
    return client


@pytest.fixture
def a_bit_of_everything(palm):
    for number in range(3):
        version = factories.create_article(venue=palm, slug=f"pool-{number}", title=f"Pool {number}")
        place = OpeningHours.objects.create(venue=palm, slug=f"pool-{number}", rules="Mo-Su 06:00-22:00")
        for day in (1, 2):
            SpecialDay.objects.create(
                hours=place, starts_on=date(2026, 12, day), ends_on=date(2026, 12, day), rules="closed"
            )
        factories.create_user(venue=palm)
        question = GoldenQuestion.objects.create(venue=palm, language="en", question=f"When is pool {number} open?")
        question.articles.add(version.text.article)
        palm.notices.create(language="en", text=f"Pool {number} is closed today.")
        factories.create_worker()
        call = factories.create_call(venue=palm)
        for _ in range(2):
            turn = call.turns.create(number=call.turns.count() + 1, speaker="agent", text="From six to ten.")
            Citation.objects.create(turn=turn, version=version, passage="Open from six to ten.", score=0.9)
    return palm


def address(model, page, *args) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_every_list_is_shown_and_searched_without_a_query_in_a_loop(operator, a_bit_of_everything):
    for model in OURS:
        with no_query_in_a_loop():
            assert operator.get(address(model, "changelist")).status_code == 200, model
        assert operator.get(address(model, "changelist"), {"q": "pool"}).status_code == 200, model


def test_every_row_is_shown_without_a_query_in_a_loop(operator, a_bit_of_everything):
    for model in OURS:
        row = model.objects.first()
        with no_query_in_a_loop():
            assert operator.get(address(model, "change", row.pk)).status_code == 200, model


@pytest.mark.parametrize("model", [Version, Call], ids=lambda model: model.__name__)
def test_what_was_said_and_written_is_not_changed(operator, a_bit_of_everything, model):
    row = model.objects.first()
    assert operator.get(address(model, "add")).status_code == 403
    assert operator.post(address(model, "change", row.pk), {}).status_code == 403
    assert operator.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_a_call_shows_its_turns_and_what_they_rest_on(operator, a_bit_of_everything):
    call = Call.objects.first()
    page = operator.get(address(Call, "change", call.pk)).content.decode()
    assert "From six to ten." in page
    assert "Open from six to ten." in page


def test_spoken_html_is_shown_as_text(operator, palm):
    call = factories.create_call(venue=palm)
    call.turns.create(number=1, speaker="visitor", text="<script>alert(1)</script>")
    page = operator.get(address(Call, "change", call.pk)).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;" in page


# Articles


def test_publishing_in_the_admin_goes_through_the_index(operator, palm):
    text = factories.create_text(venue=palm, slug="pool")
    act = {"action": "publish_latest", "_selected_action": [text.pk]}
    operator.post(address(ArticleText, "changelist"), act)
    text.refresh_from_db()
    assert text.status == ArticleText.Status.PUBLISHED
    assert text.live.passages.exists()
    operator.post(address(ArticleText, "changelist"), act | {"action": "archive"})
    assert not palm.passages.exists()


def test_a_text_without_words_is_not_published(operator, palm):
    article = palm.articles.create(slug="empty")
    text = ArticleText.objects.create(article=article, language="en")
    act = {"action": "publish_latest", "_selected_action": [text.pk]}
    page = operator.post(address(ArticleText, "changelist"), act, follow=True).content.decode()
    assert "Nothing is written yet: empty (en)." in page


def test_an_article_whose_words_may_be_cited_is_not_deleted(operator, palm):
    article = factories.create_text(venue=palm, slug="pool").article
    operator.post(address(type(article), "delete", article.pk), {"post": "yes"})
    assert palm.articles.exists()


def test_golden_questions_keep_to_their_venue(operator, palm, rival):
    foreign = factories.create_text(venue=rival, slug="secret").article
    facts = {"venue": palm.pk, "language": "en", "question": "When?", "articles": [foreign.pk]}
    page = operator.post(address(GoldenQuestion, "add"), facts).content.decode()
    assert "Of another venue: secret." in page
    assert not GoldenQuestion.objects.exists()


# Venues


def venue_facts(palm, **changes):
    facts = {
        "slug": palm.slug,
        "kind": "hotel",
        "languages": "en, ar",
        "timezone": "Asia/Dubai",
        "accent_hue": 205,
        "accent_chroma": "0.09",
        "voice": "{}",
        "retention_days": 30,
        "longest_call_minutes": 15,
        "daily_minutes": 600,
        "concurrent_calls": 10,
    }
    for prefix in ("texts", "domains", "hours", "notices", "memberships"):
        facts |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
    return facts | changes


def test_what_is_kept_is_decided_where_it_is_audited(operator, palm):
    facts = venue_facts(palm, retention_days=0, records_calls="on")
    assert operator.post(f"/admin/concierge/venue/{palm.pk}/change/", facts).status_code == 302
    palm.refresh_from_db()
    assert (palm.retention_days, palm.records_calls, palm.masks_numbers) == (30, False, True)


def test_an_operator_changes_a_venue_with_its_parts(operator, palm):
    sara = factories.create_user(name="sara")
    facts = venue_facts(palm, languages="ar, en") | {
        "hours-TOTAL_FORMS": 1,
        "hours-0-slug": "desk",
        "hours-0-names": '{"en": "Front desk", "ar": "الاستقبال"}',
        "hours-0-rules": "Mo-Su 07:00-23:00",
        "hours-0-position": 0,
        "memberships-TOTAL_FORMS": 1,
        "memberships-0-user": sara.pk,
        "memberships-0-role": "editor",
    }
    response = operator.post(address(type(palm), "change", palm.pk), facts)
    assert response.status_code == 302, response.context["errors"]
    palm.refresh_from_db()
    assert palm.languages == ["ar", "en"]
    assert palm.hours.get().name("ar") == "الاستقبال"
    assert sara.memberships.get(venue=palm).role == Membership.Role.EDITOR


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"languages": ""}, "This field is required."),
        ({"languages": " , "}, "Write at least one language."),
        ({"languages": "en, en"}, "A language stands here twice."),
        ({"languages": "English"}, "Write a language code"),
        ({"timezone": "Dubai"}, "Dubai is no time zone."),
        ({"accent_hue": 400}, "A hue lies between 0 and 360."),
        ({"voice": "[1]"}, "Write choices by name"),
        (
            {
                "hours-TOTAL_FORMS": 1,
                "hours-0-slug": "desk",
                "hours-0-names": '["Desk"]',
                "hours-0-rules": "Mo-Su 07:00-23:00",
                "hours-0-position": 0,
            },
            "Write a name for each language",
        ),
        (
            {"domains-TOTAL_FORMS": 1, "domains-0-host": "localhost"},
            "localhost is the console&#x27;s host.",
        ),
    ],
    ids=["none", "commas", "twice", "no-code", "zone", "hue", "voice", "names", "console-host"],
)
def test_wrong_facts_about_a_venue_are_refused_with_a_sentence(operator, palm, changes, sentence):
    response = operator.post(address(type(palm), "change", palm.pk), venue_facts(palm, **changes))
    assert response.status_code == 200
    assert sentence in response.content.decode()


@pytest.mark.parametrize("rules", ["Mo-Fr 25:99", "whenever"], ids=["no-time", "no-rules"])
def test_hours_that_cannot_be_read_are_refused(operator, palm, rules):
    facts = {"venue": palm.pk, "slug": "desk", "names": '{"en": "Desk"}', "rules": rules, "position": 0}
    facts |= {"special_days-TOTAL_FORMS": 0, "special_days-INITIAL_FORMS": 0}
    response = operator.post(address(OpeningHours, "add"), facts)
    assert response.status_code == 200
    assert response.context["adminform"].form.errors["rules"]
    assert not palm.hours.exists()


def test_special_days_are_kept_and_their_rules_checked(operator, palm):
    place = OpeningHours.objects.create(venue=palm, slug="desk", names={"en": "Desk"}, rules="Mo-Su 07:00-23:00")
    facts = {
        "venue": palm.pk,
        "slug": "desk",
        "names": '{"en": "Desk"}',
        "rules": "Mo-Su 07:00-23:00",
        "position": 0,
        "special_days-TOTAL_FORMS": 1,
        "special_days-INITIAL_FORMS": 0,
        "special_days-0-starts_on": "2026-12-02",
        "special_days-0-ends_on": "2026-12-03",
        "special_days-0-rules": "perhaps",
        "special_days-0-names": '{"en": "National Day"}',
    }
    url = address(OpeningHours, "change", place.pk)
    assert operator.post(url, facts).status_code == 200
    assert not place.special_days.exists()
    assert operator.post(url, facts | {"special_days-0-rules": "10:00-16:00"}).status_code == 302
    assert place.special_days.get().name("en") == "National Day"


# Who comes in


@pytest.mark.parametrize("role", Membership.Role.values)
def test_a_venue_s_own_people_are_turned_away(palm, role):
    client = Client(headers={"host": "localhost"})
    client.force_login(factories.create_user(venue=palm, role=role))
    assert client.get("/admin/").status_code == 302
    assert client.get(address(Call, "changelist")).status_code == 302
