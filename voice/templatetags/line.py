"""What the venue's page says about the line before anybody talks."""

from django import template

from concierge.models import Venue
from voice import answering
from voice.models import Worker

register = template.Library()


@register.simple_tag
def voice_notice(venue: Venue, language: str) -> str:
    """What will be different when this language is spoken here, in one sentence; empty when all is well."""
    notice = getattr(answering, "voice_notice", None)
    return notice(venue, language) if notice else ""


@register.simple_tag
def somebody_is_here() -> bool:
    """Whether an agent worker has said lately that it is there."""
    return Worker.objects.present().exists()
