"""What a visitor thinks of a call, said on the venue's page with a key that only their browser was given."""

from __future__ import annotations

import json

from django.core import signing
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from concierge.access import on_venue_host
from voice import live, masking
from voice.models import RATING_SALT, Call
from voice.token import LARGEST_BODY, is_own_page, no_store, refusal

OPEN_SECONDS = 24 * 60 * 60
LONGEST_WORDS = 500  # characters


@csrf_exempt  # a visitor has no session; the key is signed, and the Origin is checked
@require_POST
@on_venue_host
def rate(request: HttpRequest) -> HttpResponse:
    """JSON: key, rating (good or poor), words (may be left out, and may follow later). What was said once stays."""
    if not is_own_page(request):
        return refusal("foreign_origin", _("This is only taken from the venue's own page."), 403)
    try:
        if request.content_type != "application/json" or len(request.body) > LARGEST_BODY:
            raise ValueError
        said = json.loads(request.body)
        key, rating, words = said["key"], said["rating"], said.get("words", "")
        if not (isinstance(key, str) and rating in Call.Rating.values and isinstance(words, str)):
            raise ValueError
        if len(words) > LONGEST_WORDS or "\x00" in words:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        return refusal("bad_request", _("Send key, rating and words as JSON."), 400)
    try:
        pk = signing.loads(key, salt=RATING_SALT, max_age=OPEN_SECONDS)
    except signing.BadSignature:
        return refusal("bad_key", _("This key is not, or no longer, good for a rating."), 403)
    call = Call.objects.filter(pk=pk, venue=request.venue, began_at__isnull=False).first()  # type: ignore[attr-defined]
    if call is None:
        return refusal("bad_key", _("This key is not, or no longer, good for a rating."), 403)
    if not store(call, rating, words):
        return refusal("rated", _("You have rated this conversation already."), 409)
    return no_store(JsonResponse({"stored": True}, status=201))


def store(call: Call, rating: str, words: str) -> bool:
    """False if it is rated already, unless words are added to the same rating that came without."""
    words = masking.masked(" ".join(words.split()), call.venue)
    here = Call.objects.filter(pk=call.pk)
    # One UPDATE whose row count is the answer: two at once are one rating.
    is_stored = here.filter(rating="").update(rating=rating, rating_words=words) or (
        words and here.filter(rating=rating, rating_words="").update(rating_words=words)
    )
    if is_stored:
        live.show_call(call)
    return bool(is_stored)
