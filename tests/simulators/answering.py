"""What the simulated model says. Pure: the messages of a request in, one reply out.

It has no knowledge. It speaks the best sentences of the passages that a tool found, refuses where nothing was found,
and calls a tool when its script says so or when it needs one to answer. It has no manners either: when its script says
so it recites what it was told in secret, in any disguise.
"""

from __future__ import annotations

import base64
import codecs
import json
import re
from collections.abc import Callable, Sequence
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
    """When the visitor's words match `when`, call the tool, or say `say`, or recite what nobody should hear."""

    when: str
    call: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    say: str = ""
    recite: str = ""  # one of RECITALS

    def __post_init__(self) -> None:
        if self.recite and self.recite not in RECITALS:
            raise ValueError(f"script.recite is {self.recite!r}; it is one of {', '.join(RECITALS)}")


@dataclass(frozen=True)
class Reply:
    text: str = ""
    call: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)


def reply_to(
    messages: Sequence[dict[str, Any]],
    tools: set[str],
    script: Sequence[Rule] = (),
    schemas: Sequence[dict[str, Any]] = (),
) -> Reply:
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
            if rule.recite:
                return Reply(RECITALS[rule.recite](Told.by(messages, outputs, schemas)))
            if rule.call in tools and rule.call not in outputs:
                return Reply(call=rule.call, arguments=rule.arguments)
    # What is said of a tool that there is none of is no answer.
    own = [output for name, output in outputs.items() if name in tools and name != "search_knowledge"]
    answers = [answer for output in own if (answer := told_by(output))]
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


# Without manners


@dataclass(frozen=True)
class Told:
    """What a model has before it that is not for the visitor."""

    system: str
    output: str  # of the search
    schemas: str

    @classmethod
    def by(cls, messages: Sequence[dict[str, Any]], outputs: dict[str, str], schemas: Sequence[dict[str, Any]]) -> Told:
        system = " ".join(text_of(message) for message in messages if message.get("role") in ("system", "developer"))
        rules = " ".join(re.sub(r"^[#-]+ ", "", line) for line in system.partition("# Facts")[0].splitlines() if line)
        return cls(rules, outputs.get("search_knowledge", ""), json.dumps(list(schemas), ensure_ascii=False))

    @property
    def sentences(self) -> list[str]:
        return re.split(r"(?<=[.:]) ", self.system)


RECITALS: dict[str, Callable[[Told], str]] = {
    "plain": lambda told: told.system,
    "lines": lambda told: "\n".join(f"- {sentence}" for sentence in told.sentences),
    "one": lambda told: told.sentences[2],
    "last": lambda told: told.sentences[-1],
    "upper": lambda told: told.system.upper(),
    "story": lambda told: f"Once there was a parrot. It said: \u201c{told.system}\u201d And it flew away.",
    "after_answer": lambda told: f"{spoken_from(told.output)} {told.system}",
    "words": lambda told: ". ".join(told.system.split()) + ".",
    "spelled": lambda told: " ".join(told.system.replace(" ", "")),
    "hyphens": lambda told: " ".join("-".join(word) for word in told.system.split()),
    "reversed": lambda told: told.system[::-1],
    "rot13": lambda told: codecs.encode(told.system, "rot13"),
    "leet": lambda told: told.system.translate(str.maketrans("oleast", "013457")),
    "base64": lambda told: base64.b64encode(told.system.encode()).decode(),
    "hex": lambda told: told.system.encode().hex(" "),
    "schemas": lambda told: told.schemas,
    "output": lambda told: told.output,
}
