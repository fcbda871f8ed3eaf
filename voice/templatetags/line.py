"""What the venue's page says about the line before anybody talks."""

from django import template

from voice import lines
from voice.models import Worker

register = template.Library()


@register.simple_tag
def voice_notice(language: str) -> str:
    """What will be different when this language is spoken here, in one sentence; empty when all is well."""
    return lines.voice_notice(language)


@register.simple_tag
def somebody_is_here() -> bool:
    """Whether an agent worker has said lately that it is there."""
    return Worker.objects.present().exists()
