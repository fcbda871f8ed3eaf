"""The doors. Every view passes through exactly one of them; a test walks all routes and says which has none."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers

from concierge.models import Venue

View = Callable[..., HttpResponse]


class InvitedOnly(DefaultAccountAdapter):
    """Nobody signs up: a venue's people are added by its manager or by the platform."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


def on_venue_host(view: View) -> View:
    """Only where visitors are: the host of a venue."""

    @wraps(view)
    def door(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.venue is None:  # type: ignore[attr-defined]
            raise Http404
        return view(request, *args, **kwargs)

    door.door = "venue"  # type: ignore[attr-defined]
    return door


def on_console_host(view: View) -> View:
    """Only where people sign in, and where signed webhooks and health checks land."""

    @wraps(view)
    def door(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.is_console:  # type: ignore[attr-defined]
            raise Http404
        return view(request, *args, **kwargs)

    door.door = "console"  # type: ignore[attr-defined]
    return door


def member_required(role: str | None = None) -> Callable[[View], View]:
    """Signed in, and at work at some venue as at least `role`. Others get 404, strangers the sign-in page.

    The view still loads rows through their owner (`Venue.objects.visible_to(user, role)`): this door does not know
    which venue is meant.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def door(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.is_console:  # type: ignore[attr-defined]
                raise Http404
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not request.user.is_superuser and not Venue.objects.visible_to(request.user, role).exists():
                raise Http404
            response = view(request, *args, **kwargs)
            add_never_cache_headers(response)
            return response

        door.door = f"member:{role or 'viewer'}"  # type: ignore[attr-defined]
        return door

    return decorate
