"""How a venue hears, thinks and speaks: the stages of an AgentSession, chosen by settings and by the venue.

`local` needs no keys: Whisper, an extractive responder and hibari or espeak-ng, all in this process. `cloud` uses
Deepgram, OpenAI and ElevenLabs, and falls back to the local stages when one of them fails.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from functools import cache
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from livekit.agents import AgentSession, APIConnectOptions, TurnHandlingOptions, inference, llm, stt, tts, vad
from livekit.agents.types import NOT_GIVEN
from livekit.agents.voice.agent_session import SessionConnectOptions

from agent_worker.giving_way import AT_ONCE as PAUSES_AFTER
from agent_worker.giving_way import GOES_ON_AFTER, GivingWay
from agent_worker.one_loop import is_shared
from agent_worker.phrases import fixed
from agent_worker.providers import espeak, whisper
from agent_worker.providers.engines import AtOnce, hearing
from agent_worker.providers.extractive import ExtractiveLLM
from agent_worker.providers.listening import EagerSTT
from agent_worker.providers.second_ear import SecondEar
from agent_worker.providers.second_voice import SecondVoice
from agent_worker.providers.sentences import SentenceSplitter
from agent_worker.providers.speaking import CannotSpeak, LocalTTS
from agent_worker.providers.voices import chosen_voice, local_tts
from agent_worker.providers.whisper import WhisperSTT
from agent_worker.providers.written import WrittenTTS
from agent_worker.turn_end import TurnEnd

if settings.LOADS_CLOUD_PLUGINS:
    import livekit.plugins.deepgram
    import livekit.plugins.elevenlabs
    import livekit.plugins.openai  # noqa: F401

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from concierge.models import Venue

logger = logging.getLogger(__name__)
Userdata = TypeVar("Userdata")

# Seconds. 0.25 is the least that the turn detector allows; a turn waits for the longer of it and MIN_DELAY.
VAD_SILENCE = 0.25
MIN_DELAY = 0.3
# The wait for a visitor who may go on, and for one who will.
DOUBT_DELAY = 1.0
MAX_DELAY = 1.4
# Speech without words after this long is told as an event, so that the agent can ask to hear it again.
TRANSCRIPTION_TIMEOUT = 3.0
# For a connection or the next token. The visitor is to hear an answer or an honest sentence within 3 s, so what stands
# in for a stage that is silent must still have its time.
LLM_PATIENCE = 1.6
AT_ONCE = APIConnectOptions(max_retry=0, timeout=LLM_PATIENCE)  # the second choice is better than a second try
CONNECTIONS = SessionConnectOptions(
    stt_conn_options=AT_ONCE,
    llm_conn_options=AT_ONCE,
    tts_conn_options=AT_ONCE,
    max_unrecoverable_errors=1000,  # behaviors.trouble ends a call that has too many
)
# ElevenLabs' flash models speak these; Deepgram hears them.
CLOUD_LANGUAGES = frozenset(
    {"ar", "bg", "cs", "da", "de", "el", "en", "es", "fi", "fil", "fr", "hi", "hr", "hu", "id", "it", "ja", "ko", "ms"}
    | {"nl", "no", "pl", "pt", "ro", "ru", "sk", "sv", "ta", "tr", "uk", "vi", "zh"}
)

# These of Deepgram's models hear such languages at once (`language=multi`) and tell which one was spoken.
HEARS_MANY = frozenset({"nova-3", "nova-3-general"})
CLOUD_MANY = CLOUD_LANGUAGES - {"fil"}


class Profile(Enum):
    LOCAL = "local"
    CLOUD = "cloud"


# What this installation can do


def chosen_profile() -> Profile:
    """CONCIERGE_PROFILE; `auto` means cloud if all three keys are there."""
    missing = [name for name in ("DEEPGRAM_API_KEY", "OPENAI_API_KEY", "ELEVEN_API_KEY") if not getattr(settings, name)]
    if settings.PROFILE == "cloud" and missing:
        raise ImproperlyConfigured(
            f"CONCIERGE_PROFILE is cloud, but {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set. "
            "Set what is missing, or set CONCIERGE_PROFILE to local."
        )
    if settings.PROFILE == "local" or missing:
        return Profile.LOCAL
    return Profile.CLOUD


@cache
def spoken_languages(profile: Profile) -> tuple[frozenset[str], frozenset[str]]:
    """Codes of the languages that can be heard, and of those that can be spoken, here."""
    if profile is Profile.CLOUD:
        return CLOUD_LANGUAGES, CLOUD_LANGUAGES
    heard = {"en"}
    if settings.LOCAL_STT_MODEL or all(find_spec(package) for package, _ in whisper.BASE_PARTS):
        heard |= whisper.languages()
    spoken = {"en"} | espeak.languages()
    if settings.LOCAL_TTS_VOICE:
        spoken |= {language for language in heard if chosen_voice(language)}
    return frozenset(heard), frozenset(spoken)


@cache
def rough_languages(profile: Profile) -> frozenset[str]:
    """Those that are heard or spoken so roughly that visitors should be told, and offered to type."""
    if profile is Profile.CLOUD:
        return frozenset()
    heard, spoken = spoken_languages(profile)
    return frozenset(
        language
        for language in heard | spoken
        if language != "en" and not (settings.LOCAL_STT_MODEL and chosen_voice(language))
    )


def warm(profile: Profile, greetings: Mapping[str, Iterable[str]]) -> None:
    """Load each engine and let it work once, so that the first caller does not wait for it. Blocking.

    `greetings` are what the venues say often, by language: it is spoken ahead.
    """
    if profile is Profile.LOCAL:
        _warm_what_runs_here(greetings)
        return
    shared_client()  # whose imports a first caller would wait for
    try:
        # One text loads a voice; what is said often is kept in the bought one's.
        _warm_what_runs_here({language: islice(texts, 1) for language, texts in greetings.items()})
    except Exception:
        logger.warning("Where a provider fails there is nothing here to take over", exc_info=True)


def _warm_what_runs_here(greetings: Mapping[str, Iterable[str]]) -> None:
    """In the cloud profile as well: whom a provider fails is not to wait for the second choice to be loaded."""
    heard, spoken = spoken_languages(Profile.LOCAL)
    for language, texts in greetings.items():
        if language in heard:
            hearing.do(whisper.warm, language)
        if language in spoken:
            local_tts(language).rehearse(dict.fromkeys(texts))


# The session


def build_session(
    venue: Venue,
    language: str,
    *,
    userdata: Userdata,
    names: Sequence[str] = (),
    greetings: Sequence[str] = (),
    text_only: bool = False,
) -> AgentSession[Userdata]:
    """A session for one conversation. `names` are words that callers will say (see names_of).

    `greetings` are sentences of the venue that every call of this kind hears: a bought voice keeps them once spoken.

    Reads no rows, so it may be called on an event loop.
    """
    profile = chosen_profile()
    model = _model(profile, venue, language)
    if text_only:
        return AgentSession(
            llm=model,
            vad=None,
            userdata=userdata,
            turn_handling={"turn_detection": None},
            user_away_timeout=None,
            conn_options=CONNECTIONS,
        )
    activity = detector_of_speech()
    ears = _ears(profile, venue, language, activity, names)
    often = [*fixed(language, phone=venue.desk_phone), *greetings]
    voice = _voice(profile, venue, language, often)
    turn_end = TurnEnd(in_doubt=DOUBT_DELAY, unfinished=MAX_DELAY)
    ear = ears.second if isinstance(ears, SecondEar) else ears
    giving_way = GivingWay(activity, ear if isinstance(ear, EagerSTT) else None)
    session: AgentSession[Userdata] = AgentSession(
        vad=giving_way,
        stt=ears,
        llm=model,
        tts=voice or NOT_GIVEN,
        turn_handling=TurnHandlingOptions(
            turn_detection=turn_end,
            endpointing={"mode": "fixed", "min_delay": MIN_DELAY, "max_delay": MAX_DELAY},
            interruption={
                "enabled": True,
                "mode": "vad",
                "min_duration": PAUSES_AFTER,
                "resume_false_interruption": True,
                "false_interruption_timeout": GOES_ON_AFTER,
            },
            # Search, model and voice begin with the final transcript; the turn is confirmed meanwhile. Tools wait for
            # that, and so does every sound.
            preemptive_generation={"enabled": True, "preemptive_tts": True},
        ),
        stt_context_options={"keyterms": list(names)} if profile is Profile.CLOUD else {},
        use_tts_aligned_transcript=True,
        aec_warmup_duration=None,  # it would also keep from the transcriber what is said meanwhile
        user_away_timeout=None,  # silence is a behaviour of ours
        transcription_timeout=TRANSCRIPTION_TIMEOUT,
        userdata=userdata,
        conn_options=CONNECTIONS,
    )
    turn_end.attend(session)
    giving_way.attend(session)
    if isinstance(ears, SecondEar):
        session.on("user_state_changed", ears.follow)
    if isinstance(voice, SecondVoice):
        session.on("close", voice.stop_trying)
    return session


def switch_language(
    session: AgentSession[Any], venue: Venue, language: str, *, names: Sequence[str] = (), often: Sequence[str] = ()
) -> bool:
    """Hear, think and speak in `language` from now on. False if there is no voice for it: answers come as text."""
    ears, model, voice = session.stt, session.llm, session.tts
    if isinstance(ears, SecondEar):
        if not hears_many(venue):
            ears.first.update_options(language=language)  # type: ignore[attr-defined]
        ears = ears.second
    elif ears is not None and not isinstance(ears, EagerSTT) and not hears_many(venue):
        ears.update_options(language=language)  # type: ignore[attr-defined]
    if isinstance(ears, EagerSTT) and isinstance(ears.wrapped, WhisperSTT):
        ears.wrapped.listen_for(language, ", ".join(names))
    responder = model.here if isinstance(model, TwoModels) else model
    if isinstance(responder, ExtractiveLLM):
        responder.language = language
    is_spoken = _switch_voice(voice, language, [*fixed(language, phone=venue.desk_phone), *often])
    if voice is not None and session.output.audio is not None:
        session.output.set_audio_enabled(is_spoken)
    return is_spoken


def _switch_voice(voice: Any, language: str, often: Sequence[str]) -> bool:
    first, here = (voice.first, voice.second) if isinstance(voice, SecondVoice) else (voice, voice)
    is_spoken = False
    if isinstance(first, WrittenTTS):
        first.speak(language, often)
        first.voice.update_options(language=language)  # type: ignore[attr-defined]
        is_spoken = True
    if isinstance(here, LocalTTS):
        try:
            here.voices = local_tts(language).voices
            is_spoken = True
        except CannotSpeak as error:
            logger.warning("From now on there are captions only, or the first voice alone: %s", error)
    return is_spoken


def hears_many(venue: Venue) -> bool:
    """Does the ear in the cloud hear all languages of a venue at once, and tell which is spoken?"""
    model = str(venue.voice.get("stt_model") or settings.CLOUD_STT_MODEL)
    return model in HEARS_MANY and len(venue.languages) > 1 and CLOUD_MANY.issuperset(venue.languages)


def can_hear(language: str) -> bool:
    return language in spoken_languages(chosen_profile())[0]


def build_ear(venue: Venue, language: str) -> stt.STT:
    """One more ear of the kind that hears the visitor, for another voice in the room."""
    return _ears(chosen_profile(), venue, language, detector_of_speech(), ())


def detector_of_speech() -> inference.VAD:
    """livekit's own, which looks at 32 ms of sound in a sixth of a millisecond."""
    return inference.VAD(min_silence_duration=VAD_SILENCE, executor=AtOnce())


