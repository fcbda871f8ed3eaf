import gc
from datetime import datetime

import pytest
from django.contrib.auth.management import create_permissions
from django.contrib.contenttypes.management import create_contenttypes
from django.contrib.contenttypes.models import ContentType
from django.db.models.signals import post_migrate

from concierge.models import Venue
from tests import factories


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is imported stays to the end: the garbage collector walks it no more, which is a tenth of the time."""
    gc.disable()
    found = yield
    gc.freeze()
    gc.enable()
    return found


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup):
    """Tables are emptied after each test that commits; nobody here asks for the permissions that Django makes anew."""
    post_migrate.disconnect(create_permissions, dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)
    post_migrate.connect(forget_content_types)


def forget_content_types(**_):
    ContentType.objects.clear_cache()


@pytest.fixture
def palm(db):
    """A hotel at palm.test, in English and Arabic."""
    return factories.create_venue()


@pytest.fixture
def rival(db):
    """Another venue, whose staff must see nothing of ours."""
    return factories.create_venue(slug="rival", host="rival.test")


@pytest.fixture
def set_clock(monkeypatch):
    """set_clock("2026-12-02T09:00"): what the clocks of all venues show from now on."""

    def set_clock(moment: str) -> None:
        shown = datetime.fromisoformat(moment)
        monkeypatch.setattr(Venue, "now", lambda venue: shown.replace(tzinfo=venue.zone))

    return set_clock


@pytest.fixture
def livekit(monkeypatch):
    """LiveKit's server, for tests that need no room."""
    from tests.fakes import FakeLiveKit  # and with it LiveKit's agents, for which the process that deals out has no use
    from voice import lines, rooms

    lines.forget_addresses()
    fake = FakeLiveKit()
    for name in ("open_room", "close_room", "open_rooms", "steer"):
        monkeypatch.setattr(rooms, name, getattr(fake, name))
    return fake
