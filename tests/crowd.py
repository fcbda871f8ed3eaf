"""Many live calls at once, as rows and as what happens in them: for tests and benchmarks of the staff's pages.

`python -m tests.crowd fill` makes a venue with people. `talk` lets words be spoken in as many calls as there are, from
a process of its own, through voice.live and the channel layer in use: what agent workers do, without the calls.
"""

from __future__ import annotations

import argparse
import json
import os
import time

import django

SENTENCE = ("The pool on the roof is open from six in the morning until ten in the evening " * 2).split()
TURN_EVERY = 12  # words


def fill() -> None:
    from tests import factories

    venue = factories.create_venue(masks_numbers=False)  # the moments that words carry are numbers, too
    factories.create_user(venue=venue, role="manager", name="noor")


def open_calls(how_many: int) -> None:
    """So many live calls, in two languages, each with a question and an answer."""
    from concierge.models import Venue
    from tests import factories

    venue = Venue.objects.get(slug="palm")
    for number in range(how_many):
        call = factories.create_call(venue=venue, language="ar" if number % 3 == 0 else "en", agent_state="listening")
        call.turns.create(number=1, speaker="visitor", text=f"When does the pool open, please? ({number})")
        call.turns.create(number=2, speaker="agent", text="From six to ten.", is_answered=number % 10 != 0)


def talk(seconds: float, words_a_second: float) -> None:
    """In each live call a new word so many times a second, and a turn after each twelve.

    Every interim ends with "@" and the moment, by time.time(), at which it was spoken. Prints one line of JSON when all
    is said: how many interims and turns, and the seconds that the process was late at worst.
    """
    from voice import live
    from voice.models import Call

    calls = list(Call.objects.filter(state=Call.State.LIVE).select_related("venue"))
    spoken = turns = 0
    latest = 0.0
    began = time.monotonic()
    step = 1 / words_a_second
    words = [index % TURN_EVERY for index in range(len(calls))]  # not all turns at once
    moment = 0
    while moment * step < seconds:
        for index, call in enumerate(calls):
            due = began + (moment + index / len(calls)) * step
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            latest = max(latest, -wait)
            words[index] += 1
            if words[index] % TURN_EVERY:
                said = " ".join(SENTENCE[: 1 + words[index] % len(SENTENCE)])
                live.show_interim(call, "agent", f"{said} @{time.time():.4f}")
                spoken += 1
            else:
                call.add_turn("agent", " ".join(SENTENCE), is_answered=True)
                turns += 1
        moment += 1
    time.sleep(1)  # the outbox is a thread
    print(json.dumps({"interims": spoken, "turns": turns, "late": latest}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["fill", "open", "talk"])
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=2.0, help="Words a second in each call.")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "concierge.settings")
    django.setup()
    if options.what == "fill":
        fill()
    elif options.what == "open":
        open_calls(options.calls)
    else:
        talk(options.seconds, options.rate)


if __name__ == "__main__":
    main()
