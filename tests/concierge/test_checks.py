import pytest
from django.contrib.auth.models import User
from django.core import checks as django_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from concierge import checks, demo_logins


def ids(messages):
    return [message.id for message in messages]


def test_this_installation_has_no_faults(settings):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels_lite.layers.core.SQLiteChannelLayer"}}
    assert [message for message in django_checks.run_checks() if message.id.startswith("concierge.")] == []


def test_a_channel_layer_in_memory_is_an_error():
    (problem,) = checks.channel_layer_crosses_processes(None)
    assert problem.id == "concierge.E001"
    assert "REDIS_URL" in problem.hint


def test_a_short_livekit_secret_is_reported(settings):
    settings.LIVEKIT_API_SECRET = "x" * 31
    assert ids(checks.livekit_secret_is_long_enough(None)) == ["concierge.W002"]
    settings.LIVEKIT_API_SECRET = "x" * 32
    assert checks.livekit_secret_is_long_enough(None) == []


def test_a_livekit_address_without_a_scheme_is_an_error(settings):
    settings.LIVEKIT_URL = "livekit.example.com"
    (problem,) = checks.livekit_url_is_one(None)
    assert problem.id == "concierge.E003"
    assert "livekit.example.com" in problem.msg


def test_the_cloud_profile_names_the_keys_that_it_lacks(settings):
    settings.PROFILE = "cloud"
    settings.DEEPGRAM_API_KEY, settings.OPENAI_API_KEY, settings.ELEVEN_API_KEY = "key", "", "key"
    (problem,) = checks.cloud_profile_has_its_keys(None)
    assert "OPENAI_API_KEY is not set" in problem.msg
    settings.OPENAI_API_KEY = "key"
    assert checks.cloud_profile_has_its_keys(None) == []


@pytest.mark.parametrize("profile", ["auto", "local"])
def test_other_profiles_need_no_keys(settings, profile):
    settings.PROFILE = profile
    assert checks.cloud_profile_has_its_keys(None) == []


def test_rate_limits_in_memory_are_reported_on_deployment_only(settings):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels_lite.layers.core.SQLiteChannelLayer"}}
    assert "concierge.W005" not in ids(django_checks.run_checks())
    assert "concierge.W005" in ids(django_checks.run_checks(include_deployment_checks=True))


def test_debug_in_public_is_reported(settings):
    settings.DEBUG = True
    assert "security.W018" in ids(django_checks.run_checks(include_deployment_checks=True))


def test_a_venue_without_a_domain_is_named(palm):
    assert checks.every_venue_has_a_domain(None, databases=["default"]) == []
    palm.domains.all().delete()
    (problem,) = checks.every_venue_has_a_domain(None, databases=["default"])
    assert "'palm'" in problem.msg


def test_rows_are_only_read_when_the_database_is_checked(palm):
    palm.domains.all().delete()
    assert checks.every_venue_has_a_domain(None) == []


@pytest.mark.django_db
def test_demo_passwords_are_reported_while_they_work_and_debug_is_off(settings):
    assert checks.demo_passwords_stay_at_home(None, databases=["default"]) == []

    login = demo_logins.LOGINS[0]
    user = User.objects.create_user(login.user, password=login.password)
    (problem,) = checks.demo_passwords_stay_at_home(None, databases=["default"])
    assert login.user in problem.msg
    settings.DEBUG = True
    assert checks.demo_passwords_stay_at_home(None, databases=["default"]) == []

    settings.DEBUG = False
    user.set_password("something else")
    user.save()
    assert checks.demo_passwords_stay_at_home(None, databases=["default"]) == []


@pytest.mark.django_db
def test_the_command_shows_what_is_wrong_and_what_to_do(settings):
    with pytest.raises(SystemCheckError, match=r"never reach the staff's pages(?s:.*)HINT: Set REDIS_URL"):
        call_command("check")
