"""`make setup` and `make run`: what they say when something is in the way, and the real thing behind a mark."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import psutil
import pytest
from django.core.management import CommandError, call_command

from concierge import demo_logins
from concierge.management.commands import run, setup
from tests.browser.stack import Stack

ROOT = Path(__file__).resolve().parents[2]


# setup


@pytest.fixture
def steps(monkeypatch, settings, tmp_path):
    """Setup with its slow steps recorded and not taken."""
    settings.MODELS_DIR = tmp_path / "models"
    taken = []
    monkeypatch.setattr("knowledge.embedding.prepare", lambda say: taken.append("search model"))
    monkeypatch.setattr("agent_worker.providers.whisper.prepare", lambda: taken.append("speech model"))
    monkeypatch.setattr("concierge.livekit_server.find_or_get", lambda say: taken.append("livekit-server"))
    monkeypatch.setattr(setup, "call_command", lambda command, **options: taken.append(command))
    return taken


def say_setup(*arguments):
    out = StringIO()
    call_command("setup", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_a_first_setup_takes_every_step(steps):
    say_setup()
    assert steps == ["livekit-server", "search model", "speech model", "seed_demo"]


def test_a_second_setup_leaves_database_models_and_demo_alone(steps, palm, admin_user):
    say_setup()
    steps.clear()
    said = say_setup()
    assert steps == ["livekit-server"]  # which is only looked for
    assert "Database: up to date" in said
    assert "Demo venues: left alone" in said


def test_a_setup_that_was_stopped_while_it_made_the_demo_venues_is_completed(steps, palm):
    say_setup()  # venues, but nobody to sign in yet
    assert "seed_demo" in steps


@pytest.mark.django_db
def test_in_production_the_demo_is_left_out(steps):
    say_setup("--no-demo")
    assert "seed_demo" not in steps


@pytest.mark.django_db
def test_a_livekit_elsewhere_needs_no_server_here(steps, settings):
    settings.LIVEKIT_URL = "wss://venues.livekit.cloud"
    assert "none is needed here" in say_setup()
    assert "livekit-server" not in steps


@pytest.mark.django_db
def test_the_cloud_profile_prepares_no_speech_model(steps, settings):
    settings.PROFILE = "cloud"
    say_setup()
    assert "speech model" not in steps


# run


@pytest.fixture
def free_ports(settings):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        settings.PORT = probe.getsockname()[1]
    settings.LIVEKIT_URL = "ws://127.0.0.1:47880"


@pytest.mark.django_db
def test_a_taken_web_port_is_told_in_one_sentence(settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings.PORT = taken.getsockname()[1]
        with pytest.raises(
            CommandError, match=rf"Port {settings.PORT} is taken by another program: .* PORT=\d+ make run\.$"
        ):
            call_command("run")


@pytest.mark.django_db
@pytest.mark.parametrize(("offset", "kind"), [(0, "tcp"), (1, "tcp"), (2, "udp")])
def test_a_taken_livekit_port_is_told_in_one_sentence(settings, free_ports, offset, kind):
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    with taken:
        taken.bind(("127.0.0.1", 47880 + offset))
        if kind == "tcp":
            taken.listen()
        with pytest.raises(CommandError, match=rf"Port {47880 + offset}.*livekit-server needs.*LIVEKIT_URL=ws://127"):
            call_command("run")


def test_the_welcome_names_every_address_and_login(settings, palm):
    settings.PORT = 8000
    assert "Demo logins" not in run.welcome()
    demo_logins.User.objects.create_user("admin", password=demo_logins.PASSWORD)
    said = run.welcome()
    for line in ("Palm Court  http://palm.test:8000/", "Staff       http://localhost:8000/staff/"):
        assert line in said
    assert re.search(rf"admin +{demo_logins.PASSWORD} +admin", said)


def test_a_log_line_of_the_agent_is_told_in_words():
    line = '{"message": "joined", "level": "INFO", "name": "agent_worker", "room": "call-1", "pid": 7, "code.line": 3}'
    assert run.of_the_agent(line) == "INFO agent_worker: joined room=call-1"
    assert run.of_the_agent('{"message": "m", "level": "ERROR", "name": "n", "exc_info": "Traceback\\nX"}').endswith(
        "\nTraceback\nX"
    )
    assert run.of_the_agent("Segmentation fault") == "Segmentation fault"


@pytest.mark.django_db
def test_tick_does_its_chores_and_survives_a_broken_one(monkeypatch, caplog):
    def break_down():
        raise RuntimeError("LiveKit is away")

    from concierge.management.commands import tick

    monkeypatch.setattr(tick, "CHORES", {"calls ended": break_down, "calls deleted": lambda: 3})
    with caplog.at_level("INFO"):
        call_command("tick", "--once")
    assert "A chore failed: calls ended" in caplog.text
    assert "3 calls deleted" in caplog.text


# bootstrap.sh


def bootstrap(programs: Path, home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environment |= {"PATH": str(programs), "HOME": str(home), "UV_PROJECT_ENVIRONMENT": str(home / "venv")}
    command = [shutil.which("sh"), "deploy/bootstrap.sh", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.fixture
def programs(tmp_path):
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("sh", "dirname", "cut", "mkdir", "rm"):
        (folder / name).symlink_to(shutil.which(name))
    return folder


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_missing_python_is_told_in_one_sentence(programs, tmp_path):
    done = bootstrap(programs, tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip().endswith(
        "python3 is missing: install it (apt-get install python3 python3-venv), then run this again."
    )


def test_an_old_python_is_told_in_one_sentence(programs, tmp_path):
    program(programs / "python3", '[ "$1" = -V ] && echo Python 3.9.2; exit 1')
    done = bootstrap(programs, tmp_path)
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed and python3 is 3.9.2" in done.stderr


def test_a_python_without_venv_is_told_in_one_sentence(programs, tmp_path):
    # Old enough to run, but neither venv, nor pip, nor a network.
    program(programs / "python3", 'case "$*" in *version_info*) exit 0;; *) exit 1;; esac')
    done = bootstrap(programs, tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("apt-get install python3-venv, then run this again.")


def test_a_uv_on_path_is_used_and_the_command_takes_the_place_of_the_script(programs, tmp_path):
    program(programs / "uv", 'echo "uv $*"')
    program(programs / "told", 'echo "pid $$"; kill -TERM $$')
    done = bootstrap(programs, tmp_path, "--dev", "told")
    assert "uv sync --frozen" in done.stdout
    assert done.returncode == -signal.SIGTERM


def test_a_shim_without_a_uv_behind_it_does_not_count(programs, tmp_path):
    program(programs / "uv", "echo uv: command not found >&2; exit 127")
    assert "Python 3.11 or newer is needed" in bootstrap(programs, tmp_path).stderr


def test_packages_that_cannot_be_installed_are_told_in_one_sentence(programs, tmp_path):
    program(programs / "uv", '[ "$1" = --version ]')
    done = bootstrap(programs, tmp_path, "told")
    assert done.returncode == 1
    assert "check the network and the free disk space" in done.stderr


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        pytest.param({}, "beside the sources", id="usually"),
        pytest.param(
            {"PYTHONDONTWRITEBYTECODE": "1"},
            "{home}/.cache/concierge/compiled",
            id="where nothing may lie beside the sources",
        ),
    ],
)
def test_no_process_has_to_compile_what_another_has(programs, tmp_path, environment, told):
    program(programs / "uv", "")
    script = '[ -z "$PYTHONDONTWRITEBYTECODE" ] && echo "${PYTHONPYCACHEPREFIX:-beside the sources}"'
    program(programs / "told", script)
    done = bootstrap(programs, tmp_path, "told", **environment)
    assert done.stdout.strip() == told.format(home=tmp_path)


# The real thing


@pytest.fixture(scope="module")
def house():
    running = Stack()
    yield running
    running.stop()
    shutil.rmtree(running.data_dir, ignore_errors=True)


def processes_of(house: Stack) -> dict[int, str]:
    """Every process on this machine that was started for this data directory."""
    marker = f"CONCIERGE_DATA_DIR={house.data_dir}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and marker in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # gone already, or not ours
    return found


def start_again(house: Stack) -> float:
    began = time.monotonic()
    house.log = (house.data_dir / "run.log").open("wb")
    house.process = subprocess.Popen(
        [sys.executable, "manage.py", "run"],
        cwd=ROOT,
        env=house.env,
        stdout=house.log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    while "The concierge is ready." not in house.tail(1000):
        assert house.process.poll() is None, house.tail()
        assert time.monotonic() - began < 120, house.tail()
        time.sleep(0.1)
    return time.monotonic() - began


def see_it_runs(house: Stack) -> None:
    if house.process is None:
        house.start()
    elif house.process.poll() is not None:
        start_again(house)


def nice_of(house: Stack, command: str) -> list[int]:
    return [psutil.Process(pid).nice() for pid, line in processes_of(house).items() if command in line]


@pytest.mark.voice
def test_tasks_leave_the_processor_to_those_who_speak(house):
    see_it_runs(house)
    deadline = time.monotonic() + 60
    while nice_of(house, "manage.py db_worker") != [10]:  # it begins some seconds later
        assert time.monotonic() < deadline, processes_of(house)
        time.sleep(0.2)
    assert nice_of(house, "-m agent_worker") == [0]
    assert nice_of(house, "-m daphne") == [0]


@pytest.mark.voice
@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 0), (signal.SIGHUP, 129)])
def test_a_signal_stops_everything_and_leaves_no_process(house, stop, code):
    see_it_runs(house)
    house.look_away()
    assert len(processes_of(house)) > 5
    os.kill(house.process.pid, stop)
    assert house.process.wait(timeout=20) == code
    assert processes_of(house) == {}
    assert "Traceback" not in house.tail(1000)


@pytest.mark.voice
@pytest.mark.parametrize("victim", ["livekit", "agent"])
def test_when_one_process_dies_all_stop_and_it_is_named(house, victim):
    start_again(house)
    pid = int(re.search(rf"{victim} started \(pid=(\d+)\)", house.tail(1000))[1])
    os.kill(pid, signal.SIGKILL)
    assert house.process.wait(timeout=20) == 1
    assert f"{victim} stopped by itself with exit code -9" in house.tail()
    assert processes_of(house) == {}


@pytest.mark.voice
def test_a_second_setup_is_quick(house):
    began = time.monotonic()
    said = house.manage("setup")
    assert "Database: up to date" in said
    assert "Demo venues: left alone" in said
    assert time.monotonic() - began < 30  # about 5; measured by hand, this only catches doing it all again
