"""Composition root: call -> session -> agent -> behaviours.

Job functions live here and not in __main__, which the framework's fork server cannot import. Jobs share one process
with its models, and one event loop (agent_worker/one_loop.py).
"""

from __future__ import annotations

import logging
import threading
import time

from django.conf import settings
from django.core.exceptions import ValidationError
from livekit.agents import AgentServer, AgentSession, JobContext, JobExecutorType, JobProcess, JobRequest, cli
from livekit.agents.voice import room_io

from agent_worker import pipeline
from agent_worker.agent import Concierge
from agent_worker.behaviors.departure import end_with_the_visitor
from agent_worker.behaviors.goodbye import end_after_goodbye
from agent_worker.behaviors.greeting import greet, notice_when_reachable
from agent_worker.behaviors.happenings import show_happenings
from agent_worker.behaviors.language import follow_language
from agent_worker.behaviors.mishearing import admit_not_understanding
from agent_worker.behaviors.monologue import stop_monologues
from agent_worker.behaviors.opener import open_slow_answers, rehearse
from agent_worker.behaviors.recording import record_sound
from agent_worker.behaviors.ringing import ring_until_somebody_comes
from agent_worker.behaviors.search_ahead import search_ahead
from agent_worker.behaviors.silence import SPEAKING, TYPING, mind_silence
from agent_worker.behaviors.steering import obey_staff
from agent_worker.behaviors.time_limit import limit_time
from agent_worker.behaviors.transcript import StaffCaptions, record_transcript
from agent_worker.behaviors.trouble import admit_trouble
from agent_worker.behaviors.typing import answer_typed
from agent_worker.conversation import Conversation, off_the_loop, rows
from agent_worker.facts import greeting_of, load_facts
from agent_worker.frugal import be_frugal, overlook_what_stays
from agent_worker.mouth import Mouth
from agent_worker.one_loop import share_one_loop
from agent_worker.phrases import fixed
from agent_worker.providers.engines import loaded_once
from agent_worker.slots import FULL_LOAD, Slots
from agent_worker.tracing import send_traces
from concierge.models import Venue
from concierge.places import places_of
from knowledge import search
from voice.models import Call, agent_identity
from voice.rooms import AGENT_NAME

logger = logging.getLogger("agent_worker")

DRAIN_SECONDS = 60
MOST_IDLE = 8  # threads that wait for a call
LOOKS_AGAIN_AFTER = 600.0  # seconds
# The rate that transcribers and detectors want, so none of them resamples, and one window of the detector a frame:
# livekit's 50 ms would be heard in how soon the agent gives way. The browser has evened out the volume.
EAR = room_io.AudioInputOptions(sample_rate=16_000, frame_size_ms=32, auto_gain_control=False)
slots = Slots()
warming = threading.Lock()
warmed_at: float | None = None


def prewarm(process: JobProcess) -> None:
    """Load every model before the first call. Each call to come has a thread that asks for this as well, while others
    speak: it looks for what venues have added, and that only from time to time."""
    global warmed_at
    with warming:
        if warmed_at is None or time.monotonic() - warmed_at > LOOKS_AGAIN_AFTER:
            warm()
            warmed_at = time.monotonic()


def warm() -> None:
    greetings: dict[str, list[str]] = {}
    for venue in Venue.objects.prefetch_related("texts"):
        for language in venue.languages:
            said_often = [greeting_of(venue, language), *fixed(language, phone=venue.desk_phone)]
            greetings.setdefault(language, []).extend(said_often)
            places_of(venue, venue.now(), language)  # a country's holidays are made once
    pipeline.warm(slots.profile, greetings)
    settle()


@loaded_once
def settle() -> None:
    """Not again while calls go on: it would keep for good what they have made by then."""
    search.warm()
    overlook_what_stays()


