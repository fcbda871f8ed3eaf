"""How calls and turns are put into words on the staff's pages."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.utils.translation import get_language, gettext, gettext_lazy

from voice.auditing import DONE

register = template.Library()

# In the order in which they happen between the visitor's last word and the agent's first.
STAGES = {
    "end_of_turn_ms": gettext_lazy("end of turn"),
    "stt_ms": gettext_lazy("transcription"),
    "search_ms": gettext_lazy("search"),
    "llm_ms": gettext_lazy("model"),
    "tts_ms": gettext_lazy("voice"),
}
END_REASONS = {
    "goodbye": gettext_lazy("the concierge said goodbye"),
    "silence": gettext_lazy("nobody spoke any more"),
    "longest_call": gettext_lazy("the longest time was reached"),
    "staff": gettext_lazy("ended by staff"),
    "error": gettext_lazy("something failed"),
    "hung_up": gettext_lazy("the visitor hung up"),
    "visitor_left": gettext_lazy("the visitor left"),
    "room_finished": gettext_lazy("the visitor left"),
    "never_came": gettext_lazy("the visitor never came"),
    "lost": gettext_lazy("the line was lost"),
    "no_room": gettext_lazy("no line could be opened"),
}

# What staff did, as it stands between the turns.
VERBS = {
    "note": gettext_lazy("note"),
    "say": gettext_lazy("said"),
    "mute": gettext_lazy("muted the concierge"),
    "unmute": gettext_lazy("unmuted the concierge"),
    "type": gettext_lazy("took over by typing"),
    "talk": gettext_lazy("took over by voice"),
    "hand_back": gettext_lazy("handed back"),
    "listen": gettext_lazy("listens"),
    "end": gettext_lazy("ended the call"),
    "language": gettext_lazy("language changed"),
    "called_back": gettext_lazy("called the visitor back"),
}
FAILED = {
    "stt": gettext_lazy("hearing failed"),
    "llm": gettext_lazy("the model failed"),
    "tts": gettext_lazy("the voice failed"),
    "held_back": gettext_lazy("held back what was about to be said"),
    "not_taken": gettext_lazy("not done, since the visitor was away"),
}
# What managers decide (voice.keeping).
KEPT = {
    "records_calls": gettext_lazy("Record the sound of calls"),
    "masks_numbers": gettext_lazy("Mask numbers"),
    "retention_days": gettext_lazy("Days until a call is deleted"),
}
ORDERS = {"take_over": "type", "hang_up": "end"}  # those that staff know by another name
# Why something was held back; what it was is stored nowhere.
HELD_BACK = {
    "instructions": gettext_lazy("the concierge's own instructions"),
    "tools": gettext_lazy("the workings of its tools"),
    "another_venue": gettext_lazy("another venue"),
    "deed": gettext_lazy("something that it cannot have done"),
    "unsupported": gettext_lazy("nothing that is written here, after words that speak to a machine"),
}


@dataclass(frozen=True)
class Stage:
    name: str
    words: str
    start: str
    width: str


@dataclass(frozen=True)
class Timing:
    """A turn's stages as a bar of width 100, and the one number beside it."""

    stages: tuple[Stage, ...]
    seconds: str
    is_at_ear: bool

    @property
    def words(self) -> str:
        return ", ".join(stage.words for stage in self.stages)


@register.filter
def timing(metrics: Any) -> Timing | None:
    """What the metrics of a turn say; None if they say nothing. Keys that are unknown or wrong are passed over."""
    known = {key: float(value) for key, value in dict(metrics or {}).items() if _is_milliseconds(value)}
    lengths = {key: known[key] for key in STAGES if known.get(key)}
    whole = sum(lengths.values())
    is_at_ear = "ear_ms" in known  # 0 is an answer that cut the visitor off
    total = known["ear_ms"] if is_at_ear else known.get("total_ms") or whole
    if not total and not is_at_ear:
        return None
    stages, start = [], 0.0
    for key, length in lengths.items():
        width = 100 * length / whole
        words = gettext("%(stage)s %(ms)d ms") % {"stage": STAGES[key], "ms": round(length)}
        # Formatted here: a template would write 33,3 in some languages.
        stages.append(Stage(key.removesuffix("_ms"), words, f"{start:.2f}", f"{width:.2f}"))
        start += width
    return Timing(tuple(stages), f"{total / 1000:.2f}", is_at_ear)


def _is_milliseconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


@register.filter
def seconds(ms: float) -> str:
    """Milliseconds as seconds, such as 0.94, in any language."""
    return f"{ms / 1000:.2f}"


@register.filter
def stopwatch(seconds: float) -> str:
    """Seconds as 0:41, 12:05 or 1:02:03."""
    whole = int(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def elapsed(call: Any) -> int:
    """Whole seconds that a call has been live."""
    return int(call.minutes * 60)


@register.filter
def summary_lines(call: Any) -> list[str]:
    """The summary in the reader's language."""
    return str(call.summary.get(get_language() or "", "")).splitlines()


@register.filter
def audit_verb(entry: Any) -> str:
    return str(DONE.get(entry.verb, entry.verb))


@register.filter
def changes_of(entry: Any) -> str:
    """Such as "Days until a call is deleted: 7 (before: 30)"."""
    changes = entry.details.get("changes", {})
    return " · ".join(
        gettext("%(name)s: %(new)s (before: %(old)s)")
        % {"name": KEPT.get(name, name), "new": on_or_off(new), "old": on_or_off(old)}
        for name, (old, new) in changes.items()
    )


def on_or_off(value: object) -> str:
    return (gettext("on") if value else gettext("off")) if isinstance(value, bool) else str(value)


@register.filter
def end_reason(call: Any) -> str:
    return str(END_REASONS.get(call.end_reason, call.end_reason.replace("_", " ")))


@register.filter
def happening_name(happening: Any) -> str:
    """Such as "noor: handed back"; a tool goes by the name that the model knows it by."""
    if happening.kind == "verb":
        done = VERBS.get(happening.name, happening.name)
        return f"{happening.user.get_username()}: {done}" if happening.user else str(done)
    if happening.kind == "error":
        return str(FAILED.get(happening.name, happening.name))
    return happening.name


@register.filter
def happening_text(happening: Any) -> str:
    if happening.name == "held_back":
        return str(HELD_BACK.get(happening.text, happening.text))
    if happening.name == "not_taken":
        return str(VERBS.get(ORDERS.get(happening.text, happening.text), happening.text))
    return str(happening.text)
