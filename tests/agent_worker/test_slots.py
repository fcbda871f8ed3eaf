from types import SimpleNamespace

from django.db import OperationalError
from prometheus_client import REGISTRY

from agent_worker.slots import FULL_LOAD, Slots


def test_a_database_that_is_away_for_a_moment_does_not_end_the_heartbeat(settings, monkeypatch):
    def away(self, free):
        raise OperationalError("database is locked")

    monkeypatch.setattr(Slots, "beat", away)
    settings.WORKER_SLOTS = 2
    server = SimpleNamespace(active_jobs=[SimpleNamespace(job=SimpleNamespace(id="a call"))], draining=False, id="W1")
    assert Slots().load(server) == FULL_LOAD / 2


def test_prometheus_sees_the_slots_of_this_worker(settings):
    settings.WORKER_SLOTS = 3
    slots = Slots()
    server = SimpleNamespace(active_jobs=[], draining=False, id="unregistered")
    slots.take("a call")
    slots.load(server)
    seen = [REGISTRY.get_sample_value("concierge_worker_slots", {"state": state}) for state in ("total", "free")]
    assert seen == [3, 2]
    server.draining = True
    slots.load(server)
    assert REGISTRY.get_sample_value("concierge_worker_slots", {"state": "free"}) == 0
