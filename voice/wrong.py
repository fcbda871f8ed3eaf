"""An answer was wrong. Why it was decides what becomes of the question: a golden question, or part of a gap."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from concierge.access import member_required
from concierge.models import Membership, Venue
from knowledge import golden
from voice import gaps
from voice.models import AuditEntry, Call, Turn

EDITOR = Membership.Role.EDITOR


class WrongForm(forms.Form):
    reason = forms.ChoiceField(choices=Turn.Wrong.choices, widget=forms.RadioSelect)
    article = forms.CharField(
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"class": "box", "dir": "auto", "list": "slugs", "autocomplete": "off"}),
    )

    def __init__(self, venue: Venue, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.venue = venue

    def clean(self) -> None:
        super().clean()
        slug = self.cleaned_data.get("article", "").strip()
        if self.cleaned_data.get("reason") != Turn.Wrong.OTHER_ARTICLE:
            return
        if not slug:
            self.add_error("article", _("Say which article answers it."))
        elif not self.venue.articles.filter(slug=slug).exists():
            self.add_error("article", _("There is no article %(slug)s here.") % {"slug": slug})


@member_required(EDITOR)
@require_http_methods(["GET", "POST"])
def wrong_page(request: HttpRequest, pk: UUID, turn: int) -> HttpResponse:
    editable = Venue.objects.visible_to(request.user, EDITOR)
    call = get_object_or_404(Call.objects.filter(venue__in=editable).select_related("venue"), pk=pk)
    answer = get_object_or_404(call.turns.filter(speaker=Turn.Speaker.AGENT), pk=turn)
    form = WrongForm(call.venue, request.POST or None, initial={"reason": answer.wrong})
    if request.method == "POST" and form.is_valid():
        became = call_wrong(answer, form.cleaned_data["reason"], form.cleaned_data["article"].strip())
        audited = {"venue_id": call.venue_id, "verb": "wrong", "details": {"reason": form.cleaned_data["reason"]}}
        AuditEntry.objects.create(user_id=request.user.pk, call=call, **audited)
        messages.success(request, became)
        return redirect("staff:call", pk=call.pk)
    facts = {
        "call": call,
        "turn": answer,
        "question": question_of(answer),
        "form": form,
        "slugs": call.venue.articles.values_list("slug", flat=True),
    }
    return render(request, "voice/wrong.html", facts, status=422 if form.errors else 200)


def question_of(answer: Turn) -> Turn | None:
    """What the visitor said before this turn of the agent."""
    return Turn.objects.filter(call=answer.call_id, number__lt=answer.number, speaker=Turn.Speaker.VISITOR).last()


def call_wrong(answer: Turn, reason: str, slug: str = "") -> str:
    """Mark the answer, and make of its question what `reason` says. Returns what was done, as a sentence.

    `slug` is the article that would have been right, for OTHER_ARTICLE.
    """
    asked = question_of(answer)
    with transaction.atomic():
        answer.wrong = reason
        answer.save(update_fields=["wrong"])
        if asked is None:
            return _("Marked as wrong. No question stands before it.")
        if reason in {Turn.Wrong.OTHER_ARTICLE, Turn.Wrong.NO_ANSWER}:
            golden.store(
                answer.call.venue, asked.text, asked.language, [slug] if slug and reason != "no_answer" else []
            )
            return _("Marked as wrong, and its question is a golden question now.")
        transaction.on_commit(lambda: gaps.file_in_background.enqueue(asked.pk))
    return _("Marked as wrong, and its question stands among the gaps in a moment.")
