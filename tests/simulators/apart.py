"""The three providers in a process of their own, for benches."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from urllib.parse import urljoin

from tests.browser.stack import ROOT


@dataclass
class Simulators:
    """The three providers, in a process of their own."""

    process: subprocess.Popen[str]
    env: dict[str, str]

    @classmethod
    def start(cls) -> Simulators:
        # A bench says beforehand what will be said. A sound behind that is nothing, and worth no second of Whisper's.
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.simulators", "--port", "0", "--whisper", ""],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout
        lines = [process.stdout.readline().strip() for _ in range(8)]
        env = dict(line.split("=", 1) for line in lines if "=" in line)
        return cls(process, env)

    def control(self, provider: str, **settings: object) -> dict:
        """Set something at DEEPGRAM, OPENAI or ELEVEN; without settings, what was asked there so far."""
        address = re.sub(r"^ws", "http", self.env[f"{provider}_BASE_URL"])
        request = urllib.request.Request(
            urljoin(address, "/control"),
            data=json.dumps(settings).encode() if settings else None,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)
