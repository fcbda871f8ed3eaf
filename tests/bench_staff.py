"""`make bench-staff`: how soon staff see what is said, how soon the agent obeys, and what a full wall costs a browser.

Words are spoken by tests.crowd in a process of its own, as agent workers do; a real web process passes them on to
sockets and to one Chromium. Verbs are pressed in a real call. Prints one table and, with --write, puts it into
docs/performance.md. Nothing else should be running.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from tests.bench import Measured, at, tell, write
from tests.browser import smoothness
from tests.browser.stack import Stack
from tests.browser.visitor import launch, open_live_call, signed_in, visiting
from tests.browser.web import Web
from tests.redis_server import Redis

BEGIN, END = "<!-- bench-staff: begin -->", "<!-- bench-staff: end -->"
WALL_JS = (Path(__file__).parent / "browser" / "wall.js").read_text()
MOMENT = re.compile(r"@([\d.]+)$")
# Where the SQLite layer gives out: (calls, sockets), up to the first that takes longer than it may.
LADDER = ((10, 5), (20, 5), (40, 10), (100, 20))
SQLITE_MS, REDIS_MS = 200, 60
LINES = (
    "Your taxi has arrived and waits for you at the north gate of the hotel.",
    "The towels that you asked for are on the way to your room right now.",
    "We have kept a table by the window for you at eight this evening.",
    "The doctor can see you at half past ten tomorrow in the morning.",
    "Your car is parked on the second floor, close to the large lift.",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-staff", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="How long words are spoken in each part.")
    parser.add_argument("--rate", type=float, default=2, help="Words a second in each call; the worker sends up to 4.")
    parser.add_argument("--turns", type=int, default=24, help="How often each verb is pressed.")
    parser.add_argument("--calls", type=int, default=100, help="Live calls on the Redis layer.")
    parser.add_argument("--only", choices=["redis", "sqlite", "verbs"], help="One part alone.")
    parser.add_argument("--write", action="store_true", help="Put the table into docs/performance.md.")
    options = parser.parse_args()

    measured = Measured()
    with sync_playwright() as playwright:
        browser = launch(playwright)
        try:
            if options.only in (None, "redis"):
                full_wall(browser, measured, options)
            if options.only in (None, "sqlite"):
                sqlite_ladder(browser, measured, options)
        finally:
            browser.close()
        if options.only in (None, "verbs"):
            press_verbs(playwright, measured, options.turns)
    table = measured.table()
    print(table)
    if options.write:
        write(table, begin=BEGIN, end=END)


# Words on their way to the staff


def full_wall(browser: Browser, measured: Measured, options: argparse.Namespace) -> None:
    redis = Redis().start()
    web = Web(extra={"REDIS_URL": redis.url}).prepare()
    try:
        web.crowd("open", "--calls", str(options.calls))
        web.start()
        name = f"Redis, {options.calls} calls x 20 sockets"
        spoken(browser, web, measured, name, sockets=20, options=options, wanted=REDIS_MS, with_costs=True)
    finally:
        web.stop()
        redis.stop()


def sqlite_ladder(browser: Browser, measured: Measured, options: argparse.Namespace) -> None:
    for calls, sockets in LADDER:
        web = Web().prepare()
        try:
            web.crowd("open", "--calls", str(calls))
            web.start()
            name = f"SQLite layer, {calls} calls x {sockets} sockets"
            p95 = spoken(browser, web, measured, name, sockets=sockets, options=options, wanted=SQLITE_MS)
        finally:
            web.stop()
        if p95 > SQLITE_MS:
            tell(f"Here the SQLite layer gives out: {p95:.0f} ms.")
            return


def spoken(
    browser: Browser,
    web: Web,
    measured: Measured,
    name: str,
    *,
    sockets: int,
    options: argparse.Namespace,
    wanted: int,
    with_costs: bool = False,
) -> float:
    """Let words be spoken and watch them arrive. Returns the p95 at the sockets, in milliseconds."""
    tell(f"{name} …")
    with signed_in(browser, web, "noor") as staff:
        staff.wait_for_timeout(1000)
        staff.evaluate(WALL_JS)
        cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in staff.context.cookies())
        watching = Watching(web, cookies, sockets)
        watching.begin()
        if with_costs:
            smoothness.begin(browser, staff)
        assert web.process
        work, began = psutil.Process(web.process.pid), time.monotonic()
        before = work.cpu_times()
        told = talk(web, staff, options)
        after, took = work.cpu_times(), time.monotonic() - began
        if with_costs:
            longest, _ = smoothness.longest_task_ms(browser)
        delays = watching.end()
        screen = staff.evaluate("__wall.delays")
        if with_costs:
            add_costs(measured, staff, longest, calls=options.calls)
    for delay in delays:
        measured.add(f"word spoken -> at staff's sockets ({name})", delay, target=f"p95 <= {wanted} ms")
    for delay in screen:
        measured.add(f"word spoken -> drawn on a screen ({name})", delay, target=f"p95 <= {wanted} ms")
    cores = (after.user + after.system - before.user - before.system) / took
    measured.add(f"web process: of one core ({name})", cores * 100, unit="%")
    # Above a few hundred milliseconds the words were fewer than they should be: the machine was busy.
    measured.add(f"whoever speaks was late at worst ({name})", told["late"] * 1000)
    expected = told["interims"] * sockets
    tell(f"  {told}; {len(delays)} words of at most {expected} at the sockets, {len(screen)} drawn")
    return at(delays, 0.95) if delays else float("inf")


def talk(web: Web, staff: Page, options: argparse.Namespace) -> dict[str, Any]:
    crowd = web.start_crowd("talk", "--seconds", str(options.seconds), "--rate", str(options.rate))
    while crowd.poll() is None:
        staff.wait_for_timeout(200)  # which lets the page's own messages through
    assert crowd.stdout
    return json.loads(crowd.stdout.read())


def add_costs(measured: Measured, staff: Page, longest: float, *, calls: int) -> None:
    whole, heap = smoothness.megabytes(staff)
    measured.add(f"wall with {calls} live calls: longest task while it streams", longest, target="<= 100 ms")
    measured.add(f"wall with {calls} live calls: memory of its process", whole, target="<= 100 MB", unit="MB")
    measured.add("  of which held by scripts", heap, unit="MB")


class Watching:
    """So many sockets on the wall, in a thread of their own; each notes how old the words are that come in."""

    def __init__(self, web: Web, cookies: str, sockets: int) -> None:
        self.address = f"ws://127.0.0.1:{web.port}/ws/staff/?lang=en"
        host = f"localhost:{web.port}"
        self.headers = {"Host": host, "Origin": f"http://{host}", "Cookie": cookies}
        self.sockets = sockets
        self.delays: list[float] = []
        self.loop = asyncio.new_event_loop()
        self.is_watching = threading.Event()
        self.is_over = asyncio.Event()
        self.thread = threading.Thread(target=lambda: self.loop.run_until_complete(self._watch()), daemon=True)

    def begin(self) -> None:
        self.thread.start()
        if not self.is_watching.wait(60):
            raise SystemExit("The sockets were not opened.")

    def end(self) -> list[float]:
        self.loop.call_soon_threadsafe(self.is_over.set)
        self.thread.join(timeout=30)
        return self.delays

    async def _watch(self) -> None:
        async with aiohttp.ClientSession() as session:
            sockets = [await session.ws_connect(self.address, headers=self.headers) for _ in range(self.sockets)]
            for socket in sockets:
                await socket.receive()  # the snapshot
            readers = [asyncio.create_task(self._read(socket)) for socket in sockets]
            self.is_watching.set()
            await self.is_over.wait()
            for reader in readers:
                reader.cancel()
            for socket in sockets:
                await socket.close()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            now = time.time()
            told = json.loads(message.data)
            if told["kind"] == "words":
                self.delays += [(now - moment) * 1000 for moment in moments(told["words"])]


def moments(words: Iterable[dict[str, str]]) -> Iterable[float]:
    for word in words:
        if found := MOMENT.search(word["text"]):
            yield float(found[1])


# Verbs in a real call


def press_verbs(playwright: Any, measured: Measured, turns: int) -> None:
    """Staff let the agent say a line, and mute it while it speaks: both are timed at the visitor's ear."""
    tell(f"{turns} lines and mutes in a call …")
    stack = Stack()
    try:
        stack.start()
        browsers = [launch(playwright) for _ in range(2)]
        with signed_in(browsers[0], stack, "agent") as staff, visiting(browsers[1], stack, on_cue=True) as visitor:
            visitor.talk()
            visitor.wait_for("speaking", seconds=60)
            visitor.wait_for_quiet()
            open_live_call(staff)
            for turn in range(turns):
                audible, silent = say_and_mute(staff, visitor, f"{LINES[turn % len(LINES)]} Number {turn + 1}.")
                measured.add("typed line -> audible to the visitor", audible, target="p95 <= 1,200 ms")
                measured.add("mute pressed -> agent silent", silent, target="p95 <= 400 ms")
                tell(f"  {turn + 1}/{turns}  audible {audible:.0f} ms, silent {silent:.0f} ms")
        for browser in browsers:
            browser.close()
    finally:
        stack.stop()


def say_and_mute(staff: Page, visitor: Any, line: str) -> tuple[float, float]:
    body, box = staff.locator("body"), staff.locator("[data-line]")
    body.press("s")
    box.fill(line)
    typed_at = visitor.page.evaluate("performance.now()")
    box.press("Enter")
    audible = visitor.first_sound_after(typed_at) - typed_at
    staff.wait_for_timeout(700)
    pressed_at = visitor.page.evaluate("performance.now()")
    body.press("m")
    staff.get_by_role("button", name="Unmute").wait_for()
    staff.wait_for_timeout(1500)
    silent = visitor.page.evaluate("__ear.agent.at(-1)") - pressed_at
    body.press("m")
    staff.locator("[data-verb=mute]").wait_for()
    staff.wait_for_timeout(500)
    return audible, max(0.0, silent)


if __name__ == "__main__":
    main()
