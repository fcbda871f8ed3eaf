from django.apps import AppConfig


class ConciergeConfig(AppConfig):
    name = "concierge"

    def ready(self) -> None:
        from concierge import checks  # noqa: F401
