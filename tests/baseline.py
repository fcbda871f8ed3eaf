"""The usual kind of agent, to compare with: one agent, search as a tool, the plugins' own settings.

Written as livekit's documentation shows it, with the same models, voices, providers, prompt and search as ours, so
that what differs is how they are put together. `house` runs everything as `make run` does, with this agent in it.
"""

from __future__ import annotations

import os
import sys

import django
from livekit.agents import RunContext


def house() -> None:
    """All processes, as `manage.py run` starts them, but for the agent worker."""
    from django.core.management import call_command

    from concierge.management.commands import run

    ours = run.commands

    def commands() -> dict[str, list]:
        return {**ours(), "agent": [sys.executable, "-m", "tests.baseline", "start"]}

    run.commands = commands
    call_command("run")


def worker() -> None:
    from django.conf import settings
    from livekit.agents import (
        Agent,
        AgentServer,
        AgentSession,
        JobContext,
        JobExecutorType,
        cli,
        function_tool,
        inference,
    )
    from livekit.plugins import deepgram, elevenlabs, openai

    from agent_worker.conversation import PASSAGES, off_the_loop, rows
    from agent_worker.facts import load_facts
    from agent_worker.slots import Slots
    from agent_worker.tools import passages
    from agent_worker.worker import find_call
    from knowledge.search import search, warm
    from voice.models import agent_identity
    from voice.rooms import AGENT_NAME

    slots = Slots()
    server = AgentServer(
        job_executor_type=JobExecutorType.THREAD,
        setup_fnc=lambda _: warm(),
        load_fnc=slots.load,
        num_idle_processes=2,
        ws_url=settings.LIVEKIT_URL,
        api_key=settings.LIVEKIT_API_KEY,
        api_secret=settings.LIVEKIT_API_SECRET,
        host="127.0.0.1",
        port=0,
    )

    async def accept(request) -> None:
        await request.accept(name="Concierge", identity=agent_identity(request.job.metadata))

    @server.rtc_session(agent_name=AGENT_NAME, on_request=accept)
    async def entrypoint(ctx: JobContext) -> None:
        call = await rows(find_call, ctx.job.metadata)
        venue, language = call.venue, call.language
        facts = await rows(load_facts, venue, language)

        @function_tool
        async def search_knowledge(context: RunContext, question: str) -> str:
            """Look up what this venue has written down."""
            return passages(
                await off_the_loop(lambda: search(venue, question, limit=PASSAGES, language=language)),
            )

        session = AgentSession(
            vad=inference.VAD(),
            stt=deepgram.STT(
                model=settings.CLOUD_STT_MODEL,
                language=language,
                api_key=settings.DEEPGRAM_API_KEY,
                base_url=settings.DEEPGRAM_BASE_URL,
            ),
            llm=openai.LLM(
                model=settings.CLOUD_LLM_MODEL, api_key=settings.OPENAI_API_KEY, base_url=settings.OPENAI_BASE_URL
            ),
            tts=elevenlabs.TTS(
                model=settings.CLOUD_TTS_MODEL,
                language=language,
                api_key=settings.ELEVEN_API_KEY,
                base_url=settings.ELEVEN_BASE_URL,
            ),
            turn_detection=inference.TurnDetector(version="v1-mini"),
        )
        await session.start(
            Agent(instructions=facts.instructions, tools=[search_knowledge]),
            room=ctx.room,
            session_host=False,
            record=False,
        )
        await ctx.connect()
        session.say(facts.greeting)

    cli.run_app(server)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "concierge.settings")
    django.setup()
    house() if sys.argv[1:] == ["house"] else worker()
