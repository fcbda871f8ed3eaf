import pytest

from tests import factories
from tests.fakes import FakeLiveKit


@pytest.fixture
def palm(db):
    """A hotel at palm.test, in English and Arabic."""
    return factories.create_venue()


@pytest.fixture
def rival(db):
    """Another venue, whose staff must see nothing of ours."""
    return factories.create_venue(slug="rival", host="rival.test")


@pytest.fixture
def livekit(monkeypatch):
    """LiveKit's server, for tests that need no room."""
    from voice import lines, rooms

    lines.forget_addresses()
    fake = FakeLiveKit()
    for name in ("open_room", "close_room", "open_rooms", "steer"):
        monkeypatch.setattr(rooms, name, getattr(fake, name))
    return fake
