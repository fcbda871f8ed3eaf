"""How something comes in: received, read in the background, looked at, taken over.

    uploaded -> (mapping ->) reading -> review -> taking -> done
                                 `-> refused      `-> review, with the reason
An Import changes its state only here, each time by one conditional UPDATE, so that two clicks, two workers or a task
that runs twice do it once. Its drafts are no articles: nothing can be found before `take_over` has stored them, all
that were asked for in one transaction, or none.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from concierge.models import Venue
from knowledge.fetching import Fetcher, checked
from knowledge.importing import Outdated, import_drafts, latest_versions, texts_by_key, with_language
from knowledge.models import Import, ImportedDraft
from knowledge.reading import contained
from knowledge.reading.documents import Found, Reading, read_file
from knowledge.reading.drafts import BadInput, Draft
from knowledge.reading.formats import MOST_BYTES, TABLES, kind_of
from knowledge.reading.saying import Sentence, Unreadable
from knowledge.reading.site import read_address

State, Outcome = Import.State, ImportedDraft.Outcome
MOST_DRAFTS = 10_000
MOST_IN_REVIEW = 50  # imports of a venue that nobody has decided on
KEPT = timedelta(days=30)
STALLED = timedelta(minutes=15)  # without progress, the process that worked on it is gone
AGAIN = {Import.Every.DAY: timedelta(days=1), Import.Every.WEEK: timedelta(days=7)}
SECONDS_BETWEEN_UPDATES = 0.5

logger = logging.getLogger(__name__)


# Received


def receive_file(venue: Venue, name: str, size: int, chunks: Iterable[bytes], **facts: Any) -> Import:
    """Keep the file until it is read. Raises BadInput if it is too large or too many wait for a decision."""
    name = " ".join(name.split())[:200] or "file"
    if size > MOST_BYTES:
        raise BadInput(
            name, "has %(size)s MB; the most is %(most)s MB", size=f"{size / 1e6:.0f}", most=MOST_BYTES // 1_000_000
        )
    if not size:
        raise BadInput(name, "is empty")
    _check_there_is_room(venue)
    with transaction.atomic():
        intake = venue.imports.create(name=name, **facts)
        try:
            intake.folder.mkdir(parents=True)
            with intake.file.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
        except OSError:
            shutil.rmtree(intake.folder, ignore_errors=True)
            raise
        _enqueue(read_import, intake.pk)
    return intake


def receive_address(venue: Venue, url: str, *, every: str = "", **facts: Any) -> Import:
    """Raises BadInput if it is no address. Whether it is public is asked when it is fetched."""
    checked(url)
    _check_there_is_room(venue)
    with transaction.atomic():
        intake = venue.imports.create(name=url, is_address=True, every=every, **facts)
        _enqueue(read_import, intake.pk)
    return intake


def _check_there_is_room(venue: Venue) -> None:
    waiting = venue.imports.filter(state__in=[State.UPLOADED, State.MAPPING, State.READING, State.REVIEW]).count()
    if waiting >= MOST_IN_REVIEW:
        raise BadInput("", "%(count)s imports wait for a decision; take them over or delete some first", count=waiting)


def map_columns(intake: Import, mapping: dict[str, int]) -> bool:
    """Read the table by this mapping. False if it is being read or taken over already."""
    again = [State.MAPPING, State.REVIEW, State.REFUSED]
    with transaction.atomic():
        if moved := _move(intake.pk, again, State.UPLOADED, mapping=mapping, reason=None):
            _enqueue(read_import, intake.pk)
    return moved


def read_again(intake: Import) -> bool:
    """Fetch the address once more. False if that is going on."""
    again = [State.REVIEW, State.DONE, State.REFUSED]
    with transaction.atomic():
        if moved := _move(intake.pk, again, State.UPLOADED, reason=None):
            _enqueue(read_import, intake.pk)
    return moved


def schedule(intake: Import, every: str) -> None:
    """How often the address is read again. Raises ValueError for a rhythm that there is not."""
    every = Import.Every(every)
    Import.objects.filter(pk=intake.pk, is_address=True).update(
        every=every, read_again_at=timezone.now() + AGAIN[every] if every else None
    )


def _move(pk: int, before: Sequence[str], after: str, **facts: Any) -> bool:
    """From one of the states `before`. False if somebody was faster."""
    facts |= {"state": after, "moved_at": timezone.now()}
    return Import.objects.filter(pk=pk, state__in=before).update(**facts) == 1


def _enqueue(work: Any, *arguments: object, **more: object) -> None:
    transaction.on_commit(lambda: work.enqueue(*arguments, **more))


def _progress_of(pk: int) -> Callable[[int, int], None]:
    last = 0.0

    def progress(done: int, of: int) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_UPDATES:
            last = time.monotonic()
            Import.objects.filter(pk=pk).update(done=done, total=of, moved_at=timezone.now())

    return progress


# Read


@task()
def read_import(pk: int) -> None:
    if not _move(pk, [State.UPLOADED], State.READING, done=0, total=0, notes=[], reason=None):
        return  # deleted meanwhile, or the task came twice
    intake = Import.objects.select_related("venue").get(pk=pk)
    if intake.every:
        schedule(intake, intake.every)
    try:
        if _wants_mapping(intake):
            return
        reading = _read(intake)
        if len(reading.found) > MOST_DRAFTS:
            raise BadInput(intake.name, "holds more than %(most)s articles; split it", most=f"{MOST_DRAFTS:,}")
        _show(intake, reading)
    except BadInput as error:
        _refuse(intake, error.sentence)
    except Exception:
        logger.exception("Import %s failed", pk)
        _refuse(intake, Sentence("could not be read because of an error of ours; it is in the log", place=intake.name))


def _wants_mapping(intake: Import) -> bool:
    """Is it a table of which nobody has said yet which column is what? Then that is asked."""
    if intake.is_address or intake.mapping:
        return False
    try:
        kind = kind_of(intake.file, intake.name)
        if kind not in TABLES:
            return False
        table = contained.look(kind, intake.file)
    except Unreadable as error:
        raise BadInput(intake.name, error.words, **error.facts) from None
    except OSError:
        raise BadInput(intake.name, "is not here any more; upload it again") from None
    return _move(intake.pk, [State.READING], State.MAPPING, table=table)


def _read(intake: Import) -> Reading:
    progress = _progress_of(intake.pk)
    if intake.is_address:
        return read_address(intake.name, intake.venue.zone, Fetcher(), progress)
    mapping = intake.mapping or None
    return read_file(intake.file, intake.name, intake.venue.zone, mapping=mapping, progress=progress)


def _refuse(intake: Import, reason: Sentence) -> None:
    with transaction.atomic():
        if _move(intake.pk, [State.READING], State.REFUSED, reason=reason):
            intake.drafts.all().delete()
    if not intake.table:
        shutil.rmtree(intake.folder, ignore_errors=True)  # a table can be mapped anew


def _show(intake: Import, reading: Reading) -> None:
    """The drafts, compared with what the venue has, in place of those of an earlier reading."""
    rows = compare(intake, reading.found)
    # What is read again by itself and is as it was needs nobody.
    is_as_it_was = not any(row.can_be_taken for row in rows) and any(row.outcome == Outcome.UNCHANGED for row in rows)
    after = State.DONE if intake.every and is_as_it_was else State.REVIEW
    with transaction.atomic():
        facts = {"notes": [note.as_json() for note in reading.notes], "done": len(rows), "total": len(rows)}
        if _move(intake.pk, [State.READING], after, **facts):
            intake.drafts.all().delete()
            ImportedDraft.objects.bulk_create(rows, batch_size=200)


def compare(intake: Import, found: Sequence[Found]) -> list[ImportedDraft]:
    """What taking over each piece would do. Nothing is stored."""
    venue = intake.venue
    texts = texts_by_key(venue)
    latest = latest_versions(list(texts.values())) if texts else {}
    seen: set[tuple[str, str]] = set()
    rows = []
    for position, one in enumerate(found, start=1):
        draft = with_language(one.draft, venue, intake.language)
        key = (draft.slug, draft.language)
        reason = one.reason
        if not reason and key in seen:
            facts = {"id": draft.slug, "language": draft.language}
            reason = Sentence("id '%(id)s' (%(language)s) stands there twice", facts, draft.place)
        base = latest.get(texts[key].pk) if key in texts else None
        if not reason:
            seen.add(key)
        rows.append(
            ImportedDraft(
                intake=intake,
                position=position,
                slug=draft.slug,
                language=draft.language,
                title=draft.title,
                body=draft.body,
                valid_from=draft.valid_from,
                valid_until=draft.valid_until,
                variants=draft.variants,
                row=one.row,
                first_page=one.first_page,
                last_page=one.last_page,
                outcome=Outcome.REFUSED if reason else _outcome(draft, base),
                reason=reason,
                base=base,
            )
        )
    return rows


def _outcome(draft: Draft | ImportedDraft, base: Any) -> str:
    if base is None:
        return Outcome.NEW
    is_same = base.says(draft.title, draft.body, draft.valid_from, draft.valid_until, draft.variants)
    return Outcome.UNCHANGED if is_same else Outcome.CHANGED


# Looked at


def correct(draft: ImportedDraft, *, title: str, body: str, is_confirmed: bool) -> bool:
    """Other words than were read, and whether its numbers are right. False if it is not under review any more."""
    if not draft.can_be_put_right:
        return False
    draft.title, draft.body = title.strip(), body.strip()
    draft.is_confirmed = is_confirmed
    draft.outcome, draft.reason = _outcome(draft, draft.base), None
    draft.full_clean(exclude=["intake", "base", "position"])
    with transaction.atomic():
        open_ = Import.objects.select_for_update().filter(pk=draft.intake_id, state=State.REVIEW).exists()
        if not open_ or draft.is_taken:
            return False
        draft.save(update_fields=["title", "body", "is_confirmed", "outcome", "reason"])
    return True


# Taken over


def ask_to_take(intake: Import, *, only: Sequence[int] | None, publish: bool, user: Any) -> bool:
    """Take over all that is new or changed, or `only` the drafts at these positions. False if it is not the time."""
    with transaction.atomic():
        if moved := _move(intake.pk, [State.REVIEW], State.TAKING, reason=None, done=0, total=0):
            positions = None if only is None else list(only)
            _enqueue(take_over, intake.pk, positions, user.pk, publish=publish)
    return moved


@task()
def take_over(pk: int, only: list[int] | None, user_pk: int, *, publish: bool) -> None:
    intake = Import.objects.select_related("venue").filter(pk=pk, state=State.TAKING).first()
    if intake is None:
        return
    drafts = intake.drafts.filter(is_taken=False, outcome__in=[Outcome.NEW, Outcome.CHANGED])
    chosen = list(drafts if only is None else drafts.filter(position__in=only))
    try:
        _check_they_may_be_taken(intake, chosen, publish=publish)
        import_drafts(
            intake.venue,
            [_as_draft(intake, row) for row in chosen],
            publish=publish,
            progress=_progress_of(pk),
            author=get_user_model().objects.filter(pk=user_pk).first(),
            based_on={(row.slug, row.language): row.base_id for row in chosen},
            then=lambda: _close(intake, chosen),
        )
    except BadInput as error:
        if isinstance(error, Outdated):
            _compare_again(intake)
        _move(pk, [State.TAKING], State.REVIEW, reason=error.sentence)
    except Exception:
        logger.exception("Import %s could not be taken over", pk)
        reason = Sentence("an error of ours; it is in the log")
        _move(pk, [State.TAKING], State.REVIEW, reason=reason)
    else:
        if Import.objects.filter(pk=pk, state=State.DONE).exists():
            shutil.rmtree(intake.folder, ignore_errors=True)


def _check_they_may_be_taken(intake: Import, chosen: Sequence[ImportedDraft], *, publish: bool) -> None:
    if not chosen:
        raise BadInput("", "none of the chosen texts is new or changed")
    unsure = [row for row in chosen if publish and row.wants_confirmation]
    if unsure:
        raise BadInput(
            "",
            "%(count)s texts have numbers that nobody has compared with the page; first “%(title)s”",
            count=len(unsure),
            title=unsure[0].title,
        )


def _as_draft(intake: Import, row: ImportedDraft) -> Draft:
    return Draft(
        intake.name, row.slug, row.title, row.body, row.language, row.valid_from, row.valid_until, row.variants
    )


def _close(intake: Import, taken: Sequence[ImportedDraft]) -> None:
    """In the transaction that stores the articles."""
    for row in taken:
        row.is_taken = True
    ImportedDraft.objects.bulk_update(taken, ["is_taken"], batch_size=200)
    left = intake.drafts.filter(is_taken=False, outcome__in=[Outcome.NEW, Outcome.CHANGED]).exists()
    if not _move(intake.pk, [State.TAKING], State.REVIEW if left else State.DONE):
        raise BadInput("", "the import was deleted meanwhile")


def _compare_again(intake: Import) -> None:
    """Somebody wrote meanwhile: what the drafts would change is told anew."""
    rows = list(intake.drafts.filter(is_taken=False).exclude(outcome=Outcome.REFUSED))
    texts = texts_by_key(intake.venue)
    latest = latest_versions(list(texts.values())) if texts else {}
    for row in rows:
        text = texts.get((row.slug, row.language))
        row.base = latest.get(text.pk) if text else None
        row.outcome = _outcome(row, row.base)
    ImportedDraft.objects.bulk_update(rows, ["base", "outcome"], batch_size=200)


# What happens by itself (manage.py tick)


def read_due_again() -> int:
    """Addresses whose time has come are read again."""
    due = Import.objects.filter(is_address=True, read_again_at__lte=timezone.now()).exclude(every="")
    return sum(read_again(intake) for intake in due)


def free_stalled() -> int:
    """Imports that a dead process left half-way: those being read are refused, those being taken over are back."""
    before = timezone.now() - STALLED
    stalled = Import.objects.filter(moved_at__lt=before)
    interrupted = Sentence("the reading was interrupted; upload it again")
    reading = stalled.filter(state=State.READING).update(state=State.REFUSED, reason=interrupted)
    nothing = Sentence("the work was interrupted; try again")
    return reading + stalled.filter(state=State.TAKING).update(state=State.REVIEW, reason=nothing)


def delete_old() -> int:
    """Imports that nobody has touched for a month, with their files; addresses that are read again stay."""
    old = Import.objects.filter(moved_at__lt=timezone.now() - KEPT, every="")
    count = old.count()
    old.delete()
    return count


def forget_files(instance: object, **kwargs: object) -> None:
    """With the row go its files, whoever deletes it (a cascade, too), unless the deletion is undone."""
    assert isinstance(instance, Import)
    folder = settings.DATA_DIR / "uploads" / str(instance.pk)
    transaction.on_commit(lambda: shutil.rmtree(folder, ignore_errors=True))
