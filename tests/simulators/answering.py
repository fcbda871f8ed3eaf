"""What the simulated model says. Pure: the messages of a request in, one reply out.

It has no knowledge. It speaks the best sentences of the passages that a tool found, refuses where nothing was found,
and calls a tool when its script says so or when it needs one to answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

NEAR = 0.02  # a further sentence that is this near to the best is said as well
MOST_SENTENCES = 2
ARABIC = re.compile(r"[\u0600-\u06ff]")
SMALL_TALK = {
    "hello": re.compile(r"^(hello|hi|hey|good (morning|evening|afternoon)|مرحبا|السلام)", re.I),
    "thanks": re.compile(r"^(no,? )?(thanks|thank you|شكرا)", re.I),
    "goodbye": re.compile(r"^(goodbye|bye|مع السلامة)", re.I),
}
SENTENCES = {
    "hello": ("Hello, and welcome. What would you like to know?", "أهلاً وسهلاً. ماذا تودّ أن تعرف؟"),
    "thanks": ("You are welcome. Is there anything else?", "على الرحب والسعة. هل من شيء آخر؟"),
    "goodbye": ("Goodbye, and have a lovely day.", "مع السلامة، ونتمنى لك يوماً سعيداً."),
    "unknown": ("I am sorry, I have nothing written about that.", "عذراً، لا يوجد لدينا شيء مكتوب عن هذا."),
}


@dataclass(frozen=True)
class Rule:
    """When the visitor's words match `when`, call the tool, or say `say`."""

    when: str
    call: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    say: str = ""


@dataclass(frozen=True)
class Reply:
    text: str = ""
    call: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)


def reply_to(messages: Sequence[dict[str, Any]], tools: set[str], script: Sequence[Rule] = ()) -> Reply:
    asked = max((n for n, message in enumerate(messages) if message.get("role") == "user"), default=None)
    if asked is None:
        return Reply(SENTENCES["hello"][0])
    question = text_of(messages[asked]).strip()
    outputs = tool_outputs(messages[asked + 1 :])
    language = 1 if ARABIC.search(question) else 0
    for rule in script:
        if re.search(rule.when, question, re.I):
            if rule.say:
                return Reply(rule.say)
            if rule.call in tools and rule.call not in outputs:
                return Reply(call=rule.call, arguments=rule.arguments)
    answers = [answer for name, output in outputs.items() if name != "search_knowledge" and (answer := told_by(output))]
    if answers:
        return Reply(" ".join(answers))
    small_talk = next((key for key, pattern in SMALL_TALK.items() if pattern.search(question)), None)
    if small_talk:
        return Reply(SENTENCES[small_talk][language])
    if "search_knowledge" in outputs:
        found = spoken_from(outputs["search_knowledge"])
        return Reply(found or SENTENCES["unknown"][language])
    if "search_knowledge" in tools:
        return Reply(call="search_knowledge", arguments={"question": question})
    return Reply(SENTENCES["unknown"][language])


def text_of(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))


def tool_outputs(messages: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The last output of each tool that was called, by its name."""
    names: dict[str, str] = {}
    outputs: dict[str, str] = {}
    for message in messages:
        for call in message.get("tool_calls") or []:
            names[call["id"]] = call["function"]["name"]
        if message.get("role") == "tool":
            outputs[names.get(message.get("tool_call_id", ""), "")] = text_of(message)
    return outputs


def told_by(output: str) -> str:
    """What a tool other than the search wants to be said."""
    try:
        parsed = json.loads(output)
    except json.JSONDecodeError:
        return output
    if isinstance(parsed, dict):
        return str(parsed.get("sentence") or "")
    return str(parsed) if parsed else ""


def spoken_from(output: str) -> str:
    """The best sentences of the first passage, in the order in which they are written; empty if nothing was found."""
    try:
        found = json.loads(output)
    except json.JSONDecodeError:
        return ""
    if not isinstance(found, dict) or not found.get("found") or not found.get("passages"):
        return ""
    scored = [(str(text), float(score)) for text, score in found["passages"][0].get("sentences", [])]
    if not scored:
        return ""
    best = max(score for _, score in scored)
    near = sorted((n for n, (_, score) in enumerate(scored) if score >= best - NEAR), key=lambda n: -scored[n][1])
    return " ".join(scored[n][0] for n in sorted(near[:MOST_SENTENCES]))
