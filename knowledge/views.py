"""The editors' pages: the venues one may edit, a venue's articles, and one text to write, look at and publish."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Max, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from concierge.access import member_required
from concierge.models import Membership, Venue
from knowledge import indexing
from knowledge.forms import ListForm, NewTextForm, TextForm
from knowledge.listing import CHANGED, MISSING, list_articles, with_latest
from knowledge.markdown import render as render_markdown
from knowledge.models import LONGEST_BODY, Article, ArticleText, Version
from knowledge.writing import Outdated, write_article, write_text

EDITOR = Membership.Role.EDITOR
ARTICLES_A_PAGE = 50


@member_required(EDITOR)
@require_GET
def venues(request: HttpRequest) -> HttpResponse:
    """The venues whose words the user may edit. Whoever has one goes straight to it."""
    published = Q(articles__texts__status=ArticleText.Status.PUBLISHED)
    editable = (
        Venue.objects.visible_to(request.user, EDITOR)
        .prefetch_related("texts")
        .annotate(
            article_count=Count("articles", distinct=True),
            published_count=Count("articles", published, distinct=True),
            changed_at=Max("articles__texts__versions__written_at"),
        )
    )
    if len(editable) == 1:
        return redirect("knowledge:articles", editable[0].slug)
    return render(request, "knowledge/venues.html", {"venues": editable})


@member_required(EDITOR)
@require_GET
def articles(request: HttpRequest, venue: str) -> HttpResponse:
    place = editable_venue(request, venue)
    form = ListForm(place, request.GET)
    wishes = form.wishes
    page = Paginator(list_articles(place, **wishes), ARTICLES_A_PAGE).get_page(request.GET.get("page"))
    facts = {
        "venue": place,
        "form": form,
        "page": page,
        "rows": [Row(article, language_tabs(place, article.texts.all())) for article in page],
        "is_filtered": any(wishes.values()),
    }
    with timezone.override(place.zone):
        return render(request, "knowledge/_articles.html" if is_fragment(request) else "knowledge/articles.html", facts)


@member_required(EDITOR)
@require_http_methods(["GET", "POST"])
def new_article(request: HttpRequest, venue: str) -> HttpResponse:
    place = editable_venue(request, venue)
    with timezone.override(place.zone):
        if request.method != "POST":
            return text_page(request, place, NewTextForm(place, initial={"language": place.default_language}))
        form = NewTextForm(place, request.POST)
        if request.POST.get("action") == "preview":
            return preview(request, place, form)
        if form.is_valid():
            try:
                language = form.cleaned_data["language"]
                version = write_article(place, language, form.words, author=request.user)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                return act(request, version, is_new=True)
        return text_page(request, place, form, status=422)


@member_required(EDITOR)
@require_http_methods(["GET", "POST"])
def edit_text(request: HttpRequest, venue: str, article: str, language: str) -> HttpResponse:
    place = editable_venue(request, venue)
    subject = get_object_or_404(place.articles, slug=article)
    text = find_text(place, subject, language)
    with timezone.override(place.zone):
        if request.method != "POST":
            initial = first_words(text, request.GET.get("from"))
            return text_page(request, place, TextForm(initial=initial, language=language), text)
        form = TextForm(request.POST, language=language)
        if request.POST.get("action") == "preview":
            return preview(request, place, form, text)
        if form.is_valid():
            base = form.cleaned_data["base_version"]
            try:
                version, is_new = write_text(subject, language, form.words, base=base, author=request.user)
            except Outdated as outdated:
                return text_page(request, place, form, text, newer=outdated.latest, status=409)
            except ValidationError as error:
                form.add_error(None, error)
            else:
                return act(request, version, is_new=is_new)
        return text_page(request, place, form, text, status=422)


@member_required(EDITOR)
@require_GET
def old_version(request: HttpRequest, venue: str, article: str, language: str, number: int) -> HttpResponse:
    """One version as it was written, readable for ever."""
    place = editable_venue(request, venue)
    subject = get_object_or_404(place.articles, slug=article)
    text = get_object_or_404(subject.texts, language=language)
    shown = get_object_or_404(text.versions.select_related("author"), number=number)
    facts = {
        "venue": place,
        "article": subject,
        "text": text,
        "language": language,
        "shown": shown,
        "rendered": render_markdown(shown.body),
        "versions": versions_of(text),
    }
    with timezone.override(place.zone):
        return render(request, "knowledge/version.html", facts)


# What a button does


def act(request: HttpRequest, version: Version, *, is_new: bool) -> HttpResponse:
    """Do what the pressed button says with a version that is stored already, so that nothing typed is ever lost."""
    text = version.text
    match request.POST.get("action"):
        case "publish":
            indexing.publish(text, version)
            messages.success(request, published_message(version))
        case "archive":
            indexing.archive(text)
            messages.success(request, _("Archived. Visitors no longer hear it; every version is kept."))
        case _action if is_new:
            messages.success(request, _("Draft saved as version %(number)s.") % {"number": version.number})
        case _action:
            messages.info(request, _("Nothing has changed, so no new version was made."))
    return redirect(text_url(text))


def published_message(version: Version) -> str:
    now = timezone.now()
    if version.valid_until and version.valid_until <= now:
        return _("Published, but its last day is over: visitors hear it only once you change the dates.")
    if version.valid_from and version.valid_from > now:
        begins = date_format(timezone.localtime(version.valid_from), "j F Y H:i")
        return _("Published. Visitors hear it from %(begins)s on.") % {"begins": begins}
    return _("Published. Visitors hear these words from now on.")


def preview(request: HttpRequest, venue: Venue, form: TextForm, text: ArticleText | None = None) -> HttpResponse:
    """The typed words as they read: a fragment for htmx, else the whole page with what was typed."""
    if is_fragment(request):
        return render(request, "knowledge/_preview.html", preview_of(form))
    return text_page(request, venue, form, text)


# What a page shows


def text_page(
    request: HttpRequest,
    venue: Venue,
    form: TextForm,
    text: ArticleText | None = None,
    *,
    newer: Version | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page to write on. `newer` is what somebody else wrote meanwhile, shown beside what was typed."""
    facts: dict[str, Any] = {
        "venue": venue,
        "form": form,
        # To save after a conflict is to have seen the newer version.
        "base_version": newer.number if newer else form["base_version"].value(),
        "newer": newer,
        "longest_body": LONGEST_BODY,
    }
    if text:
        versions = versions_of(text)
        facts |= {
            "article": text.article,
            "text": text,
            "language": text.language,
            "tabs": language_tabs(venue, with_latest(text.article.texts.all())),
            "versions": versions,
            "latest": versions[0] if versions else None,
            "taken_up": "" if form.is_bound else request.GET.get("from", ""),
            "live_number": next((version.number for version in versions if version.pk == text.live_id), None),
        }
    return render(request, "knowledge/text.html", facts | preview_of(form), status=status)


