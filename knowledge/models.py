"""What a venue has written down.

Article (venue, slug) -> ArticleText (one a language) -> Version (never changed once written) -> Passage (what search
reads). A text points at the version that is live; to publish is to move that pointer, in one transaction with the
passages (knowledge.indexing).
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from concierge.models import Venue
from knowledge.reading.saying import Sentence
from knowledge.saying import SentenceField

LONGEST_BODY = 100_000  # characters
MOST_VARIANTS, LONGEST_VARIANT = 50, 300  # questions, characters
# Prices, times, phone numbers; digits of any script.
NUMBER = re.compile(r"\+\d+(?:[ \u00a0-]\d+)+|\+?\d+(?:[.,:/-]\d+)*%?")


class Article(models.Model):
    """One subject, in as many languages as somebody wrote it in. The slug is its public id."""

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="articles")
    slug = models.CharField(max_length=100)

    class Meta:
        ordering = ["slug"]
        constraints = [models.UniqueConstraint(fields=["venue", "slug"], name="one_article_a_slug")]

    def __str__(self) -> str:
        return self.slug


class ArticleText(models.Model):
    """An article in one language: its versions, and which of them is live."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        REVIEW = "review", _("In review")
        PUBLISHED = "published", _("Published")
        ARCHIVED = "archived", _("Archived")

    article = models.ForeignKey(Article, models.CASCADE, related_name="texts")
    language = models.CharField(max_length=10)
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    live = models.OneToOneField("Version", models.SET_NULL, null=True, blank=True, related_name="live_for")
    # Takes the place of the live version at a moment to come; whatever is published before that calls it off.
    next_live = models.ForeignKey("Version", models.SET_NULL, null=True, blank=True, related_name="+")
    next_live_at = models.DateTimeField(null=True, blank=True)
    indexed = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="The IndexRevision at which its passages were made."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["article", "language"], name="one_text_an_article_language")]

    def __str__(self) -> str:
        return f"{self.article.slug} ({self.language})"

    @property
    def latest(self) -> Version | None:
        return self.versions.order_by("-number").first()

    def write(
        self,
        *,
        title: str,
        body: str,
        valid_from: datetime | None = None,
        valid_until: datetime | None = None,
        variants: str | None = None,
        author: object = None,
    ) -> tuple[Version, bool]:
        """The version that holds these words, and whether it is new. Equal words make no new version.

        `variants`: questions, one a line; None leaves those of the latest version. Raises ValidationError if title or
        body is empty, the body is over LONGEST_BODY characters or the variants are too many or too long.
        """
        latest = self.latest
        if latest and latest.says(title, body, valid_from, valid_until, variants):
            return latest, False
        if variants is None:
            variants = latest.variants if latest else ""
        version = Version(  # type: ignore[misc]  # whoever signed in, as the request has them
            text=self,
            number=latest.number + 1 if latest else 1,
            title=title.strip(),
            body=body.strip(),
            valid_from=valid_from,
            valid_until=valid_until,
            variants=tidy_variants(variants),
            author=author,
        )
        version.full_clean(exclude=["text", "author"])
        version.save()
        return version, True


class Version(models.Model):
    """The words of an article at one time. What was cited stays readable for ever."""

    text = models.ForeignKey(ArticleText, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    body = models.TextField(max_length=LONGEST_BODY)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    variants = models.TextField(
        blank=True, help_text="Other ways in which people ask this, one a line. They are searched and never spoken."
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    written_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["text", "number"], name="one_number_a_version")]

    def __str__(self) -> str:
        return f"{self.text} v{self.number}"

    def clean(self) -> None:
        if len(self.body) > LONGEST_BODY:
            raise ValidationError(
                {
                    "body": _("The text has %(count)s characters; the most is %(most)s. Split it.")
                    % {"count": f"{len(self.body):,}", "most": f"{LONGEST_BODY:,}"}
                }
            )
        if self.valid_from and self.valid_until and self.valid_until <= self.valid_from:
            raise ValidationError({"valid_until": _("The end lies before the beginning.")})
        if len(self.asked_as) > MOST_VARIANTS or any(len(variant) > LONGEST_VARIANT for variant in self.asked_as):
            raise ValidationError(
                {
                    "variants": _("At most %(most)s questions of at most %(longest)s characters.")
                    % {"most": MOST_VARIANTS, "longest": LONGEST_VARIANT}
                }
            )

    def says(
        self,
        title: str,
        body: str,
        valid_from: datetime | None,
        valid_until: datetime | None,
        variants: str | None = None,
    ) -> bool:
        """Does it hold these words? `variants` of None are not compared."""
        return (self.title, self.body, self.valid_from, self.valid_until, self.variants) == (
            title.strip(),
            body.strip(),
            valid_from,
            valid_until,
            self.variants if variants is None else tidy_variants(variants),
        )

    @property
    def asked_as(self) -> list[str]:
        """The variants, as a list."""
        return self.variants.splitlines()


