"""The editors' pages for what comes in: bring something, say which column is what, look at it, take it over."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from concierge.access import member_required
from concierge.models import Venue
from knowledge import intake
from knowledge.differences import differences
from knowledge.editing import EDITOR, editable_venue, is_fragment
from knowledge.forms import language_choices
from knowledge.models import NUMBER, Import, ImportedDraft
from knowledge.reading import contained
from knowledge.reading.drafts import BadInput
from knowledge.reading.formats import BY_SUFFIX, MOST_BYTES
from knowledge.reading.sections import Unreadable
from knowledge.reading.table import FIELDS, MOST_COLUMNS, NEEDED, harmless_cell
from knowledge.saying import in_words

DRAFTS_A_PAGE = 50
MOST_FILES = 20  # in one upload
MOST_PICTURES = 10  # of one draft's pages
State = Import.State

FIELD_NAMES = {
    "title": gettext_lazy("Title or question"),
    "body": gettext_lazy("Text or answer"),
    "id": gettext_lazy("Id"),
    "language": gettext_lazy("Language"),
    "valid_from": gettext_lazy("Valid from"),
    "valid_until": gettext_lazy("Valid until"),
    "variants": gettext_lazy("People also ask"),
}


@member_required(EDITOR)
@require_http_methods(["GET", "POST"])
def imports(request: HttpRequest, venue: str) -> HttpResponse:
    """What came in lately, and a form to bring more."""
    place = editable_venue(request, venue)
    problems: list[str] = []
    if request.method == "POST":
        brought, problems = receive(request, place)
        if not problems and len(brought) == 1:
            return redirect("knowledge:import", place.slug, brought[0].pk)
        if not problems:
            return redirect("knowledge:imports", place.slug)
    facts = {
        "venue": place,
        "imports": place.imports.annotate(
            draft_count=Count("drafts"), news_count=Count("drafts", filter=Q(drafts__outcome__in=["new", "changed"]))
        )[:100],
        "languages": language_choices(place),
        "accepts": ",".join(BY_SUFFIX),
        "most_megabytes": MOST_BYTES // 1_000_000,
        "problems": problems,
        "address": request.POST.get("address", ""),
        "rhythms": Import.Every.choices,
    }
    with timezone.override(place.zone):
        return render(request, "knowledge/imports.html", facts, status=422 if problems else 200)


def receive(request: HttpRequest, venue: Venue) -> tuple[list[Import], list[str]]:
    """What was brought, and sentences on what was not accepted."""
    language = request.POST.get("language", "")
    facts: dict[str, Any] = {"author": request.user, "language": language if language in venue.languages else ""}
    files, address = request.FILES.getlist("files"), request.POST.get("address", "").replace("\0", "").strip()
    brought: list[Import] = []
    problems: list[str] = []
    if len(files) > MOST_FILES:
        return [], [_("Bring at most %(most)s files at once.") % {"most": MOST_FILES}]
    for file in files:
        try:
            brought.append(intake.receive_file(venue, file.name or "", file.size or 0, file.chunks(), **facts))
        except BadInput as error:
            problems.append(in_words(error.sentence))
    if address:
        every = request.POST.get("every", "")
        try:
            known = every if every in Import.Every.values else ""
            brought.append(intake.receive_address(venue, address[:500], every=known, **facts))
        except BadInput as error:
            problems.append(in_words(error.sentence))
    if not brought and not problems:
        problems.append(_("Choose a file, or write the address of a page."))
    return brought, problems


@member_required(EDITOR)
@require_http_methods(["GET", "POST"])
def one_import(request: HttpRequest, venue: str, pk: int) -> HttpResponse:
    place = editable_venue(request, venue)
    one = get_object_or_404(place.imports, pk=pk)
    if request.method == "POST":
        return act(request, place, one)
    with timezone.override(place.zone):
        template = "knowledge/_import.html" if is_fragment(request) else "knowledge/import.html"
        return render(request, template, import_facts(request, place, one))


def import_facts(request: HttpRequest, venue: Venue, one: Import) -> dict[str, Any]:
    outcome = request.GET.get("outcome", "")
    drafts = one.drafts.select_related("base")
    counts = dict(one.drafts.order_by().values_list("outcome").annotate(Count("pk")))
    shown = drafts.filter(outcome=outcome) if outcome in ImportedDraft.Outcome.values else drafts
    page = Paginator(shown, DRAFTS_A_PAGE).get_page(request.GET.get("page"))
    return {
        "venue": venue,
        "import": one,
        "page": page,
        "outcome": outcome,
        "outcomes": [
            (value, label, counts[value]) for value, label in ImportedDraft.Outcome.choices if value in counts
        ],
        "news_count": drafts.filter(is_taken=False, outcome__in=["new", "changed"]).count(),
        "columns": [
            Column(field, FIELD_NAMES[field], field in NEEDED, (one.mapping or one.table.get("guess", {})).get(field))
            for field in FIELDS
        ],
        "rhythms": Import.Every.choices,
    }


@dataclass(frozen=True)
class Column:
    """A field of an article, and the table's column that it is taken from."""

    field: str
    label: Any
    is_needed: bool
    chosen: int | None


