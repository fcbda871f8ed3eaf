from importlib import import_module

import pytest

from concierge.models import Venue
from tests.agent_worker.scene import Providers
from tests.simulators.deepgram import Deepgram
from tests.simulators.elevenlabs import ElevenLabs
from tests.simulators.openai import OpenAI
from tests.simulators.simulator import running

QUICK = {"first_token": 0.05, "tokens_per_second": 1000.0, "first_byte": 0.05}


@pytest.fixture
def somewhere() -> Venue:
    """A venue that is in no database."""
    return Venue(slug="palm", desk_phone="+971 4 555 0100")


@pytest.fixture
def providers(settings):
    """The cloud profile, on simulated providers that are quick. What they do not know fails the test."""
    for plugin in ("deepgram", "openai", "elevenlabs"):  # calls run in threads, where plugins refuse to be imported
        import_module(f"livekit.plugins.{plugin}")
    providers = Providers(Deepgram(), OpenAI(), ElevenLabs())
    for simulator in providers.all():
        simulator.control(delays=QUICK)
    settings.PROFILE = "cloud"
    for name in ("DEEPGRAM_API_KEY", "OPENAI_API_KEY", "ELEVEN_API_KEY"):
        setattr(settings, name, "simulated")
    with running(*providers.all()):
        settings.DEEPGRAM_BASE_URL = providers.ears.base_url
        settings.OPENAI_BASE_URL = providers.model.base_url
        settings.ELEVEN_BASE_URL = providers.voice.base_url
        yield providers
