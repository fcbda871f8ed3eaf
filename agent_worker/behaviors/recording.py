"""The sound of a call whose visitor agreed is kept: the visitor left, the agent right, on one clock.

The framework's own recorder writes the file. It is put between session and room here and not by
`session.start(record=...)`, which would hand the sound to LiveKit's cloud where that is in use, and write it to a
directory that goes with the job. What staff say aloud passes by the agent and so is not in it.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from livekit.agents import AgentSession, JobContext
from livekit.agents.voice.recorder_io import RecorderIO

from agent_worker.conversation import Conversation, rows
from voice import recordings
from voice.models import Call

logger = logging.getLogger(__name__)


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

    async def finish() -> None:
        await recorder.aclose()

    ctx.add_shutdown_callback(finish)
    began = recorder.recording_started_at
    assert began is not None  # since start()
    await rows(call.begin_recording, datetime.fromtimestamp(began, tz=UTC))
