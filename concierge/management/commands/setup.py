"""Everything before anything can be started: database, livekit-server, models, demo venues. Safe to run twice."""

import argparse
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from concierge import livekit_server
from concierge.models import Venue


class Command(BaseCommand):
    help = "Prepare this machine: database, livekit-server, models, demo venues. Safe to run twice."
    requires_system_checks = ()  # the database may not be there yet

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--no-demo", action="store_true", help="Leave out the demo venues and their logins.")
        parser.add_argument("--no-livekit", action="store_true", help="Leave out livekit-server.")

    def handle(self, *, no_demo: bool, no_livekit: bool, **options: Any) -> None:
        self.stdout.write(f"Data: {settings.DATA_DIR} (database, uploads, generated secrets)")
        self.migrate()
        if not no_livekit:
            self.get_livekit()
        self.prepare_models()
        if not no_demo:
            self.seed()
        self.stdout.write(self.style.SUCCESS("Setup is complete."))

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """A step that takes a while: named when it begins, timed when it ends."""
        self.say(f"{what} ...")
        began = time.monotonic()
        yield
        self.say(f"{what}: done in {time.monotonic() - began:.1f} s")

    def migrate(self) -> None:
        self.migrate_database("default", "Database")
        if "channels" in settings.DATABASES:
            self.migrate_database("channels", "Channel layer", "channels_lite")

    def migrate_database(self, alias: str, what: str, *apps: str) -> None:
        executor = MigrationExecutor(connections[alias])
        leaves = [leaf for leaf in executor.loader.graph.leaf_nodes() if not apps or leaf[0] in apps]
        waiting = executor.migration_plan(leaves)
        if not waiting:
            self.say(f"{what}: up to date")
            return
        with self.step(f"{what}: {len(waiting)} migrations"):
            call_command("migrate", *apps, database=alias, interactive=False, verbosity=0, skip_checks=True)

    def get_livekit(self) -> None:
        if not livekit_server.is_on_this_machine():
            self.say(f"livekit-server: none is needed here, LIVEKIT_URL is {settings.LIVEKIT_URL}")
            return
        try:
            livekit_server.find_or_get(self.say)
        except livekit_server.NoLiveKit as problem:
            raise CommandError(str(problem)) from problem

    def prepare_models(self) -> None:
        # The models come from packages. Only to look whether they are prepared costs seconds of imports, hence the
        # stamp; a model that is lost all the same is prepared again where it is first used.
        choice = f"{settings.PROFILE} {settings.EMBEDDER}".encode()
        digest = hashlib.sha256((settings.BASE_DIR / "uv.lock").read_bytes() + choice).hexdigest()
        stamp = settings.MODELS_DIR / f"prepared-{digest[:16]}"
        if stamp.exists():
            self.say(f"Models: ready in {settings.MODELS_DIR}")
            return
        from knowledge import embedding

        embedding.prepare(self.say)
        if settings.PROFILE != "cloud":
            from agent_worker.providers import whisper

            with self.step("Speech model"):
                whisper.prepare()
        settings.MODELS_DIR.mkdir(parents=True, exist_ok=True)
        stamp.touch()

    def seed(self) -> None:
        # No users yet: an earlier setup was stopped half-way. Not only what is missing is made, since whoever
        # deleted the demo logins, as a check advises, does not want them back.
        if Venue.objects.exists() and User.objects.exists():
            self.say("Demo venues: left alone, since there are venues already (manage.py seed_demo restores them)")
            return
        with self.step("Demo venues"):
            call_command("seed_demo", verbosity=0, stdout=self.stdout)
