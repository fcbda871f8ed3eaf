"""How many calls this worker takes at once, and its heartbeat row, which says so to the token view.

The worker refuses a call before it would make the others stutter; LiveKit then asks another worker, if there is one.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time

from django.conf import settings
from django.db import Error, close_old_connections
from django.utils import timezone
from livekit.agents import AgentServer

from agent_worker.pipeline import Profile, chosen_profile, rough_languages, spoken_languages
from voice import meters
from voice.models import Worker

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 5.0
LAUNCH_SECONDS = 30.0  # a call that was accepted but has not started by then has failed to
# LiveKit's server sends nothing to a worker whose load is 0.7 or more (its agents.target_load), so full is below that.
FULL_LOAD = 0.65
# With callers and all else on the same two cores, four calls wait as long as one; six stand at the knee
# (docs/performance.md).
SLOTS_PER_CORE = {Profile.LOCAL: 2, Profile.CLOUD: 2}


class Slots:
    def __init__(self) -> None:
        self.profile = chosen_profile()
        self.total = settings.WORKER_SLOTS or SLOTS_PER_CORE[self.profile] * (os.cpu_count() or 1)
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._taken: dict[str, float] = {}
        self._lock = threading.Lock()
        self._beat_at = 0.0
        self._beat_free = -1

    def take(self, job_id: str) -> bool:
        with self._lock:
            if len(self._taken) >= self.total:
                return False
            self._taken[job_id] = time.monotonic()
            return True

    def release(self, job_id: str) -> None:
        with self._lock:
            self._taken.pop(job_id, None)

    def load(self, server: AgentServer) -> float:
        """0 to FULL_LOAD, asked by the framework twice a second from a thread of its own; keeps the heartbeat going.

        Only calls that run: the framework adds those that were accepted and have not begun.
        """
        running = {job.job.id for job in server.active_jobs}
        now = time.monotonic()
        with self._lock:
            for job_id, since in list(self._taken.items()):
                if job_id not in running and now - since > LAUNCH_SECONDS:
                    del self._taken[job_id]
            taken = len(self._taken)
        free = 0 if server.draining else max(0, self.total - taken)
        meters.WORKER_SLOTS.labels("total").set(self.total)
        meters.WORKER_SLOTS.labels("free").set(free)
        is_registered = server.id != "unregistered"
        if is_registered and (free != self._beat_free or now - self._beat_at >= HEARTBEAT_SECONDS):
            self._beat_at, self._beat_free = now, free
            try:
                self.beat(free)
            except Error:  # raised from here it would end the framework's task that asks, and the heartbeat with it
                logger.exception("The heartbeat was not stored")
        return FULL_LOAD * len(running) / self.total

    def beat(self, free: int) -> None:
        close_old_connections()
        hears, speaks = spoken_languages(self.profile)
        Worker.objects.update_or_create(
            name=self.name,
            defaults={
                "seen_at": timezone.now(),
                "slots": self.total,
                "free_slots": free,
                "profile": self.profile.value,
                "hears": sorted(hears),
                "speaks": sorted(speaks),
                "rough": sorted(rough_languages(self.profile)),
            },
        )
        close_old_connections()

    def leave(self) -> None:
        """The worker is going: nobody shall be sent here any more."""
        Worker.objects.filter(name=self.name).delete()
