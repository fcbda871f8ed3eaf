"""Only public pages, politely, within limits. The web is a small server of this machine, let in by the test alone."""

import gzip
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from knowledge import fetching
from knowledge.fetching import Fetcher, checked, is_allowed, is_public
from knowledge.reading import contained, site
from knowledge.reading.drafts import BadInput


@pytest.fixture
def web(monkeypatch):
    """A host whose pages a test writes: path -> (status, headers, body) or a function of the handler."""
    pages = {}
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            page = pages.get(self.path, (404, {}, b""))
            if callable(page):
                return page(self)
            status, headers, body = page
            self.send_response(status)
            for name, value in {"Content-Type": "text/html", "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            return None

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    port = server.server_port
    real = fetching.is_allowed
    # Only this port of this machine is let in: everything else is still refused.
    monkeypatch.setattr(
        fetching, "is_allowed", lambda address, to: (address, to) == ("127.0.0.1", port) or real(address, to)
    )

    class Web:
        url = f"http://127.0.0.1:{port}"

    Web.pages, Web.asked = pages, asked
    yield Web
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetch(tmp_path):
    fetcher = Fetcher(pause=0)

    def fetch(url, **options):
        fetched = fetcher.fetch(url, tmp_path / "page", **options)
        return fetched, (tmp_path / "page").read_bytes()

    return fetch


def names(monkeypatch, **hosts):
    """A name server: host -> its addresses."""

    def getaddrinfo(host, port, **kind):
        if host not in hosts:
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in hosts[host]]

    monkeypatch.setattr(fetching.socket, "getaddrinfo", getaddrinfo)


# Which addresses


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "fec0::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b::a00:1"),
        *("2002:7f00:1::", "2002:c0a8:101::", "::127.0.0.1", "::a00:1"),
    ],
)
def test_addresses_inside_are_refused(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_of_everybody_are_not(address):
    assert is_public(address)
    assert is_allowed(address, 443)
    assert not is_allowed(address, 22)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://[::1]/", "http://2130706433/", "http://0x7f.1/", "http://localhost/"]
)
def test_this_machine_is_refused_however_it_is_written(fetch, url):
    with pytest.raises(BadInput, match="is not public"):
        fetch(url)


def test_one_private_address_among_those_of_a_name_refuses_it(fetch, monkeypatch):
    names(monkeypatch, **{"mixed.example": ["93.184.216.34", "10.0.0.1"]})
    with pytest.raises(BadInput, match=r"^http://mixed.example/x: leads to an address that is not public"):
        fetch("http://mixed.example/x")


def test_the_connection_goes_to_the_address_that_was_checked(fetch, monkeypatch):
    """A name that changes its address after the check gains nothing."""
    gone_to = []

    def connect(address, timeout):
        gone_to.append(address)
        raise ConnectionRefusedError

    names(monkeypatch, **{"palm.example": ["93.184.216.34"]})
    monkeypatch.setattr(fetching.socket, "create_connection", connect)
    with pytest.raises(BadInput, match="does not answer"):
        fetch("https://palm.example/")
    assert gone_to == [("93.184.216.34", 443)]


@pytest.mark.parametrize(
    "target", ["http://10.0.0.1/", "http://169.254.169.254/latest/", "http://[::ffff:127.0.0.1]/", "file:///etc/passwd"]
)
def test_a_redirect_inside_is_refused(web, fetch, target):
    web.pages["/a"] = (302, {"Location": target}, b"")
    with pytest.raises(BadInput, match=f"^{web.url}/a: (leads to an address that is not public|is no address)"):
        fetch(f"{web.url}/a")


def test_the_robots_file_s_redirect_passes_the_same_gate(web, fetch):
    web.pages["/robots.txt"] = (302, {"Location": "http://10.0.0.1/robots.txt"}, b"")
    with pytest.raises(BadInput, match="is not public"):
        fetch(f"{web.url}/a")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://palm.example/",
        "palm.example",
        "http://",
        "http://user:secret@palm.example/",
        "http://[x/",
        "javascript:1",
        "http://a:99999/",
    ],
)
def test_what_is_no_address_of_the_web_is_refused(url):
    with pytest.raises(BadInput):
        checked(url)


def test_other_ports_are_refused(fetch, monkeypatch):
    names(monkeypatch, **{"palm.example": ["93.184.216.34"]})
    with pytest.raises(BadInput, match="is not public"):
        fetch("http://palm.example:6379/")


# Manners


def test_a_page_is_fetched_and_its_redirect_followed(web, fetch):
    web.pages["/old"] = (301, {"Location": "/new"}, b"")
    web.pages["/new"] = (200, {"Content-Type": "text/html; charset=windows-1256"}, b"words")
    fetched, body = fetch(f"{web.url}/old")
    assert (fetched.url, fetched.content_type, fetched.charset, body) == (
        f"{web.url}/new",
        "text/html",
        "windows-1256",
        b"words",
    )


def test_robots_are_obeyed(web, fetch):
    web.pages["/robots.txt"] = (200, {}, b"User-agent: *\nDisallow: /private")
    web.pages["/private/a"] = web.pages["/open"] = (200, {}, b"words")
    fetch(f"{web.url}/open")
    with pytest.raises(BadInput, match=r"its robots.txt asks programs to stay away"):
        fetch(f"{web.url}/private/a")
    assert "/private/a" not in web.asked
    assert web.asked.count("/robots.txt") == 1


def test_a_host_that_cannot_say_its_rules_is_left_alone(web, fetch):
    web.pages["/robots.txt"] = (503, {}, b"")
    with pytest.raises(BadInput, match=r"robots.txt answered 503"):
        fetch(f"{web.url}/a")


