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
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from concierge.access import member_required
from concierge.models import Venue
from knowledge import indexing, proving, scheduling
from knowledge.differences import differences
from knowledge.editing import EDITOR, editable_venue, is_fragment
from knowledge.exporting import export
from knowledge.forms import ListForm, NewTextForm, TextForm
from knowledge.listing import CHANGED, MISSING, SCHEDULED, list_articles, with_latest
from knowledge.markdown import render as render_markdown
from knowledge.models import LONGEST_BODY, LONGEST_VARIANT, Article, ArticleText, Unsaved, Version, tidy_variants
from knowledge.orders import reads_like_an_order
from knowledge.unsaved import arrive, keep, unsaved
from knowledge.writing import Outdated, Words, write_article, write_text

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
            kept = unsaved(place, None, "", request.user).first()
            initial = {"language": place.default_language, "title": request.GET.get("title", "")}
            form = NewTextForm(place, initial=initial | (kept.typed if kept else {}))
            return text_page(request, place, form, kept=kept)
        form = NewTextForm(place, request.POST)
        match request.POST.get("action"):
            case "preview":
                return preview(request, place, form)
            case "keep":
                keep(place, None, "", request.user, request.POST)
                return HttpResponse(status=204)
            case "discard":
                unsaved(place, None, "", request.user).delete()
                return redirect("knowledge:new", place.slug)
        if form.is_valid():
            try:
                language = form.cleaned_data["language"]
                version = write_article(place, language, form.words, author=request.user)
                unsaved(place, None, "", request.user).delete()
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
            if asked := request.GET.get("variant", "").replace("\x00", "")[:LONGEST_VARIANT]:
                # Brought from a page that shows what was asked. It stands in the box, to be saved or not.
                initial["variants"] = tidy_variants(f"{initial.get('variants', '')}\n{asked}")
            takes_up = "from" in request.GET or "variant" in request.GET
            kept = None if takes_up else unsaved(place, subject, language, request.user).first()
            form = TextForm(initial=initial | (kept.typed if kept else {}), language=language)
            return text_page(request, place, form, text, kept=kept)
        form = TextForm(request.POST, language=language)
        match request.POST.get("action"):
            case "preview":
                return preview(request, place, form, text)
            case "here":
                facts = {"others": arrive(subject, language, request.user)}
                return render(request, "knowledge/_others.html", facts)
            case "keep":
                latest = text.latest if text.pk else None
                if form.is_valid() and latest and latest.says(**form.words):
                    unsaved(place, subject, language, request.user).delete()
                else:
                    keep(place, subject, language, request.user, request.POST)
                return HttpResponse(status=204)
            case "discard":
                unsaved(place, subject, language, request.user).delete()
                return redirect("knowledge:text", place.slug, subject.slug, language)
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
@require_http_methods(["GET", "POST"])
def old_version(request: HttpRequest, venue: str, article: str, language: str, number: int) -> HttpResponse:
    """One version as it was written, readable for ever, and what it changed. A POST makes its words the newest."""
    place = editable_venue(request, venue)
    subject = get_object_or_404(place.articles, slug=article)
    text = get_object_or_404(subject.texts, language=language)
    shown = get_object_or_404(text.versions.select_related("author"), number=number)
    if request.method == "POST":
        return go_back_to(request, shown)
    against = request.GET.get("against", "")
    others = text.versions.exclude(pk=shown.pk)
    # Unless another is named: what this version changed.
    other = others.filter(number=against).first() if against.isdecimal() else others.filter(number__lt=number).first()
    facts = {
        "venue": place,
        "article": subject,
        "text": text,
        "language": language,
        "shown": shown,
        "rendered": render_markdown(shown.body),
        "versions": versions_of(text),
        "other": other,
        "title_changes": differences(other.title, shown.title) if other else [],
        "changes": differences(other.body, shown.body) if other else [],
        "variant_changes": differences(other.variants, shown.variants)
        if other and other.variants != shown.variants
        else [],
        "is_latest": not text.versions.filter(number__gt=number).exists(),
    }
    with timezone.override(place.zone):
        return render(request, "knowledge/version.html", facts)


