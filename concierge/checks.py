"""What is wrong with an installation, said before a visitor finds out, each with a hint.

Those that read rows run with `check --database default`, those that only matter in public with `check --deploy`.
"""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004
from django.db import DatabaseError

# The checks of this module that read no rows.
HOUSE = "concierge"
SHORTEST_SECRET_BYTES = 32
CLOUD_KEYS = ("DEEPGRAM_API_KEY", "OPENAI_API_KEY", "ELEVEN_API_KEY")

AppConfigs = Sequence[AppConfig] | None


@register(HOUSE)
def channel_layer_crosses_processes(app_configs: AppConfigs, **kwargs: Any) -> list[CheckMessage]:
    backend = str(settings.CHANNEL_LAYERS["default"]["BACKEND"])
    if not backend.startswith("channels.layers."):
        return []
    return [
        Error(
            f"The channel layer is {backend}, so words of the agent worker never reach the staff's pages.",
            hint="Set REDIS_URL, or leave it empty to use the SQLite layer.",
            id="concierge.E001",
        )
    ]


@register(HOUSE)
def livekit_secret_is_long_enough(app_configs: AppConfigs, **kwargs: Any) -> list[CheckMessage]:
    if len(settings.LIVEKIT_API_SECRET.encode()) >= SHORTEST_SECRET_BYTES:
        return []
    return [
        Warning(
            f"LIVEKIT_API_SECRET has fewer than {SHORTEST_SECRET_BYTES} bytes: visitors' tokens could be forged.",
            hint="Leave LIVEKIT_API_KEY and LIVEKIT_API_SECRET empty to have a pair made, or make a longer one with "
            "`livekit-server generate-keys`.",
            id="concierge.W002",
        )
    ]


@register(HOUSE)
def livekit_url_is_one(app_configs: AppConfigs, **kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"{name} is {value!r}, which is no address of a LiveKit server.",
            hint="Write it as ws://host:port or wss://host.",
            id="concierge.E003",
        )
        for name, value in (
            ("LIVEKIT_URL", settings.LIVEKIT_URL),
            ("LIVEKIT_PUBLIC_URL", settings.LIVEKIT_PUBLIC_URL),
        )
        if not value.startswith(("ws://", "wss://", "http://", "https://"))
    ]


@register(HOUSE)
def cloud_profile_has_its_keys(app_configs: AppConfigs, **kwargs: Any) -> list[CheckMessage]:
    missing = [name for name in CLOUD_KEYS if not getattr(settings, name)]
    if settings.PROFILE != "cloud" or not missing:
        return []
    return [
        Error(
            f"CONCIERGE_PROFILE is cloud, but {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set.",
            hint="Set the keys, or set CONCIERGE_PROFILE to local or auto.",
            id="concierge.E004",
        )
    ]


@register(Tags.security, deploy=True)
def rate_limits_are_shared(app_configs: AppConfigs, **kwargs: Any) -> list[CheckMessage]:
    if not settings.RATE_LIMIT_STORAGE.startswith("memory"):
        return []
    return [
        Warning(
            "Rate limits are counted in the memory of each web process.",
            hint="Set REDIS_URL, or run a single web process.",
            id="concierge.W005",
        )
    ]


@register(Tags.database)
def every_venue_has_a_domain(
    app_configs: AppConfigs, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    from concierge.models import Venue

    if "default" not in (databases or ()):
        return []
    try:
        homeless = list(Venue.objects.filter(domains=None).values_list("slug", flat=True))
    except DatabaseError:  # not migrated yet, which is not this check's news
        return []
    return [
        Warning(
            f"The venue {slug!r} has no domain, so no visitor can reach it.",
            hint="Add a domain to it in the admin, or make venues with `manage.py create_venue SLUG --host HOST`.",
            id="concierge.W006",
        )
        for slug in homeless
    ]


@register(Tags.database)
def demo_passwords_stay_at_home(
    app_configs: AppConfigs, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """With DEBUG off: do users of `seed_demo` still have the passwords that it prints for everyone to read?"""
    if settings.DEBUG or "default" not in (databases or ()):
        return []
    from concierge.demo_logins import still_valid

    try:
        names = [login.user for login in still_valid()]
    except DatabaseError:
        return []
    if not names:
        return []
    return [
        Warning(
            f"Anyone can sign in as {', '.join(names)}: they have the demo passwords.",
            hint="Give them other passwords with `manage.py changepassword NAME`, or delete them.",
            id="concierge.W007",
        )
    ]
