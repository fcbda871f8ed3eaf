from django import template

from concierge.models import Venue
from knowledge.models import GoldenQuestion

register = template.Library()

MOST = 6  # more than these are a list to read, not an invitation


@register.simple_tag
def often_asked(venue: Venue, language: str) -> list[str]:
    """What the venue suggests to ask, in this language."""
    questions = GoldenQuestion.objects.filter(venue=venue, language=language, on_page=True).order_by("pk")
    return list(questions.values_list("question", flat=True)[:MOST])
