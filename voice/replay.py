"""The recording of a call that is over, to those who work at its venue. In pieces, so that a player can jump."""

from __future__ import annotations

import re
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from concierge.access import member_required
from voice import auditing, recordings
from voice.models import Call

CONTENT_TYPE = "audio/ogg"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@require_safe
@member_required()  # which forbids every cache to keep it
def recording(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The whole file, or the one range that was asked for. Several ranges at once get the whole."""
    over = Call.objects.visible_to(request.user).filter(state=Call.State.ENDED)
    call = get_object_or_404(over, pk=pk)
    if not recordings.is_kept(call):
        raise Http404
    auditing.note_reading(call, request.user, "play")
    with recordings.path_of(call.pk).open("rb") as file:
        size = file.seek(0, 2)
        asked = _RANGE.fullmatch(request.headers.get("Range", ""))
        if not asked or asked.groups() == ("", ""):
            file.seek(0)
            return HttpResponse(file.read(), content_type=CONTENT_TYPE, headers={"Accept-Ranges": "bytes"})
        first, last = _stretch(asked[1], asked[2], size)
        if first > last:
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
        file.seek(first)
        headers = {"Accept-Ranges": "bytes", "Content-Range": f"bytes {first}-{last}/{size}"}
        return HttpResponse(file.read(last - first + 1), status=206, content_type=CONTENT_TYPE, headers=headers)


def _stretch(first: str, last: str, size: int) -> tuple[int, int]:
    """The first and the last byte that are meant; the first behind the last if there is none such."""
    if not first:  # the last so many bytes
        return max(0, size - int(last)), size - 1 if int(last) else -1
    return int(first), min(int(last) if last else size - 1, size - 1)
