"""What a call came to: its outcome when it ends; a little later, when the last words are stored, tags and a summary.

All of it follows from rows. Each rule stands in the docstring of the function that applies it, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import combinations, pairwise

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django_tasks import task

from knowledge.lexical import words
from knowledge.search import is_courtesy
from voice.models import Call, HandOff, Happening, Turn
from voice.screens import ALIKE, CHARACTERS_A_SECOND

# The worker stores the last turns after the end; this much later they are there.
LAST_WORDS_WITHIN = timedelta(seconds=10)
# A review that has not been made by then was lost.
OVERDUE = timedelta(minutes=2)
REVIEWED_AT_ONCE = 200

DEAD_AIR_SECONDS = 10
SLOW_MS = 3000
QUESTIONS_IN_A_SUMMARY = 3
LONGEST_QUOTE = 160  # characters


def after_the_call(call: Call) -> None:
    """Called once, when `call` has just ended."""
    call = Call.objects.get(pk=call.pk)
    if call.began_at is None:
        return  # the visitor never came: there is nothing to judge
    Call.objects.filter(pk=call.pk).update(outcome=outcome_of(call, list(call.turns.all())))
    review_in_background.using(run_after=timezone.now() + LAST_WORDS_WITHIN).enqueue(str(call.pk))


@task()
def review_in_background(call_pk: str) -> None:
    call = Call.objects.filter(pk=call_pk, state=Call.State.ENDED).first()
    if call:
        review(call)


def review_overdue() -> int:
    """Review the calls that ended while nobody could (a worker died, no task was kept). Returns how many."""
    overdue = Call.objects.filter(
        state=Call.State.ENDED,
        began_at__isnull=False,
        reviewed_at=None,
        ended_at__lt=timezone.now() - OVERDUE,
    )
    calls = list(overdue[:REVIEWED_AT_ONCE])
    for call in calls:
        review(call)
    return len(calls)


def review(call: Call) -> None:
    """Store outcome, tags and summary of a call that is over, from all that was said. Twice is harmless."""
    turns = list(call.turns.prefetch_related("citations__version__text__article__texts__live"))
    Call.objects.filter(pk=call.pk).update(
        outcome=outcome_of(call, turns),
        tag_words="".join(f" {tag}" for tag, is_so in TAGS.items() if is_so(call, turns)) + " ",
        summary=summary_of(call, turns),
        reviewed_at=timezone.now(),
    )


# The outcome


def outcome_of(call: Call, turns: Sequence[Turn]) -> str:
    """The first of these that holds:

    handed off: somebody of the staff came when they were called, or took over;
    abandoned: nothing was asked that has a reply, so the visitor left before;
    not answered: every reply was "nothing is written about this";
    partly answered: some replies were, or the last thing asked has no reply at all;
    answered: every reply rested on something written, or on what staff confirmed.
    """
    came = call.hand_offs.filter(outcome=HandOff.Outcome.CLAIMED).exists()
    if came or call.happenings.filter(kind=Happening.Kind.VERB, name__in=["type", "talk"]).exists():
        return Call.Outcome.HANDED_OFF
    replies = [
        turn.is_answered for turn in turns if turn.speaker == Turn.Speaker.AGENT and turn.is_answered is not None
    ]
    if not replies:
        return Call.Outcome.ABANDONED
    if not any(replies):
        return Call.Outcome.UNANSWERED
    is_left_open = turns[-1].speaker == Turn.Speaker.VISITOR and not is_courtesy(turns[-1].text)
    return Call.Outcome.PARTLY if is_left_open or not all(replies) else Call.Outcome.ANSWERED


# The tags


def has_dead_air(call: Call, turns: Sequence[Turn]) -> bool:
    """A spoken call in which nobody was heard for ten seconds, between two turns or from the last one to the end.

    Only the beginning of a turn is stored, so a turn is taken to last as long as its characters take to say. Where
    staff talked themselves the rule says nothing: their words are written down only in languages that are heard here.
    """
    if call.mode == Call.Mode.TEXT or not turns or call.happenings.filter(name="talk").exists():
        return False
    begins = [turn.said_at for turn in turns] + ([call.ended_at] if call.ended_at else [])
    ends = [turn.said_at + timedelta(seconds=len(turn.text) / CHARACTERS_A_SECOND) for turn in turns]
    gaps = (then - end for end, then in zip(ends, begins[1:], strict=False))
    return any(gap >= timedelta(seconds=DEAD_AIR_SECONDS) for gap in gaps)


def is_talked_over(call: Call, turns: Sequence[Turn]) -> bool:
    """The visitor began to speak while the concierge did, and cut an answer short."""
    return any(
        turn.is_interrupted and turn.speaker == Turn.Speaker.AGENT and then.speaker == Turn.Speaker.VISITOR
        for turn, then in pairwise(turns)
    )


def is_asked_again(call: Call, turns: Sequence[Turn]) -> bool:
    """Two of the visitor's turns share at least three fifths of their words (stems, without the most common ones)."""
    asked = [set(words(turn.text, turn.language)) for turn in turns if turn.speaker == Turn.Speaker.VISITOR]
    return any(len(one & other) >= ALIKE * len(one | other) for one, other in combinations(filter(None, asked), 2))