@member_required(EDITOR)
@require_GET
def export_venue(request: HttpRequest, venue: str) -> HttpResponse:
    """All that is written there, as a zip."""
    place = editable_venue(request, venue)
    name = f"{place.slug}-{place.now():%Y-%m-%d}.zip"
    return HttpResponse(
        export(place),
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


# What a button does


def act(request: HttpRequest, version: Version, *, is_new: bool) -> HttpResponse:
    """Do what the pressed button says with a version that is stored already, so that nothing typed is ever lost."""
    text = version.text
    unsaved(text.article.venue, text.article, text.language, request.user).delete()
    match request.POST.get("action"):
        case "publish":
            proof = proving.prove(text.article.venue, version)
            if not may_go_live(request, proof):
                return gate_page(request, version, proof)
            put_live(request, version)
            if proof.asked and not proof.changes:
                messages.info(request, as_before_message(proof.asked))
        case "review":
            text.status = ArticleText.Status.REVIEW
            text.save(update_fields=["status"])
            messages.success(request, _("Waits for somebody to look it over. Publish it when it is right."))
        case "draft":
            text.status = ArticleText.Status.PUBLISHED if text.live_id else ArticleText.Status.DRAFT
            text.save(update_fields=["status"])
            messages.success(request, _("Taken back from review."))
        case "call_off":
            scheduling.call_off(text)
            messages.success(request, _("Called off. The words that visitors hear now stay."))
        case "archive":
            indexing.archive(text)
            messages.success(request, _("Archived. Visitors no longer hear it; every version is kept."))
        case _action if is_new:
            messages.success(request, _("Draft saved as version %(number)s.") % {"number": version.number})
        case _action:
            messages.info(request, _("Nothing has changed, so no new version was made."))
    return redirect(text_url(text))


def may_go_live(request: HttpRequest, proof: proving.Proof) -> bool:
    """Whoever saw what changes has said yes to it; to regressions with their number, which may have grown since."""
    if proof.regressions:
        return request.POST.get("accepted") == str(proof.regressions)
    return not proof.changes or "seen" in request.POST


def gate_page(request: HttpRequest, version: Version, proof: proving.Proof) -> HttpResponse:
    """Old beside new, for each question that would be answered differently. The version is stored, and not live."""
    facts = {
        "venue": version.text.article.venue,
        "article": version.text.article,
        "text": version.text,
        "language": version.text.language,
        "version": version,
        "proof": proof,
        "is_refused": "seen" in request.POST,
        "address": text_url(version.text),
        "moments": [
            (name, moment.isoformat() if moment else "")
            for name, moment in (("valid_from", version.valid_from), ("valid_until", version.valid_until))
        ],
    }
    return render(request, "knowledge/gate.html", facts)


def as_before_message(asked: int) -> str:
    return ngettext(
        "%(count)s known question is answered as before.", "%(count)s known questions are answered as before.", asked
    ) % {"count": asked}


def put_live(request: HttpRequest, version: Version) -> None:
    text = version.text
    if scheduling.has_to_wait(text, version, timezone.now()):
        scheduling.schedule(text, version)
        begins = date_format(timezone.localtime(version.valid_from), "j F Y H:i")
        messages.success(
            request,
            _("Goes live on %(begins)s. Until then visitors hear the words they hear now.") % {"begins": begins},
        )
    else:
        indexing.publish(text, version)
        messages.success(request, published_message(version))
    if reads_like_an_order(f"{version.title}\n{version.body}"):
        messages.warning(request, order_message())


def order_message() -> str:
    return _("Part of it reads like an order to the concierge, which takes none from an article. Visitors may hear it.")


def go_back_to(request: HttpRequest, old: Version) -> HttpResponse:
    """The words of `old` as a new version on top of the others, so that nothing written since is lost."""
    words = Words(
        title=old.title,
        body=old.body,
        valid_from=old.valid_from,
        valid_until=old.valid_until,
        variants=old.variants,
    )
    latest = old.text.latest
    version, is_new = write_text(
        old.text.article, old.text.language, words, base=latest.number if latest else 0, author=request.user
    )
    if is_new:
        messages.success(
            request,
            _("The words of version %(old)s are now version %(new)s. Publish it if visitors should hear it.")
            % {"old": old.number, "new": version.number},
        )
    else:
        messages.info(request, _("Nothing has changed, so no new version was made."))
    return redirect(text_url(version.text))


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
    kept: Unsaved | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page to write on. `newer` is what somebody else wrote meanwhile, shown beside what was typed; `kept` is
    what the editor typed an earlier time and did not save, which stands in the form.
    """
    facts: dict[str, Any] = {
        "venue": venue,
        "form": form,
        # To save after a conflict is to have seen the newer version.
        "base_version": newer.number if newer else form["base_version"].value(),
        "newer": newer,
        "kept": kept,
        "longest_body": LONGEST_BODY,
    }
    if text:
        versions = versions_of(text)
        tabs = language_tabs(venue, with_latest(text.article.texts.all()))
        facts |= {
            "article": text.article,
            "text": text,
            "language": text.language,
            "tabs": tabs,
            "beside": words_beside(tabs, request.GET.get("beside", ""), text.language),
            "versions": versions,
            "latest": versions[0] if versions else None,
            "taken_up": "" if form.is_bound else request.GET.get("from", ""),
            "variant": "" if form.is_bound else request.GET.get("variant", ""),
            "live_number": next((version.number for version in versions if version.pk == text.live_id), None),
        }
    return render(request, "knowledge/text.html", facts | preview_of(form), status=status)


def words_beside(tabs: Iterable[LanguageTab], wanted: str, language: str) -> Version | None:
    """The newest words of the article in another language, to translate from or to compare with."""
    text = next((tab.text for tab in tabs if tab.code == wanted != language), None)
    return text.latest if text else None


def preview_of(form: TextForm) -> dict[str, Any]:
    title, body = form["title"].value() or "", form["body"].value() or ""
    return {
        "preview_title": title,
        "preview": render_markdown(body, top=4),
        "order": reads_like_an_order(f"{title}\n{body}"),
    }


@dataclass(frozen=True)
class LanguageTab:
    """One language of an article, written or not."""

    code: str
    text: ArticleText | None

    @property
    def status(self) -> str:
        """The text's status, or "changed" (a newer version waits to be published), "scheduled" or "missing"."""
        if self.text is None:
            return MISSING
        if self.text.next_live_id:
            return SCHEDULED
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


# What is loaded, always through the venue


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
        "variants": chosen.variants,
        "base_version": latest.number,
    }