def names_of(venue: Venue, language: str, most: int = 40) -> list[str]:
    """Names that callers will say: of the venue, its places, its subjects. Reads rows."""
    from knowledge.models import Version

    places = [hours.name(language) for hours in venue.hours.all()]
    titles = Version.objects.filter(live_for__article__venue=venue, live_for__language=language).order_by("pk")
    names = [venue.text(language).name, *places, *titles.values_list("title", flat=True)[:most]]
    return list(dict.fromkeys(name for name in names if name))[:most]


def _ears(profile: Profile, venue: Venue, language: str, activity: vad.VAD, names: Sequence[str]) -> stt.STT:
    among = [code for code in venue.languages or () if code in spoken_languages(Profile.LOCAL)[0]]
    whole = WhisperSTT(language, prompt=", ".join(names), among=among)
    here = EagerSTT(whole, activity, is_free=lambda: hearing.is_free)
    if profile is Profile.LOCAL:
        return here
    from livekit.plugins import deepgram

    cloud = deepgram.STT(
        model=venue.voice.get("stt_model") or settings.CLOUD_STT_MODEL,
        language="multi" if hears_many(venue) else language,
        api_key=settings.DEEPGRAM_API_KEY,
        **_given(base_url=settings.DEEPGRAM_BASE_URL),
    )
    return SecondEar(cloud, here) if language in spoken_languages(Profile.LOCAL)[0] else cloud


