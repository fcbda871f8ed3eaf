"""What is counted of calls, for Prometheus. docs/monitoring.md explains each metric.

Counters and histograms count what this process did, since it started: turns where they are stored (the agent workers,
and web for what staff say), refusals where they are spoken (web). What stands in rows is voice.census.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Counter, Gauge, Histogram

BUCKETS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
# In the order in which a visitor waits for them; the last two are the whole wait, by the server's clock and the ear.
STAGES = ("end_of_turn", "stt", "search", "llm", "tts", "total", "ear")

TOKENS_REFUSED = Counter("concierge_tokens_refused", "Calls that were not let in, by reason.", ["reason"])
TURNS = Counter("concierge_turns", "Things said, by speaker and by whether it was an answer.", ["speaker", "answered"])
STAGE = Histogram("concierge_stage_seconds", "How long a part of an answer took.", ["stage"], buckets=BUCKETS)
GREETING = Histogram(
    "concierge_greeting_seconds", "From the click to the greeting, as visitors' pages say.", buckets=BUCKETS
)
WORKER_SLOTS = Gauge("concierge_worker_slots", "Calls that this worker can hold, and could still take.", ["state"])
ANSWERED = {True: "yes", False: "no", None: "none"}


def count_turn(speaker: str, is_answered: bool | None, metrics: Mapping[str, float]) -> None:
    TURNS.labels(str(speaker), ANSWERED[is_answered]).inc()
    observe_stages(metrics)


def observe_stages(metrics: Mapping[str, float]) -> None:
    """`metrics` are those of a turn: milliseconds by stage. Stages that are unknown are passed over."""
    for stage in STAGES:
        if f"{stage}_ms" in metrics:
            STAGE.labels(stage).observe(metrics[f"{stage}_ms"] / 1000)
