"""A letter written out: as text, and as HTML with its style inline."""

from __future__ import annotations

from typing import Any

import css_inline
from django.template.loader import render_to_string

from reports.letters.composing.content import Content
from reports.words import plain

SLOT = '<tr id="body"></tr>'
INLINER = css_inline.CSSInliner(load_remote_stylesheets=False)


def render(content: Content, bodies: dict[Any, tuple[str, str]]) -> tuple[str, str, str]:
    """Subject, plain text and HTML with its style inline; what readers share is written once, in ``bodies``."""
    shared = len(content.rows), tuple(one.url for one in content.hand_offs)
    if shared not in bodies:
        bodies[shared] = _body(content)
    text, html = bodies[shared]
    context = {"letter": content, "body": text}
    subject = plain(render_to_string("emails/weekly.subject.txt", context), 150)
    own = INLINER.inline(render_to_string("emails/weekly.html", context))
    return subject, render_to_string("emails/weekly.txt", context), _broken(own.replace(SLOT, html))


def _body(content: Content) -> tuple[str, str]:
    """Programs, hand-offs and news as text and as HTML with its style inline."""
    html = INLINER.inline(render_to_string("emails/weekly_body.html", {"letter": content}))
    html = html.partition('<tr id="begin"></tr>')[2].partition('<tr id="end"></tr>')[0]
    return render_to_string("emails/weekly_body.txt", {"letter": content}), html


def _broken(html: str) -> str:
    """With a line for each cell: mail takes lines of up to 998 characters as they are, and encodes longer ones."""
    return html.replace("</td><td", "</td>\n<td").replace("</tr><tr", "</tr>\n<tr").replace("</th><t", "</th>\n<t")
