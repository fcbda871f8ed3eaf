"""A Redis of our own on a free port, gone afterwards. The machine's redis-server; root installs it if it misses."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

from tests.browser.stack import DidNotStart, free_ports

PATIENCE_SECONDS = 20


@dataclass
class Redis:
    port: int = field(default_factory=lambda: free_ports(1)[0])
    folder: str = field(default_factory=lambda: tempfile.mkdtemp(prefix="concierge-redis-"))
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> Redis:
        command = [find(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.folder]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.1)
        raise DidNotStart("redis-server does not answer")

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=PATIENCE_SECONDS)
            self.process = None


def find() -> str:
    found = shutil.which("redis-server")
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", "-q", "redis-server"], check=False, stdout=subprocess.DEVNULL)
        found = shutil.which("redis-server")
    if not found:
        raise DidNotStart("redis-server is missing: sudo apt-get install redis-server")
    return found
