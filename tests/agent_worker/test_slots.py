from types import SimpleNamespace

from prometheus_client import REGISTRY

from agent_worker.slots import Slots


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
