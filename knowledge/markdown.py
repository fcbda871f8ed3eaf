"""What an editor wrote, as it reads: Markdown -> harmless HTML.

HTML in the text stays text (it is escaped, not dropped, so that the editor sees it), and whatever the renderer lets
through is cleaned once more.
"""

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

# No pictures: an address of somebody else's choice would be called by whoever looks at the page.
TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "a"),
    *("ul", "ol", "li", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def render(text: str, *, top: int = 2) -> SafeString:
    """`top` is the level of the largest heading in the text: the page above it has headings of its own."""
    tokens = _markdown.parse(text)
    headings = [token for token in tokens if token.type in {"heading_open", "heading_close"}]
    largest = min((int(token.tag[1]) for token in headings), default=1)
    for token in headings:
        token.tag = f"h{min(int(token.tag[1]) - largest + top, 6)}"
    html = _markdown.renderer.render(tokens, _markdown.options, {})
    clean = nh3.clean(
        html,
        tags=TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer",
    )
    return mark_safe(clean)
