"""What every page of an editor begins with: the venue, loaded through whoever may write for it."""

from __future__ import annotations

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from concierge.models import Membership, Venue

EDITOR = Membership.Role.EDITOR


def editable_venue(request: HttpRequest, slug: str) -> Venue:
    """Raises Http404 for a venue that is not theirs, as for one that does not exist."""
    return get_object_or_404(Venue.objects.visible_to(request.user, EDITOR).prefetch_related("texts"), slug=slug)


def is_fragment(request: HttpRequest) -> bool:
    """htmx asks for a part. When it restores a page from history it wants the whole."""
    return bool(request.htmx) and not request.htmx.history_restore_request  # type: ignore[attr-defined]
