import pytest
from django.db import OperationalError, connection

from concierge import livekit_server


@pytest.fixture
def livekit_answers(monkeypatch):
    monkeypatch.setattr(livekit_server, "greet", lambda *, timeout: None)


def health(client, host="localhost"):
    return client.get("/healthz", headers={"host": host})


@pytest.mark.django_db
def test_all_is_well_while_every_part_answers(client, livekit_answers):
    response = health(client)
    assert response.status_code == 200
    assert response.json() == {"ok": True}
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_a_livekit_that_is_away_is_named(client, settings):
    settings.LIVEKIT_URL = "ws://127.0.0.1:1"
    response = health(client)
    assert response.status_code == 503
    assert response.json() == {"ok": False, "failing": ["livekit"]}


@pytest.mark.django_db
def test_a_database_that_is_away_is_named(client, livekit_answers, monkeypatch):
    def refuse():
        raise OperationalError("no such host")

    monkeypatch.setattr(connection, "cursor", refuse)
    response = health(client)
    assert response.status_code == 503
    assert response.json() == {"ok": False, "failing": ["database"]}


@pytest.mark.django_db
def test_a_channel_layer_that_is_away_is_named(client, livekit_answers, settings):
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": ["redis://127.0.0.1:1"]},
        }
    }
    response = health(client)
    assert response.status_code == 503
    assert response.json() == {"ok": False, "failing": ["channel layer"]}


def test_a_venue_has_no_health_page(client, palm):
    assert health(client, "palm.test").status_code == 404


@pytest.mark.django_db
def test_it_can_only_be_read(client):
    assert client.post("/healthz", headers={"host": "localhost"}).status_code == 405
