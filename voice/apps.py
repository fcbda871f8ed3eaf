from django.apps import AppConfig


class VoiceConfig(AppConfig):
    name = "voice"

    def ready(self) -> None:
        from concierge import metrics
        from knowledge import asked, indexing
        from voice import meters
        from voice.asked import recent_questions
        from voice.gaps import replay_after_commit

        indexing.after_publish.append(replay_after_commit)
        asked.register(recent_questions)
        metrics.ROWS.register(meters.Rows())