def tidy_variants(typed: str) -> str:
    """One question a line: no empty lines, no spaces too many, none twice."""
    lines = (" ".join(line.split()) for line in typed.splitlines())
    return "\n".join({line.casefold(): line for line in lines if line}.values())


class Unsaved(models.Model):
    """What an editor has typed and not saved, one row a text and author. It is no version: nobody else sees it."""

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="unsaved")
    article = models.ForeignKey(Article, models.CASCADE, null=True, blank=True, related_name="unsaved")
    language = models.CharField(max_length=10, blank=True, help_text="Empty while a new article has none yet.")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="unsaved")
    typed = models.JSONField(help_text="The form's fields as they were typed.")
    typed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["article", "language", "author"], name="one_unsaved_a_text_and_author"),
            # A null is unlike any other null, so the rule above says nothing of articles to be.
            models.UniqueConstraint(
                fields=["venue", "author"], condition=models.Q(article=None), name="one_unsaved_new_article"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.author} at {self.article or 'a new article'}"


class Presence(models.Model):
    """Somebody has the page of a text open. The page says so every few seconds."""

    article = models.ForeignKey(Article, models.CASCADE, related_name="presences")
    language = models.CharField(max_length=10)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="presences")
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["article", "language", "user"], name="one_presence_a_text")]

    def __str__(self) -> str:
        return f"{self.user} at {self.article} ({self.language})"


class Passage(models.Model):
    """A piece of a live version that search compares a question with. Made only by knowledge.indexing."""

    class Kind(models.TextChoices):
        WHOLE = "whole"  # title and body, or a section of a long body
        SENTENCE = "sentence"  # one sentence, prefixed by the title when it is embedded
        VARIANT = "variant"  # a question as people ask it; it leads to the article and is never shown

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="passages")
    version = models.ForeignKey(Version, models.CASCADE, related_name="passages")
    kind = models.CharField(max_length=10, choices=Kind)
    position = models.PositiveIntegerField()
    text = models.TextField(help_text="As written, as it may be spoken.")
    digest = models.CharField(max_length=64, help_text="Of what was embedded and by which embedder.")
    vector = models.BinaryField(help_text="Unit vector, float32, little-endian.")

    class Meta:
        ordering = ["version_id", "position"]
        constraints = [models.UniqueConstraint(fields=["version", "position"], name="one_passage_a_position")]
        # What has a vector already is looked up at each publication.
        indexes = [models.Index(fields=["venue", "digest"], name="passage_by_digest")]

    def __str__(self) -> str:
        return self.text[:60]


class IndexRevision(models.Model):
    """Counts the changes to what can be found at a venue. In-memory indexes compare it with their own."""

    venue = models.OneToOneField(Venue, models.CASCADE, related_name="index_revision", primary_key=True)
    number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.venue}: {self.number}"


