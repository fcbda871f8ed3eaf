from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from concierge.models import Venue

CONSOLE_PATHS = ("/accounts/", "/admin/", "/staff/", "/knowledge/")


class VenueRequest(HttpRequest):
    """A request that has passed HostMiddleware and the door `on_venue_host`."""

    venue: Venue
    is_console: bool


class HostMiddleware:
    """Host name -> request.venue, or the console, or a plain 404. It never falls back to a default venue.

    It only finds the venue; the doors in concierge.access insist on it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            host = request.get_host().rsplit(":", 1)[0].rstrip(".").lower()
        except DisallowedHost:
            host = ""
        request.is_console = host in settings.CONSOLE_HOSTS  # type: ignore[attr-defined]
        request.venue = None if request.is_console else find_venue(host)  # type: ignore[attr-defined]
        if not request.is_console and request.venue is None:  # type: ignore[attr-defined]
            return HttpResponse(render_to_string("404.html"), status=404)
        if request.venue and request.path_info.startswith(CONSOLE_PATHS):  # type: ignore[attr-defined]
            # Accounts and admin bring their own views, which know no doors. Visitors' hosts have no login.
            return HttpResponse(render_to_string("404.html"), status=404)
        return self.get_response(request)


def find_venue(host: str) -> Venue | None:
    return Venue.objects.filter(domains__host=host).first()
