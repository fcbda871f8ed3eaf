"""`make simulate`: the three providers on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import os
from contextlib import suppress
from dataclasses import fields

import django

from tests.simulators.delays import Delays

PORT = 8790


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulators", description=__doc__)
    parser.add_argument("--port", type=int, default=PORT, help="of the first; the others follow. 0: any that are free")
    parser.add_argument("--whisper", default="en", metavar="LANGUAGE", help="hears what no script tells; '' for nobody")
    for field in fields(Delays):
        name = field.name.replace("_", "-")
        kind = int if field.name == "seed" else float
        parser.add_argument(f"--{name}", type=kind, default=field.default, metavar="N", help=f"default {field.default}")
    return parser.parse_args()


async def main() -> None:
    from tests.simulators.deepgram import Deepgram
    from tests.simulators.elevenlabs import ElevenLabs
    from tests.simulators.openai import OpenAI

    chosen = vars(options())
    delays = {field.name: chosen[field.name] for field in fields(Delays)}
    ears, model, voice = simulators = Deepgram(), OpenAI(), ElevenLabs()
    for place, simulator in enumerate(simulators):
        simulator.control(delays=delays)
        await simulator.serve(chosen["port"] and chosen["port"] + place)
    ears.control(whisper=chosen["whisper"])
    print("\n".join(lines(ears.base_url, model.base_url, voice.base_url)), flush=True)
    await asyncio.Event().wait()


def lines(ears: str, model: str, voice: str) -> list[str]:
    return [
        "# Three simulated providers. Put these lines into .env and start again; Ctrl-C ends them.",
        "CONCIERGE_PROFILE=cloud",
        f"DEEPGRAM_BASE_URL={ears}",
        f"OPENAI_BASE_URL={model}",
        f"ELEVEN_BASE_URL={voice}",
        "DEEPGRAM_API_KEY=simulated",
        "OPENAI_API_KEY=simulated",
        "ELEVEN_API_KEY=simulated",
    ]


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "concierge.settings")
    django.setup()
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