class GoldenQuestion(models.Model):
    """A question whose right articles are known; none means that the venue has no answer."""

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="golden_questions")
    language = models.CharField(max_length=10)
    question = models.CharField(max_length=500)
    articles = models.ManyToManyField(Article, blank=True, related_name="golden_questions")
    on_page = models.BooleanField(default=False, help_text="Shown to visitors under 'People often ask'.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "language", "question"], name="one_golden_question")]

    def __str__(self) -> str:
        return self.question


class Import(models.Model):
    """Something on its way in: a file or an address, read in the background, looked at by an editor, taken over.

    knowledge.intake moves it from state to state. Nothing of it can be found before it is taken over and published.
    """

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("Waiting to be read")
        MAPPING = "mapping", _("Which column is what?")
        READING = "reading", _("Being read")
        REVIEW = "review", _("To review")
        TAKING = "taking", _("Being taken over")
        DONE = "done", _("Taken over")
        REFUSED = "refused", _("Refused")

    class Every(models.TextChoices):
        NEVER = "", _("Never")
        DAY = "day", _("Every day")
        WEEK = "week", _("Every week")

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="imports")
    name = models.CharField(max_length=500, help_text="The file's name, or the address.")
    is_address = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.UPLOADED)
    reason = SentenceField(blank=True, help_text="Why it was refused, or what stopped the last attempt.")
    notes = models.JSONField(default=list, blank=True, help_text="Sentences on what was left out.")
    table = models.JSONField(default=dict, blank=True, help_text="Of a table: its columns, first rows, and a guess.")
    mapping = models.JSONField(default=dict, blank=True, help_text="Field of an article -> column, from 0.")
    language = models.CharField(max_length=10, blank=True, help_text="Of what does not say its own; empty: by script.")
    every = models.CharField(max_length=10, choices=Every, blank=True, default=Every.NEVER)
    read_again_at = models.DateTimeField(null=True, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    moved_at = models.DateTimeField(default=timezone.now, help_text="When its state or its progress last changed.")

    class Meta:
        ordering = ["-made_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.venue})"

    @property
    def is_busy(self) -> bool:
        return self.state in {self.State.UPLOADED, self.State.READING, self.State.TAKING}

    @property
    def folder(self) -> Path:
        """Where the file and the pictures of its pages lie until the import is over."""
        return settings.DATA_DIR / "uploads" / str(self.pk)

    @property
    def file(self) -> Path:
        return self.folder / "file"

    @property
    def remarks(self) -> list[Sentence]:
        """What was left out."""
        return [Sentence(**note) for note in self.notes]


WRITTEN_BY_HAND = frozenset({"title", "body"})


class ImportedDraft(models.Model):
    """One article to be, and what taking it over would change."""

    class Outcome(models.TextChoices):
        NEW = "new", _("New")
        CHANGED = "changed", _("Changed")
        UNCHANGED = "unchanged", _("Unchanged")
        REFUSED = "refused", _("Refused")

    intake = models.ForeignKey(Import, models.CASCADE, related_name="drafts")
    position = models.PositiveIntegerField()
    slug = models.CharField(max_length=100)
    language = models.CharField(max_length=10)
    title = models.CharField(max_length=200)
    body = models.TextField(blank=True)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    # Null: the file says nothing of them, so those that are there stay. Empty: there are none.
    variants = models.TextField(null=True, blank=True)  # noqa: DJ001
    row = models.PositiveIntegerField(default=0)
    first_page = models.PositiveIntegerField(default=0)
    last_page = models.PositiveIntegerField(default=0)
    outcome = models.CharField(max_length=10, choices=Outcome)
    reason = SentenceField(blank=True)
    base = models.ForeignKey(
        Version, models.SET_NULL, null=True, blank=True, related_name="+", help_text="What it was compared with."
    )
    is_confirmed = models.BooleanField(default=False, help_text="Somebody compared its numbers with the page.")
    is_taken = models.BooleanField(default=False)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["intake", "position"], name="one_draft_a_position")]

    def __str__(self) -> str:
        return f"{self.slug} ({self.language})"

    @property
    def can_be_put_right(self) -> bool:
        """Refused for words that an editor can write; what is wrong with the rest has to be mended in the file."""
        if self.outcome != self.Outcome.REFUSED:
            return True
        return self.reason is not None and self.reason.facts.get("field") in WRITTEN_BY_HAND

    @property
    def can_be_taken(self) -> bool:
        return not self.is_taken and self.outcome in {self.Outcome.NEW, self.Outcome.CHANGED}

    @property
    def numbers(self) -> list[str]:
        return NUMBER.findall(f"{self.title}\n{self.body}")

    @property
    def wants_confirmation(self) -> bool:
        """A PDF may show numbers in another order than it was read in; only a person sees that."""
        return bool(self.first_page) and not self.is_confirmed and bool(self.numbers)


class GoldenRun(models.Model):
    """How the golden questions of a venue did at one moment."""

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="golden_runs")
    ran_at = models.DateTimeField(default=timezone.now)
    reason = models.CharField(max_length=200, blank=True, help_text="What was published.")
    revision = models.PositiveBigIntegerField(help_text="Of the index that answered.")
    questions = models.PositiveIntegerField()
    figures = models.JSONField(help_text="As GoldenFigures has them: overall under the empty code, then by language.")
    failures = models.JSONField(default=list, help_text="The questions that went wrong, and how.")

    class Meta:
        ordering = ["-ran_at", "-pk"]
        indexes = [models.Index(fields=["venue", "ran_at"])]

    def __str__(self) -> str:
        return f"{self.venue} {self.ran_at:%Y-%m-%d %H:%M}"
