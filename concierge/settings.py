"""One file, environment in. Every value has a default that runs on one machine; a wrong value stops the start.

docs/settings.md explains each variable; a test holds the two together.
"""

from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONCE

from concierge.secrets import load_or_create

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if (BASE_DIR / ".env").exists():  # else every process would log that it does not
    environ.Env.read_env(BASE_DIR / ".env")

DATA_DIR = Path(env("CONCIERGE_DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)
_generated = load_or_create(DATA_DIR / "secrets.json")

# Core

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env("SECRET_KEY", default=_generated["secret_key"])
PORT = env.int("PORT", default=8000)
# HostMiddleware decides which hosts exist, since venues bring their own; Django would answer 400 instead of 404.
ALLOWED_HOSTS = ["*"]
CONSOLE_HOSTS = env.list("CONSOLE_HOSTS", default=["localhost", "127.0.0.1"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Proxies between visitors and us that are trusted to append to X-Forwarded-For.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
if env.bool("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "channels_lite",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_tasks",
    "django_tasks_db",
    "concierge",
    "knowledge",
    "voice",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "concierge.middleware.HostMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
]

ROOT_URLCONF = "concierge.urls"
ASGI_APPLICATION = "concierge.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["concierge.templatetags.look"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Storage

_SQLITE = {
    # IMMEDIATE: a transaction that will write takes the lock when it begins, and waits for it, instead of failing
    # half-way when another process (web, agent worker, task worker) was faster.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'concierge.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = _SQLITE
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)

REDIS_URL = env("REDIS_URL", default="")
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL]},
        }
    }
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
else:
    DATABASES["channels"] = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "channels.sqlite3",
        "OPTIONS": _SQLITE,
        "CONN_MAX_AGE": 60,
    }
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_lite.layers.core.SQLiteChannelLayer",
            # Capacity counts a whole process here, not one socket.
            "CONFIG": {"database": "channels", "capacity": 2000, "polling_interval": 0.05},
        }
    }
    DATABASE_ROUTERS = ["channels_lite.router.ChannelsRouter"]
RATE_LIMIT_STORAGE = REDIS_URL or "memory://"

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

# Static files

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True

# Languages and time

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ar", "العربية")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_I18N = USE_TZ = True

# Signing in (console host only)

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_REDIRECT_URL = "/staff/"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "concierge.access.InvitedOnly"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
EMAIL_BACKEND = env("EMAIL_BACKEND", default="django.core.mail.backends.console.EmailBackend")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# LiveKit

LIVEKIT_URL = env("LIVEKIT_URL", default="ws://127.0.0.1:7880")
LIVEKIT_PUBLIC_URL = env("LIVEKIT_PUBLIC_URL", default=LIVEKIT_URL)
LIVEKIT_API_KEY = env("LIVEKIT_API_KEY", default=_generated["livekit_api_key"])
LIVEKIT_API_SECRET = env("LIVEKIT_API_SECRET", default=_generated["livekit_api_secret"])

# Calls

TOKENS_PER_MINUTE_PER_ADDRESS = env.int("TOKENS_PER_MINUTE_PER_ADDRESS", default=30)
# A call that staff have taken over goes back to the agent when their page has been away for so long.
STAFF_AWAY_SECONDS = env.int("STAFF_AWAY_SECONDS", default=8)
# Staff on shift are rung again after so long when a visitor waits for a person; three rings in all.
RING_AGAIN_SECONDS = env.int("RING_AGAIN_SECONDS", default=20)
# Calls that one worker takes at once; 0 lets it choose by its cores and profile.
WORKER_SLOTS = env.int("WORKER_SLOTS", default=0)

# Where the worker writes the sound of calls, and the web process reads it.
RECORDINGS_DIR = Path(env("RECORDINGS_DIR", default="") or DATA_DIR / "recordings")

# Voice

PROFILE = env("CONCIERGE_PROFILE", default="auto")
if PROFILE not in {"auto", "local", "cloud"}:
    raise environ.ImproperlyConfigured(f"CONCIERGE_PROFILE is {PROFILE!r}; set it to auto, local or cloud.")
DEEPGRAM_API_KEY = env("DEEPGRAM_API_KEY", default="")
DEEPGRAM_BASE_URL = env("DEEPGRAM_BASE_URL", default="")
OPENAI_API_KEY = env("OPENAI_API_KEY", default="")
OPENAI_BASE_URL = env("OPENAI_BASE_URL", default="")
ELEVEN_API_KEY = env("ELEVEN_API_KEY", default="")
ELEVEN_BASE_URL = env("ELEVEN_BASE_URL", default="")
# LiveKit's plugins for the cloud can be imported on the main thread only, so who may need them does it at the start.
# Without keys they stay out: a web process in which an editor tries a question needs neither them nor its main thread.
LOADS_CLOUD_PLUGINS = PROFILE != "local" and bool(DEEPGRAM_API_KEY and OPENAI_API_KEY and ELEVEN_API_KEY)
CLOUD_STT_MODEL = env("CLOUD_STT_MODEL", default="nova-3")
CLOUD_LLM_MODEL = env("CLOUD_LLM_MODEL", default="gpt-4.1-mini")
CLOUD_TTS_MODEL = env("CLOUD_TTS_MODEL", default="eleven_flash_v2_5")
LOCAL_STT_MODEL = env("LOCAL_STT_MODEL", default="")
LOCAL_TTS_VOICE = env("LOCAL_TTS_VOICE", default="")
# Answers questions in text: registers itself with voice.answering when it is imported.
RESPONDER = "agent_worker.asking"
EMBEDDER = env("EMBEDDER", default="knowledge.embedding.LocalE5AndMiniLM")
CACHE_DIR = Path(
    env(
        "CONCIERGE_CACHE_DIR",
        default=str(Path(env("XDG_CACHE_HOME", default=str(Path.home() / ".cache"))) / "concierge"),
    )
)
MODELS_DIR = CACHE_DIR / "models"

# Monitoring (off by default)

METRICS_TOKEN = env("METRICS_TOKEN", default="")
METRICS_PORT = env.int("METRICS_PORT", default=0)
OTEL_EXPORTER_OTLP_ENDPOINT = env("OTEL_EXPORTER_OTLP_ENDPOINT", default="")

# Browser policy

_livekit_host = urlsplit(LIVEKIT_PUBLIC_URL)
_livekit_sources = [f"{scheme}://{_livekit_host.netloc}" for scheme in ("ws", "wss", "http", "https")]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        # LiveKit's server answers from another port or host; sockets of our own are same-origin.
        "connect-src": ["'self'", *_livekit_sources],
        "img-src": ["'self'", "data:"],
        "media-src": ["'self'", "blob:"],
        "script-src": ["'self'", NONCE],
        "style-src": ["'self'", NONCE],
        "worker-src": ["'self'", "blob:"],
        "frame-ancestors": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
    }
}
PERMISSIONS_POLICY = {"microphone": "self", "autoplay": "self", "camera": [], "geolocation": []}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", default="INFO")},
    "loggers": {
        "daphne": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
    },
}
