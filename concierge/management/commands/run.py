"""All processes of the concierge together on this machine, until Ctrl-C. `make run` prepares it and then calls this."""

import argparse
import json
import os
import shlex
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError, connections
from django.utils import timezone
from honcho.manager import SIGNALS, Manager
from honcho.printer import Message, Printer

from concierge import checks, livekit_server
from concierge.demo_logins import still_valid
from concierge.models import Domain, Venue
from voice.models import Worker

# A call holds the agent worker for as long as it lasts; here somebody waits at a terminal.
ASK_AGAIN = timedelta(seconds=2)
# Nobody listens to these: they begin later, since the agent worker needs both cores of a small machine to begin, and
# take what calls leave of the processor. Linux shares it among sessions (`sched_autogroup_enabled`), of which each
# process here has its own, and looks at `nice` only within one.
CAN_WAIT = {"tasks", "tick"}
STAND_BACK = "{ echo 10 > /proc/self/autogroup; } 2>/dev/null; sleep 10; exec nice -n 10"
STILL_WAITING = timedelta(seconds=20)
LOOK_EVERY = timedelta(milliseconds=250)

SIGNALS[signal.SIGHUP] = {"name": "SIGHUP", "rc": 129}  # the terminal was closed


class Command(BaseCommand):
    help = "Run livekit-server, web, agent worker, task worker and tick together, until Ctrl-C."
    requires_system_checks = (checks.HOUSE,)  # the others load all pages, which the web process does anyway

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--setup", action="store_true", help="Do what `manage.py setup` does first.")

    def handle(self, *, setup: bool, **options: Any) -> None:
        if setup:
            call_command("setup", stdout=self.stdout)
        check_database()
        starts_livekit = wants_own_livekit()
        check_ports(with_livekit=starts_livekit)

        processes = commands()
        if starts_livekit:
            try:
                binary = livekit_server.find_or_get((lambda line: None) if setup else self.stdout.write)
            except livekit_server.NoLiveKit as problem:
                raise CommandError(str(problem)) from problem
            processes = {"livekit": [binary, "--config", livekit_server.write_config()], **processes}
        else:
            self.stdout.write(f"livekit-server: using the one at {settings.LIVEKIT_URL}")

        company = Company(LogPrinter(sys.stdout))
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        for name, command in processes.items():
            line = f"{STAND_BACK if name in CAN_WAIT else 'exec'} {shlex.join(map(str, command))}"
            company.add_process(name, line, env=environment, cwd=str(settings.BASE_DIR))
        connections.close_all()  # the manager forks
        company.loop()
        company.leave_nobody()

        if company.first_gone:
            name, code = company.first_gone
            raise CommandError(
                f"{name} stopped by itself with exit code {code}, so everything was stopped.", returncode=1
            )
        self.stdout.write("Everything is stopped.")
        if company.returncode != SIGNALS[signal.SIGINT]["rc"]:  # Ctrl-C is how it is meant to end
            sys.exit(company.returncode)


def commands() -> dict[str, list[str | Path]]:
    """What runs beside livekit-server, by the name in front of its log lines."""
    python, manage = sys.executable, str(settings.BASE_DIR / "manage.py")
    return {
        "web": [python, "-m", "daphne", "-b", "127.0.0.1", "-p", str(settings.PORT), "concierge.asgi:application"],
        "agent": [python, "-m", "agent_worker", "start"],
        "tasks": [python, manage, "db_worker", "--skip-checks", "--no-startup-delay", "--no-reload"],
        "tick": [python, manage, "tick", "--skip-checks"],
    }


# Before the start


def check_database() -> None:
    try:
        Venue.objects.exists()
    except (OperationalError, ProgrammingError) as problem:
        raise CommandError(f"The database is not ready ({problem}): run `make setup` first.") from problem


def wants_own_livekit() -> bool:
    if not livekit_server.is_on_this_machine():
        return False
    return livekit_server.is_port_free(livekit_server.ports().signal) or not livekit_server.answers_to_our_key()


def check_ports(*, with_livekit: bool) -> None:
    """Raises CommandError, in one sentence, if a port that we need is taken."""
    if not livekit_server.is_port_free(settings.PORT, address="127.0.0.1"):
        raise CommandError(
            f"Port {settings.PORT} is taken by another program: stop it, or choose another port, "
            f"such as PORT={settings.PORT + 100} make run."
        )
    if not with_livekit:
        return
    ports = livekit_server.ports()
    for port, udp in ((ports.signal, False), (ports.tcp, False), (ports.udp, True)):
        if not livekit_server.is_port_free(port, udp=udp):
            raise CommandError(
                f"Port {port}{' (UDP)' if udp else ''}, which livekit-server needs, is taken by another program: stop "
                f"it, or choose other ports, such as LIVEKIT_URL=ws://127.0.0.1:{ports.signal + 100} make run "
                "(that port and the two after it)."
            )


