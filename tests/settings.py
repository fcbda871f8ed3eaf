"""The suite runs on a data directory of its own and without keys; models prepared once stay in the user's cache."""

import atexit
import os
import shutil
import tempfile

_data = tempfile.mkdtemp(prefix="concierge-test-")
atexit.register(shutil.rmtree, _data, ignore_errors=True)
os.environ["CONCIERGE_DATA_DIR"] = _data
os.environ["CONCIERGE_PROFILE"] = "local"
for _name in ("REDIS_URL", "DEEPGRAM_API_KEY", "OPENAI_API_KEY", "ELEVEN_API_KEY"):
    os.environ.pop(_name, None)

from concierge.settings import *  # noqa: E402, F403
from concierge.settings import DATABASES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Else each new Client walks all static files first, nine tenths of the time of its request.
WHITENOISE_AUTOREFRESH = True
# channels-lite keeps the database name it was built with and so would miss the test database.
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
DATABASES.pop("channels", None)
DATABASE_ROUTERS = []
INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "channels_lite"]  # noqa: F405
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, so that threads of the agent see what the test committed.
    DATABASES["default"]["TEST"] = {"NAME": f"{_data}/test.sqlite3"}
