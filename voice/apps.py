from django.apps import AppConfig


class VoiceConfig(AppConfig):
    name = "voice"

    def ready(self) -> None:
        from knowledge import asked
        from voice.asked import recent_questions

        asked.register(recent_questions)