server = AgentServer(
    job_executor_type=JobExecutorType.THREAD,
    setup_fnc=prewarm,
    load_fnc=slots.load,
    load_threshold=FULL_LOAD,
    # From it the framework guesses what the first calls weigh: fewer than there are slots, and it believes itself full.
    num_idle_processes=min(slots.total, MOST_IDLE),
    initialize_process_timeout=120,
    drain_timeout=DRAIN_SECONDS,
    ws_url=settings.LIVEKIT_URL,
    api_key=settings.LIVEKIT_API_KEY,
    api_secret=settings.LIVEKIT_API_SECRET,
    host="127.0.0.1",
    port=0,
    prometheus_port=settings.METRICS_PORT or None,
)


async def accept_or_refuse(request: JobRequest) -> None:
    if slots.take(request.id):
        await request.accept(name="Concierge", identity=agent_identity(request.job.metadata))
    else:
        await request.reject()


@server.rtc_session(agent_name=AGENT_NAME, on_request=accept_or_refuse)
async def entrypoint(ctx: JobContext) -> None:
    async def leave_the_slot() -> None:
        slots.release(ctx.job.id)

    ctx.add_shutdown_callback(leave_the_slot)
    call = await rows(find_call, ctx.job.metadata)
    if call is None:
        logger.warning("No call is waiting under %r; leaving the room", ctx.job.metadata)
        ctx.shutdown("no such call")
        return
    await hold(ctx, call)


async def hold(ctx: JobContext, call: Call) -> None:
    """One call, from the first word to the last."""
    is_typed = call.mode == Call.Mode.TEXT
    conversation = Conversation(venue=call.venue, language=call.language, call=call)
    facts = await rows(load_facts, call.venue, call.language)
    conversation.in_background(off_the_loop(lambda: search.warm(call.venue)))
    session: AgentSession[Conversation] = pipeline.build_session(
        call.venue,
        call.language,
        userdata=conversation,
        names=facts.names,
        greetings=[facts.greeting],
        text_only=is_typed,
    )
    captions = StaffCaptions(call)
    mouth = None if is_typed else Mouth(ctx.room)
    if mouth:
        session.output.audio = mouth
        ctx.add_shutdown_callback(mouth.aclose)

    record_transcript(ctx, session, captions)
    end_with_the_visitor(ctx, session)
    mind_silence(ctx, session, TYPING if is_typed else SPEAKING)
    limit_time(ctx, session)
    admit_not_understanding(session)
    stop_monologues(session)
    admit_trouble(ctx, session)
    obey_staff(ctx, session)
    show_happenings(ctx, session)
    open_slow_answers(session)
    search_ahead(session)
    follow_language(ctx, session)
    ring_until_somebody_comes(ctx, session)
    end_after_goodbye(ctx, session)
    answer_typed(ctx, session)

    await session.start(
        Concierge(facts),
        room=ctx.room,
        room_options=room_io.RoomOptions(
            audio_input=False if is_typed else EAR,
            audio_output=False,  # the mouth
            text_input=False,  # behaviors.typing
            text_output=room_io.TextOutputOptions(next_in_chain=captions),
            delete_room_on_close=True,
        ),
        session_host=False,  # a visitor could read the prompt through it
        record=False,  # its default uploads
    )
    if call.is_recorded and not is_typed:
        await record_sound(ctx, session, call)
    # The session listens before the room is joined, so that words from before are not lost; but whom it listens to
    # can only be said once it has joined: the visitor, and not whoever comes first.
    await ctx.connect()
    session.room_io.set_participant(call.visitor_identity)
    if mouth:
        mouth.open(call.visitor_identity)
    notice_when_reachable(ctx, conversation)
    await greet(session, facts, aloud=not is_typed)
    if not is_typed:
        conversation.in_background(rehearse(session))


def find_call(metadata: str) -> Call | None:
    try:
        return Call.objects.going_on().select_related("venue").get(pk=metadata)
    except (Call.DoesNotExist, ValidationError):  # the latter for what is no UUID
        return None


def run() -> None:
    """`python -m agent_worker start|dev`."""
    logging.getLogger().handlers.clear()  # the framework adds its own: every line would come twice
    be_frugal()
    share_one_loop()
    send_traces()
    try:
        cli.run_app(server)
    finally:
        slots.leave()
