"""The whole house, for real, as `make run` starts it: on free ports and a data directory of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120
# Runs in `manage.py shell`, and answers each line with what it is worth.
LOOKING = """
import json, sys
from voice.models import Call, Worker

def turn(turn):
    cites = [citation.version.text.article.slug for citation in turn.citations.all()]
    names = ("speaker", "text", "metrics", "is_interrupted", "is_answered")
    return {name: getattr(turn, name) for name in names} | {"cites": cites, "said_at": turn.said_at.timestamp()}

def call(call):
    names = ("state", "end_reason")
    turns = [turn(spoken) for spoken in call.turns.all()]
    return {name: getattr(call, name) for name in names} | {"id": str(call.pk), "turns": turns}

def calls(venue):
    return [call(found) for found in Call.objects.filter(venue__slug=venue).order_by("opened_at")]

for line in sys.stdin:
    print(json.dumps(eval(line)), flush=True)
"""


class DidNotStart(Exception):
    pass


@dataclass
class Stack:
    """Started by `start()`, touched by HTTP and management commands only, stopped with Ctrl-C."""

    env: dict[str, str] = field(default_factory=dict)
    run: tuple[str, ...] = ("manage.py", "run")  # what Python is to run
    data_dir: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="concierge-stack-")))
    logins: dict[str, dict[str, str]] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    looking: subprocess.Popen[str] | None = None

    def start(self) -> Stack:
        port, livekit_port = free_ports(1)[0], free_ports(3)[0]
        self.port = port
        self.env = {
            **os.environ,
            "CONCIERGE_DATA_DIR": str(self.data_dir),
            "DJANGO_SETTINGS_MODULE": "concierge.settings",  # not the suite's own
            "CONCIERGE_PROFILE": "local",
            "PORT": str(port),
            "LIVEKIT_URL": f"ws://127.0.0.1:{livekit_port}",
            "TOKENS_PER_MINUTE_PER_ADDRESS": "1000",
            "PYTHONUNBUFFERED": "1",
            **self.env,
        }
        for name in ("REDIS_URL", "DATABASE_URL", "LIVEKIT_PUBLIC_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"):
            if name not in self.env.get("STACK_KEEPS", ""):
                self.env.pop(name, None)
        self.manage("setup")
        seeded = json.loads(self.manage("seed_demo", "--json"))
        self.logins = {login["user"]: login for login in seeded["logins"]}
        self.log = (self.data_dir / "run.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, *self.run],
            cwd=ROOT,
            env=self.env,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait_until_ready()
        return self

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process and self.process.poll() is not None:
                raise DidNotStart(self.tail())
            if self.get("/healthz", host="localhost")[0] == 200 and self.workers():
                return
            time.sleep(0.3)
        raise DidNotStart(self.tail())

    def workers(self) -> int:
        return self.look("Worker.objects.free_slots()") or 0

    def stop(self) -> None:
        self.look_away()
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)

    def tail(self, lines: int = 60) -> str:
        return "\n".join((self.data_dir / "run.log").read_text(errors="replace").splitlines()[-lines:])

    def manage(self, *args: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *args], cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=900
        )
        if done.returncode:
            raise DidNotStart(f"manage.py {' '.join(args)}: {done.stdout[-2000:]}{done.stderr[-4000:]}")
        return done.stdout

    def shell(self, code: str) -> str:
        """What a line of Python printed in `manage.py shell`; the last line of it."""
        lines = self.manage("shell", "-v", "0", "-c", code).strip().splitlines()
        return lines[-1] if lines else ""

    def calls(self, venue: str = "palm") -> list[dict[str, Any]]:
        """The venue's calls, oldest first, with their turns, as they are in the database now."""
        return self.look(f"calls({venue!r})")

    def look(self, expression: str) -> Any:
        """What an expression on the database is worth now.

        One process answers them all: Django takes seconds to start, and takes them from the calls that are looked at.
        """
        if self.looking is None or self.looking.poll() is not None:
            with (self.data_dir / "looking.log").open("ab") as log:
                self.looking = subprocess.Popen(
                    [sys.executable, "manage.py", "shell", "-v", "0", "-c", LOOKING],
                    cwd=ROOT,
                    env=self.env,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
        assert self.looking.stdin
        assert self.looking.stdout
        print(expression, file=self.looking.stdin, flush=True)
        answer = self.looking.stdout.readline()
        assert answer, (self.data_dir / "looking.log").read_text()
        return json.loads(answer)

    def look_away(self) -> None:
        """End the process of `look`."""
        if self.looking:
            self.looking.communicate()
            self.looking = None

    def url(self, host: str, path: str = "/") -> str:
        return f"http://{host}:{self.port}{path}"

    def token(self, *, host: str = "palm.localhost", **attributes: str) -> dict[str, Any]:
        """What the token view gives to any program that asks."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/voice/token",
            data=json.dumps({"participant_attributes": attributes}).encode(),
            headers={"Host": f"{host}:{self.port}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def get(self, path: str, *, host: str) -> tuple[int, bytes]:
        """By the Host header: not every system resolves *.localhost."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Host": f"{host}:{self.port}"})
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""


def free_ports(how_many: int) -> list[int]:
    """Consecutive free TCP ports: LiveKit takes three in a row."""
    for _ in range(200):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = probe.getsockname()[1]
        try:
            for port in range(first, first + how_many):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return list(range(first, first + how_many))
    raise DidNotStart("No free ports were found.")
