"""The visitor is greeted as soon as the agent's voice can be heard.

The greeting is handed over at once: the audio output holds it back until the visitor's browser has subscribed.
"""

from __future__ import annotations

from livekit.agents import AgentSession

from agent_worker.conversation import Conversation
from agent_worker.facts import Facts


def greet(session: AgentSession[Conversation], facts: Facts) -> None:
    session.say(facts.greeting)
