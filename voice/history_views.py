"""The page of past calls, and the same calls as a file."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from concierge.access import member_required
from concierge.models import Membership, Venue
from concierge.templatetags.look import own_name
from knowledge.reading.table import harmless_cell
from voice import history
from voice.models import AuditEntry, Call, Scorecard, Turn

MANAGER = Membership.Role.MANAGER
CALLS_A_PAGE = 30
EXPORTED_AT_ONCE = 200
COLUMNS = [
    "call", "venue", "language", "mode", "opened_at", "ended_at", "seconds", "end_reason", "outcome", "tags", "rating",
    "rating_words", "scorecards", "turns", "summary", "transcript",
]  # fmt: skip


class HistoryForm(forms.Form):
    q = forms.CharField(
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"class": "box", "type": "search", "dir": "auto", "autocomplete": "off"}),
    )
    venue = forms.ChoiceField(required=False)
    language = forms.ChoiceField(required=False)
    outcome = forms.ChoiceField(required=False, choices=[("", _("Any outcome")), *Call.Outcome.choices])
    rating = forms.ChoiceField(required=False, choices=[("", _("Any rating")), *Call.Rating.choices])
    tag = forms.ChoiceField(required=False, choices=[("", _("Any tag")), *Call.Tag.choices])
    review = forms.ChoiceField(required=False, choices=[("", _("Scored or not")), *history.Review.choices])
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date", "class": "box"}))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date", "class": "box"}))

    def __init__(self, venues: QuerySet[Venue], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        places = [(venue.slug, venue.text().name) for venue in venues]
        codes = [(code, own_name(code)) for code in history.languages_of(venues)]
        self.fields["venue"].choices = [("", _("All venues")), *places]  # type: ignore[attr-defined]
        self.fields["language"].choices = [("", _("Any language")), *codes]  # type: ignore[attr-defined]
        for name in ("venue", "language", "outcome", "rating", "tag", "review"):
            self.fields[name].widget.attrs["class"] = "box"


@dataclass(frozen=True)
class Asked:
    """What the address asks for. A value that cannot be is said in the form, and else passed over."""

    form: HistoryForm
    venues: QuerySet[Venue]
    wanted: history.Wanted

    @property
    def calls(self) -> QuerySet[Call]:
        return history.find_calls(self.venues, self.wanted).select_related("venue").prefetch_related("venue__texts")


def read(request: HttpRequest, role: str | None = None) -> Asked:
    """Of the venues where the user is at least `role`."""
    mine = Venue.objects.visible_to(request.user, role).prefetch_related("texts")
    form = HistoryForm(mine, request.GET)
    form.is_valid()
    facts = form.cleaned_data
    venues = mine.filter(slug=facts["venue"]) if facts.get("venue") else mine
    wanted = history.Wanted(
        words=facts.get("q") or "",
        language=facts.get("language") or "",
        outcome=facts.get("outcome") or "",
        rating=facts.get("rating") or "",
        tag=facts.get("tag") or "",
        review=facts.get("review") or "",
        since=facts.get("since"),
        until=facts.get("until"),
    )
    return Asked(form, venues, wanted)


@require_safe
@member_required()
def history_page(request: HttpRequest) -> HttpResponse:
    asked = read(request)
    page = Paginator(asked.calls, CALLS_A_PAGE).get_page(request.GET.get("page"))
    facts = {
        "form": asked.form,
        "page": page,
        "rows": history.rows(page, asked.wanted.words, history.languages_of(asked.venues)),
        "is_filtered": any(request.GET.get(name) for name in asked.form.fields),
        "filters": request.GET.urlencode(),
        "manages": read(request, MANAGER).venues.first(),
    }
    return render(request, "voice/history.html", facts)


@require_safe
@member_required(MANAGER)
def export(request: HttpRequest, kind: str) -> HttpResponse:
    """The calls of the page's filters, all of them, as `csv` (one row a call) or `json` (with every turn).

    For managers: what visitors said leaves the console and its days of retention with it.
    """
    writers = {"csv": as_csv, "json": as_json}
    if kind not in writers:
        raise Http404
    asked = read(request, MANAGER)
    # A filter that is passed over would take more along than the page shows.
    calls = asked.calls.none() if asked.form.errors else asked.calls
    counts = calls.order_by().values("venue").annotate(calls=Count("pk"))
    # Reading many calls at once is reading all the same.
    AuditEntry.objects.bulk_create(
        AuditEntry(
            user_id=request.user.pk, venue_id=row["venue"], verb="export", details={"calls": row["calls"], "as": kind}
        )
        for row in counts
    )
    text, content_type = writers[kind](calls)
    name = f"calls-{timezone.now():%Y-%m-%d}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type=f"{content_type}; charset=utf-8", headers=headers)


def as_csv(calls: QuerySet[Call]) -> tuple[str, str]:
    """No cell of it is a formula. With a mark, so that spreadsheets read Arabic as it is."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for call in calls.prefetch_related("turns", "scorecards__reviewer").iterator(chunk_size=EXPORTED_AT_ONCE):
        facts = facts_of(call)
        transcript = "\n".join(f"{turn['speaker']}: {turn['text']}" for turn in facts["transcript"])
        row = facts | {
            "tags": " ".join(facts["tags"]),
            "scorecards": "\n".join(" · ".join(map(str, card.values())) for card in facts["scorecards"]),
            "turns": len(facts["transcript"]),
            "summary": call.summary.get(translation.get_language() or "", ""),
            "transcript": transcript,
        }
        table.writerow(harmless_cell(str(row[column])) for column in COLUMNS)
    return "\ufeff" + out.getvalue(), "text/csv"


