"""How many there are now, for Prometheus: read from rows, when it is asked for. What was counted is in meters."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Count, Sum
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from voice.models import Call, Worker


class Rows(Collector):
    """Calls by state, and the slots of all workers that are there."""

    def describe(self) -> Iterable[Metric]:
        return []  # else registering it would read rows

    def collect(self) -> Iterable[Metric]:
        calls = GaugeMetricFamily("concierge_calls", "Calls that are kept, by state.", labels=["state"])
        counts = dict(Call.objects.order_by().values_list("state").annotate(Count("pk")))
        for state in Call.State.values:
            calls.add_metric([state], counts.get(state, 0))
        yield calls

        present = Worker.objects.present().aggregate(total=Sum("slots"), free=Sum("free_slots"), workers=Count("pk"))
        slots = GaugeMetricFamily("concierge_slots", "Calls that all workers can hold.", labels=["state"])
        for state in ("total", "free"):
            slots.add_metric([state], present[state] or 0)
        yield slots
        yield GaugeMetricFamily("concierge_workers", "Agent workers that are there.", value=present["workers"])
