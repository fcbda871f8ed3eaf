"""The users that `seed_demo` makes. Their password stands here for everyone to read; a check warns of it."""

from typing import NamedTuple

from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, get_hasher
from django.contrib.auth.models import User

from concierge.models import Membership, Venue

PASSWORD = "concierge-demo"
ADMIN = "admin"
# A password that everyone may read needs no slow hash: `make run` would wait seconds to see which are still in use.
ITERATIONS = 1000


class Login(NamedTuple):
    user: str
    password: str
    role: str
    venue: str  # a slug; empty for the platform admin, who works everywhere


LOGINS = (
    Login(ADMIN, PASSWORD, ADMIN, ""),
    Login("manager", PASSWORD, Membership.Role.MANAGER.value, "palm"),
    Login("editor", PASSWORD, Membership.Role.EDITOR.value, "palm"),
    Login("agent", PASSWORD, Membership.Role.AGENT.value, "palm"),
    Login("viewer", PASSWORD, Membership.Role.VIEWER.value, "palm"),
    Login("mall-agent", PASSWORD, Membership.Role.AGENT.value, "mall"),
)


def create_missing() -> None:
    """Make the users that do not exist. One who has another password is left alone: it may be a real person."""
    for login in LOGINS:
        if not User.objects.filter(username=login.user).exists():
            User.objects.create(
                username=login.user,
                email=f"{login.user}@demo.example",
                password=encoded(login.password),
                is_staff=login.role == ADMIN,
                is_superuser=login.role == ADMIN,
            )
    # Apart from the users, so that they work again at a venue that was deleted and is now back.
    for login in still_valid():
        user = User.objects.get(username=login.user)
        if login.venue and not user.memberships.exists():
            Membership.objects.create(user=user, venue=Venue.objects.get(slug=login.venue), role=login.role)


def encoded(password: str) -> str:
    hasher = get_hasher()
    work = {"iterations": ITERATIONS} if isinstance(hasher, PBKDF2PasswordHasher) else {}
    return hasher.encode(password, hasher.salt(), **work)


def still_valid() -> list[Login]:
    """Those with which one can sign in: the user is there, active, and has kept the demo password."""
    users = {user.username: user for user in User.objects.filter(username__in=[login.user for login in LOGINS])}
    return [
        login
        for login in LOGINS
        if (user := users.get(login.user)) and user.is_active and check_password(login.password, user.password)
    ]
