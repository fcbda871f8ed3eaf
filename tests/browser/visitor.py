"""A visitor, and a member of staff, each with a browser of their own."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser.stack import Stack

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP *.localhost 127.0.0.1",
]
REACHING = 0.25  # seconds between a pointer's coming to a button and its click, at the least
EAR = (Path(__file__).parent / "ear.js").read_text()


def launch(playwright: Playwright, microphone: Path | None = None) -> Browser:
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={microphone}%noloop"] if microphone else FLAGS
    return playwright.chromium.launch(executable_path=CHROMIUM, args=flags)


@dataclass
class Visitor:
    """What a visitor does and perceives. `page` is the venue's page."""

    page: Page

    def talk(self) -> None:
        button = self.page.locator("[data-start=voice]").first
        button.hover()
        time.sleep(REACHING)
        button.click()

    def type(self, question: str) -> None:
        box = self.page.get_by_role("textbox")
        box.fill(question)
        box.press("Enter")

    def hang_up(self) -> None:
        self.page.locator("[data-part=hangup]").click()

    @property
    def state(self) -> str:
        return self.page.locator("[data-state]").first.get_attribute("data-state") or ""

    def wait_for(self, *states: str, seconds: float = 30) -> None:
        wanted = ", ".join(f'[data-state="{state}"]' for state in states)
        expect(self.page.locator(wanted).first).to_be_attached(timeout=seconds * 1000)

    def captions(self) -> str:
        return self.page.get_by_role("log").inner_text()

    def wait_for_words(self, words: str, seconds: float = 30) -> None:
        expect(self.page.get_by_role("log")).to_contain_text(words, ignore_case=True, timeout=seconds * 1000)

    def wait_for_quiet(self, seconds: float = 1.2, most: float = 40) -> None:
        """Until the agent has been heard and has then been silent for `seconds`."""
        deadline = time.monotonic() + most
        while time.monotonic() < deadline:
            if self.page.evaluate("__ear.agent.length && __ear.quietSince()") > seconds * 1000:
                return
            time.sleep(0.1)
        raise AssertionError(f"The agent was not heard, or went on for {most} s.")

    def speak(self, wav: str) -> dict[str, float]:
        """Play a WAV (base64) into the microphone; answers with the moments of its first and last sound."""
        return self.page.evaluate("wav => __ear.speak(wav)", wav)

    def first_sound_after(self, moment: float, seconds: float = 20) -> float:
        """The moment, on the page's clock, when the agent is first heard after `moment`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (at := self.page.evaluate("moment => __ear.firstAfter(moment)", moment)) is not None:
                return at
            time.sleep(0.03)
        raise AssertionError("The agent was not heard.")

    def heard(self) -> bytes:
        return base64.b64decode(self.page.evaluate("__ear.heard()"))

    def both(self) -> bytes:
        """Microphone (left) and agent (right) since `forget`, recorded together: 16 kHz signed 16-bit PCM."""
        return base64.b64decode(self.page.evaluate("__ear.both()"))

    def forget(self) -> None:
        self.page.evaluate("__ear.forget()")


@contextmanager
def visiting(
    browser: Browser, stack: Stack, *, host: str = "palm.localhost", language: str = "en", on_cue: bool = False
) -> Iterator[Visitor]:
    context = browser.new_context(permissions=["microphone"], bypass_csp=True)  # the ear is a script of ours
    context.add_init_script(f"window.__speaksOnCue = {str(on_cue).lower()};\n{EAR}")
    page = context.new_page()
    page.goto(stack.url(host, f"/{language}/"))
    try:
        yield Visitor(page)
    finally:
        context.close()


@contextmanager
def signed_in(browser: Browser, stack: Stack, user: str) -> Iterator[Page]:
    """A staff member's browser on the console's first page."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(stack.url("localhost", "/accounts/login/?next=/staff/"))
    page.locator("input[name=login]").fill(user)
    page.locator("input[name=password]").fill(stack.logins[user]["password"])
    page.locator("form button[type=submit]").first.click()
    page.wait_for_url("**/staff/")
    try:
        yield page
    finally:
        context.close()


def open_live_call(staff: Page, venue: str = "Palm Court") -> None:
    """Open the card of a call that is going on at `venue`, and wait until its verbs are there."""
    live = staff.get_by_role("list", name="Live calls")
    live.get_by_role("link", name=re.compile(venue, re.IGNORECASE)).first.click()
    staff.wait_for_load_state()  # keys are the script's, which has run by then
    expect(staff.get_by_role("button", name="End call")).to_be_visible(timeout=30_000)


def until(page: Page, what: str | Callable[[], object]) -> None:
    """Wait for an expression of the page, or a function here, to be true.

    The pages' policy forbids what wait_for_function does.
    """
    for _ in range(100):
        if page.evaluate(what) if isinstance(what, str) else what():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"Never true: {what}")