def act(request: HttpRequest, venue: Venue, one: Import) -> HttpResponse:
    """Do what the pressed button says. What is too late is said, and the page shows how things stand."""
    here = redirect("knowledge:import", venue.slug, one.pk)
    match request.POST.get("action"):
        case "map":
            mapping = mapping_of(request, one)
            if missing := [FIELD_NAMES[field] for field in NEEDED if field not in mapping]:
                messages.error(request, _("Choose a column for: %(field)s.") % {"field": missing[0]})
            elif not intake.map_columns(one, mapping):
                messages.info(request, _("Somebody was faster; this is how it stands now."))
        case ("draft" | "publish") as verb:
            only = None
            if request.POST.get("which") == "ticked":
                only = [int(value) for value in request.POST.getlist("position") if value.isdecimal()]
                if not only:
                    messages.error(request, _("Tick the texts that you want first."))
                    return here
            if not intake.ask_to_take(one, only=only, publish=verb == "publish", user=request.user):
                messages.info(request, _("Somebody was faster; this is how it stands now."))
        case "again":
            if not intake.read_again(one):
                messages.info(request, _("Somebody was faster; this is how it stands now."))
        case "schedule":
            every = request.POST.get("every", "")
            if every in Import.Every.values:
                intake.schedule(one, every)
                messages.success(request, _("Saved."))
        case "delete":
            one.delete()
            messages.success(request, _("Deleted. Articles that were taken over from it stay."))
            return redirect("knowledge:imports", venue.slug)
    return here


def mapping_of(request: HttpRequest, one: Import) -> dict[str, int]:
    """Field -> column, of those that the table has."""
    count = min(len(one.table.get("columns", [])), MOST_COLUMNS)
    chosen = {field: request.POST.get(f"column-{field}", "") for field in FIELDS}
    return {field: int(value) for field, value in chosen.items() if value.isdecimal() and int(value) < count}


