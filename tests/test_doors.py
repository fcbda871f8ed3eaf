"""Every address and every socket, tried by everybody who could come to it.

ROUTES and SOCKETS say what each of them answers to whom. A route that does not stand here fails the test: add it with
the answers that it is meant to give, and think of the stranger first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from asgiref.sync import async_to_sync
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.test.client import ClientHandler
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from concierge import livekit_server
from concierge.asgi import application
from concierge.models import Membership
from knowledge.models import Import
from tests import factories
from voice import verbs
from voice.models import Call, Gap
from voice.routing import websocket_urlpatterns

HANDLER = ClientHandler(enforce_csrf_checks=False)  # one for all: each would load the middleware anew
PATIENCE = 20  # seconds for a socket, on a busy machine too
ROLES = list(Membership.Role.values)
LOGIN = "sign-in page"
# Stands in what only the venue's own people may read.
SECRET = "zebra-crossing-at-midnight"


def everybody(answer: int) -> dict[str, int]:
    return dict.fromkeys(ROLES, answer)


def at_least(role: str, answer: int) -> dict[str, int]:
    return everybody(404) | dict.fromkeys(Membership.Role.at_least(role), answer)


@dataclass(frozen=True)
class Route:
    """What one method of an address answers: a status, or LOGIN for a redirect to it."""

    door: str  # the mark that concierge.access leaves on the view
    example: str
    own: dict[str, int]  # by role, on the console host
    rivals: dict[str, int] = field(default_factory=lambda: everybody(404))
    method: str = "GET"
    data: dict[str, object] | None = None
    content_type: str = ""
    anonymous: int | str = LOGIN
    venue_host: int = 404  # the same for all: nobody is signed in there
    superuser: int | None = None  # as a manager, unless said

    def expected(self, person: str) -> int | str:
        who, _, role = person.partition(" ")
        match who:
            case "visitor":
                return self.venue_host
            case "anonymous":
                return self.anonymous
            case "rival":
                return self.rivals[role]
            case "own":
                return self.own[role]
            case _:
                return self.own["manager"] if self.superuser is None else self.superuser


TEXT = {"title": "Pool", "body": "Open from noon.", "action": "save", "base_version": 1, "language": "en"}
JSON = "application/json"
SAME_FOR_ALL = {"rivals": everybody(404), "own": everybody(404), "anonymous": 404}
CONSOLE_PAGES = ("accounts/", "admin/")  # their own tests are below

ROUTES: dict[str, list[Route]] = {
    "": [Route("any", "/", everybody(302), everybody(302), anonymous=302, venue_host=302)],
    "healthz": [Route("console", "/healthz", everybody(200), everybody(200), anonymous=200)],
    # Prometheus has a token and is nobody; without the token it does not matter who one is.
    "metrics": [Route("console", "/metrics", everybody(401), everybody(401), anonymous=401)],
    "<language:language>/": [Route("venue", "/en/", venue_host=200, **SAME_FOR_ALL)],
    "voice/token": [
        Route("venue", "/voice/token", method="POST", data={}, content_type=JSON, venue_host=201, **SAME_FOR_ALL)
    ],
    "voice/rating": [
        # Whoever has the key of a call is its visitor; nobody here has one.
        Route("venue", "/voice/rating", method="POST", data={}, content_type=JSON, venue_host=400, **SAME_FOR_ALL)
    ],
    "voice/webhook": [
        # LiveKit signs what it sends; who one is does not matter.
        Route("console", "/voice/webhook", everybody(401), everybody(401), "POST", {}, JSON, anonymous=401)
    ],
    "staff/": [Route("member:viewer", "/staff/", everybody(200), everybody(200))],
    # Those of rivals open too, and show the rival's own.
    "staff/history/": [Route("member:viewer", "/staff/history/?q=zebra", everybody(200), everybody(200))],
    "staff/history/calls.<slug:kind>": [
        Route("member:manager", f"/staff/history/calls.{kind}?q=zebra", *[at_least("manager", 200)] * 2)
        for kind in ("csv", "json")
    ]
    + [Route("member:manager", "/staff/history/calls.exe", everybody(404))],
    # Those of rivals open too, with the rival's own.
    "staff/numbers/": [Route("member:viewer", "/staff/numbers/?venue=palm", everybody(200), everybody(200))],
    "staff/audit/": [Route("member:manager", "/staff/audit/", *[at_least("manager", 200)] * 2)],
    "staff/keeping/<slug:venue>/": [
        Route("member:manager", "/staff/keeping/palm/", at_least("manager", 200)),
        Route("member:manager", "/staff/keeping/palm/", at_least("manager", 422), method="POST", data={}),
    ],
    "staff/call-backs/<int:pk>/done": [
        Route("member:agent", "/staff/call-backs/{call_back}/done", at_least("agent", 302), method="POST")
    ],
    "staff/calls/<uuid:pk>/erase/": [
        Route("member:manager", "/staff/calls/{ended}/erase/", at_least("manager", 200)),
        Route("member:manager", "/staff/calls/{ended}/erase/", at_least("manager", 422), method="POST"),
        Route("member:manager", "/staff/calls/{call}/erase/", everybody(404)),  # it goes on
    ],
    "staff/calls/<uuid:pk>/recording.ogg": [
        Route("member:viewer", "/staff/calls/{ended}/recording.ogg", everybody(200)),
        Route("member:viewer", "/staff/calls/{call}/recording.ogg", everybody(404)),
    ],
    "staff/calls/<uuid:pk>/scorecard": [
        Route("member:editor", "/staff/calls/{ended}/scorecard", at_least("editor", 302), method="POST", data={})
    ],
    "staff/calls/<uuid:pk>/turns/<int:turn>/wrong": [
        Route("member:editor", "/staff/calls/{call}/turns/2/wrong", at_least("editor", 200)),
        Route(
            "member:editor",
            "/staff/calls/{call}/turns/2/wrong",
            at_least("editor", 302),
            method="POST",
            data={"reason": "no_answer"},
        ),
    ],
    "staff/calls/<uuid:pk>/": [Route("member:viewer", "/staff/calls/{call}/", everybody(200))],
    "staff/calls/<uuid:pk>/<slug:verb>": [
        Route(
            "member:agent", f"/staff/calls/{{call}}/{verb}", at_least("agent", 302), method="POST", data={"line": "x"}
        )
        for verb in verbs.VERBS
    ]
    + [Route("member:agent", "/staff/calls/{call}/dance", everybody(404), method="POST")],
    "staff/shift": [
        Route("member:agent", "/staff/shift", at_least("agent", 302), at_least("agent", 302), "POST", {"on": "1"})
    ],
    "staff/hand-offs/<int:pk>/claim": [
        Route("member:agent", "/staff/hand-offs/{hand_off}/claim", at_least("agent", 302), method="POST")
    ],
    "staff/calls/<uuid:pk>/golden": [
        Route(
            "member:editor",
            "/staff/calls/{call}/golden",
            at_least("editor", 302),
            method="POST",
            data={"turn": "1"},
        )
    ],
    "knowledge/": [
        # Whoever edits one venue goes straight to it.
        Route("member:editor", "/knowledge/", at_least("editor", 302), at_least("editor", 302), superuser=200)
    ],
    "knowledge/<slug:venue>/": [Route("member:editor", "/knowledge/palm/", at_least("editor", 200))],
    "knowledge/<slug:venue>/new/": [
        Route("member:editor", "/knowledge/palm/new/", at_least("editor", 200)),
        Route("member:editor", "/knowledge/palm/new/", at_least("editor", 302), method="POST", data=TEXT),
    ],
    "knowledge/<slug:venue>/import/": [
        Route("member:editor", "/knowledge/palm/import/", at_least("editor", 200)),
        Route("member:editor", "/knowledge/palm/import/", at_least("editor", 422), method="POST", data={}),
    ],
    "knowledge/<slug:venue>/import/<int:pk>/": [
        Route("member:editor", "/knowledge/palm/import/{intake}/", at_least("editor", 200)),
        Route("member:editor", "/knowledge/palm/import/{intake}/", at_least("editor", 302), method="POST", data={}),
    ],
    "knowledge/<slug:venue>/import/<int:pk>/<int:position>/": [
        Route("member:editor", "/knowledge/palm/import/{intake}/1/", at_least("editor", 200)),
        Route("member:editor", "/knowledge/palm/import/{intake}/1/", at_least("editor", 302), method="POST", data=TEXT),
    ],
    "knowledge/<slug:venue>/import/<int:pk>/rows.csv": [
        Route("member:editor", "/knowledge/palm/import/{intake}/rows.csv", at_least("editor", 200))
    ],
    "knowledge/<slug:venue>/import/<int:pk>/page-<int:number>.png": [
        # This import has no pages.
        Route("member:editor", "/knowledge/palm/import/{intake}/page-1.png", everybody(404))
    ],
    "knowledge/<slug:venue>/gaps/": [Route("member:editor", "/knowledge/palm/gaps/", at_least("editor", 200))],
    "knowledge/<slug:venue>/gaps/<int:pk>/": [
        Route("member:editor", "/knowledge/palm/gaps/1/", at_least("editor", 200)),
        Route(
            "member:editor",
            "/knowledge/palm/gaps/1/",
            at_least("editor", 302),
            method="POST",
            data={"action": "dismiss"},
        ),
    ],
    "knowledge/<slug:venue>/golden/": [
        Route("member:editor", "/knowledge/palm/golden/", at_least("editor", 200)),
        Route(
            "member:editor",
            "/knowledge/palm/golden/",
            at_least("editor", 302),
            method="POST",
            data={"question": "When?", "language": "en", "articles": "pool"},
        ),
    ],
    "knowledge/<slug:venue>/export/": [Route("member:editor", "/knowledge/palm/export/", at_least("editor", 200))],
    "knowledge/<slug:venue>/try/": [Route("member:editor", "/knowledge/palm/try/", at_least("editor", 200))],
    "knowledge/<slug:venue>/<path:article>/<str:language>/": [
        Route("member:editor", "/knowledge/palm/pool/en/", at_least("editor", 200)),
        Route("member:editor", "/knowledge/palm/pool/en/", at_least("editor", 302), method="POST", data=TEXT),
    ],
    "knowledge/<slug:venue>/<path:article>/<str:language>/versions/<int:number>/": [
        Route("member:editor", "/knowledge/palm/pool/en/versions/1/", at_least("editor", 200)),
        Route("member:editor", "/knowledge/palm/pool/en/versions/1/", at_least("editor", 302), method="POST"),
    ],
}

# Pages of the account that a stranger may open; all others of the group lead to the sign-in page.
OPEN_TO_STRANGERS = {
    "account_login",
    "account_logout",
    "account_signup",
    "account_inactive",
    "account_email_verification_sent",
    "account_confirm_email",
    "account_confirm_login_code",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "mfa_authenticate",
}

SOCKETS: dict[str, dict[str, object]] = {
    "ws/staff/": {"example": "/ws/staff/", "rivals_come_in": True},
    "ws/staff/calls/<uuid:pk>/": {"example": "/ws/staff/calls/{call}/", "rivals_come_in": False},
    "": {"example": "/ws/anything/", "nobody_comes_in": True},  # refuses what is unknown
}


def walk(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern, route)
        else:
            yield route, pattern


ALL = dict(walk(get_resolver()))
OURS = {route: pattern for route, pattern in ALL.items() if not route.startswith(CONSOLE_PAGES)}
GROUPED = {route: pattern for route, pattern in ALL.items() if route.startswith(CONSOLE_PAGES)}


@dataclass
class Cast:
    call: Call
    ended: Call
    intake: Import
    cookies: dict[str, dict[str, str]]  # by person

    def example(self, address: str) -> str:
        return address.format(
            call=self.call.pk,
            ended=self.ended.pk,
            intake=self.intake.pk,
            hand_off=self.call.hand_offs.get().pk,
            call_back=self.call.call_backs.get().pk,
        )

    def client(self, person: str) -> Client:
        """Visitors and console people differ by host only; a cookie of the console may reach a venue's host too."""
        client = Client(headers={"host": "palm.test" if person.startswith("visitor") else "localhost"})
        client.handler = HANDLER
        for name, value in self.cookies[person].items():
            client.cookies[name] = value
        return client


