import re
from datetime import date, timedelta

import pytest
from django.utils import timezone

from concierge.models import Notice, OpeningHours, SpecialDay
from knowledge.models import GoldenQuestion
from tests import factories

HOST = {"HTTP_HOST": "palm.test"}


def page(client, language="en", host="palm.test") -> str:
    response = client.get(f"/{language}/", HTTP_HOST=host)
    assert response.status_code == 200
    return response.content.decode()


def rows_of(html: str) -> list[str]:
    """The lines of the opening hours, as they are read."""
    return [" ".join(re.sub("<[^>]*>", " ", row).split()) for row in re.findall("<tr.*?</tr>", html, re.DOTALL)]


# Which page


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("ar", "ar"),
        ("ar-AE,en;q=0.8", "ar"),
        ("fr-FR,fr;q=0.9,ar;q=0.5,en;q=0.4", "ar"),
        ("fr,de", "en"),
        ("*", "en"),
        ("?;;=,", "en"),
    ],
)
def test_the_bare_address_leads_to_the_visitors_language(client, palm, accepted, language):
    response = client.get("/", HTTP_ACCEPT_LANGUAGE=accepted, **HOST)
    assert response.status_code == 302
    assert response.url == f"/{language}/"
    assert "Accept-Language" in response.headers["Vary"]


def test_the_bare_address_of_the_console_leads_to_the_wall(client, db):
    response = client.get("/", HTTP_HOST="localhost")
    assert (response.status_code, response.url) == (302, "/staff/")


@pytest.mark.parametrize("path", ["/fr/", "/en-gb/", "/english/", "/EN/"])
def test_a_language_that_the_venue_does_not_have_is_not_found(client, palm, path):
    assert client.get(path, **HOST).status_code == 404


def test_the_console_has_no_venue_page(client, palm):
    assert client.get("/en/", HTTP_HOST="localhost").status_code == 404


def test_an_unknown_host_gets_a_plain_page_that_stands_alone(client, palm):
    response = client.get("/en/", HTTP_HOST="nobody.test")
    assert response.status_code == 404
    assert "There is nothing at this address." in response.content.decode()
    assert "/static/" not in response.content.decode()


def test_a_wrong_address_on_a_venues_host_leads_back_to_its_page(client, palm):
    response = client.get("/nowhere", **HOST)
    assert response.status_code == 404
    assert '<a href="/">' in response.content.decode()
    assert_styled_by_nonce(response)


def test_each_venue_has_its_own_page(client, palm, rival):
    rival.texts.update(name="Rival House")
    assert "Palm Court" in page(client)
    other = page(client, host="rival.test")
    assert "Rival House" in other
    assert "Palm Court" not in other


def test_the_page_is_read_only(client, palm):
    assert client.post("/en/", **HOST).status_code == 405


# What it says


def test_the_page_says_what_the_place_is_and_how_to_reach_it(client, palm):
    palm.desk_phone = "+971 4 555 0100"
    palm.save()
    palm.texts.filter(language="en").update(
        headline="Ask away.", intro="A quiet house by the sea.", address="Jumeirah, Dubai"
    )
    html = page(client)
    for words in ["Palm Court", "Ask away.", "A quiet house by the sea.", "Jumeirah, Dubai", 'href="tel:+97145550100"']:
        assert words in html


def test_a_venue_with_nothing_but_a_name_has_a_whole_page(client, db):
    factories.create_venue(slug="bare", host="bare.test", languages=["en"], name="Bare")
    html = page(client, host="bare.test")
    assert "Ask us anything, out loud." in html
    for absent in ["Opening hours", "People often ask", "tel:", 'hreflang="ar"']:
        assert absent not in html


def test_the_page_is_in_the_language_of_its_address(client, palm):
    for language, direction, words in [("en", "ltr", "Type a question"), ("ar", "rtl", "اكتب سؤالك")]:
        response = client.get(f"/{language}/", HTTP_ACCEPT_LANGUAGE="fr", **HOST)
        html = response.content.decode()
        assert f'<html lang="{language}" dir="{direction}">' in html
        assert words in html
        assert response.headers["Content-Language"] == language


def test_the_languages_know_each_other(client, palm):
    html = page(client)
    assert '<link rel="alternate" hreflang="ar" href="http://palm.test/ar/">' in html
    assert re.search(r'<a [^>]*href="/ar/" hreflang="ar" lang="ar" dir="rtl">العربية</a>', html)


def test_a_text_that_is_missing_is_told_in_the_venues_first_language(client, palm):
    palm.texts.filter(language="ar").delete()
    assert "A small hotel." in page(client, "ar")


def test_the_hours_of_each_place_are_shown_with_special_days(client, palm):
    pool = OpeningHours.objects.create(
        venue=palm, slug="pool", names={"en": "Pool", "ar": "المسبح"}, rules="08:00-20:00"
    )
    today = palm.now().date()
    SpecialDay.objects.create(
        hours=pool, starts_on=today, ends_on=today, rules="closed", names={"en": "Cleaning", "ar": "تنظيف"}
    )
    html = page(client)
    for words in ["Pool", "closed", "Cleaning", "08:00–20:00"]:
        assert words in html
    arabic = page(client, "ar")
    for words in ["المسبح", "تنظيف", "مغلق"]:
        assert words in arabic


def test_a_place_that_never_closes_says_so_in_one_line_on_holidays_too(client, palm, set_clock):
    OpeningHours.objects.create(venue=palm, slug="house", names={"en": "House"}, rules="24/7")
    for day in ("2026-11-24", "2026-12-02"):  # a common week, and National Day
        set_clock(f"{day}T09:00")
        html = page(client)
        assert "Open day and night" in html
        assert rows_of(html) == ["Every day 24 hours"]