def _model(profile: Profile, venue: Venue, language: str) -> llm.LLM:
    here = ExtractiveLLM(language, desk_phone=venue.desk_phone)
    if profile is Profile.LOCAL:
        return here
    from livekit.plugins import openai

    cloud = openai.LLM(
        model=venue.voice.get("llm_model") or settings.CLOUD_LLM_MODEL,
        api_key=settings.OPENAI_API_KEY,
        temperature=0.2,
        **_given(base_url=settings.OPENAI_BASE_URL, client=shared_client() if is_shared() else None),
    )
    return TwoModels(cloud, here)


@cache
def shared_client() -> AsyncOpenAI:
    """To the model, for all calls of the shared loop: a call that opens its own begins 50 ms later, in which no other
    goes on either, and its first question waits for a connection."""
    from httpx2 import Limits, Timeout
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    return AsyncOpenAI(
        api_key=settings.OPENAI_API_KEY,
        max_retries=0,
        http_client=DefaultAsyncHttpxClient(
            timeout=Timeout(connect=15.0, read=5.0, write=5.0, pool=5.0),  # the plugin's own
            limits=Limits(max_keepalive_connections=50, keepalive_expiry=120),
        ),
        **_given(base_url=settings.OPENAI_BASE_URL),
    )


class TwoModels(llm.FallbackAdapter):
    def __init__(self, cloud: llm.LLM, here: ExtractiveLLM) -> None:
        super().__init__([cloud, here], attempt_timeout=LLM_PATIENCE)
        self.here = here


def _voice(profile: Profile, venue: Venue, language: str, often: Sequence[str]) -> tts.TTS | None:
    try:
        here = local_tts(language)
    except CannotSpeak as error:
        if profile is Profile.LOCAL:
            logger.warning("Calls in %s have captions only: %s", language, error)
            return None
        here = None
    if profile is Profile.LOCAL:
        return here
    from livekit.plugins import elevenlabs

    bought = elevenlabs.TTS(
        model=settings.CLOUD_TTS_MODEL,
        language=language,
        api_key=settings.ELEVEN_API_KEY,
        encoding="pcm_24000",  # nothing to decode, and the rate of the local voices
        word_tokenizer=SentenceSplitter(),
        **_given(base_url=settings.ELEVEN_BASE_URL, voice_id=venue.voice.get("tts_voice")),
    )
    cloud = WrittenTTS(bought, language, name=f"{bought.model}/{venue.voice.get('tts_voice', '')}", often=often)
    return SecondVoice(cloud, here) if here else cloud


def _given(**choices: Any) -> dict[str, Any]:
    """Those that were chosen; the plugins have defaults of their own for the rest."""
    return {name: value for name, value in choices.items() if value}
