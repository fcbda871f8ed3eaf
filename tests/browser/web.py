"""The web process alone, for real: Daphne with its sockets and channel layer, on a database of its own.

Calls are rows, and what happens in them is told by `tests.crowd` from a process of its own, as agent workers do.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from tests.browser.stack import ROOT, DidNotStart, Stack, free_ports

START_SECONDS = 90


@dataclass
class Web(Stack):
    """`env` may name a REDIS_URL; without it the channel layer is SQLite's."""

    extra: dict[str, str] = field(default_factory=dict)
    log: Any = None

    def prepare(self) -> Web:
        self.port = free_ports(1)[0]
        self.env = {
            **os.environ,
            "CONCIERGE_DATA_DIR": str(self.data_dir),
            "DJANGO_SETTINGS_MODULE": "concierge.settings",
            "CONCIERGE_PROFILE": "local",
            "PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
        }
        for name in ("REDIS_URL", "DATABASE_URL"):
            self.env.pop(name, None)
        self.env |= self.extra
        self.manage("migrate", "-v", "0")
        if "REDIS_URL" not in self.env:
            self.manage("migrate", "-v", "0", "--database", "channels")
        self.crowd("fill")
        self.logins = {"noor": {"user": "noor", "password": "secret"}}
        return self

    def start(self) -> Web:
        if not self.env.get("PORT"):
            self.prepare()
        self.log = (self.data_dir / "run.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(self.port), "concierge.asgi:application"],
            cwd=ROOT,
            env=self.env,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise DidNotStart(self.tail())
            if self.get("/accounts/login/", host="localhost")[0] == 200:
                return self
            time.sleep(0.2)
        raise DidNotStart(self.tail())

    def crowd(self, *args: str) -> str:
        """What `tests.crowd` printed."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.crowd", *args],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=600,
        )
        if done.returncode:
            raise DidNotStart(f"tests.crowd {' '.join(args)}: {done.stderr[-4000:]}")
        return done.stdout

    def start_crowd(self, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.crowd", *args],
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
