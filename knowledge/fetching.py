"""Pages of the web, fetched politely, and never from inside: only public addresses, on the web's own ports.

A name is resolved once, all of its addresses are checked, and the connection goes to one of those that were checked:
a name server that answers differently the second time gains nothing. Every redirect passes the same gate. robots.txt
is obeyed, one host is asked one thing at a time with a pause between, and size and time have limits.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit, urlunsplit
from urllib.robotparser import RobotFileParser

from knowledge.reading.drafts import BadInput
from knowledge.reading.saying import translatable

AGENT = "ConciergeReader"
USER_AGENT = f"Mozilla/5.0 (compatible; {AGENT}/1.0; reads pages that their venue asked for)"
MOST_BYTES = 5_000_000  # of a page
MOST_REDIRECTS = 5
MOST_ADDRESSES = 4  # of a host that are tried
CONNECT_SECONDS = 10
PAGE_SECONDS = 30  # from the question to the last byte
PAUSE_SECONDS = 1.0  # between two questions to one host, unless its robots.txt asks for more
LONGEST_PAUSE_SECONDS = 10.0
ROBOTS_BYTES = 500_000
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Fetched:
    url: str  # where the redirects ended
    content_type: str  # such as text/html; "" if it does not say
    charset: str
    is_cut: bool  # only the first part was taken


def is_allowed(address: str, port: int) -> bool:
    """May we connect there? Only to what everybody can reach, on the ports of the web."""
    return port in PORTS.values() and is_public(address)


def is_public(address: str) -> bool:
    """False for this machine, its networks, and for addresses that carry such an address inside them."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and any(ip in network for network in _TRANSLATED):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified


# NAT64, and IPv6's long-abandoned way of writing an IPv4 address.
_TRANSLATED = [
    ipaddress.ip_network("64:ff9b::/96"),
    ipaddress.ip_network("64:ff9b:1::/48"),
    ipaddress.ip_network("::/96"),
]


@dataclass
class Fetcher:
    """Asks the hosts of one import, and remembers their rules and when each was asked last."""

    pause: float = PAUSE_SECONDS
    sleep: Callable[[float], None] = time.sleep
    _robots: dict[str, RobotFileParser] = field(default_factory=dict)
    _asked_at: dict[str, float] = field(default_factory=dict)

    def fetch(self, url: str, target: Path, *, most: int = MOST_BYTES, cuts: bool = False) -> Fetched:
        """The page at `url` into the file `target`. Raises BadInput, one sentence that names the address.

        A page above `most` bytes is refused, or with `cuts` taken up to there.
        """
        asked = url
        url = checked(url)
        for _ in range(MOST_REDIRECTS + 1):
            rules = self._rules(url, asked)
            if not rules.can_fetch(AGENT, url):
                raise BadInput(asked, "its robots.txt asks programs to stay away")
            self._wait(url, float(rules.crawl_delay(AGENT) or 0))
            with _answer(url, asked) as (status, headers, body):
                if status in {301, 302, 303, 307, 308} and headers.get("location"):
                    url = checked(urljoin(url, str(headers["location"])), asked)
                    continue
                if status != 200:
                    raise BadInput(asked, "answered %(status)s instead of a page", status=status)
                is_cut = _store(body, target, most, cuts=cuts, asked=asked)
                kind = str(headers.get("content-type") or "")
                charset = re.search(r"charset=[\"']?([\w-]+)", kind)
                return Fetched(url, kind.partition(";")[0].strip().lower(), charset[1] if charset else "", is_cut)
        raise BadInput(asked, "leads from address to address without an end")

    def _wait(self, url: str, wish: float) -> None:
        host = urlsplit(url).netloc
        pause = min(max(self.pause, wish), LONGEST_PAUSE_SECONDS)
        since = time.monotonic() - self._asked_at.get(host, -pause)
        if since < pause:
            self.sleep(pause - since)
        self._asked_at[host] = time.monotonic()

    def _rules(self, url: str, asked: str) -> RobotFileParser:
        """The host's robots.txt. None there: all is allowed. A host that fails to say: nothing is, as RFC 9309 asks."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin in self._robots:
            return self._robots[origin]
        rules = RobotFileParser()
        at = f"{origin}/robots.txt"
        for _ in range(MOST_REDIRECTS + 1):
            with _answer(at, asked) as (status, headers, body):
                if status in {301, 302, 303, 307, 308} and headers.get("location"):
                    at = checked(urljoin(at, str(headers["location"])), asked)
                    continue
                if status == 200:
                    text = b""
                    for piece in body:
                        text += piece
                        if len(text) > ROBOTS_BYTES:
                            break
                    rules.parse(text[:ROBOTS_BYTES].decode("utf-8", "replace").splitlines())
                elif 400 <= status < 500 and status != 429:
                    rules.parse([])
                else:
                    raise BadInput(
                        asked, "its robots.txt answered %(status)s, so nothing was read; try again later", status=status
                    )
            break
        else:
            rules.parse([])
        self._robots[origin] = rules
        return rules


def checked(url: str, asked: str = "") -> str:
    """The address as it is sent. Raises BadInput if it is none of the web's."""
    asked = asked or url
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadInput(asked, "is no address of a page") from None
    if parts.scheme not in PORTS or not host:
        raise BadInput(asked, "is no address of a page; it begins with https:// or http://")
    if parts.username or parts.password:
        raise BadInput(asked, "has a name or a password in it; only pages that everybody may read are imported")
    try:
        host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        raise BadInput(asked, "is no address of a page") from None
    where = f"[{host}]" if ":" in host else host
    netloc = where if port in {None, PORTS[parts.scheme]} else f"{where}:{port}"
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    return urlunsplit((parts.scheme, netloc, path, quote(parts.query, safe="/%:@!$&'()*+,;=~-._?"), ""))


