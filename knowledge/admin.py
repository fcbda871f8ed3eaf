"""The admin, for the platform's operators. Words are written under /knowledge/; here they are looked at.

Status and live version change only through knowledge.indexing, so they are buttons here and no fields. Versions stay
for ever, since answers cite them; that is why an article with versions is archived and not deleted.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from knowledge import indexing
from knowledge.models import Article, ArticleText, GoldenQuestion, Version


class ReadOnly:
    """Shown, never changed here."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class TextInline(ReadOnly, admin.TabularInline):
    model = ArticleText
    fields = ["language", "status", "live"]
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[ArticleText]:
        return super().get_queryset(request).select_related("article__venue", "live__text__article")


@admin.register(Article)
class ArticleAdmin(admin.ModelAdmin):
    list_display = ["slug", "venue", "languages"]
    list_filter = ["venue", "texts__language", "texts__status"]
    list_select_related = ["venue"]
    search_fields = ["slug", "texts__versions__title"]
    inlines = [TextInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Article]:
        return super().get_queryset(request).prefetch_related("texts")

    def get_readonly_fields(self, request: HttpRequest, obj: Article | None = None) -> list[str]:
        # A slug is the article's public id: imports, citations and gold questions name it.
        return ["venue", "slug"] if obj else []

    @admin.display(description="languages")
    def languages(self, article: Article) -> str:
        return ", ".join(f"{text.language} ({text.get_status_display().lower()})" for text in article.texts.all())


class VersionInline(ReadOnly, admin.TabularInline):
    model = Version
    fk_name = "text"
    fields = ["number", "title", "written_at", "author", "valid_from", "valid_until"]
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Version]:
        return super().get_queryset(request).select_related("text__article", "author").defer("body")


@admin.register(ArticleText)
class ArticleTextAdmin(admin.ModelAdmin):
    list_display = ["article", "venue", "language", "status", "live_number"]
    list_filter = ["status", "language", "article__venue"]
    search_fields = ["article__slug", "versions__title"]
    readonly_fields = ["article", "language", "status", "live", "editors_page"]
    fields = ("article", "language", "status", "live", "editors_page")
    inlines = [VersionInline]
    actions = ["publish_latest", "archive"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ArticleText]:
        return super().get_queryset(request).select_related("article__venue", "live__text__article")

    @admin.display(ordering="article__venue__slug")
    def venue(self, text: ArticleText) -> str:
        return text.article.venue.slug

    @admin.display(description="live version")
    def live_number(self, text: ArticleText) -> int | None:
        return text.live.number if text.live else None

    @admin.display(description="editor's page")
    def editors_page(self, text: ArticleText) -> str:
        url = reverse("knowledge:text", args=[text.article.venue.slug, text.article.slug, text.language])
        return format_html('<a href="{}">{}</a>', url, url)

    @admin.action(description="Publish the latest version")
    def publish_latest(self, request: HttpRequest, texts: QuerySet[ArticleText]) -> None:
        published = 0
        for text in texts:
            if text.latest is None:
                self.message_user(request, f"Nothing is written yet: {text}.", messages.WARNING)
                continue
            indexing.publish(text)
            published += 1
        self.message_user(request, f"Published: {published}.", messages.SUCCESS)

    @admin.action(description="Archive: visitors no longer hear it")
    def archive(self, request: HttpRequest, texts: QuerySet[ArticleText]) -> None:
        for text in texts:
            indexing.archive(text)
        self.message_user(request, f"Archived: {len(texts)}.", messages.SUCCESS)


@admin.register(Version)
class VersionAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["title", "text", "number", "written_at", "author"]
    list_filter = ["text__language", "text__article__venue"]
    list_select_related = ["text__article", "author"]
    search_fields = ["title", "body", "text__article__slug"]


class GoldenQuestionForm(forms.ModelForm):
    class Meta:
        model = GoldenQuestion
        fields = ["venue", "language", "question", "articles", "on_page"]

    def clean(self) -> dict[str, Any]:
        facts = super().clean() or {}
        venue, articles = facts.get("venue"), facts.get("articles", ())
        foreign = [article.slug for article in articles if venue and article.venue_id != venue.pk]
        if foreign:
            raise ValidationError({"articles": f"Of another venue: {', '.join(foreign)}."})
        return facts


@admin.register(GoldenQuestion)
class GoldenQuestionAdmin(admin.ModelAdmin):
    form = GoldenQuestionForm
    list_display = ["question", "venue", "language", "on_page", "right_articles"]
    list_filter = ["venue", "language", "on_page"]
    list_select_related = ["venue"]
    search_fields = ["question"]
    autocomplete_fields = ["articles"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[GoldenQuestion]:
        return super().get_queryset(request).prefetch_related("articles")

    @admin.display(description="articles")
    def right_articles(self, question: GoldenQuestion) -> str:
        return ", ".join(article.slug for article in question.articles.all()) or "none: no answer"
