"""Signing in, on the console's host only, by people who were invited."""

import pytest
from django.urls import reverse

from tests import factories


@pytest.fixture
def visit(client):
    client.defaults["SERVER_NAME"] = "localhost"
    return client


def test_somebody_invited_signs_in_and_lands_on_the_wall(visit, palm):
    factories.create_user(venue=palm, name="sara")
    response = visit.post(reverse("account_login"), {"login": "sara", "password": "secret"}, follow=True)
    assert response.redirect_chain[-1][0] == "/staff/"
    assert "Live calls" in response.text


def test_a_wrong_password_is_said_so(visit, palm):
    factories.create_user(venue=palm, name="sara")
    response = visit.post(reverse("account_login"), {"login": "sara", "password": "guess"})
    assert response.status_code == 200
    assert "not correct" in response.text


def test_sign_in_leads_back_to_where_one_was_going(visit, palm):
    factories.create_user(venue=palm, name="sara")
    call = factories.create_call(venue=palm)
    wanted = reverse("staff:call", args=[call.pk])
    door = visit.get(wanted).url
    response = visit.post(door, {"login": "sara", "password": "secret", "next": wanted})
    assert response.url == wanted


def test_nobody_signs_up(visit, db):
    response = visit.get(reverse("account_signup"))
    assert "closed" in response.text.lower()
    body = {"username": "eve", "password1": "a long secret 9", "password2": "a long secret 9"}
    visit.post(reverse("account_signup"), body)
    from django.contrib.auth.models import User

    assert not User.objects.filter(username="eve").exists()
    assert "sign up" not in visit.get(reverse("account_login")).text.lower()


def test_signing_out_closes_the_console(visit, palm):
    visit.force_login(factories.create_user(venue=palm), backend="django.contrib.auth.backends.ModelBackend")
    visit.post(reverse("account_logout"))
    assert visit.get("/staff/").status_code == 302


@pytest.mark.parametrize("name", ["account_change_password", "mfa_index", "usersessions_list", "account_logout"])
def test_pages_of_ones_own_account_stand_in_the_console(visit, palm, name):
    factories.create_user(venue=palm, name="sara")
    visit.post(reverse("account_login"), {"login": "sara", "password": "secret"})
    response = visit.get(reverse(name))
    assert response.status_code == 200
    assert 'class="side"' in response.text


@pytest.mark.parametrize("name", ["account_login", "account_reset_password", "account_signup"])
def test_pages_before_sign_in_wear_our_look(visit, db, name):
    response = visit.get(reverse(name))
    assert response.status_code == 200
    assert 'class="entrance"' in response.text


def test_a_password_is_changed(visit, palm):
    user = factories.create_user(venue=palm, name="sara")
    visit.post(reverse("account_login"), {"login": "sara", "password": "secret"})
    new = "a much longer secret"
    visit.post(reverse("account_change_password"), {"oldpassword": "secret", "password1": new, "password2": new})
    user.refresh_from_db()
    assert user.check_password(new)


def test_a_venues_own_host_has_no_sign_in(visit, palm):
    assert visit.get(reverse("account_login"), SERVER_NAME="palm.test").status_code == 404
