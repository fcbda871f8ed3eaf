import json
from datetime import datetime
from io import StringIO
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.core.management import CommandError, call_command
from django.test import override_settings

from concierge import demo_logins
from concierge.hours import spoken_sentence, state_of
from concierge.models import Domain, Venue
from knowledge.indexing import publish
from knowledge.models import Article, ArticleText, GoldenQuestion, Passage, Version
from tests.factories import create_venue


class SmallEmbedder:
    """Every text gets the same vector: what is found is not tested here, only what is there."""

    name = "small"
    dimensions = 2

    def embed_queries(self, texts):
        return np.tile(np.array([1, 0], "float32"), (len(texts), 1))

    embed_passages = embed_queries


@pytest.fixture(scope="module")
def seeded(django_db_setup, django_db_blocker):
    """The demo venues, made once for this file, since that takes a second or two. Each test's changes are undone."""
    with override_settings(EMBEDDER=f"{__name__}.SmallEmbedder"), django_db_blocker.unblock():
        yield json.loads(seed("--json"))
        Venue.objects.all().delete()
        User.objects.all().delete()


@pytest.fixture
def demo(seeded, db):
    """What --json printed, with the demo venues in place."""
    return seeded


def seed(*arguments):
    out = StringIO()
    call_command("seed_demo", *arguments, stdout=out)
    return out.getvalue()


def counted():
    models = [Venue, Domain, User, Article, ArticleText, Version, Passage, GoldenQuestion]
    return {model.__name__: model.objects.count() for model in models}


def test_json_names_three_venues_and_a_login_for_each_role(demo):
    assert {venue["slug"]: venue["host"] for venue in demo["venues"]} == {
        "palm": "palm.localhost",
        "mall": "mall.localhost",
        "museum": "museum.localhost",
    }
    assert all(venue["languages"] == ["en", "ar"] for venue in demo["venues"])
    assert {login["role"] for login in demo["logins"]} == {"admin", "manager", "editor", "agent", "viewer"}
    assert all(set(login) >= {"user", "password", "role"} for login in demo["logins"])


def test_each_login_signs_in_and_has_its_role_at_its_venue_only(demo, client):
    for login in demo["logins"]:
        assert client.login(username=login["user"], password=login["password"]), login
        user = User.objects.get(username=login["user"])
        if login["role"] == "admin":
            assert user.is_superuser
            assert Venue.objects.visible_to(user).count() == 3
        else:
            assert [venue.slug for venue in Venue.objects.visible_to(user)] == [login["venue"]]
            assert user.memberships.get().role == login["role"]
            assert not user.is_staff


def test_the_hotels_staff_see_nothing_of_the_mall_and_the_other_way_round(demo):
    for name in ("manager", "editor", "agent", "viewer"):
        user = User.objects.get(username=name)
        assert not Venue.objects.visible_to(user).filter(slug__in=["mall", "museum"]).exists()
        assert not user.memberships.exclude(venue__slug="palm").exists()
    stranger = User.objects.get(username="mall-agent")
    assert not Venue.objects.visible_to(stranger).exclude(slug="mall").exists()


@pytest.mark.parametrize(
    ("slug", "english", "arabic", "questions"), [("palm", 28, 18, 20), ("mall", 8, 8, 6), ("museum", 8, 8, 6)]
)
def test_each_venue_has_its_articles_published_and_its_questions(demo, slug, english, arabic, questions):
    texts = ArticleText.objects.filter(article__venue__slug=slug, status=ArticleText.Status.PUBLISHED)
    assert texts.filter(language="en", live__passages__kind="whole").distinct().count() >= english
    assert texts.filter(language="ar", live__passages__kind="whole").distinct().count() >= arabic
    golden = GoldenQuestion.objects.filter(venue__slug=slug)
    assert golden.count() >= questions
    for language in ("en", "ar"):
        asked = golden.filter(language=language)
        assert asked.filter(on_page=True).count() >= 3
        assert not asked.filter(on_page=True, articles=None).exists()
        assert asked.filter(articles=None).exists()
        # A question is answered in the language in which it is asked.
        for question in asked.exclude(articles=None):
            assert question.articles.filter(texts__language=language).exists(), question


