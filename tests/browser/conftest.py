import os

import pytest

from tests.browser.stack import Stack
from tests.browser.visitor import launch


@pytest.fixture(scope="session")
def playwright():
    from playwright.sync_api import sync_playwright

    # Its event loop runs in this thread from now on, and Django takes that for an async view.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as started:
        yield started
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def browser(playwright):
    """One for all who need no microphone of their own; what a test leaves behind goes with its context."""
    started = launch(playwright)
    yield started
    started.close()


@pytest.fixture(scope="session")
def stack():
    """The whole house, started once for all browser tests of a session."""
    running = Stack()
    try:
        yield running.start()
    finally:
        running.stop()
