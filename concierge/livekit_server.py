"""The livekit-server of this machine: finding or getting it, its configuration, and whether it is there.

`make run` starts it. An installation whose LIVEKIT_URL points elsewhere needs none of this but `greet`.
"""

import hashlib
import http.client
import io
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

# Later releases cannot be built by `go install`, since their go.mod has `replace` lines.
VERSION = "1.13.5"
RELEASE = f"https://github.com/livekit/livekit/releases/download/v{VERSION}"
MODULE = f"github.com/livekit/livekit-server/cmd/server@v{VERSION}"
NEEDS_GO = (1, 26)
# From this one on, Go fetches a newer Go by itself where a module needs it.
GO_FETCHES_GO = (1, 21)
# Where Go's installer puts it, which is not on PATH by itself.
GO_OF_ITS_OWN_INSTALLER = "/usr/local/go/bin/go"
DOWNLOAD_TIMEOUT_SECONDS = 10
STILL_BUILDING = timedelta(seconds=15)
THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}

Say = Callable[[str], None]


class NoLiveKit(Exception):
    """livekit-server could not be had. The message says in one sentence what to do."""


class _NotThisWay(Exception):
    """One way of getting it failed; the next may not."""


# Finding or getting it


def find_or_get(say: Say) -> Path:
    """A livekit-server that runs here; `say` is told which one was taken, and the progress of getting it.

    From PATH, else an earlier copy in the cache, else the release, else built by Go. Raises NoLiveKit.
    """
    if found := shutil.which("livekit-server"):
        say(f"livekit-server: {found} (found on PATH, version {version_of(Path(found)) or 'unknown'})")
        return Path(found)
    kept = settings.CACHE_DIR / "bin" / "livekit-server"
    if version_of(kept):
        say(f"livekit-server: {kept} (an earlier copy, version {version_of(kept)})")
        return kept

    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".getting-") as aside:
        try:
            got = download(Path(aside), say)
        except _NotThisWay as problem:
            say(f"livekit-server: no release download ({problem}), so it is built with Go instead")
            got = build(Path(aside), say)
        if not version_of(got):
            raise NoLiveKit(f"The livekit-server that was made for this machine does not run: {INSTALL_HINT}")
        os.replace(got, kept)  # whole or not at all, also when two of us did this at once
    say(f"livekit-server: {kept} (new, version {version_of(kept)})")
    return kept


INSTALL_HINT = (
    f"put a livekit-server {VERSION} on PATH (https://docs.livekit.io/transport/self-hosting/local/), "
    "or set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET to one that runs elsewhere."
)


def version_of(binary: Path) -> str:
    """Such as 1.13.5; empty if it does not run."""
    try:
        output = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    match = re.search(r"version (\S+)", output)
    return match[1] if match else ""


def release_name() -> str:
    """The release's archive for this machine. Raises _NotThisWay where there is none."""
    machine = platform.machine().lower()
    known = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "armv7"}
    if platform.system() != "Linux" or machine not in known:
        raise _NotThisWay(f"there is none for {platform.system()} on {machine}")
    return f"livekit_{VERSION}_linux_{known[machine]}.tar.gz"


def download(into: Path, say: Say) -> Path:
    """The release's binary, checked against the release's own checksums. Raises _NotThisWay."""
    name = release_name()
    try:
        sums = fetch(f"{RELEASE}/checksums.txt").decode()
        say(f"livekit-server: downloading {name}")
        with narrated(say, "livekit-server: still downloading"):
            archive = fetch(f"{RELEASE}/{name}")
    except (OSError, ValueError, http.client.HTTPException) as problem:
        raise _NotThisWay(str(getattr(problem, "reason", problem))) from problem
    # Lines of "<checksum>  <name>".
    expected = {line.split()[-1]: line.split()[0] for line in sums.splitlines() if line.strip()}
    if hashlib.sha256(archive).hexdigest() != expected.get(name):
        raise _NotThisWay(f"{name} does not match the release's checksums.txt")

    binary = into / "livekit-server"
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            # By hand: Python 3.11.2, which is Debian 12's, has no extraction filters yet.
            inside = tar.extractfile("livekit-server")
            binary.write_bytes(inside.read() if inside else b"")
    except (tarfile.TarError, KeyError) as problem:
        raise _NotThisWay(f"{name} holds no livekit-server") from problem
    binary.chmod(0o755)
    return binary


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT_SECONDS) as response:
        return response.read()