def has_no_source(call: Call, turns: Sequence[Turn]) -> bool:
    """A reply of the concierge rested on nothing that is written."""
    return any(turn.speaker == Turn.Speaker.AGENT and turn.is_answered is False for turn in turns)


def is_slow(call: Call, turns: Sequence[Turn]) -> bool:
    """An answer came three seconds or more after the question: at the ear where that is known, else at the server."""
    waits = (turn.metrics.get("ear_ms", turn.metrics.get("total_ms", 0)) for turn in turns)
    return any(wait >= SLOW_MS for wait in waits)


TAGS: dict[str, Callable[[Call, Sequence[Turn]], bool]] = {
    Call.Tag.DEAD_AIR: has_dead_air,
    Call.Tag.TALKED_OVER: is_talked_over,
    Call.Tag.REPEATED: is_asked_again,
    Call.Tag.NO_SOURCE: has_no_source,
    Call.Tag.SLOW_TURN: is_slow,
}


# The summary


def summary_of(call: Call, turns: Sequence[Turn]) -> dict[str, str]:
    """A few lines in each language of the console. Nothing in them is made up.

    The visitor's words are quoted as they stand, whatever their language; titles of articles are those in the
    staff's language where the article is written in it.
    """
    summaries = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            summaries[language] = "\n".join(_lines(call, turns, language))
    return summaries


def _lines(call: Call, turns: Sequence[Turn], language: str) -> list[str]:
    asked, vain = [], []
    titles: dict[str, str] = {}
    question = ""
    for turn in turns:
        if turn.speaker == Turn.Speaker.VISITOR:
            question = "" if is_courtesy(turn.text) else _quoted(turn.text)
            asked += [question] if question else []
        elif turn.speaker == Turn.Speaker.AGENT and turn.is_answered is False and question:
            vain.append(question)
        for citation in turn.citations.all():
            article = citation.version.text.article
            live = next((text.live for text in article.texts.all() if text.language == language and text.live), None)
            titles[article.slug] = _isolated((live or citation.version).title)
    asked, vain = list(dict.fromkeys(asked)), list(dict.fromkeys(vain))
    lines = []
    if asked:
        more = len(asked) - QUESTIONS_IN_A_SUMMARY
        quotes = " · ".join(asked[:QUESTIONS_IN_A_SUMMARY]) + (f" (+{more})" if more > 0 else "")
        lines.append(_("Asked: %(quotes)s") % {"quotes": quotes})
    if titles:
        lines.append(_("Answered from: %(titles)s") % {"titles": " · ".join(titles.values())})
    if vain:
        lines.append(_("No answer to: %(quotes)s") % {"quotes": " · ".join(vain[:QUESTIONS_IN_A_SUMMARY])})
    for hand_off in call.hand_offs.select_related("claimed_by").order_by("asked_at"):
        facts = {"reason": hand_off.get_reason_display(), "name": hand_off.claimed_by or ""}
        if hand_off.outcome == HandOff.Outcome.CLAIMED and hand_off.claimed_by:
            lines.append(_("A person was called (%(reason)s); %(name)s came.") % facts)
        else:
            lines.append(_("A person was called (%(reason)s); nobody came.") % facts)
    taken = call.happenings.filter(kind=Happening.Kind.VERB, name__in=["type", "talk"], user__isnull=False)
    for name in dict.fromkeys(taken.values_list("user__username", flat=True)):
        lines.append(_("%(name)s took over.") % {"name": name})
    if call.call_backs.exists():
        lines.append(_("The visitor asked to be called back."))
    return lines or [_("Nothing was asked.")]


def _quoted(text: str) -> str:
    text = " ".join(text.split())
    return _isolated(f"“{text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE].rstrip() + '…'}”")


def _isolated(text: str) -> str:
    """With marks that keep its own direction to it: English words stand whole in an Arabic line."""
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"