def preview_of(form: TextForm) -> dict[str, Any]:
    return {"preview_title": form["title"].value() or "", "preview": render_markdown(form["body"].value() or "", top=4)}


@dataclass(frozen=True)
class LanguageTab:
    """One language of an article, written or not."""

    code: str
    text: ArticleText | None

    @property
    def status(self) -> str:
        """The text's status, or "changed" (a newer version waits to be published), or "missing"."""
        if self.text is None:
            return MISSING
        if self.text.status == ArticleText.Status.PUBLISHED and self.text.latest_number != self.text.live_number:  # type: ignore[attr-defined]
            return CHANGED
        return self.text.status


@dataclass(frozen=True)
class Row:
    article: Article
    tabs: list[LanguageTab]

    @property
    def first(self) -> LanguageTab:
        """The text that the title leads to."""
        return next((tab for tab in self.tabs if tab.text), self.tabs[0])


def language_tabs(venue: Venue, texts: Iterable[ArticleText]) -> list[LanguageTab]:
    """The venue's languages, then any other that somebody has written in. The texts are those of `with_latest`."""
    written = {text.language: text for text in texts}
    return [LanguageTab(code, written.get(code)) for code in dict.fromkeys([*venue.languages, *written])]


def versions_of(text: ArticleText) -> QuerySet[Version]:
    """Newest first, without the long bodies."""
    if text.pk is None:
        return Version.objects.none()
    return text.versions.select_related("author").defer("body")


def text_url(text: ArticleText) -> str:
    return reverse("knowledge:text", args=[text.article.venue.slug, text.article.slug, text.language])


def is_fragment(request: HttpRequest) -> bool:
    """htmx asks for a part. When it restores a page from history it wants the whole."""
    return bool(request.htmx) and not request.htmx.history_restore_request  # type: ignore[attr-defined]


# What is loaded, always through the venue


def editable_venue(request: HttpRequest, slug: str) -> Venue:
    return get_object_or_404(Venue.objects.visible_to(request.user, EDITOR).prefetch_related("texts"), slug=slug)


def find_text(venue: Venue, article: Article, language: str) -> ArticleText:
    """The text in `language`; one not yet written is made for the languages of the venue only."""
    text = article.texts.filter(language=language).first()
    if text is None and language not in venue.languages:
        raise Http404
    text = text or ArticleText(language=language)
    text.article = article
    return text


def first_words(text: ArticleText, number: str | None) -> dict[str, Any]:
    """What stands in the form at first: the newest version, or the words of the one with `number`."""
    if text.pk is None:
        return {"base_version": 0}
    latest = text.latest
    chosen = text.versions.filter(number=number).first() if number and number.isdecimal() else latest
    if latest is None or chosen is None:
        raise Http404
    return {
        "title": chosen.title,
        "body": chosen.body,
        "valid_from": chosen.valid_from,
        "valid_until": chosen.valid_until,
        "base_version": latest.number,
    }
