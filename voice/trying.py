"""Where an editor asks the concierge: the agent's own code path, with all that it went by."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from concierge.access import member_required
from concierge.models import Venue
from concierge.occasions import occasions
from concierge.templatetags.look import own_name
from knowledge.asked import recent_questions
from knowledge.editing import EDITOR, editable_venue, is_fragment
from knowledge.forms import MomentInput
from knowledge.lexical import words
from knowledge.search import CONFIDENT, Hit
from voice.answering import Answer, ask

LAST_QUESTIONS = 15
LONGEST_QUESTION = 500  # characters

# One at a time, and in a thread without an event loop around it: a view of an ASGI process would otherwise hand the
# agent to the loop that serves every page and socket.
_asker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="try-it")


class TryForm(forms.Form):
    q = forms.CharField(
        max_length=LONGEST_QUESTION,
        widget=forms.TextInput(attrs={"class": "box", "dir": "auto", "autocomplete": "off"}),
        error_messages={"required": _("Write a question.")},
    )
    language = forms.ChoiceField(required=False, widget=forms.Select(attrs={"class": "box"}))
    at = forms.DateTimeField(required=False, widget=MomentInput)

    def __init__(self, venue: Venue, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["language"].choices = [(code, own_name(code)) for code in venue.languages]  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Considered:
    """A hit, and what speaks for it."""

    hit: Hit
    best_sentence: str
    cosine: float
    shared: tuple[str, ...]  # the question's words that it has, as they are compared: folded and stemmed
    is_source: bool
    is_sure: bool


@member_required(EDITOR)
@require_GET
def try_it(request: HttpRequest, venue: str) -> HttpResponse:
    place = editable_venue(request, venue)
    facts: dict[str, object] = {"venue": place, "threshold": CONFIDENT}
    with timezone.override(place.zone):
        form = TryForm(place, request.GET if "q" in request.GET else None)
        if form.is_bound and form.is_valid():
            question, language, at = (form.cleaned_data[name] for name in ("q", "language", "at"))
            language = language or place.default_language
            answer = _asker.submit(_ask, place, question, language, at).result()
            facts |= {
                "answer": answer,
                "question": question,
                "language": language,
                "at": at,
                "considered": considered(answer, question, language),
            }
        facts["form"] = form
        if is_fragment(request):
            return render(request, "voice/_tried.html", facts)
        facts |= {"occasions": occasions(place), "asked": recent_questions(place, LAST_QUESTIONS)}
        return render(request, "voice/try.html", facts)


def _ask(venue: Venue, question: str, language: str, at: datetime | None) -> Answer:
    try:
        return ask(venue, question, language, at=at)
    finally:
        connections.close_all()


def considered(answer: Answer, question: str, language: str) -> list[Considered]:
    asked = words(question, language)
    found = []
    for hit in answer.hits:
        has = set(words(f"{hit.title} {hit.text}", hit.language))
        cosine, sentence = max(zip(hit.sentence_scores, hit.sentences, strict=True), default=(hit.dense, hit.text))
        found.append(
            Considered(
                hit=hit,
                best_sentence=sentence,
                cosine=cosine,
                shared=tuple(dict.fromkeys(word for word in asked if word in has)),
                is_source=hit.article in answer.citations,
                is_sure=hit.confidence >= CONFIDENT,
            )
        )
    return found