def session_of(user) -> str:
    """The key of a session as signing in leaves it. Signing in for each of nine people took half of each test here."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return session.session_key


@pytest.fixture
def cast(palm, rival, livekit, monkeypatch, tmp_path):
    monkeypatch.setattr(livekit_server, "greet", lambda **patience: None)
    monkeypatch.setattr(settings, "METRICS_TOKEN", SECRET)
    factories.create_worker(free_slots=1000)
    factories.create_text(venue=palm, slug="pool", title=f"Pool {SECRET}", body=SECRET)
    call = factories.create_call(venue=palm)
    intake = palm.imports.create(name=f"{SECRET}.pdf", state=Import.State.REVIEW)
    intake.drafts.create(position=1, slug="pool", language="en", title="Pool", body=SECRET, outcome="new")
    turn = call.turns.create(pk=1, number=1, speaker="visitor", text=SECRET)
    Gap.objects.create(pk=1, venue=palm).questions.create(turn=turn, embedder="none", vector=b"")
    call.turns.create(pk=2, number=2, speaker="agent", text=SECRET)
    call.hand_offs.create(reason="asked_for_person")
    call.call_backs.create(number="050 123 4567", words=SECRET)
    ended = factories.create_call(
        venue=palm, state=Call.State.ENDED, is_recorded=True, recording_began_at=timezone.now()
    )
    monkeypatch.setattr(settings, "RECORDINGS_DIR", tmp_path)
    (tmp_path / f"{ended.pk}.ogg").write_text(SECRET)
    ended.add_turn("visitor", SECRET)
    cookies: dict[str, dict[str, str]] = {"visitor": {}, "anonymous": {}}
    users = {f"own {role}": factories.create_user(venue=palm, role=role) for role in ROLES}
    users |= {f"rival {role}": factories.create_user(venue=rival, role=role) for role in ROLES}
    users["superuser"] = factories.create_user(is_superuser=True, is_staff=True)
    for person, user in users.items():
        cookies[person] = {settings.SESSION_COOKIE_NAME: session_of(user)}
    cookies["visitor with a manager's cookie"] = cookies["own manager"]
    cookies["visitor with a superuser's cookie"] = cookies["superuser"]
    return Cast(call, ended, intake, cookies)


def answer(response) -> int | str:
    is_sign_in = response.status_code == 302 and response.url.startswith(("/accounts/login/", "/admin/login/"))
    return LOGIN if is_sign_in else response.status_code


def ask(client: Client, route: Route, url: str):
    if route.content_type:
        return client.generic(route.method, url, "{}", content_type=route.content_type)
    return client.generic(route.method, url) if route.data is None else client.post(url, route.data)


# Our own addresses


def test_every_address_is_known_here():
    unknown = sorted(set(OURS) - set(ROUTES))
    assert not unknown, (
        f"New addresses: {unknown}. Add each to ROUTES in tests/test_doors.py, with the door of concierge.access that "
        "it passes and what it answers to a visitor, a stranger, a rival and each role of the venue."
    )
    gone = sorted(set(ROUTES) - set(OURS))
    assert not gone, f"These addresses are no more: {gone}. Take them out of ROUTES in tests/test_doors.py."


@pytest.mark.parametrize("route", OURS)
def test_every_address_has_the_door_that_it_should_have(route):
    door = getattr(OURS[route].callback, "door", None)
    assert door, f"{route!r} has no door: put one of concierge.access around its view."
    assert {known.door for known in ROUTES[route]} == {door}


@pytest.mark.parametrize(
    ("route", "known"),
    [(route, known) for route, all_known in ROUTES.items() for known in all_known],
    ids=lambda value: value.method if isinstance(value, Route) else value or "home",
)
def test_every_address_answers_each_person_as_it_should(cast, route, known):
    url = cast.example(known.example)
    # Strangers first: what the venue's people do may change what is there.
    for person in sorted(cast.cookies, key=lambda person: person.startswith("own")):
        response = ask(cast.client(person), known, url)
        assert answer(response) == known.expected(person), f"{known.method} {url} as {person}"
        if not person.startswith(("own", "superuser")):
            assert SECRET not in response.content.decode(), f"{person} reads at {url} what is not theirs"


def test_methods_that_nobody_asked_for_are_refused(cast):
    for known_here in ROUTES.values():
        url = cast.example(known_here[0].example)
        for method in {"GET", "POST", "PUT", "DELETE"} - {known.method for known in known_here}:
            for person in ("visitor", "anonymous", "rival manager", "own manager"):
                response = cast.client(person).generic(method, url)
                assert answer(response) in {404, 405, LOGIN}, f"{method} {url} as {person}"


def test_a_host_that_belongs_to_nobody_answers_404_everywhere(cast):
    client = cast.client("superuser")
    client.defaults["HTTP_HOST"] = "stranger.example"
    for known_here in ROUTES.values():
        for known in known_here:
            assert ask(client, known, cast.example(known.example)).status_code == 404, known.example


# Accounts and the admin


def example(route: str) -> str:
    """An address that the pattern matches. Written for the shapes that Django's and allauth's patterns have."""
    text = re.sub(r"<path:\w+>|<int:\w+>", "1", route)
    text = text.replace("(?P<app_label>", "(").replace("(?P<url>.*)", "anything/")
    text = re.sub(r"\((\w+)(\|\w+)*\)", r"\1", text)
    text = text.replace("(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)", "1-key").replace(r"(?P<key>[-:\w]+)", "key")
    text = re.sub(r"<\w+:\w+>|<\w+>", "1", text).replace("^", "").replace("$", "")
    assert re.fullmatch(r"[\w/-]*", text), f"tests/test_doors.py cannot make an address of {route!r}: teach example()."
    return f"/{text}"


@pytest.mark.parametrize("group", CONSOLE_PAGES)
def test_accounts_and_admin_are_not_on_a_venue_s_host(cast, group):
    for route in GROUPED:
        if route.startswith(group):
            response = cast.client("visitor with a superuser's cookie").get(example(route))
            assert response.status_code == 404, example(route)
            assert not response.cookies, "a venue's host sets no cookie"


def test_account_pages_send_strangers_to_the_sign_in_page(cast):
    for route, pattern in GROUPED.items():
        if route.startswith("accounts/"):
            response = cast.client("anonymous").get(example(route))
            if pattern.name in OPEN_TO_STRANGERS:
                assert response.status_code in {200, 302}, route
            else:
                assert answer(response) == LOGIN, (
                    f"{example(route)} answers {response.status_code} to a stranger. If that is meant, add "
                    f"{pattern.name!r} to OPEN_TO_STRANGERS in tests/test_doors.py."
                )


def test_nobody_signs_up(cast):
    from django.contrib.auth.models import User

    before = User.objects.count()
    new = {"username": "mallory", "password1": "a-long-passphrase-1", "password2": "a-long-passphrase-1"}
    cast.client("anonymous").post("/accounts/signup/", new | {"email": "m@example.com"})
    assert User.objects.count() == before


def test_the_admin_is_for_superusers(cast):
    """tests/test_admin.py opens its pages as a superuser."""
    for route, pattern in GROUPED.items():
        if route.startswith("admin/") and pattern.name not in {"login", "logout"}:
            for person in ("anonymous", "own manager"):
                response = cast.client(person).get(example(route))
                assert answer(response) == LOGIN, f"{example(route)} as {person}"
    for person in cast.cookies:
        if not person.startswith("visitor"):
            response = cast.client(person).get("/admin/")
            assert answer(response) == (200 if person == "superuser" else LOGIN), person


# Sockets


def known_sockets() -> list[str]:
    return [str(pattern.pattern) for pattern in websocket_urlpatterns]


def test_every_socket_is_known_here():
    assert set(known_sockets()) == set(SOCKETS), (
        "The sockets of voice.routing and SOCKETS in tests/test_doors.py differ: say who may open a new one."
    )


async def knock(path: str, cookies: dict[str, str], host: str = "localhost", origin: str = "") -> tuple[bool, str]:
    """Was the socket let in, and what did it hear first?"""
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    headers = [("host", host), ("origin", origin or f"http://{host}"), ("cookie", cookie)]
    socket = WebsocketCommunicator(application, path, [(name.encode(), value.encode()) for name, value in headers])
    accepted, _ = await socket.connect(PATIENCE)
    if not accepted:
        return False, ""
    first = await socket.receive_output(PATIENCE)
    await socket.disconnect(timeout=PATIENCE)
    if first["type"] == "websocket.close":
        assert first["code"] == 4404
        return False, ""
    return True, first["text"]


@pytest.mark.django_db(transaction=True)  # a consumer closes the connection after each query, a transaction with it
@pytest.mark.parametrize("route", SOCKETS, ids=lambda route: route or "anything else")
def test_every_socket_lets_in_whom_it_should(cast, route):
    facts = SOCKETS[route]
    path = cast.example(str(facts["example"]))
    for person, cookies in cast.cookies.items():
        host = "palm.test" if person.startswith("visitor") else "localhost"
        is_in, heard = async_to_sync(knock)(path, cookies, host)
        may_come_in = not facts.get("nobody_comes_in") and (
            person.startswith(("own", "superuser")) or (person.startswith("rival") and facts["rivals_come_in"])
        )
        assert is_in == may_come_in, f"{path} as {person}"
        assert (SECRET in heard) == (is_in and person.startswith(("own", "superuser"))), f"{path} as {person}"


@pytest.mark.django_db(transaction=True)  # a consumer closes the connection after each query, a transaction with it
@pytest.mark.parametrize("route", SOCKETS, ids=lambda route: route or "anything else")
def test_no_socket_opens_from_another_site(cast, route):
    path = cast.example(str(SOCKETS[route]["example"]))
    is_in, _ = async_to_sync(knock)(path, cast.cookies["own manager"], origin="https://evil.example")
    assert not is_in
