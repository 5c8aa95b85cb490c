"""Markdown of articles to HTML that is safe to show."""

from functools import lru_cache

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.token import Token

_TAGS = {
    "a", "blockquote", "br", "code", "em", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "strong",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
_SCHEMES = {"http", "https", "mailto", "tel"}

# HTML in the text is shown as text: what comes out was made here.
_parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def render(text: str) -> SafeString:
    """The text as HTML for a page whose h1 is the article's title: its highest heading becomes an h2.

    Code and tables may be wider than the page, so they scroll, and can be reached by keyboard for that.
    """
    return _render(text, table_label=_("Table"))


@lru_cache(maxsize=512)
def _render(text: str, *, table_label: str) -> SafeString:
    tokens = _parser.parse(text)
    _shift_headings(tokens)
    html = nh3.clean(
        _parser.renderer.render(tokens, _parser.options, {}),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
    )
    # After cleaning, a literal tag can only be one of the parser's own.
    frame = f'<div class="overflow-x-auto break-words" tabindex="0" role="region" aria-label="{escape(table_label)}">'
    html = (
        html.replace("<pre>", '<pre tabindex="0">')
        .replace("<table>", f'{frame}<table class="data-table">')
        .replace("</table>", "</table></div>")
        .replace("<th>", '<th scope="col">')
    )
    return mark_safe(html)  # noqa: S308 - cleaned above.


def _shift_headings(tokens: list[Token]) -> None:
    headings = [token for token in tokens if token.type in ("heading_open", "heading_close")]
    if headings:
        shift = 2 - min(int(token.tag[1]) for token in headings)
        for token in headings:
            token.tag = f"h{min(int(token.tag[1]) + shift, 6)}"