def test_a_holiday_with_hours_of_its_own_is_shown_on_its_day(client, palm, set_clock):
    OpeningHours.objects.create(venue=palm, slug="house", names={"en": "House"}, rules="08:00-20:00; PH 10:00-14:00")
    set_clock("2026-11-30T09:00")
    rows = rows_of(page(client))
    assert rows[:3] == ["Today 08:00–20:00", "Tuesday 08:00–20:00", "Wednesday 10:00–14:00 National Day"]


def test_a_week_of_the_same_special_hours_says_for_what_they_are(client, palm, set_clock):
    pool = OpeningHours.objects.create(venue=palm, slug="pool", names={"en": "Pool"}, rules="08:00-20:00")
    first, last = date(2027, 2, 8), date(2027, 3, 8)
    SpecialDay.objects.create(hours=pool, starts_on=first, ends_on=last, rules="10:00-15:00", names={"en": "Ramadan"})
    set_clock("2027-02-10T09:00")
    assert rows_of(page(client)) == ["Every day 10:00–15:00 Ramadan"]


def test_a_place_that_closes_at_midnight_says_so_without_tomorrows_name(client, palm, set_clock):
    OpeningHours.objects.create(venue=palm, slug="house", names={"en": "House"}, rules="00:30-24:00")
    set_clock("2026-11-24T09:00")
    assert "Open until midnight" in page(client)
    assert "مفتوح حتى منتصف الليل" in page(client, "ar")


def test_hours_that_cannot_be_read_are_left_out_and_the_others_stay(client, palm, caplog):
    OpeningHours.objects.create(venue=palm, slug="spa", names={"en": "Spa"}, rules="whenever we like")
    OpeningHours.objects.create(venue=palm, slug="pool", names={"en": "Pool"}, rules="08:00-20:00")
    html = page(client)
    assert "Pool" in html
    assert "Spa" not in html
    assert "spa of palm" in caplog.text


def test_only_todays_notices_in_this_language_are_shown(client, palm):
    hour = timedelta(hours=1)
    now = timezone.now()
    for language, text, starts_at, ends_at in [
        ("en", "The lift rests.", None, None),
        ("en", "Begins later.", now + hour, None),
        ("en", "Is over.", None, now - hour),
        ("ar", "المصعد متوقف.", None, None),
    ]:
        Notice.objects.create(venue=palm, language=language, text=text, starts_at=starts_at, ends_at=ends_at)
    html = page(client)
    assert "The lift rests." in html
    for absent in ["Begins later.", "Is over.", "المصعد"]:
        assert absent not in html


def test_visitors_are_shown_what_the_venue_suggests_to_ask(client, palm, rival):
    for venue, language, question, on_page in [
        (palm, "en", "When does the pool close?", True),
        (palm, "ar", "متى يغلق المسبح؟", True),
        (palm, "en", "What is the door code?", False),
        (rival, "en", "Is it better here?", True),
    ]:
        GoldenQuestion.objects.create(venue=venue, language=language, question=question, on_page=on_page)
    html = page(client)
    assert "When does the pool close?" in html
    for absent in ["door code", "المسبح", "better here"]:
        assert absent not in html


def test_before_talk_the_page_says_that_it_is_an_ai_and_for_how_long_words_are_kept(client, palm):
    palm.retention_days = 7
    palm.save()
    assert (
        "You talk with an AI. Staff may read along, listen and join, and what is said is deleted after 7 days."
        in page(client)
    )
    assert "ذكاء اصطناعي" in page(client, "ar")


def test_without_a_worker_the_page_says_that_the_concierge_is_away(client, palm):
    assert "Our concierge is away for a moment." in page(client)
    factories.create_worker()
    assert "Our concierge is away for a moment." not in page(client)


# How it is made


def test_what_a_venue_wrote_is_shown_as_text(client, palm):
    script = "<script>alert(1)</script>"
    palm.texts.update(name=script, headline=script, intro=script, address=script)
    Notice.objects.create(venue=palm, language="en", text=script)
    GoldenQuestion.objects.create(venue=palm, language="en", question=script, on_page=True)
    OpeningHours.objects.create(venue=palm, slug="x", names={"en": script}, rules="24/7")
    assert "<script>alert" not in page(client)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_colours_are_written_in_figures_that_css_can_read(client, palm, language):
    palm.accent_hue, palm.accent_chroma = 30, "0.11"
    palm.save()
    assert ":root { --accent-h: 30; --accent-c: 0.11 }" in page(client, language)


def test_the_browser_policy_holds(client, palm):
    response = client.get("/en/", **HOST)
    assert_styled_by_nonce(response)
    assert " style=" not in response.content.decode()
    assert "unsafe" not in response.headers["Content-Security-Policy"]


def test_visitors_get_no_cookie(client, palm):
    assert not client.get("/en/", **HOST).cookies


def test_the_page_asks_the_database_a_few_times_however_much_it_shows(client, palm, django_assert_max_num_queries):
    for number in range(8):
        hours = OpeningHours.objects.create(
            venue=palm, slug=f"place{number}", names={"en": "Pool"}, rules="08:00-20:00"
        )
        today = palm.now().date()
        SpecialDay.objects.create(hours=hours, starts_on=today, ends_on=today, rules="closed", names={"en": "Eid"})
        GoldenQuestion.objects.create(venue=palm, language="en", question=f"Question {number}?", on_page=True)
    with django_assert_max_num_queries(10):
        page(client)


def assert_styled_by_nonce(response) -> None:
    policy = response.headers["Content-Security-Policy"]
    nonces = set(re.findall(r'<(?:style|script)[^>]* nonce="([^"]*)"', response.content.decode()))
    assert len(nonces) == 1
    assert f"'nonce-{nonces.pop()}'" in policy