def test_there_is_a_pause_between_questions(web, tmp_path):
    web.pages["/robots.txt"] = (200, {}, b"User-agent: *\nCrawl-delay: 3")
    web.pages["/a"] = (200, {}, b"words")
    slept = []
    fetcher = Fetcher(pause=1, sleep=slept.append)
    fetcher.fetch(f"{web.url}/a", tmp_path / "page")
    fetcher.fetch(f"{web.url}/a", tmp_path / "page")
    assert [round(seconds) for seconds in slept] == [3]


@pytest.mark.parametrize(("status", "reason"), [(404, "answered 404"), (500, "answered 500")])
def test_what_is_no_page_says_so(web, fetch, status, reason):
    web.pages["/a"] = (status, {}, b"")
    with pytest.raises(BadInput, match=reason):
        fetch(f"{web.url}/a")


def test_a_circle_of_redirects_ends(web, fetch):
    web.pages["/a"] = (302, {"Location": "/a"}, b"")
    with pytest.raises(BadInput, match="without an end"):
        fetch(f"{web.url}/a")


# Limits


def pour(handler, piece, times, headers=()):
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    for header in headers:
        handler.send_header(*header)
    handler.end_headers()
    try:
        for _ in range(times):
            handler.wfile.write(piece)
    except OSError:
        pass  # the reader hung up, as it should


def test_a_page_of_20_mb_is_refused_before_it_has_come(web, fetch):
    web.pages["/a"] = lambda handler: pour(handler, b"x" * 1_000_000, 20)
    with pytest.raises(BadInput, match=r"/a: has more than 5 MB"):
        fetch(f"{web.url}/a")


def test_a_packed_page_counts_by_what_it_unpacks_to(web, fetch):
    web.pages["/a"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(b"x" * 30_000_000))
    with pytest.raises(BadInput, match="has more than 5 MB"):
        fetch(f"{web.url}/a")
    web.pages["/b"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(b"words"))
    assert fetch(f"{web.url}/b")[1] == b"words"


@pytest.mark.parametrize("part", ["headers", "body"])
def test_a_page_that_dribbles_is_hung_up_on(web, fetch, monkeypatch, part):
    monkeypatch.setattr(fetching, "PAGE_SECONDS", 0.3)
    hung_up = threading.Event()

    def dribble(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if part == "body" else b"X-Long: "))
        try:
            while True:
                handler.wfile.write(b"x")
                time.sleep(0.05)
        except OSError:
            hung_up.set()

    web.pages["/a"] = dribble
    with pytest.raises(BadInput, match="did not answer in time"):
        fetch(f"{web.url}/a")
    assert hung_up.wait(5)


def test_a_page_that_breaks_off_is_not_taken_for_whole(web, fetch):
    web.pages["/a"] = lambda handler: pour(handler, b"half", 1, [("Content-Length", "100")])
    with pytest.raises(BadInput, match="the connection broke"):
        fetch(f"{web.url}/a")


# Sites


def read(url):
    return site.read_address(url, None, Fetcher(pause=0), contained.quietly)


PAGE = b"<html><body><h1>%s</h1><p>The place is open from seven in the morning until eleven at night.</p></body>"


def test_a_sitemap_brings_its_own_pages_and_says_what_failed(web):
    entries = ["/pool", "/gone", "/pool"]
    text = "".join(f"<url><loc>{web.url}{path}</loc></url>" for path in entries)
    text = f"<urlset>{text}<url><loc>http://10.0.0.1/x</loc></url></urlset>"
    web.pages["/sitemap.xml"] = (200, {"Content-Type": "application/xml"}, text.encode())
    web.pages["/pool"] = (200, {}, PAGE % b"Pool")
    pool, gone = read(f"{web.url}/sitemap.xml").found
    assert (pool.draft.slug, pool.draft.title, pool.reason) == ("pool", "Pool", None)
    assert str(gone.reason) == f"{web.url}/gone: answered 404 instead of a page."


def test_a_sitemap_of_sitemaps_is_followed_once(web, monkeypatch):
    monkeypatch.setattr(site, "MOST_PAGES", 2)
    index = f"<sitemapindex><sitemap><loc>{web.url}/one.xml</loc></sitemap></sitemapindex>"
    pages = "".join(f"<url><loc>{web.url}/{name}</loc></url>" for name in "abc")
    web.pages["/sitemap.xml"] = (200, {}, index.encode())
    web.pages["/one.xml"] = (200, {}, f"<urlset>{pages}</urlset>".encode())
    web.pages |= {f"/{name}": (200, {}, PAGE % name.encode()) for name in "abc"}
    reading = read(f"{web.url}/sitemap.xml")
    assert [one.draft.title for one in reading.found] == ["a", "b"]
    assert list(map(str, reading.notes)) == ["Only the first 2 pages of the sitemap were read."]


def test_an_endless_sitemap_is_read_to_its_limit(web, monkeypatch):
    monkeypatch.setattr(site, "MOST_PAGES", 1)
    entry = f"<url><loc>{web.url}/pool</loc></url><url><loc>{web.url}/spa</loc></url>".encode() * 20_000

    def endless(handler):
        pour(handler, b"<urlset>" + entry, 10)

    web.pages["/sitemap.xml"] = endless
    web.pages["/pool"] = (200, {}, PAGE % b"Pool")
    reading = read(f"{web.url}/sitemap.xml")
    assert [one.draft.title for one in reading.found] == ["Pool"]


def test_what_is_no_page_is_told_by_its_kind(web):
    web.pages["/a"] = (200, {"Content-Type": "application/json"}, b'{"a": 1}')
    with pytest.raises(BadInput, match=r"/a: is no page but application/json\."):
        read(f"{web.url}/a")
