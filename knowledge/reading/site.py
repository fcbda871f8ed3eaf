"""An address -> drafts: a page, a document that hangs on the web, or a sitemap and the pages that it names."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from knowledge.fetching import MOST_BYTES, Fetched, Fetcher
from knowledge.reading import contained
from knowledge.reading.documents import Found, Reading, read_file, read_page, slug_of_address
from knowledge.reading.drafts import BadInput, Draft
from knowledge.reading.formats import kind_of
from knowledge.reading.saying import Sentence, Unreadable

MOST_PAGES = 200
MOST_SITEMAPS = 20  # of one that names others
_DOCUMENTS = {"pdf", "docx", "xlsx"}
_PAGES = {"text/html", "application/xhtml+xml", ""}


def read_address(url: str, zone: ZoneInfo, fetcher: Fetcher, progress: Callable[[int, int], None]) -> Reading:
    """Raises BadInput if the address itself gives nothing; a page of a sitemap that fails is found with its reason."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page"
        fetched = fetcher.fetch(url, file, cuts=True)
        if not _is_sitemap(file):
            return _read(file, url, fetched, zone)
        addresses, notes = _addresses(file, url, fetched, fetcher)
        reading = Reading(notes=notes)
        for number, address in enumerate(addresses):
            progress(number, len(addresses))
            try:
                found = _read(file, address, fetcher.fetch(address, file, cuts=True), zone)
            except BadInput as error:
                slug = slug_of_address(address)[:100]
                reading.found.append(Found(Draft(address, slug, address[:200], ""), reason=error.sentence))
            else:
                reading.found += found.found
        return reading


def _read(file: Path, address: str, fetched: Fetched, zone: ZoneInfo) -> Reading:
    if fetched.is_cut:
        raise BadInput(
            address, "has more than %(most)s MB; that is no page to read aloud from", most=MOST_BYTES // 1_000_000
        )
    name = PurePosixPath(unquote(urlsplit(fetched.url).path)).name
    try:
        kind = kind_of(file, name if "." in name else "page.html")
    except Unreadable:
        kind = ""
    if kind in _DOCUMENTS:
        return read_file(file, name or address, zone)
    if fetched.content_type not in _PAGES:
        raise BadInput(address, "is no page but %(kind)s", kind=fetched.content_type)
    return read_page(file, address, zone, fetched.charset)


def _is_sitemap(file: Path) -> bool:
    with file.open("rb") as opened:
        head = opened.read(4096)
    return b"<urlset" in head or b"<sitemapindex" in head


def _addresses(file: Path, url: str, fetched: Fetched, fetcher: Fetcher) -> tuple[list[str], list[Sentence]]:
    """The pages that the sitemap names at its own host, and sentences on what was left out."""
    found, has_more, is_index = _named(file, url)
    host = urlsplit(fetched.url).hostname
    maps = [address for address in found if urlsplit(address).hostname == host][:MOST_SITEMAPS] if is_index else []
    if is_index:
        found = []
        for address in maps:
            if len(found) > MOST_PAGES:
                break
            fetcher.fetch(address, file, cuts=True)
            more, more_yet, nested = _named(file, address)
            found += [] if nested else more
            has_more = has_more or more_yet
    own = list(dict.fromkeys(address for address in found if urlsplit(address).hostname == host))
    notes = []
    if len(own) < len(set(found)):
        count = len(set(found)) - len(own)
        notes.append(Sentence("%(count)s addresses at other hosts were left out", {"count": count}))
    if has_more or len(own) > MOST_PAGES:
        notes.append(Sentence("Only the first %(most)s pages of the sitemap were read", {"most": MOST_PAGES}))
    if not own:
        raise BadInput(url, "names no page at %(host)s", host=host)
    return own[:MOST_PAGES], notes


def _named(file: Path, url: str) -> tuple[list[str], bool, bool]:
    try:
        # One more than is read, so that what is left out is known.
        return contained.addresses(file, MOST_PAGES + 1)
    except Unreadable as error:
        raise BadInput(url, error.words, **error.facts) from None
