from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from concierge.models import Venue
from concierge.templatetags.look import direction, own_name
from knowledge.listing import CHANGED, MISSING, OVER, SCHEDULED
from knowledge.models import ArticleText
from knowledge.writing import Words


def language_choices(venue: Venue) -> list[tuple[str, str]]:
    return [(code, own_name(code)) for code in venue.languages]


class MomentInput(forms.DateTimeInput):
    """The browser's own picker. Seconds are sent along, else an imported 23:59:59 would change unseen."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(attrs={"class": "box"}, format="%Y-%m-%dT%H:%M:%S")


class TextForm(forms.Form):
    """One text of an article. Moments are in the active time zone, which the view sets to the venue's.

    The rules that always hold (lengths, order of dates) are the model's; `add_error` brings its objections here.
    """

    title = forms.CharField(max_length=200, error_messages={"required": _("Write a title.")})
    # No maxlength in the browser: it would cut a pasted text without a word.
    body = forms.CharField(widget=forms.Textarea(attrs={"rows": 14}), error_messages={"required": _("Write the text.")})
    valid_from = forms.DateTimeField(required=False, widget=MomentInput)
    valid_until = forms.DateTimeField(required=False, widget=MomentInput)
    variants = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))
    base_version = forms.IntegerField(min_value=0, widget=forms.HiddenInput, initial=0)

    def __init__(self, *args: Any, language: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # An empty Arabic page begins at the right; where the language is still open, the letters decide.
        way = direction(language) if language else "auto"
        self.fields["title"].widget.attrs |= {"class": "box", "dir": way, "autocomplete": "off"}
        self.fields["body"].widget.attrs |= {"class": "box", "dir": way}
        self.fields["variants"].widget.attrs |= {"class": "box", "dir": way}

    def clean_title(self) -> str:
        # As an import has it, so that what was exported comes back the same.
        return " ".join(self.cleaned_data["title"].split())

    def clean_body(self) -> str:
        # Browsers send CRLF; stored that way, the same words would make a new version each time.
        return self.cleaned_data["body"].replace("\r\n", "\n").replace("\r", "\n")

    @property
    def words(self) -> Words:
        facts = self.cleaned_data
        return Words(
            title=facts["title"],
            body=facts["body"],
            valid_from=facts["valid_from"],
            valid_until=facts["valid_until"],
            variants=facts["variants"] if "variants" in self.data else None,
        )


class NewTextForm(TextForm):
    """The first text of an article, which has no language yet."""

    language = forms.ChoiceField(widget=forms.RadioSelect)

    def __init__(self, venue: Venue, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].choices = language_choices(venue)  # type: ignore[attr-defined]


class ListForm(forms.Form):
    """What an editor looks for in the list. Values that mean nothing are passed over."""

    q = forms.CharField(required=False, max_length=200)
    language = forms.ChoiceField(required=False)
    status = forms.ChoiceField(
        required=False,
        choices=[
            ("", _("Any status")),
            (ArticleText.Status.PUBLISHED, _("Published")),
            (CHANGED, _("Changes not published")),
            (ArticleText.Status.DRAFT, _("Draft")),
            (ArticleText.Status.REVIEW, _("In review")),
            (SCHEDULED, _("Goes live later")),
            (OVER, _("Last day is over")),
            (ArticleText.Status.ARCHIVED, _("Archived")),
            (MISSING, _("Not written yet")),
        ],
    )
    stale = forms.TypedChoiceField(
        required=False,
        coerce=int,
        choices=[
            ("", _("Changed at any time")),
            ("30", _("Not changed for 30 days")),
            ("90", _("Not changed for 90 days")),
            ("180", _("Not changed for half a year")),
            ("365", _("Not changed for a year")),
        ],
    )
    used = forms.ChoiceField(required=False, choices=[("", _("Used or not")), ("never", _("Never used in an answer"))])

    def __init__(self, venue: Venue, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("language", "status", "stale", "used"):
            self.fields[name].widget.attrs["class"] = "box"
        self.fields["language"].choices = [("", _("Any language")), *language_choices(venue)]  # type: ignore[attr-defined]

    @property
    def wishes(self) -> dict[str, Any]:
        """Arguments for list_articles."""
        self.is_valid()
        facts = self.cleaned_data
        return {
            "words": facts.get("q", "").replace("\x00", ""),
            "language": facts.get("language", ""),
            "status": facts.get("status", ""),
            "stale_days": facts.get("stale") or 0,
            "never_used": facts.get("used") == "never",
        }
