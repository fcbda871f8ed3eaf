"""Secrets that nobody has to think of: made once, kept in the data directory, readable by its owner only."""

import json
import os
import secrets
from pathlib import Path
from typing import TypedDict


class Secrets(TypedDict):
    secret_key: str
    livekit_api_key: str
    livekit_api_secret: str


def load_or_create(path: Path) -> Secrets:
    """The secrets stored at `path`, made there first if it does not exist.

    Several processes may start at once: the file is written aside and linked into place, so one wins whole
    and the others read the winner's.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        made = Secrets(
            secret_key=secrets.token_urlsafe(48),
            livekit_api_key=f"key{secrets.token_hex(6)}",
            livekit_api_secret=secrets.token_urlsafe(36),
        )
        aside.touch(mode=0o600)
        aside.write_text(json.dumps(made, indent=2))
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    return json.loads(path.read_text())
