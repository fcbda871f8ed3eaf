"""Which voice speaks a language on this machine."""

from __future__ import annotations

from django.conf import settings

from agent_worker.providers import espeak
from agent_worker.providers.espeak import EspeakVoice
from agent_worker.providers.hibari import HibariVoice
from agent_worker.providers.piper import PiperVoice
from agent_worker.providers.speaking import LocalTTS, Voice


def local_tts(language: str) -> LocalTTS:
    """The best voice for `language` here. Raises CannotSpeak, which says what is missing, if there is none."""
    chosen = chosen_voice(language)
    if language != "en":
        # Sentences in English, such as those quoted in an Arabic answer, are left to the English voice.
        return LocalTTS([chosen or EspeakVoice(language), HibariVoice()])
    voices: list[Voice] = [chosen] if chosen else []
    voices.append(HibariVoice())
    if "ar" in espeak.languages():
        voices.append(EspeakVoice("ar"))  # for names that are written in Arabic letters
    return LocalTTS(voices)


def chosen_voice(language: str) -> PiperVoice | None:
    """The voice of LOCAL_TTS_VOICE, if it speaks `language`."""
    if not settings.LOCAL_TTS_VOICE:
        return None
    voice = PiperVoice(settings.LOCAL_TTS_VOICE)
    return voice if voice.language == language else None
