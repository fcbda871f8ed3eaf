"""What the three simulators share: a server that can be told what to do while it runs, and tells what it was asked.

`POST /control` sets delays, the fault and what else the simulator knows; `GET /control` answers what came and when.
Whatever a client sends that is not simulated is a problem: it is refused aloud, kept, and raised in tests.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import WSMsgType, web

from tests.simulators.delays import BadControl, Delays, built
from tests.simulators.faults import Fault, Garbler

logger = logging.getLogger(__name__)

KEPT = 500  # requests and turns that GET /control tells of
NOT_JSON = "}{ <html> \x00 not what you expected"
NOT_TEXT = b'\xff\xfe\x80 {"\xc3\x28": '  # no UTF-8


class NotSimulated(Exception):
    """A client asked for something that the simulator does not know."""


class Simulator:
    """One provider. Its state is read and written on its own loop only, or before it runs."""

    provider = ""
    path = ""  # of the base URL

    def __init__(self) -> None:
        self.port = 0
        self.delays = Delays()
        self.fault: Fault | None = None
        self.faults_done = 0
        self.requests: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.turns: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.problems: list[str] = []
        self.roll = self.delays.dice()
        self._garbler = Garbler("*")

    # Serving

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"

    @property
    def control_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/control"

    def routes(self) -> list[web.RouteDef]:
        raise NotImplementedError

    async def serve(self, port: int = 0) -> web.AppRunner:
        """Begin to serve. The caller cleans the runner up."""
        app = web.Application()
        app.add_routes([web.get("/control", self._tell), web.post("/control", self._control), *self.routes()])
        app.router.add_route("*", "/{anything:.*}", self._unknown)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        assert site._server is not None
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        return runner

    async def _unknown(self, request: web.Request) -> web.Response:
        return self.refuse(f"{request.method} {request.path} is not simulated", 404)

    def refuse(self, problem: str, status: int = 400) -> web.Response:
        """Answer aloud, and keep it for the test to raise."""
        self.problem(problem)
        return web.json_response({"error": {"message": f"simulator: {problem}"}}, status=status)

    def problem(self, problem: str) -> None:
        logger.error("%s simulator: %s", self.provider, problem)
        self.problems.append(problem)

    # Control

    async def _control(self, request: web.Request) -> web.Response:
        try:
            wanted = await request.json()
            if not isinstance(wanted, dict):
                raise BadControl("send a JSON object")
            self.control(**wanted)
        except (BadControl, json.JSONDecodeError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(self.told())

    async def _tell(self, request: web.Request) -> web.Response:
        return web.json_response(self.told())

    def control(self, **wanted: Any) -> None:
        """Take over new settings: all of them or, if one makes no sense, none."""
        settings = self.settings()
        if unknown := sorted(set(wanted) - set(settings)):
            raise BadControl(f"{', '.join(unknown)} cannot be set here; known are {', '.join(settings)}")
        for take_over in [settings[name](value) for name, value in wanted.items()]:
            take_over()

    def settings(self) -> dict[str, Callable[[Any], Callable[[], None]]]:
        """Name -> a function that checks a value (BadControl) and returns what takes it over."""
        return {"delays": self._delays, "fault": self._fault, "reset": lambda _: self.reset}

    def _delays(self, value: Any) -> Callable[[], None]:
        delays = built(Delays, value, "delays")

        def take_over() -> None:
            self.delays = delays
            self.roll = delays.dice()

        return take_over

    def _fault(self, value: Any) -> Callable[[], None]:
        fault = None if value is None else built(Fault, value, "fault")

        def take_over() -> None:
            self.fault = fault
            self.faults_done = 0
            self._garbler = Garbler(fault.at, fault.value) if fault else Garbler("*")

        return take_over

    def reset(self) -> None:
        """Forget what was asked so far."""
        self.requests.clear()
        self.turns.clear()
        self.problems.clear()

    def told(self) -> dict[str, Any]:
        """Moments are seconds since 1970."""
        return {
            "provider": self.provider,
            "requests": list(self.requests),
            "turns": list(self.turns),
            "problems": list(self.problems),
            "faults_done": self.faults_done,
            "now": time.time(),
        }

    # Faults

    def due(self, sent: int) -> Fault | None:
        """The fault that befalls an answer of which `sent` messages went out; it is counted."""
        fault = self.fault
        if fault is None or fault.is_at_the_door or sent < fault.after or self._is_over(fault):
            return None
        self.faults_done += 1
        return fault

    def _is_over(self, fault: Fault) -> bool:
        return 0 <= fault.times <= self.faults_done

    async def at_the_door(self, request: web.Request) -> web.Response | None:
        """The answer to a request that is turned away; None if it may come in. A hang never returns."""
        fault = self.fault
        if fault is None or not fault.is_at_the_door or self._is_over(fault):
            return None
        self.faults_done += 1
        if fault.kind == "refuse":
            if request.transport:
                request.transport.abort()
            raise ConnectionResetError("refused on demand")
        if fault.kind == "rate_limit":
            return web.json_response(
                {"error": {"message": "Rate limit reached.", "type": "requests", "code": "rate_limit_exceeded"}},
                status=429,
                headers={"Retry-After": f"{fault.retry_after:g}"},
            )
        return web.json_response({"error": {"message": "The server had an error."}}, status=500)

    def spoiled(self, message: dict[str, Any]) -> str:
        """What is sent in place of `message` when garbage was ordered."""
        fault = self.fault
        if fault is None or not fault.at:
            return NOT_JSON
        return json.dumps(self._garbler.garble(message))  # half a letter has no other way to be sent


async def for_ever() -> None:
    await asyncio.Event().wait()


class Mishap:
    """What befalls one answer. Once it has begun it goes on to the end of the answer."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._fault: Fault | None = None

    def at(self, sent: int) -> Fault | None:
        """The fault now that `sent` messages of the answer went out; 0 begins another answer."""
        if sent == 0:
            self._fault = None
        self._fault = self._fault or self._simulator.due(sent)
        return self._fault


class Line:
    """A WebSocket to a client, on which the fault of the day happens."""

    def __init__(self, simulator: Simulator, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._simulator = simulator
        self._socket = socket
        self._request = request
        self._mishap = Mishap(simulator)

    async def send(self, message: dict[str, Any], sent: int) -> None:
        """`sent` counts the messages of this answer that went before."""
        fault = self._mishap.at(sent)
        if fault is None:
            await self._socket.send_str(json.dumps(message, ensure_ascii=False))
        elif fault.kind == "cut":
            if self._request.transport:
                self._request.transport.abort()
            raise ConnectionResetError("cut on demand")
        elif fault.kind == "garbage":
            await self._socket.send_str(self._simulator.spoiled(message))
        elif fault.kind == "noise":
            await self._socket.send_frame(NOT_TEXT, WSMsgType.TEXT)
        # A hang: nothing more is said, and the line stays open.


@contextmanager
def running(*simulators: Simulator, strict: bool = True) -> Iterator[None]:
    """Serve in a thread of their own while the block runs; then raise what they did not know, if `strict`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulators", daemon=True)
    thread.start()

    def do(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(20)

    runners = [do(simulator.serve()) for simulator in simulators]
    try:
        yield
    finally:
        for runner in runners:
            do(runner.cleanup())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        if not thread.is_alive():
            loop.close()
    problems = [f"{simulator.provider}: {problem}" for simulator in simulators for problem in simulator.problems]
    if problems and strict:
        raise AssertionError("asked for what is not simulated: " + "; ".join(problems))
