"""Finding or getting livekit-server. The release and Go are stood in for by a local web server and small scripts."""

import hashlib
import io
import os
import shutil
import socket
import tarfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

from concierge import livekit_server
from concierge.livekit_server import NoLiveKit

SERVER = b"#!/bin/sh\necho livekit-server version 1.13.5\n"


@pytest.fixture
def programs(tmp_path, monkeypatch, settings):
    """A PATH of our own, and an empty cache."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for needed in ("sh", "echo", "cp", "chmod"):
        (folder / needed).symlink_to(shutil.which(needed))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(livekit_server, "GO_OF_ITS_OWN_INSTALLER", str(folder / "nowhere"))
    settings.CACHE_DIR = tmp_path / "cache"
    return folder


@pytest.fixture
def release(tmp_path, monkeypatch):
    """A folder that is served as the release."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    folder = tmp_path / "release"
    folder.mkdir()
    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    Thread(target=web.serve_forever, args=[0.02], daemon=True).start()
    monkeypatch.setattr(livekit_server, "RELEASE", f"http://127.0.0.1:{web.server_port}")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    yield folder
    web.shutdown()
    web.server_close()


def publish(folder: Path, *, checksum: str = "") -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, content in (("LICENSE", b"Apache"), ("livekit-server", SERVER)):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    name = "livekit_1.13.5_linux_amd64.tar.gz"
    (folder / name).write_bytes(archive.getvalue())
    checksum = checksum or hashlib.sha256(archive.getvalue()).hexdigest()
    (folder / "checksums.txt").write_text(f"{'0' * 64}  livekit_1.13.5_linux_arm64.tar.gz\n{checksum}  {name}\n")


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def go(folder: Path, *, version: str, toolchain: str = "local") -> None:
    install = "echo '#!/bin/sh' > $GOBIN/server; echo 'echo livekit-server version 1.13.5' >> $GOBIN/server"
    program(
        folder / "go",
        f'if [ "$1" = env ]; then echo go{version}; echo {toolchain}; exit; fi\n{install}; chmod +x $GOBIN/server',
    )


def test_the_one_on_path_is_taken(programs):
    program(programs / "livekit-server", "echo livekit-server version 1.9.0")
    said = []
    assert livekit_server.find_or_get(said.append) == programs / "livekit-server"
    assert said == [f"livekit-server: {programs}/livekit-server (found on PATH, version 1.9.0)"]


def test_an_earlier_copy_is_taken_next(programs, settings):
    kept = settings.CACHE_DIR / "bin/livekit-server"
    program(kept, "echo livekit-server version 1.13.5")
    said = []
    assert livekit_server.find_or_get(said.append) == kept
    assert "an earlier copy" in said[-1]


def test_the_release_is_downloaded_and_kept(programs, release, settings):
    publish(release)
    said = []
    kept = livekit_server.find_or_get(said.append)
    assert kept == settings.CACHE_DIR / "bin/livekit-server"
    assert kept.read_bytes() == SERVER
    assert "new, version 1.13.5" in said[-1]
    assert [path.name for path in kept.parent.iterdir()] == ["livekit-server"]

    livekit_server.find_or_get(said.append)
    assert "an earlier copy" in said[-1]


def test_a_download_with_another_checksum_is_not_used(programs, release):
    publish(release, checksum="f" * 64)
    go(programs, version="1.26.1")
    said = []
    livekit_server.find_or_get(said.append)
    assert any("does not match the release's checksums.txt" in line for line in said)
    assert any("go install" in line for line in said)


def test_without_a_release_it_is_built_with_go(programs, release):
    go(programs, version="1.26.1")
    said = []
    assert livekit_server.version_of(livekit_server.find_or_get(said.append)) == "1.13.5"
    assert "no release download" in said[0]


def test_a_go_that_fetches_a_newer_go_will_do(programs, release):
    go(programs, version="1.22.3", toolchain="auto")
    assert livekit_server.version_of(livekit_server.find_or_get(lambda line: None)) == "1.13.5"


@pytest.mark.parametrize(("version", "toolchain"), [("1.19.8", "auto"), ("1.25.0", "local")])
def test_a_go_that_is_too_old_is_said_so(programs, release, version, toolchain):
    go(programs, version=version, toolchain=toolchain)
    with pytest.raises(NoLiveKit, match=r"Go 1\.\d+ is too old to build it: install Go 1\.26"):
        livekit_server.find_or_get(lambda line: None)


def test_a_missing_go_is_said_so(programs, release):
    with pytest.raises(NoLiveKit, match=r"Go, which could build it, is missing: install Go 1\.26"):
        livekit_server.find_or_get(lambda line: None)


def test_a_build_that_fails_gives_the_last_words_of_go(programs, release, settings):
    program(programs / "go", 'if [ "$1" = env ]; then echo go1.26; exit; fi\necho no space left >&2; exit 1')
    with pytest.raises(NoLiveKit, match=r"Go could not build livekit-server \(no space left\)"):
        livekit_server.find_or_get(lambda line: None)
    assert list((settings.CACHE_DIR / "bin").iterdir()) == []


def test_the_config_holds_our_keys_and_ports_and_is_private(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    settings.LIVEKIT_URL, settings.PORT = "ws://127.0.0.1:7900", 8123
    path = livekit_server.write_config()
    config = yaml.safe_load(path.read_text())
    assert config["port"] == 7900
    assert (config["rtc"]["tcp_port"], config["rtc"]["udp_port"]) == (7901, 7902)
    assert config["keys"] == {settings.LIVEKIT_API_KEY: settings.LIVEKIT_API_SECRET}
    assert config["webhook"]["urls"] == ["http://127.0.0.1:8123/voice/webhook"]
    assert config["bind_addresses"] == ["127.0.0.1"]
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("ws://127.0.0.1:7880", True),
        ("ws://localhost:7880", True),
        ("wss://concierge.livekit.cloud", False),
        ("ws://livekit.internal:7880", False),
        ("wss://localhost", False),
    ],
)
def test_only_an_address_of_this_machine_means_a_server_of_our_own(settings, url, here):
    settings.LIVEKIT_URL = url
    assert livekit_server.is_on_this_machine() is here


def test_a_server_that_does_not_know_our_key_is_not_ours(release, settings):
    settings.LIVEKIT_URL = livekit_server.RELEASE.replace("http", "ws")
    assert not livekit_server.answers_to_our_key()


def test_a_taken_port_is_not_free():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not livekit_server.is_port_free(port)
        assert not livekit_server.is_port_free(port, address="127.0.0.1")
    assert livekit_server.is_port_free(port)


def test_a_log_line_is_told_in_short():
    details = '{"room": "call-1", "reason": "CLIENT_REQUEST_LEAVE", "clientInfo": {"sdk": "JS"}}'
    line = f"2026-11-24T03:28:58.796Z\tINFO\tlivekit\trtc/participant.go:1475\tparticipant closing\t{details}\n"
    assert livekit_server.readable(line) == "INFO participant closing room=call-1 reason=CLIENT_REQUEST_LEAVE"
    assert livekit_server.readable("panic: out of memory\n") == "panic: out of memory"


def test_a_copy_in_the_cache_that_does_not_run_is_made_again(programs, release, settings):
    publish(release)
    kept = settings.CACHE_DIR / "bin/livekit-server"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"half a download")
    os.chmod(kept, 0o755)
    livekit_server.find_or_get(lambda line: None)
    assert kept.read_bytes() == SERVER
