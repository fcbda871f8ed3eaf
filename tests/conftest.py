"""The suite runs on a data directory of its own; models prepared once stay in the user's cache."""

import os
import tempfile

os.environ["CONCIERGE_DATA_DIR"] = tempfile.mkdtemp(prefix="concierge-test-")
for name in ("REDIS_URL", "DEEPGRAM_API_KEY", "OPENAI_API_KEY", "ELEVEN_API_KEY"):
    os.environ.pop(name, None)
os.environ["CONCIERGE_PROFILE"] = "local"

import pytest  # noqa: E402

from tests import factories  # noqa: E402
from tests.fakes import FakeLiveKit  # noqa: E402


@pytest.fixture(autouse=True)
def fast_settings(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # channels-lite keeps the database name it was built with and so would miss the test database.
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


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
