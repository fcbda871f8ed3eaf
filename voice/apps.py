from django.apps import AppConfig


class VoiceConfig(AppConfig):
    name = "voice"

    def ready(self) -> None:
        from concierge import metrics
        from knowledge import asked, indexing
        from voice import gaps, review
        from voice.asked import recent_questions
        from voice.census import Rows
        from voice.models import calls

        calls.after_a_turn.append(gaps.after_a_turn)
        calls.after_the_end.append(review.after_the_call)
        indexing.after_publish.append(gaps.replay_after_commit)
        asked.register(recent_questions)
        metrics.ROWS.register(Rows())