def open_socket(host: str, port: int, asked: str) -> socket.socket:
    """A connection to an address of `host` that was checked. One forbidden address among them forbids the name."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise BadInput(asked, "there is no host %(host)s", host=host) from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses or not all(is_allowed(address, port) for address in addresses):
        raise BadInput(asked, "leads to an address that is not public; only public pages are imported")
    for address in addresses[:MOST_ADDRESSES]:
        try:
            return socket.create_connection((address, port), timeout=CONNECT_SECONDS)
        except OSError:
            continue
    raise BadInput(asked, "%(host)s does not answer", host=host)


Answer = tuple[int, http.client.HTTPMessage, Iterator[bytes]]


@contextmanager
def _answer(url: str, asked: str) -> Iterator[Answer]:
    """Status, headers and the unpacked body in pieces. No proxy, no cookies, no redirects."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    deadline = time.monotonic() + PAGE_SECONDS
    watch: threading.Timer | None = None
    connection = http.client.HTTPConnection(host, port)
    try:
        connection.sock = open_socket(host, port, asked)
        if parts.scheme == "https":
            connection.sock = ssl.create_default_context().wrap_socket(connection.sock, server_hostname=host)
        # A server may send its headers a letter at a time: each read is in time, all of them never end. Not before
        # TLS, which leaves the socket that it is given empty.
        watch = threading.Timer(PAGE_SECONDS, _hang_up, [connection.sock])
        watch.daemon = True
        watch.start()
        target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        headers = {
            "Host": parts.netloc,
            "User-Agent": USER_AGENT,
            "Accept": "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.5",
            "Accept-Encoding": "gzip",
            "Connection": "close",
        }
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        yield response.status, response.headers, _body(response, connection.sock, deadline, asked)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
            words = translatable("did not answer in time")
        elif isinstance(error, ssl.SSLError):
            words = translatable("its certificate is not valid")
        else:
            words = translatable("the connection broke")
        raise BadInput(asked, words) from None
    finally:
        if watch:
            watch.cancel()
        connection.close()


def _hang_up(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _body(
    response: http.client.HTTPResponse, sock: socket.socket | None, deadline: float, asked: str
) -> Iterator[bytes]:
    packed = str(response.headers.get("content-encoding") or "").lower()
    unpack = zlib.decompressobj(47) if packed in {"gzip", "x-gzip", "deflate"} else None
    if packed not in {"", "identity"} and unpack is None:
        raise BadInput(asked, "sends its text packed in a way that we did not ask for")
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if sock is not None and sock.fileno() >= 0:
            sock.settimeout(min(left, CONNECT_SECONDS))
        piece = response.read1(1 << 16)
        if not piece:
            if time.monotonic() >= deadline:
                raise TimeoutError
            if response.length:
                raise http.client.IncompleteRead(b"")
            return
        if unpack is None:
            yield piece
            continue
        try:
            # A small packed page may unpack to gigabytes: a little at a time, so that the limit sees it.
            while piece:
                yield unpack.decompress(piece, 1 << 18)
                piece = unpack.unconsumed_tail
        except zlib.error:
            raise BadInput(asked, "sends its text packed in a way that cannot be unpacked") from None


def _store(body: Iterator[bytes], target: Path, most: int, *, cuts: bool, asked: str) -> bool:
    """Whether the page was cut."""
    size = 0
    with target.open("wb") as file:
        for piece in body:
            file.write(piece[: most - size])
            size += len(piece)
            if size > most:
                if cuts:
                    return True
                raise BadInput(
                    asked, "has more than %(most)s MB; that is no page to read aloud from", most=most // 1_000_000
                )
    return False
