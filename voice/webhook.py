"""LiveKit tells what happens in its rooms. Events come twice, late and out of order; none of that does harm."""

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from concierge.access import on_console_host
from voice import rooms
from voice.models import Call


@csrf_exempt  # signed by LiveKit instead
@require_POST
@on_console_host
def livekit_webhook(request: HttpRequest) -> HttpResponse:
    try:
        event = rooms.read_webhook(request.body, request.headers.get("Authorization", ""))
    except rooms.BadWebhook:
        return HttpResponse("The signature is wrong.", status=401, content_type="text/plain")
    call = Call.objects.filter(room=event.room.name).first() if event.room.name else None
    if call:
        at = datetime.fromtimestamp(event.created_at, tz=UTC) if event.created_at else None
        if event.event == "participant_joined" and event.participant.identity == call.visitor_identity:
            call.begin(at)
        elif event.event == "room_finished":
            # The backstop: as a rule the worker has ended the call before, with a better reason.
            call.end("room_finished", at)
    return HttpResponse()  # 200 also for what we do not know: LiveKit would only send it again
