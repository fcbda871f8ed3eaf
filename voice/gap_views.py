"""The pages of what visitors asked in vain: a ranked list, and one gap to fill, put off, merge or dismiss."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from concierge.access import member_required
from concierge.models import Venue
from knowledge.editing import EDITOR, editable_venue
from knowledge.models import Article
from knowledge.writing import Words, write_article
from voice import gaps
from voice.models import Gap

GAPS_A_PAGE = 50
WORDS_IN_A_DRAFT = 20  # questions
LONGEST_TITLE = 200


@member_required(EDITOR)
@require_GET
def gap_list(request: HttpRequest, venue: str) -> HttpResponse:
    place = editable_venue(request, venue)
    state = request.GET.get("state", "")
    state = state if state in Gap.State.values else Gap.State.OPEN
    found = place.gaps.in_state(state).with_counts().prefetch_related("questions__turn").select_related("article")
    page = Paginator(found, GAPS_A_PAGE).get_page(request.GET.get("page"))
    facts = {
        "venue": place,
        "page": page,
        "state": state,
        "states": [
            (Gap.State.OPEN, _("Open")),
            (Gap.State.SNOOZED, _("Put off for now")),
            (Gap.State.FIXED, _("Fixed")),
            (Gap.State.DISMISSED, _("Dismissed")),
        ],
        "rows": [(gap, headline(gap), languages(gap)) for gap in page],
    }
    with timezone.override(place.zone):
        return render(request, "voice/gaps.html", facts)


@member_required(EDITOR)
@require_http_methods(["GET", "POST"])
def gap_page(request: HttpRequest, venue: str, pk: int) -> HttpResponse:
    place = editable_venue(request, venue)
    gap = get_object_or_404(place.gaps.select_related("article", "venue").prefetch_related("questions__turn"), pk=pk)
    if request.method == "POST":
        return act(request, place, gap)
    near = gaps.neighbours(gap)
    prefetch_related_objects(near, "questions__turn")
    facts = {
        "venue": place,
        "gap": gap,
        "headline": headline(gap),
        "questions": gap.questions.select_related("turn__call").order_by("-turn__said_at"),
        "neighbours": [(one, headline(one)) for one in near],
        "language": main_language(gap, place),
        "is_asleep": gap.state == Gap.State.SNOOZED and gap.snoozed_until and gap.snoozed_until > timezone.now(),
    }
    with timezone.override(place.zone):
        return render(request, "voice/gap.html", facts)


def act(request: HttpRequest, venue: Venue, gap: Gap) -> HttpResponse:
    match request.POST.get("action"):
        case "draft":
            article = draft(request, venue, gap)
            messages.info(
                request, _("The visitors' own words stand below. Write the answer in their place, then publish.")
            )
            return redirect("knowledge:text", venue.slug, article.slug, main_language(gap, venue))
        case "replay":
            gaps.replay_in_background.enqueue(gap.pk)
            messages.info(request, _("They are being asked. Reload this page in a moment."))
            return redirect("knowledge:gap", venue.slug, gap.pk)
        case "snooze":
            days = request.POST.get("days", "")
            gap.state = Gap.State.SNOOZED
            gap.snoozed_until = timezone.now() + timedelta(days=int(days) if days in {"7", "30", "90"} else 7)
            messages.success(request, _("Put off."))
        case "dismiss":
            gap.state = Gap.State.DISMISSED
            messages.success(request, _("Dismissed. More of the same questions stay with it."))
        case "reopen":
            gap.state = Gap.State.OPEN
            messages.success(request, _("Open again."))
        case "merge":
            chosen = request.POST.get("into", "")
            into = get_object_or_404(venue.gaps.exclude(pk=gap.pk), pk=int(chosen) if chosen.isdecimal() else 0)
            gaps.merge(gap, into)
            messages.success(request, _("They are one now."))
            return redirect("knowledge:gap", venue.slug, into.pk)
    gap.save(update_fields=["state", "snoozed_until"])
    return redirect("knowledge:gaps", venue.slug)


def draft(request: HttpRequest, venue: Venue, gap: Gap) -> Article:
    """An article to fill the gap, which visitors do not hear until an editor has answered in it and published it."""
    if gap.article:
        return gap.article
    asked = list(gap.questions.select_related("turn").order_by("turn__said_at")[:WORDS_IN_A_DRAFT])
    lines = dict.fromkeys(f"- {question.turn.text}" for question in asked)
    words = Words(
        title=headline(gap)[:LONGEST_TITLE] or _("Asked by visitors"),
        body="\n".join([_("Visitors asked:"), "", *lines]),
        valid_from=None,
        valid_until=None,
    )
    version = write_article(venue, main_language(gap, venue), words, author=request.user)
    gap.article = version.text.article
    gap.save(update_fields=["article"])
    return gap.article


def headline(gap: Gap) -> str:
    """The shortest question stands for all: it has the least beside the point."""
    return min((question.turn.text for question in gap.questions.all()), key=len, default="")


def languages(gap: Gap) -> list[str]:
    """Those it was asked in, the most frequent first."""
    return [code for code, _count in Counter(one.turn.language for one in gap.questions.all()).most_common() if code]


def main_language(gap: Gap, venue: Venue) -> str:
    return next((code for code in languages(gap) if code in venue.languages), venue.default_language)
