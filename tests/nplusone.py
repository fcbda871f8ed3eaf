"""Turns a query in a loop into an error, for the pages that show many rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import zeal
from zeal.constants import initialize_app_registry
from zeal.patch import patch


@cache
def install() -> None:
    # zeal's own AppConfig does the same, but settings.py is not to know of development tools.
    initialize_app_registry()
    patch()


@contextmanager
def no_query_in_a_loop() -> Iterator[None]:
    install()
    with zeal.zeal_context():
        yield
