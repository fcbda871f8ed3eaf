"""What every template draws with: icons, a venue's colours, languages, phone numbers."""

from urllib.parse import quote

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language_info

from concierge.icons import ICONS
from concierge.models import Venue

register = template.Library()

KIND_ICONS = {"hotel": "tree-palm", "mall": "shopping-bag", "museum": "landmark", "clinic": "stethoscope"}
# Where a mark points along the line, it is turned round on pages that run from right to left.
POINTING = {
    "arrow-left",
    "arrow-right",
    "chevron-left",
    "chevron-right",
    "log-in",
    "log-out",
    "send-horizontal",
    "undo-2",
}


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """The line icon `name`, for decoration: the words beside it, or the label of its button, say what it means."""
    if name not in ICONS:
        raise template.TemplateSyntaxError(f"There is no icon {name!r}; concierge/icons.py holds those we have.")
    classes = " ".join(filter(None, ["icon", "points" if name in POINTING else "", extra]))
    inside = mark_safe(ICONS[name])
    return format_html('<svg class="{}" viewBox="0 0 24 24" aria-hidden="true">{}</svg>', classes, inside)


@register.simple_tag
def styles(*components: str) -> SafeString:
    """The style sheets of these components, one file each in static/css/components/."""
    addresses = ((static(f"css/components/{name}.css"),) for name in components)
    return format_html_join("\n", '<link rel="stylesheet" href="{}">', addresses)


@register.filter
def kind_icon(venue: Venue) -> str:
    return KIND_ICONS.get(venue.kind, "building-2")


@register.simple_tag
def accent_tokens(venue: Venue) -> SafeString:
    """The two numbers that colour a venue's page; tokens.css derives every other colour from them."""
    # Never through a template variable: an Arabic page would write 0,09.
    return format_html(
        "--accent-h: {}; --accent-c: {}", str(int(venue.accent_hue)), f"{float(venue.accent_chroma):.2f}"
    )


@register.simple_tag
def favicon(venue: Venue | None = None) -> SafeString:
    """The five bars in the venue's colour, as an address that needs no request."""
    hue, chroma = (venue.accent_hue, venue.accent_chroma) if venue else (205, 0.09)
    bars = "".join(
        f'<rect x="{5 + index * 10}" y="{(64 - tall) // 2}" width="6" height="{tall}" rx="3" fill="#fff"/>'
        for index, tall in enumerate((14, 28, 40, 24, 12), start=0)
    )
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
        f'<rect width="64" height="64" rx="16" fill="oklch(47% {float(chroma):.2f} {int(hue)})"/>'
        f'<g transform="translate(6 0)">{bars}</g></svg>'
    )
    return format_html('<link rel="icon" type="image/svg+xml" href="data:image/svg+xml,{}">', quote(drawing))


@register.filter
def own_name(code: str) -> str:
    """A language's own name for itself."""
    known = dict(settings.LANGUAGES).get(code)
    if known:
        return str(known)
    try:
        return str(get_language_info(code)["name_local"])
    except KeyError:
        return code


@register.filter
def direction(code: str) -> str:
    return "rtl" if code.split("-")[0] in settings.LANGUAGES_BIDI else "ltr"


@register.filter
def tel(number: str) -> str:
    """A phone number as a tel: address wants it."""
    return "tel:" + "".join(sign for sign in number if sign.isdigit() or sign == "+")


@register.filter
def clock(hours: str) -> SafeString:
    """Opening hours as hours.py writes them, for the eye: 07:00-23:00 with a dash, left to right on any page."""
    return format_html('<bdi class="num" dir="auto">{}</bdi>', hours.replace("-", "–").replace(", ", "  "))
