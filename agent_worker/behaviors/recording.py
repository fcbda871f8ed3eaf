"""The sound of a call whose visitor agreed is kept: the visitor left, the agent right, on one clock.

The framework's own recorder writes the file. It is put between session and room here and not by
`session.start(record=...)`, which would hand the sound to LiveKit's cloud where that is in use, and write it to a
directory that goes with the job. Staff who have taken over speak in the agent's place, so they are on the right as
well, as long as they have the call; who only listens has no voice in the room.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime

from livekit import rtc
from livekit.agents import AgentSession, JobContext, utils
from livekit.agents.voice.recorder_io import RecorderIO
from livekit.agents.voice.recorder_io.recorder_io import _Captured

from agent_worker.behaviors.staff_voice import frames_of, listen_to_staff
from agent_worker.conversation import Conversation, rows
from agent_worker.mouth import RATE
from voice import recordings
from voice.models import Call

logger = logging.getLogger(__name__)

RIGHT = 1  # the agent's side of the file


async def record_sound(ctx: JobContext, session: AgentSession[Conversation], call: Call) -> None:
    """From now until the job ends. A call whose sound cannot be kept goes on all the same."""
    if not session.input.audio or not session.output.audio:
        return
    path = recordings.path_of(call.pk)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        logger.exception("Call %s is not recorded", call.pk)
        return
    recorder = RecorderIO(agent_session=session)
    session.input.audio = recorder.record_input(session.input.audio)
    session.output.audio = recorder.record_output(session.output.audio)
    await recorder.start(output_path=path)

    async def keep(voice: rtc.Track) -> None:
        holder = session.userdata.staff_identity
        async for frame in frames_of(voice, RATE):
            if session.userdata.staff_identity != holder:
                return
            # The recorder has no door for a third voice, but adds up what it is given for one side.
            recorder._put(_Captured(channel=RIGHT, started_at=time.time() - frame.duration, frame=frame))

    staff = listen_to_staff(ctx, session, keep)

    async def finish() -> None:
        await utils.aio.cancel_and_wait(*staff.values())
        await recorder.aclose()

    ctx.add_shutdown_callback(finish)
    began = recorder.recording_started_at
    assert began is not None  # since start()
    await rows(call.begin_recording, datetime.fromtimestamp(began, tz=UTC))
