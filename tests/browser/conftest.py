import pytest

from tests.browser.stack import Stack


@pytest.fixture(scope="session")
def playwright():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def stack():
    """The whole house, started once for all browser tests of a session."""
    running = Stack()
    try:
        yield running.start()
    finally:
        running.stop()
