"""The admin, for the platform's operators: what was said, and which workers are there. Nothing is changed here."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join

from knowledge.admin import ReadOnly
from voice.auditing import note_reading
from voice.models import HEARTBEAT_FRESH, Call, Turn, Worker


class TurnInline(ReadOnly, admin.TabularInline):
    model = Turn
    fields = ["number", "speaker", "text", "rests_on", "is_answered", "is_interrupted", "metrics", "said_at"]
    readonly_fields = ["rests_on"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Turn]:
        return super().get_queryset(request).prefetch_related("citations__version__text__article")

    @admin.display(description="rests on")
    def rests_on(self, turn: Turn) -> str:
        return (
            format_html_join(
                ", ",
                '<a href="{}" title="{}">{}</a>',
                (
                    (reverse("admin:knowledge_version_change", args=[cited.version_id]), cited.passage, cited.version)
                    for cited in turn.citations.all()
                ),
            )
            or "-"
        )


@admin.register(Call)
class CallAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["__str__", "venue", "state", "language", "mode", "turn_count", "opened_at", "end_reason"]
    list_filter = ["state", "venue", "mode", "language"]
    list_select_related = ["venue"]
    search_fields = ["id", "room", "turns__text"]
    date_hierarchy = "opened_at"
    inlines = [TurnInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Call]:
        return super().get_queryset(request).annotate(turn_count=Count("turns"))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Call | None:
        call = super().get_object(request, object_id, from_field)
        if call:
            note_reading(call, request.user)
        return call

    @admin.display(description="turns", ordering="turn_count")
    def turn_count(self, call: Call) -> int:
        return call.turn_count  # type: ignore[attr-defined]


@admin.register(Worker)
class WorkerAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["name", "profile", "slots", "free_slots", "seen_at", "is_present"]
    list_filter = ["profile"]
    search_fields = ["name"]

    @admin.display(boolean=True)
    def is_present(self, worker: Worker) -> bool:
        return worker.seen_at >= timezone.now() - HEARTBEAT_FRESH