# While it runs


def of_the_agent(line: str) -> str:
    """A line of the agent worker's log, which is JSON, as a person reads it."""
    try:
        record = json.loads(line)
        words = f"{record.pop('level')} {record.pop('name')}: {record.pop('message')}"
    except (ValueError, AttributeError, KeyError):
        return line
    error = record.pop("exc_info", None)
    details = " ".join(f"{key}={value}" for key, value in record.items() if key not in DULL and "." not in key)
    return "\n".join(filter(None, [f"{words} {details}".rstrip(), error]))


DULL = {"pid", "tid", "timestamp", "taskName", "packages"}
READABLE = {"livekit": livekit_server.readable, "agent": of_the_agent}


class LogPrinter(Printer):
    """honcho's printer, with lines that were meant for machines made readable, and some without a prefix."""

    def write(self, message: Message) -> None:
        if message.name in READABLE and isinstance(message.data, bytes):
            line = message.data.decode("utf-8", "replace").rstrip("\n")
            message = message._replace(data=READABLE[message.name](line))
        try:
            if message.name is None:
                print(message.data, file=self.output, flush=True)
            else:
                super().write(message)
        except OSError:
            pass  # the terminal is gone; what is left is to stop everything


class Company(Manager):
    """honcho's manager, which says when all is ready, insists when it is time to go, and leaves nobody behind."""

    first_gone: tuple[str, int] | None = None

    def _start(self) -> None:
        signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))
        super()._start()
        # Only now: the manager forks, which threads do not survive.
        threading.Thread(target=self._announce, daemon=True).start()

    def terminate(self) -> None:
        if self._terminating:
            return
        gone = {name: process["returncode"] for name, process in self._processes.items() if "returncode" in process}
        self.first_gone = next(iter(gone.items()), None)
        super().terminate()
        # A second signal makes those who wait for their work (calls, a task) stop without.
        again = threading.Timer(ASK_AGAIN.total_seconds(), self._killall)
        again.daemon = True
        again.start()

    def _killall(self, *, force: bool = False) -> None:
        # Ctrl-C may come before all have started; honcho would stumble over the one that has no pid yet.
        if all("pid" in process for process in self._processes.values()):
            super()._killall(force=force)

    def leave_nobody(self) -> None:
        """End what the processes themselves started and left: each was given a group of its own."""
        for process in self._processes.values():
            if pid := process.get("pid"):
                self._procmgr.kill(pid)

    def _announce(self) -> None:
        began, last_said = timezone.now(), time.monotonic()
        text = welcome()  # while the others start, since trying the demo passwords takes a second or two
        waiting = {"web": is_web_ready, "agent": lambda: has_heartbeat(since=began)}
        while waiting := {name: is_ready for name, is_ready in waiting.items() if not is_ready()}:
            time.sleep(LOOK_EVERY.total_seconds())
            if self._terminating:
                return
            if time.monotonic() - last_said > STILL_WAITING.total_seconds():
                last_said = time.monotonic()
                self._system_print(f"still waiting for: {', '.join(waiting)}\n")
        connections.close_all()
        self.events.put(Message(type="line", data=text, time=self._clock.now(), name=None, colour=None))


def is_web_ready() -> bool:
    health = f"http://127.0.0.1:{settings.PORT}/healthz"
    try:
        with urllib.request.urlopen(
            urllib.request.Request(health, headers={"Host": settings.CONSOLE_HOSTS[0]}), timeout=3
        ):
            return True
    except OSError:
        return False


def has_heartbeat(*, since: datetime) -> bool:
    # A row from an earlier run may still look fresh.
    return Worker.objects.filter(seen_at__gt=since).exists()


def welcome() -> str:
    """Where everything is, for whoever waits at the terminal."""
    port = "" if settings.PORT == 80 else f":{settings.PORT}"
    console = f"http://{settings.CONSOLE_HOSTS[0]}{port}"
    rows = [
        (domain.venue.text("en").name, f"http://{domain.host}{port}/")
        for domain in Domain.objects.select_related("venue").prefetch_related("venue__texts")
    ]
    rows += [("Staff", f"{console}/staff/"), ("Editors", f"{console}/knowledge/"), ("Operators", f"{console}/admin/")]
    lines = ["The concierge is ready.", "", *in_columns(rows)]
    if logins := still_valid():
        lines += ["", "Demo logins (user, password, role):", *in_columns(login[:3] for login in logins)]
    lines += ["", "Ctrl-C stops everything."]
    rule = "=" * (max(map(len, lines)) + 4)
    return "\n".join(["", rule, *(f"  {line}".rstrip() for line in lines), rule, ""])


def in_columns(rows: Iterable[Sequence[str]]) -> list[str]:
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