def test_each_venue_is_complete_in_every_language(demo):
    for venue in Venue.objects.all():
        venue.full_clean()
        assert finders.find(venue.hero), venue.hero
        assert {text.language for text in venue.texts.all()} == set(venue.languages)
        for text in venue.texts.all():
            text.full_clean()
            assert all([text.name, text.headline, text.intro, text.greeting, text.address])
            assert len(text.greeting.split(".")[0].split()) <= 9, "A greeting is spoken: keep it short."
        assert {notice.language for notice in venue.notices.all()} == set(venue.languages)
        assert {"house", "desk"} < {hours.slug for hours in venue.hours.all()}
        for hours in venue.hours.all():
            assert set(hours.names) == set(venue.languages)
            assert all(set(day.names) == set(venue.languages) for day in hours.special_days.all())


@pytest.mark.parametrize("day", ["2026-11-24", "2026-12-02", "2026-12-09", "2026-12-31", "2027-02-10", "2027-03-09"])
def test_every_place_can_say_when_it_is_open(demo, day):
    moment = datetime.fromisoformat(f"{day} 12:00").replace(tzinfo=ZoneInfo("Asia/Dubai"))
    for venue in Venue.objects.all():
        for hours in venue.hours.all():
            for language in venue.languages:
                state = state_of(hours, moment, language)
                sentence = spoken_sentence(hours.name(language), state, language, moment)
                assert sentence.endswith(".")
                assert "further notice" not in sentence


def test_the_second_run_adds_nothing(demo):
    before = counted()
    assert json.loads(seed("--json")) == demo
    assert counted() == before


def test_what_staff_changed_stays_and_what_is_missing_comes_back(demo):
    palm = Venue.objects.get(slug="palm")
    text = ArticleText.objects.get(article__venue=palm, article__slug="pools", language="en")
    text.write(title="Swimming pools", body="The pools are closed for the winter.")
    publish(text)
    palm.texts.filter(language="en").update(greeting="Good day.")
    palm.hours.filter(slug="desk").update(rules="08:00-20:00")
    Article.objects.get(venue=palm, slug="pets").delete()
    User.objects.get(username="viewer").delete()
    before = counted()

    out = seed()

    text.refresh_from_db()
    assert (text.live.number, text.live.body) == (2, "The pools are closed for the winter.")
    assert palm.text("en").greeting == "Good day."
    assert palm.hours.get(slug="desk").rules == "08:00-20:00"
    assert palm.articles.filter(slug="pets", texts__status="published").exists()
    assert counted()["User"] == before["User"] + 1
    assert "Palm Court: 2 articles and 0 questions added." in out


def test_a_person_of_the_same_name_is_left_alone(demo):
    User.objects.get(username="admin").delete()
    User.objects.create_user("admin", password="my own words")
    out = seed()
    admin = User.objects.get(username="admin")
    assert not admin.is_superuser
    assert admin.check_password("my own words")
    assert "With another password, or shut: admin." in out
    assert "admin" not in {login.user for login in demo_logins.still_valid()}


def test_a_demo_venue_that_was_deleted_comes_back_with_its_staff(demo):
    Venue.objects.get(slug="mall").delete()
    assert json.loads(seed("--json")) == demo
    assert [venue.slug for venue in Venue.objects.visible_to(User.objects.get(username="mall-agent"))] == ["mall"]


def test_the_table_prints_what_is_needed_to_sign_in(demo):
    out = seed()
    assert "palm.localhost" in out
    for login in demo_logins.LOGINS:
        assert any(login.user in line and login.password in line for line in out.splitlines())


def test_a_taken_host_is_told_and_nothing_of_that_venue_is_made(demo):
    Venue.objects.get(slug="palm").delete()
    create_venue(slug="other", host="palm.localhost")
    with pytest.raises(CommandError, match=r"^palm\.localhost belongs to 'other'") as refused:
        seed()
    assert refused.value.returncode == 2
    assert not Venue.objects.filter(slug="palm").exists()


def test_logins_are_valid_until_the_password_is_changed_or_the_user_shut(demo):
    assert len(demo_logins.still_valid()) == len(demo_logins.LOGINS)
    agent = User.objects.get(username="agent")
    agent.set_password("something else")
    agent.save()
    User.objects.filter(username="viewer").update(is_active=False)
    assert {login.user for login in demo_logins.still_valid()} == {"admin", "manager", "editor", "mall-agent"}
