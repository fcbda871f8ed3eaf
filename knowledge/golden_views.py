"""The page of a venue's golden questions: how they did over time, and the questions themselves."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from concierge.access import member_required
from concierge.models import Venue
from knowledge import golden
from knowledge.editing import EDITOR, editable_venue
from knowledge.evaluation import read_questions
from knowledge.forms import language_choices
from knowledge.models import Article, GoldenRun
from knowledge.reading.drafts import BadInput
from knowledge.saying import in_words

RUNS_SHOWN = 40
QUESTIONS_A_PAGE = 100
LARGEST_FILE = 5_000_000  # bytes
WIDTH, HEIGHT, EDGE = 640, 160, 8  # of the chart


class GoldenForm(forms.Form):
    question = forms.CharField(
        max_length=500,
        widget=forms.TextInput(attrs={"class": "box", "dir": "auto", "autocomplete": "off"}),
        error_messages={"required": gettext_lazy("Write a question.")},
    )
    language = forms.ChoiceField(widget=forms.Select(attrs={"class": "box"}))
    articles = forms.CharField(
        required=False, widget=forms.TextInput(attrs={"class": "box", "dir": "auto", "list": "slugs"})
    )

    def __init__(self, venue: Venue, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].choices = language_choices(venue)  # type: ignore[attr-defined]

    @property
    def slugs(self) -> list[str]:
        return [slug.strip() for slug in self.cleaned_data["articles"].split(",") if slug.strip()]


@member_required(EDITOR)
@require_http_methods(["GET", "POST"])
def golden_page(request: HttpRequest, venue: str) -> HttpResponse:
    place = editable_venue(request, venue)
    with timezone.override(place.zone):
        if request.method != "POST":
            return page(request, place, GoldenForm(place, initial=first_words(request, place)))
        match request.POST.get("action"):
            case "import":
                take_in(request, place)
            case "remove":
                pk = request.POST.get("pk", "")
                get_object_or_404(place.golden_questions, pk=int(pk) if pk.isdecimal() else 0).delete()
                messages.success(request, _("Removed."))
            case "run":
                golden.run_in_background.enqueue(place.pk, "")
                messages.info(request, _("They are being asked. Reload this page in a moment."))
            case _action:
                form = GoldenForm(place, request.POST)
                if not form.is_valid() or not write(request, place, form):
                    return page(request, place, form, status=422)
        return redirect("knowledge:golden", place.slug)


def write(request: HttpRequest, venue: Venue, form: GoldenForm) -> bool:
    try:
        golden.store(venue, form.cleaned_data["question"], form.cleaned_data["language"], form.slugs)
    except Article.DoesNotExist as error:
        form.add_error("articles", _("There is no article %(slug)s here.") % {"slug": error})
        return False
    messages.success(request, _("Kept."))
    return True


def take_in(request: HttpRequest, venue: Venue) -> None:
    """A JSON Lines file of questions, all of them or none."""
    upload = request.FILES.get("file")
    if not isinstance(upload, UploadedFile):
        messages.error(request, _("Choose a file."))
        return
    name = str(upload.name)
    if (upload.size or 0) > LARGEST_FILE:
        messages.error(request, _("%(name)s is larger than 5 MB.") % {"name": name})
        return
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        for chunk in upload.chunks():
            file.write(chunk)
        file.flush()
        try:
            questions = read_questions(Path(file.name), name=name)
            with transaction.atomic():
                for question in questions:
                    golden.store(venue, question.text, question.language or venue.default_language, question.articles)
        except BadInput as error:
            messages.error(request, in_words(error.sentence))
        except Article.DoesNotExist as error:
            messages.error(request, _("%(name)s: there is no article %(slug)s here.") % {"name": name, "slug": error})
        else:
            messages.success(request, _("%(count)s questions taken in.") % {"count": len(questions)})


def first_words(request: HttpRequest, venue: Venue) -> dict[str, str]:
    """What stands in the form: the question in `?edit=`."""
    pk = request.GET.get("edit", "")
    row = venue.golden_questions.filter(pk=int(pk)).first() if pk.isdecimal() else None
    if row is None:
        return {"language": venue.default_language}
    slugs = ", ".join(article.slug for article in row.articles.all())
    return {"question": row.question, "language": row.language, "articles": slugs}


def page(request: HttpRequest, venue: Venue, form: GoldenForm, *, status: int = 200) -> HttpResponse:
    questions = venue.golden_questions.prefetch_related("articles").order_by("language", "question")
    runs = list(venue.golden_runs.all()[:RUNS_SHOWN])
    facts = {
        "venue": venue,
        "form": form,
        "page": Paginator(questions, QUESTIONS_A_PAGE).get_page(request.GET.get("page")),
        "slugs": venue.articles.values_list("slug", flat=True),
        "runs": runs,
        "last": runs[0] if runs else None,
        "rows": [(language, runs[0].figures[language]) for language in sorted(runs[0].figures)] if runs else [],
        "chart": chart(list(reversed(runs))),
    }
    return render(request, "knowledge/golden.html", facts, status=status)


@dataclass(frozen=True)
class Line:
    name: str  # of the figure
    points: str  # for an SVG polyline
    dots: tuple[tuple[str, str, str], ...]  # x, y, words


def chart(runs: list[GoldenRun]) -> list[Line]:
    """A line a figure, the oldest run first; 0 lies at the bottom, 1 at the top. Numbers as SVG wants them."""
    step = (WIDTH - 2 * EDGE) / max(len(runs) - 1, 1)
    lines = []
    for name in ("recall_at_1", "answered", "refused"):
        dots = []
        for number, run in enumerate(runs):
            share = run.figures.get("", {}).get(name)
            if share is not None:
                x, y = EDGE + number * step, EDGE + (1 - share) * (HEIGHT - 2 * EDGE)
                when = timezone.localtime(run.ran_at)
                dots.append((f"{x:.1f}", f"{y:.1f}", f"{when:%Y-%m-%d %H:%M} · {share:.0%} · {run.reason}"))
        if dots:
            lines.append(Line(name, " ".join(f"{x},{y}" for x, y, _words in dots), tuple(dots)))
    return lines