@member_required(EDITOR)
@require_http_methods(["GET", "POST"])
def one_draft(request: HttpRequest, venue: str, pk: int, position: int) -> HttpResponse:
    """One text beside the pages that it was read from, or beside what it would replace."""
    place = editable_venue(request, venue)
    one = get_object_or_404(place.imports, pk=pk)
    draft = get_object_or_404(one.drafts.select_related("base"), position=position)
    status, problem = 200, ""
    if request.method == "POST":
        title, body = (request.POST.get(name, "").replace("\0", "") for name in ("title", "body"))
        body = body.replace("\r\n", "\n")
        words_stay = (title.strip(), body.strip()) == (draft.title, draft.body)
        confirmed = {int(value) for value in request.POST.getlist("number") if value.isdecimal()}
        # Other words have other numbers: they are looked at again.
        is_confirmed = words_stay and confirmed >= set(range(len(draft.numbers)))
        try:
            if intake.correct(draft, title=title, body=body, is_confirmed=is_confirmed):
                messages.success(request, _("Saved."))
                return redirect(request.path if draft.wants_confirmation else next_address(place, one, draft))
            problem, status = _("This import is not under review any more; nothing was changed."), 409
        except ValidationError as error:
            problem, status = " ".join(error.messages), 422
    last = min(draft.last_page, draft.first_page + MOST_PICTURES - 1)
    facts = {
        "venue": place,
        "import": one,
        "draft": draft,
        "problem": problem,
        "parts": marked_numbers(f"{draft.title}\n\n{draft.body}"),
        "pages": range(draft.first_page, last + 1) if draft.first_page and one.file.exists() else [],
        "changes": differences(said(draft.base), f"{draft.title}\n\n{draft.body}") if draft.base else [],
        "can_change": one.state == State.REVIEW and not draft.is_taken and draft.can_be_put_right,
    }
    with timezone.override(place.zone):
        return render(request, "knowledge/import_draft.html", facts, status=status)


def next_address(venue: Venue, one: Import, draft: ImportedDraft) -> str:
    """The next text whose numbers wait, else the list."""
    later = one.drafts.filter(position__gt=draft.position, is_confirmed=False, is_taken=False, first_page__gt=0)
    waiting = next((other for other in later[:200] if other.can_be_taken and other.wants_confirmation), None)
    if waiting:
        return reverse("knowledge:import_draft", args=[venue.slug, one.pk, waiting.position])
    return reverse("knowledge:import", args=[venue.slug, one.pk])


@member_required(EDITOR)
@require_GET
def page_picture(request: HttpRequest, venue: str, pk: int, number: int) -> HttpResponse:
    """A page of the PDF as it looks. Made when it is first asked for, apart from this process."""
    one = get_object_or_404(editable_venue(request, venue).imports, pk=pk)
    picture = one.folder / f"page-{number}.png"
    if not picture.exists():
        if not one.file.exists() or not one.drafts.filter(first_page__lte=number, last_page__gte=number).exists():
            raise Http404
        half = picture.with_suffix(".half")
        try:
            contained.picture(one.file, number, half)
            half.replace(picture)
        except (Unreadable, FileNotFoundError):
            raise Http404 from None
    return HttpResponse(picture.read_bytes(), content_type="image/png")


@member_required(EDITOR)
@require_GET
def rows_as_csv(request: HttpRequest, venue: str, pk: int) -> HttpResponse:
    """What became, or would become, of each piece. No cell of it is a formula."""
    one = get_object_or_404(editable_venue(request, venue).imports, pk=pk)
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["row", "page", "outcome", "reason", "id", "language", "title", "body"])
    for draft in one.drafts.iterator(chunk_size=500):
        reason = in_words(draft.reason) if draft.reason else ""
        facts = [draft.outcome, reason, draft.slug, draft.language, draft.title, draft.body]
        table.writerow([draft.row or "", draft.first_page or "", *map(harmless_cell, facts)])
    # With a mark, so that spreadsheets read Arabic as it is.
    return HttpResponse(
        "\ufeff" + out.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="import-{one.pk}.csv"'},
    )


# What a page shows


@dataclass(frozen=True)
class Part:
    """Words; `number` counts the numbers among them, from 0."""

    text: str
    number: int | None = None


def marked_numbers(text: str) -> list[Part]:
    parts: list[Part] = []
    at = 0
    for count, found in enumerate(NUMBER.finditer(text)):
        if found.start() > at:
            parts.append(Part(text[at : found.start()]))
        parts.append(Part(found[0], count))
        at = found.end()
    return [*parts, Part(text[at:])] if at < len(text) else parts


def said(version: Any) -> str:
    return f"{version.title}\n\n{version.body}"
