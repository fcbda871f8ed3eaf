"""When the model has called end_call, the call ends after the goodbye has been spoken."""

from __future__ import annotations

from livekit.agents import AgentSession, FunctionToolsExecutedEvent, JobContext

from agent_worker.closing import hang_up
from agent_worker.conversation import Conversation


def end_after_goodbye(ctx: JobContext, session: AgentSession[Conversation]) -> None:
    @session.on("function_tools_executed")
    def executed(event: FunctionToolsExecutedEvent) -> None:
        if any(called.name == "end_call" and not output.is_error for called, output in event.zipped()):
            session.userdata.in_background(hang_up(ctx, session, "goodbye"))
