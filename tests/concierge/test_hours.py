# ruff: noqa: E501  (sentences stay whole)
"""The calendar used here: 24 November 2026 is a Tuesday; National Day is 2 and 3 December."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from concierge.hours import BadRules, check_rules, spoken_day, spoken_sentence, state_of, week_of
from concierge.models import OpeningHours, SpecialDay
from tests.factories import create_venue

DUBAI = ZoneInfo("Asia/Dubai")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=DUBAI)


def create_hours(rules, *special, timezone="Asia/Dubai"):
    """A pool with these rules; each special day is (first, last, rules, English name)."""
    venue = create_venue(timezone=timezone)
    hours = OpeningHours.objects.create(venue=venue, slug="pool", names={"en": "Pool"}, rules=rules)
    for first, last, times, name in special:
        SpecialDay.objects.create(
            hours=hours, starts_on=first, ends_on=last, rules=times, names={"en": name, "ar": "رمضان"}
        )
    return OpeningHours.objects.get(pk=hours.pk)  # dates as the database gives them


WEEK = "Mo-Fr 08:00-20:00; Sa,Su 10:00-18:00"
NIGHTS = "Mo-Fr 18:00-23:00; Sa 18:00-02:00; Su 18:00-22:00"


@pytest.mark.parametrize(
    ("rules", "moment", "is_open", "changes"),
    [
        pytest.param(WEEK, "2026-11-24 09:00", True, "2026-11-24 20:00", id="open on a weekday"),
        pytest.param(WEEK, "2026-11-24 08:00", True, "2026-11-24 20:00", id="open from the first minute"),
        pytest.param(WEEK, "2026-11-24 20:00", False, "2026-11-25 08:00", id="closed from the last minute"),
        pytest.param(WEEK, "2026-11-24 07:59", False, "2026-11-24 08:00", id="opens later today"),
        pytest.param(WEEK, "2026-11-27 21:00", False, "2026-11-28 10:00", id="opens tomorrow at other hours"),
        pytest.param("Mo 10:00-12:00", "2026-11-24 09:00", False, "2026-11-30 10:00", id="opens in six days"),
        pytest.param("Mar Mo 10:00-12:00", "2026-11-24 09:00", False, "2027-03-01 10:00", id="opens in spring"),
        pytest.param("24/7", "2026-11-24 03:00", True, None, id="never closes"),
        pytest.param("closed", "2026-11-24 09:00", False, None, id="never opens"),
        pytest.param("10:00-12:00,16:00-20:00", "2026-11-24 13:00", False, "2026-11-24 16:00", id="a pause at noon"),
        pytest.param("Mo 10:00-12:00, Tu 09:00-11:00", "2026-11-24 09:30", True, "2026-11-24 11:00", id="comma rule"),
        pytest.param("20:00-02:00", "2026-11-25 01:30", True, "2026-11-25 02:00", id="after midnight"),
        pytest.param("20:00-26:00", "2026-11-25 01:30", True, "2026-11-25 02:00", id="hours past 24"),
        pytest.param("10:00-00:00", "2026-11-24 23:59", True, "2026-11-25 00:00", id="until midnight"),
        pytest.param(NIGHTS, "2026-11-29 01:00", True, "2026-11-29 02:00", id="a night outlives the next day's rule"),
        pytest.param(NIGHTS, "2026-11-28 01:00", False, "2026-11-28 18:00", id="no night before Saturday's"),
        pytest.param(
            "Sa 10:00-24:00; Su 00:00-05:00", "2026-11-28 22:00", True, "2026-11-29 05:00", id="days that touch"
        ),
        pytest.param("08:00-20:00; PH off", "2026-12-02 12:00", False, "2026-12-04 08:00", id="closed on National Day"),
        pytest.param(
            "Mo-Fr 08:00-20:00; PH 10:00-14:00", "2026-12-02 09:00", False, "2026-12-02 10:00", id="shorter on it"
        ),
        pytest.param("Mo-Fr 08:00-20:00; PH,Su off", "2026-12-03 12:00", False, "2026-12-04 08:00", id="PH in a list"),
        pytest.param("Su,PH 10:00-14:00", "2026-12-02 12:00", True, "2026-12-02 14:00", id="open on holidays only"),
        pytest.param("08:00-20:00; PH off", "2027-03-10 12:00", False, "2027-03-12 08:00", id="estimated Eid"),
        pytest.param("mo–fr 8:00 – 20:00", "2026-11-24 09:00", True, "2026-11-24 20:00", id="dashes and small letters"),
        pytest.param("٠٨:٠٠-٢٠:٠٠", "2026-11-24 09:00", True, "2026-11-24 20:00", id="Arabic digits"),
    ],
)
def test_a_place_knows_whether_it_is_open_and_when_that_changes(db, rules, moment, is_open, changes):
    state = state_of(create_hours(rules), at(moment), "en")
    assert state.is_open is is_open
    assert (state.until if is_open else state.opens_at) == (at(changes) if changes else None)
    assert (state.opens_at if is_open else state.until) is None


RAMADAN = (date(2027, 2, 8), date(2027, 3, 8), "16:00-01:00", "Ramadan")
REPAIRS = (date(2027, 2, 10), date(2027, 2, 10), "closed", "Repairs")


@pytest.mark.parametrize(
    ("moment", "is_open", "changes", "occasion"),
    [
        pytest.param("2027-02-07 12:00", True, "2027-02-07 20:00", "", id="the day before"),
        pytest.param("2027-02-08 12:00", False, "2027-02-08 16:00", "Ramadan", id="the first day"),
        pytest.param("2027-03-08 17:00", True, "2027-03-09 01:00", "Ramadan", id="the last evening"),
        pytest.param(
            "2027-03-09 00:30", True, "2027-03-09 01:00", "Eid al-Fitr (estimated)", id="its night reaches Eid"
        ),
        pytest.param(
            "2027-03-09 12:00", True, "2027-03-09 20:00", "Eid al-Fitr (estimated)", id="then the usual rules"
        ),
        pytest.param("2027-02-10 00:30", True, "2027-02-10 01:00", "Repairs", id="last night reaches a closed day"),
        pytest.param("2027-02-10 17:00", False, "2027-02-11 16:00", "Repairs", id="one day beats a month"),
    ],
)
def test_special_days_override_the_rules(db, moment, is_open, changes, occasion):
    state = state_of(create_hours("08:00-20:00", RAMADAN, REPAIRS), at(moment), "en")
    assert (state.is_open, state.until or state.opens_at, state.occasion) == (is_open, at(changes), occasion)


def test_special_days_may_differ_by_the_day_of_the_week(db):
    friday = (date(2027, 2, 8), date(2027, 3, 8), "Mo-Th 10:00-15:00; Fr 10:00-12:00", "Ramadan")
    week = week_of(create_hours("08:00-20:00", friday), date(2027, 2, 8), "en")
    assert [day.text for day in week] == ["10:00-15:00"] * 4 + ["10:00-12:00", "closed", "closed"]


def test_a_week_names_its_holidays_in_the_language_asked_for(db):
    hours = create_hours("Mo-Fr 08:00-20:00; PH off")
    week = week_of(hours, date(2026, 11, 30), "en")
    assert [day.text for day in week] == ["08:00-20:00"] * 2 + ["closed"] * 2 + ["08:00-20:00"] + ["closed"] * 2
    assert [day.occasion for day in week] == ["", "", "National Day", "National Day", "", "", ""]
    assert [day.is_closed for day in week] == [False, False, True, True, False, True, True]
    arabic = week_of(hours, date(2026, 11, 30), "ar")
    assert (arabic[2].text, arabic[2].occasion) == ("مغلق", "اليوم الوطني")
    assert "(تقديري)" in week_of(hours, date(2027, 3, 9), "ar")[0].occasion


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        pytest.param("24/7", "24 hours", id="all day"),
        pytest.param("16:00-20:00,10:00-12:00", "10:00-12:00, 16:00-20:00", id="in order"),
        pytest.param("18:00-26:00", "18:00-02:00", id="past midnight"),
        pytest.param("Mo 10:00-12:00", "closed", id="not today"),
    ],
)
def test_today_is_written_short(db, rules, text):
    assert state_of(create_hours(rules), at("2026-11-24 09:00"), "en").today == text


def test_moments_of_another_zone_are_read_in_the_venues(db):
    state = state_of(create_hours("08:00-20:00"), datetime(2026, 11, 24, 4, 30, tzinfo=ZoneInfo("UTC")), "en")
    assert state.is_open
    assert state.until.isoformat() == "2026-11-24T20:00:00+04:00"


def test_a_prefetched_place_is_read_without_further_queries(db, django_assert_num_queries):
    create_hours(WEEK, RAMADAN)
    hours = OpeningHours.objects.select_related("venue").prefetch_related("special_days").get()
    with django_assert_num_queries(0):
        state_of(hours, at("2027-02-08 12:00"), "en")


@pytest.mark.parametrize(
    "rules",
    [
        WEEK,
        NIGHTS,
        "24/7",
        "closed",
        "off",
        "10:00-16:00",
        "PH off",
        "Mo-Su,PH 10:00-22:00",
        "Fr[1] 10:00-12:00",
        "2026 Dec 02 off",
        "Jan-Mar Mo-Fr 10:00-12:00",
        "Mo: 10:00-12:00",
        "10:00-12:00;",
    ],
)
def test_good_rules_pass(rules):
    check_rules(rules)


@pytest.mark.parametrize(
    ("rules", "advice"),
    [
        ("", "such as Mo-Fr 08:00-20:00"),
        ("Mo-Fr", "Write times after 'Mo-Fr'"),
        ("7-23", "7-23 as 07:00-23:00"),
        ("Mo-Fr 7am-11pm", "7 pm as 19:00"),
        ("Monday 10:00-12:00", "Monday as Mo"),
        ("Xy 10:00-12:00", "'Xy' cannot be read as days"),
        ("Ramadan 16:00-20:00", "add its dates and times as special days"),
        ("رمضان 16:00-20:00", "add its dates and times as special days"),
        ("Eid off", "Write PH"),
        ("SH off", "School holidays are not known"),
        ("easter off", "Easter is not known"),
        ("Dec PH off", "Write PH alone"),
        ("sunrise-sunset", "clock instead of the sun's"),
        ("18:00+", "Write when it closes too"),
        ("10:00 to 12:00", "Write a hyphen"),
        ('10:00-12:00 "ring"', "Leave out the words in quotes"),
        ("10:00-22:00 unknown", "Write only days and times"),
        ("25:00-27:00", "25:00-27:00 is not a time of the clock"),
        ("10:00-12:75", "10:00-12:75 is not a time of the clock"),
        ("10:00-10:00", "write 00:00-24:00"),
        ("10:00-12:00; ; Mo 9", "cannot be read|Write times"),
    ],
)
def test_bad_rules_are_refused_with_one_sentence_that_says_what_to_write(rules, advice):
    with pytest.raises(BadRules, match=advice) as refused:
        check_rules(rules)
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_holidays_of_an_unknown_country_are_refused_rather_than_ignored():
    check_rules("PH off", timezone="Asia/Dubai")
    with pytest.raises(BadRules, match="add them as special days instead of PH"):
        check_rules("PH off", timezone="UTC")


def test_a_form_shows_the_sentence(palm):
    with pytest.raises(ValidationError, match="7 pm as 19:00"):
        OpeningHours(venue=palm, slug="bar", rules="6pm-11pm").full_clean()
    bar = OpeningHours.objects.create(venue=palm, slug="bar", rules="18:00-23:00")
    with pytest.raises(ValidationError, match="Ramadan moves"):
        SpecialDay(
            hours=bar, starts_on=date(2027, 2, 8), ends_on=date(2027, 3, 8), rules="Ramadan 10:00-12:00"
        ).full_clean()


# Sentences


@pytest.mark.parametrize(
    ("name", "rules", "moment", "sentence"),
    [
        ("Front desk", "07:00-23:00", "2026-11-24 09:00", "The front desk is open now, until eleven in the evening."),
        ("Lagoon Bar", "17:00-02:00", "2026-11-25 01:00", "Lagoon Bar is open now, until two at night."),
        ("Lagoon Bar", "17:00-02:00", "2026-11-24 18:00", "Lagoon Bar is open now, until two at night."),
        ("Beach", "10:00-00:00", "2026-11-24 12:00", "Beach is open now, until midnight."),
        ("Shops", "24/7", "2026-11-24 12:00", "Shops are open day and night."),
        ("Fitness", "06:30-12:00", "2026-11-24 06:35", "Fitness is open now, until noon."),
        ("Spa", "Tu 00:00-24:00; We 00:00-09:00", "2026-11-24 12:00", "Spa is open now, until tomorrow at nine in the morning."),
        ("Spa", "Tu,We 00:00-24:00", "2026-11-24 12:00", "Spa is open now, until the end of tomorrow."),
        ("Roof pool", "06:30-19:15", "2026-11-24 05:00", "The roof pool is closed now, and will open today at six thirty in the morning."),
        ("Roof pool", "12:15-19:15", "2026-11-24 20:00", "The roof pool is closed now, and will open tomorrow at twelve fifteen in the afternoon."),
        ("Roof pool", "Sa 09:05-19:15", "2026-11-24 20:00", "The roof pool is closed now, and will open on Saturday at nine oh five in the morning."),
        ("Roof pool", "Mar 09:00-19:15", "2026-11-24 20:00", "The roof pool is closed now, and will open on Monday 1 March at nine in the morning."),
        ("Roof pool", "closed", "2026-11-24 20:00", "The roof pool is closed until further notice."),
        ("Roof pool", "09:00-19:00; PH 10:00-18:00", "2026-12-02 12:00", "The roof pool is open now, until six in the evening, with special hours for National Day."),
        ("Roof pool", "09:00-19:00", "2026-12-02 12:00", "The roof pool is open now, until seven in the evening."),
        ("Roof pool", "09:00-19:00; PH 10:00-18:00", "2027-03-09 12:00", "The roof pool is open now, until six in the evening, with special hours for Eid al-Fitr, whose date is still estimated."),
    ],
)  # fmt: skip
def test_a_state_is_spoken_in_one_english_sentence(db, name, rules, moment, sentence):
    moment = at(moment)
    assert spoken_sentence(name, state_of(create_hours(rules), moment, "en"), "en", moment) == sentence


@pytest.mark.parametrize(
    ("name", "rules", "moment", "sentence"),
    [
        ("مكتب الاستقبال", "07:00-23:00", "2026-11-24 09:00", "مكتب الاستقبال مفتوح الآن حتى الحادية عشرة مساءً."),
        ("صالة الألعاب", "07:00-23:30", "2026-11-24 09:00", "صالة الألعاب مفتوحة الآن حتى الحادية عشرة والنصف مساءً."),
        ("مكتب الاستقبال", "24/7", "2026-11-24 09:00", "مكتب الاستقبال مفتوح على مدار الساعة."),
        ("المسبح", "06:15-19:00", "2026-11-24 05:00", "المسبح مغلق الآن، وسيفتح اليوم الساعة السادسة والربع صباحًا."),
        ("المسبح", "Sa 12:00-19:00", "2026-11-24 05:00", "المسبح مغلق الآن، وسيفتح يوم السبت الساعة الثانية عشرة ظهرًا."),
        ("المكتبة", "We 13:20-19:00", "2026-11-24 05:00", "المكتبة مغلقة الآن، وستفتح غدًا الساعة الواحدة والثلث بعد الظهر."),
        ("المسبح", "10:00-00:00", "2026-11-24 11:00", "المسبح مفتوح الآن حتى منتصف الليل."),
        ("المسبح", "10:00-01:00", "2026-11-24 11:00", "المسبح مفتوح الآن حتى الواحدة بعد منتصف الليل."),
        ("المسبح", "closed", "2026-11-24 11:00", "المسبح مغلق حتى إشعار آخر."),
        ("المسبح", "09:00-19:00; PH 10:00-18:00", "2027-03-09 12:00", "المسبح مفتوح الآن حتى السادسة مساءً، وهذه مواعيد خاصة: عيد الفطر، وموعده تقديري."),
    ],
)  # fmt: skip
def test_a_state_is_spoken_in_one_arabic_sentence(db, name, rules, moment, sentence):
    moment = at(moment)
    assert spoken_sentence(name, state_of(create_hours(rules), moment, "ar"), "ar", moment) == sentence


def test_the_hours_of_ramadan_are_said_to_be_special(db):
    moment = at("2027-02-09 17:00")
    hours = create_hours("08:00-20:00", RAMADAN)
    assert spoken_sentence("Pool", state_of(hours, moment, "en"), "en", moment) == (
        "Pool is open now, until one at night, with special hours for Ramadan."
    )
    assert spoken_sentence("المسبح", state_of(hours, moment, "ar"), "ar", moment) == (
        "المسبح مفتوح الآن حتى الواحدة بعد منتصف الليل، وهذه مواعيد خاصة: رمضان."
    )


@pytest.mark.parametrize(
    ("ahead", "english", "arabic"),
    [
        (0, "The pool bar is open today from eight in the morning until eight in the evening.", "المقهى مفتوح اليوم من الثامنة صباحًا حتى الثامنة مساءً."),
        (4, "The pool bar is closed on Saturday.", "المقهى مغلق يوم السبت."),
        (5, "The pool bar is open all day on Sunday.", "المقهى مفتوح يوم الأحد على مدار الساعة."),
        (6, "The pool bar is open on Monday from nine in the morning until noon and from four in the afternoon until one at night.", "المقهى مفتوح يوم الاثنين من التاسعة صباحًا حتى الثانية عشرة ظهرًا ومن الرابعة بعد الظهر حتى الواحدة بعد منتصف الليل."),
    ],
)  # fmt: skip
def test_the_hours_of_a_day_are_spoken_in_one_sentence(db, ahead, english, arabic):
    hours = create_hours("Tu-Fr 08:00-20:00; Su 00:00-24:00; Mo 09:00-12:00,16:00-01:00")
    today = date(2026, 11, 24)
    assert spoken_day("Pool bar", week_of(hours, today, "en")[ahead], "en", today) == english
    assert spoken_day("المقهى", week_of(hours, today, "ar")[ahead], "ar", today) == arabic


def test_every_minute_of_the_day_can_be_spoken(db):
    state = state_of(create_hours("24/7"), at("2026-11-24 00:00"), "en")
    for minute in range(24 * 60):
        end = datetime.combine(date(2026, 11, 24), time(minute // 60, minute % 60), DUBAI)
        for language in ("en", "ar"):
            closing = type(state)(True, end, None, "", "")
            assert spoken_sentence("Pool", closing, language, at("2026-11-24 00:00")).endswith(".")


def test_the_holidays_of_one_country_are_known_without_those_of_all(db, monkeypatch):
    """To load all takes a second, in which a worker holds up each of its calls."""
    monkeypatch.setattr("holidays.list_supported_countries", lambda *args, **options: pytest.fail("loads all"))
    assert week_of(create_hours("Mo-Su 09:00-18:00"), date(2026, 12, 2), "en")[0].occasion == "National Day"
    with pytest.raises(BadRules, match="not known here"):
        check_rules("Mo-Su 09:00-18:00; PH off", timezone="UTC")