def as_json(calls: QuerySet[Call]) -> tuple[str, str]:
    rows = calls.prefetch_related("turns__citations__version__text__article", "scorecards__reviewer").iterator(
        chunk_size=EXPORTED_AT_ONCE
    )
    whole = [facts_of(call) | {"transcript": [turn_facts(turn) for turn in call.turns.all()]} for call in rows]
    return json.dumps(whole, ensure_ascii=False, indent=1), "application/json"


def facts_of(call: Call) -> dict[str, Any]:
    return {
        "call": str(call.pk),
        "venue": call.venue.slug,
        "language": call.language,
        "mode": call.mode,
        "opened_at": call.opened_at.isoformat(timespec="seconds"),
        "ended_at": call.ended_at.isoformat(timespec="seconds") if call.ended_at else "",
        "seconds": round(call.minutes * 60),
        "end_reason": call.end_reason,
        "outcome": call.outcome,
        "tags": call.tags,
        "rating": call.rating,
        "rating_words": call.rating_words,
        "scorecards": [card_facts(card) for card in call.scorecards.all()],
        "summary": call.summary,
        "transcript": [{"speaker": turn.speaker, "text": turn.text} for turn in call.turns.all()],
    }


def card_facts(card: Scorecard) -> dict[str, str]:
    return {
        "reviewer": card.reviewer.get_username() if card.reviewer else "",
        "correct": card.is_correct,
        "complete": card.is_complete,
        "polite": card.is_polite,
        "hand_off": card.hand_off,
        "note": card.note,
        "at": card.at.isoformat(timespec="seconds"),
    }


def turn_facts(turn: Turn) -> dict[str, Any]:
    return {
        "number": turn.number,
        "speaker": turn.speaker,
        "text": turn.text,
        "language": turn.language,
        "said_at": turn.said_at.isoformat(timespec="milliseconds"),
        "is_answered": turn.is_answered,
        "is_interrupted": turn.is_interrupted,
        "wrong": turn.wrong,
        "milliseconds": turn.metrics,
        "articles": sorted({citation.version.text.article.slug for citation in turn.citations.all()}),
    }