def build(into: Path, say: Say) -> Path:
    """livekit-server built from its source by Go. Raises NoLiveKit."""
    go = find_go()
    say(f"livekit-server: go install {MODULE} (two or three minutes the first time)")
    environment = os.environ | {"GOBIN": str(into)}
    with narrated(say, "livekit-server: still building"):
        done = subprocess.run([go, "install", MODULE], env=environment, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise NoLiveKit(f"Go could not build livekit-server ({last}): {INSTALL_HINT}")
    return (into / "server").rename(into / "livekit-server")


def find_go() -> str:
    """The go command. Raises NoLiveKit where it is missing, or too old to build livekit-server."""
    needed = ".".join(map(str, NEEDS_GO))
    go = shutil.which("go") or shutil.which(GO_OF_ITS_OWN_INSTALLER)
    if not go:
        raise NoLiveKit(
            f"livekit-server is not here, could not be downloaded, and Go, which could build it, is missing: "
            f"install Go {needed} or newer (https://go.dev/dl/). Otherwise {INSTALL_HINT}"
        )
    output = subprocess.run([go, "env", "GOVERSION", "GOTOOLCHAIN"], capture_output=True, text=True).stdout
    version = tuple(int(part) for part in re.findall(r"\d+", output.partition("\n")[0])[:2])
    fetches_newer = version >= GO_FETCHES_GO and "local" not in output
    if version < NEEDS_GO and not fetches_newer:
        raise NoLiveKit(
            f"livekit-server is not here, could not be downloaded, and Go {'.'.join(map(str, version))} is too old to "
            f"build it: install Go {needed} or newer (https://go.dev/dl/). Otherwise {INSTALL_HINT}"
        )
    return go


@contextmanager
def narrated(say: Say, line: str) -> Iterator[None]:
    """Says every few seconds that the work inside still goes on."""
    done = threading.Event()
    began = time.monotonic()

    def talk() -> None:
        while not done.wait(STILL_BUILDING.total_seconds()):
            say(f"{line} ({time.monotonic() - began:.0f} s)")

    talker = threading.Thread(target=talk, daemon=True)
    talker.start()
    try:
        yield
    finally:
        done.set()
        talker.join()


# Its configuration


@dataclass(frozen=True)
class Ports:
    signal: int  # HTTP and WebSocket, as in LIVEKIT_URL
    tcp: int  # WebRTC where UDP does not get through
    udp: int  # WebRTC, all of it through one port


def is_on_this_machine() -> bool:
    """Whether LIVEKIT_URL means a livekit-server that we would start."""
    url = urlsplit(settings.LIVEKIT_URL)
    return url.scheme in {"ws", "http"} and url.hostname in THIS_MACHINE


def ports() -> Ports:
    signal = urlsplit(settings.LIVEKIT_URL).port or 80
    return Ports(signal=signal, tcp=signal + 1, udp=signal + 2)


def write_config() -> Path:
    """livekit.yaml in the data directory, written anew from the settings (JSON is YAML)."""
    here = ports()
    config = {
        "port": here.signal,
        "bind_addresses": ["127.0.0.1"],
        "rtc": {
            "tcp_port": here.tcp,
            "udp_port": here.udp,
            # Browser and agent are on this machine. Lite: no STUN server on the internet is asked for our address.
            "use_external_ip": False,
            "use_ice_lite": True,
            # 127.0.0.1 keeps working when the laptop changes networks; the other addresses are for browsers that
            # refuse loopback candidates. Without IPv6, since calls would only hop between the two.
            "enable_loopback_candidate": True,
            "ips": {"includes": ["0.0.0.0/0"]},
        },
        "keys": {settings.LIVEKIT_API_KEY: settings.LIVEKIT_API_SECRET},
        "webhook": {
            "api_key": settings.LIVEKIT_API_KEY,
            "urls": [f"http://127.0.0.1:{settings.PORT}/voice/webhook"],
        },
        "logging": {"level": "info", "json": False},
    }
    path = settings.DATA_DIR / "livekit.yaml"
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.touch(mode=0o600)
    aside.write_text(json.dumps(config, indent=2) + "\n")
    os.replace(aside, path)
    return path


# Whether it is there


def http_url() -> str:
    """LIVEKIT_URL as the HTTP address of the same server."""
    return re.sub(r"^ws", "http", settings.LIVEKIT_URL).rstrip("/")


def greet(*, timeout: float = 2) -> None:
    """Raises OSError unless something answers HTTP at LIVEKIT_URL."""
    with urllib.request.urlopen(http_url(), timeout=timeout):
        pass


def answers_to_our_key(*, timeout: float = 2) -> bool:
    """Whether a livekit-server is at LIVEKIT_URL already, and takes our key."""
    from livekit import api  # half a second, and only asked for where something answers

    token = api.AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
    token = token.with_grants(api.VideoGrants(room_list=True)).with_ttl(timedelta(minutes=1))
    question = urllib.request.Request(
        f"{http_url()}/twirp/livekit.RoomService/ListRooms",
        data=b"{}",
        headers={"Authorization": f"Bearer {token.to_jwt()}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(question, timeout=timeout) as response:
            return "rooms" in json.load(response)
    except (OSError, ValueError):
        return False


def is_port_free(port: int, *, address: str = "", udp: bool = False) -> bool:
    """Whether a server could listen on `port` of this machine now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as probe:
        if not udp:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


# Its log


TOLD = ("room", "participant", "reason", "connectionType", "kind", "error", "url", "event", "signal", "version")


def readable(line: str) -> str:
    """A line of livekit-server's log without its time, source file and kilobytes of WebRTC detail."""
    parts = line.rstrip().split("\t")
    if len(parts) < 5:
        return line.rstrip()
    _, level, _, _, message, *rest = parts
    try:
        details = json.loads(rest[0]) if rest else {}
    except ValueError:
        details = {}
    told = " ".join(f"{key}={details[key]}" for key in TOLD if details.get(key) not in (None, ""))
    return f"{level} {message}{' ' if told else ''}{told}"[:300]
