"""Filters and tags that every template has: how days, dates, health and people are written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import nh3
from django import forms, template
from django.db.models.fields import BLANK_CHOICE_DASH
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import conditional_escape, escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from markdown_it import MarkdownIt

from dashboards.context import is_there
from forecasts.models import HealthPolicy
from history import past
from people.models import User
from programs.mentions import mentions
from programs.models import Comment, Health, Precision, Program, Role
from programs.permissions import Act, acts_by

register = template.Library()

MINUTES_A_DAY = 480
MINUS = "\u2212"
TONES = {
    Health.ON_TRACK: "ok",
    Health.AT_RISK: "warn",
    Health.OFF_TRACK: "bad",
    Health.DONE: "done",
    Health.ON_HOLD: "none",
    Health.NOT_STARTED: "none",
    Health.NO_FORECAST: "none",
    "cancelled": "none",
    # levels of django.contrib.messages
    "success": "ok",
    "info": "done",
    "debug": "none",
    "warning": "warn",
    "error": "bad",
}
RING = '<circle class="o" cx="6" cy="6" r="4.7"/>'
SHAPES = {
    "ok": '<circle class="f" cx="6" cy="6" r="5"/>',
    "warn": '<path class="f" d="M6 .9c.35 0 .68.19.86.5l4.9 8.5a1 1 0 0 1-.86 1.5H1.1'
    'a1 1 0 0 1-.86-1.5l4.9-8.5A1 1 0 0 1 6 .9z"/>',
    "bad": '<rect class="f" x=".8" y=".8" width="10.4" height="10.4" rx="2"/>'
    '<path class="k" d="m3.9 3.9 4.2 4.2M8.1 3.9l-4.2 4.2"/>',
    "done": RING + '<path class="o" d="m3.9 6.2 1.5 1.5 2.8-3.2"/>',
    "none": RING.replace("/>", ' stroke-dasharray="2.2 1.9"/>'),
    "hold": RING + '<path class="o" d="M4.8 4.4v3.2M7.2 4.4v3.2"/>',
    "open": RING,
}
# A tone is a colour; states that share one still differ in shape.
SHAPE_OF = {Health.ON_HOLD: "hold", Health.NOT_STARTED: "open"}
GLYPHS = {
    name: {
        size: SafeString(  # our own markup, from the constants above
            f'<svg class="glyph{size} s-{tone}" viewBox="0 0 12 12" aria-hidden="true">'
            f"{SHAPES[SHAPE_OF.get(name, tone)]}</svg>"  # type: ignore[call-overload]
        )
        for size in ("", " glyph-lg")
    }
    for name, tone in [*TONES.items(), *((tone, tone) for tone in ("ok", "warn", "bad", "done", "none"))]
}
HEALTH_WORDS = {**{str(h): h.label for h in Health}, "cancelled": lazy("Cancelled")}
MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])


class Promised(Protocol):
    """Anything with a target and its precision: a program or a milestone."""

    target_on: date | None
    target_precision: str


def number(value: float | Decimal) -> str:
    """At most one decimal, none where it would be a zero, with a real minus sign."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text.replace("-", MINUS)


def _days(count: str) -> str:
    return _("%(days)s d") % {"days": count}


@register.filter
def days(minutes: int | str | None) -> str:
    """Working minutes as days: 720 → “1.5 d”."""
    # A missing variable reaches a filter as "".
    return "" if minutes is None or isinstance(minutes, str) else _days(number(minutes / MINUTES_A_DAY))


def in_days(minutes: float | None) -> float | None:
    """The same as a number, for a file."""
    return None if minutes is None else round(minutes / MINUTES_A_DAY, 1)


@register.filter
def hours(minutes: int) -> str:
    """Working minutes of a day as hours: 480 → “8”, 450 → “7:30”."""
    return f"{minutes // 60}:{minutes % 60:02}" if minutes % 60 else str(minutes // 60)


@register.filter
def slip(value: float | str | None) -> str:
    """Days with their sign: 34 → “+34 d”, -2 → “−2 d”."""
    if value is None or isinstance(value, str):
        return ""
    text = number(value)
    return _("%(days)s d") % {"days": f"+{text}" if value > 0 and text != "0" else text}


@register.filter
def isolated(name: str) -> str:
    """A name within a sentence: one that runs from right to left keeps its words together (Unicode's isolates)."""
    runs_left = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in name)
    return f"\u2068{name}\u2069" if runs_left else name


def critical_path(names: Sequence[str], most: int) -> str:
    """“Critical path: Energization, Cooling and others.”; nothing without one."""
    if not names:
        return ""
    form = _("Critical path: %(names)s and others.") if names[most:] else _("Critical path: %(names)s.")
    return form % {"names": ", ".join(names[:most])}


@register.filter
def slip_tone(days: int | None, policy: HealthPolicy | None) -> str:
    """The status class of a slip, by the limits that programs are judged by. ``{{ days|slip_tone:policy }}``"""
    return "none" if days is None or not policy else TONES[policy.judge(days)]


@register.filter
def way(days: int) -> str:
    """The status class of a move: later is worse and earlier better, by however little. ``{{ days|way }}``"""
    return "bad" if days > 0 else "ok"


@register.filter
def heat(value: float | None) -> str:
    """The step of the heat ramp for a slip in days."""
    steps = (0, 7, 15, 30, 45)
    return "" if value is None else f"h{sum(value > step for step in steps)}"


@register.filter
def day_in(at: datetime | None, zone: object) -> date | None:
    """The day of a moment where only that is told: the organisation's, so that all read the same one, as in letters.

    ``{{ update.published_at|day_in:organisation_zone|long_date }}``; a moment with its hour is in the reader's zone.
    """
    return at.astimezone(ZoneInfo(str(zone))).date() if at else None


@register.filter
def short_date(on: date | None) -> str:
    """“4 Dec”, with the year where it is not this one."""
    if not on:
        return ""
    return written(on, "j M" if on.year == timezone.localdate().year else "j M Y")


def written(day: date, form: str) -> str:
    """A page writes the same days hundreds of times, and Django translates each month anew."""
    return _written(day, form, get_language())


@lru_cache(maxsize=10_000)
def _written(day: date, form: str, language: str | None) -> str:
    return date_format(day, form)


@register.filter
def date_beside(on: date | None, other: date | None) -> str:
    """A day before one with its year: “4 Dec”, with its own year where the two differ."""
    return written(on, "j M" if other and other.year == on.year else "j M Y") if on else ""


@register.filter
def long_date(on: date | None) -> str:
    return date_format(on, "j M Y") if on else ""


@register.filter
def moment(at: datetime | None) -> str:
    """“20 Nov, 06:00 UTC” in the reader's zone."""
    if not at:
        return ""
    local = timezone.localtime(at)
    return f"{short_date(local.date())}, {date_format(local, 'H:i')} {local.tzname()}"


@register.filter
def target(of: Promised | None) -> str:
    """A target as exactly as it was promised: “15 Jan 2027”, “week 3, 2027”, “Jan 2027”, “Q1 2027”, “H1 2027”."""
    if of is None or of.target_on is None:
        return ""
    on = of.target_on
    match of.target_precision:
        case Precision.WEEK:
            year, week, _day = on.isocalendar()
            return _("week %(week)s, %(year)s") % {"week": week, "year": year}
        case Precision.MONTH:
            return written(on, "M Y")
        case Precision.QUARTER:
            return _("Q%(quarter)s %(year)s") % {"quarter": (on.month + 2) // 3, "year": on.year}
        case Precision.HALF:
            return _("H%(half)s %(year)s") % {"half": 1 if on.month <= 6 else 2, "year": on.year}
        case Precision.YEAR:
            return str(on.year)
        case _:
            return written(on, "j M Y")


@register.filter
def days_until(on: date | None, today: date) -> str:
    """“today”, or “that day” of one looked back to, “in 14 d”, “3 d ago”; of many days in months and years."""
    if not on:
        return ""
    gap = (on - today).days
    far = abs(gap)
    if not gap:
        return _("that day") if past.day() else _("today")
    if far < 100:
        span = _days(str(far))
    elif far < 730:
        span = _("%(months)s mo") % {"months": round(far / 30.4)}
    else:
        span = _("%(years)s y") % {"years": round(far / 365.25)}
    return (_("in %(span)s") if gap > 0 else _("%(span)s ago")) % {"span": span}


@register.filter
def avatar(pk: int | None) -> int:
    """Which of the six avatar colours a person has."""
    return (pk or 0) % 6 + 1


@register.filter
def field_words(name: str) -> str:
    """The name of a field as words: “target_on” → “Target”."""
    return name.rsplit("-", 1)[-1].removeprefix("set_").removesuffix("_on").replace("_", " ").capitalize()


@register.filter
def nth(items: list[Any], position: int) -> Any:
    return items[position]


@register.filter
def one(value: Any) -> list[Any]:
    """A list of it alone."""
    return [value]


@register.filter
def among(value: Any, chosen: Collection[Any]) -> bool:
    """Whether it is one of these, for a tag's argument: ``row.program_id|among:editable``."""
    return value in chosen


@register.filter
def percent(share: float | Decimal | None) -> str:
    return "" if share is None else f"{number(share * 100)}%"


@register.filter
def percent0(share: float) -> str:
    """A share without decimals: 0.826 → “83%”."""
    return f"{share:.0%}"


@register.filter
def points(share: float) -> str:
    """A difference of shares: -0.07 → “−7 points”."""
    text = f"{share * 100:+.0f}".replace("-", MINUS)
    return _("%(points)s points") % {"points": "0" if text.strip(f"+{MINUS}") == "0" else text}


@register.filter
def amount(value: float | Decimal | None) -> str:
    """A measured number without idle zeros: 41.8000 → “41.8”, 1500 → “1,500”."""
    if value is None:
        return ""
    text = f"{value:,.4f}".rstrip("0").rstrip(".")
    return text.replace("-", MINUS)


@register.filter
def chance(share: float | None) -> str:
    """A probability as whole percent; never a promise: 0.999 → “over 99%”."""
    if share is None:
        return ""
    return _("under 1%") if share < 0.01 else _("over 99%") if share > 0.99 else f"{share * 100:.0f}%"


@register.filter
def tone(state: str | None) -> str:
    """The status class of a health or message level: ok, warn, bad, done or none."""
    return TONES.get(state or "", "none")


@register.filter
def health_word(state: str | None) -> str:
    return str(HEALTH_WORDS.get(state or "") or _("Not reported"))


@register.filter
def markdown(text: str | None) -> SafeString:
    """People's Markdown as harmless HTML."""
    clean = nh3.clean(
        MARKDOWN.render(text or ""), link_rel="noopener noreferrer nofollow", tags=nh3.ALLOWED_TAGS - {"img"}
    )
    return mark_safe(clean)  # noqa: S308 - nh3 made it harmless


@register.filter
def begins(text: str, most: int) -> str:
    """The beginning of a text: up to the end of a sentence or, where its sentences are long, of a word."""
    if len(text) <= most:
        return text
    cut = text[:most]
    sentence = max(cut.rfind(end) for end in (". ", "! ", "? ", ".\n", "!\n", "?\n", "\n\n"))
    if sentence >= most // 2:
        return cut[: sentence + 1].rstrip()
    return (cut.rpartition(" ")[0] or cut).rstrip(" ,;:") + "…"


@register.filter
def said(comment: Comment) -> SafeString:
    """A comment as it was typed: its paragraphs, its links, and in bold whom it names (``threads.with_names``)."""
    text, parts, at = comment.text, [], 0
    for named in mentions(text, [notice.user for notice in comment.naming]):  # type: ignore[attr-defined]
        if named.person:
            parts += [
                linked(text[at : named.start]),
                f"<b>{escape(' '.join(text[named.start : named.end].split()))}</b>",
            ]
            at = named.end
    html = "".join([*parts, linked(text[at:])])
    paragraphs = (paragraph.replace("\n", "<br>") for paragraph in re.split(r"\n\s*\n", html))
    return mark_safe("".join(f'<p dir="auto">{paragraph}</p>' for paragraph in paragraphs))  # noqa: S308 - escaped


def linked(text: str) -> str:
    """Escaped text in which what begins with https:// or http:// leads there."""
    parts, at = [], 0
    for found in re.finditer(r"https?://[^\s<>\"']+", text):
        url = found[0].rstrip(".,;:!?)]}")
        parts += [
            escape(text[at : found.start()]),
            f'<a href="{escape(url)}" rel="noopener noreferrer nofollow">{escape(url)}</a>',
        ]
        at = found.start() + len(url)
    return "".join([*parts, escape(text[at:])])


@register.simple_tag
def glyph(state: str | None, size: str = "") -> SafeString:
    """The shape of a health or tone; put its word beside it. ``{% glyph program.health %}``"""
    return GLYPHS.get(state or "", GLYPHS["none"])[" glyph-lg" if size == "lg" else ""]


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    """A drawing of the sprite, always beside words. ``{% icon "plus" %}``, ``{% icon "chev" "sm" %}``"""
    return format_html(
        '<svg class="icon{}" aria-hidden="true"><use href="{}#{}"/></svg>',
        " icon-sm" if size == "sm" else "",
        static("icons/sprite.svg"),
        name,
    )


@register.simple_tag
def who(person: User | None, otherwise: str = "") -> SafeString:
    """A person with their initials. ``{% who program.lead %}``"""
    if person is None:
        return format_html('<span class="muted">{}</span>', otherwise or _("nobody yet"))
    return format_html(
        '<span class="who"><span class="avatar av{}" aria-hidden="true">{}</span><span dir="auto">{}</span></span>',
        avatar(person.pk),
        person.initials,
        person.name,
    )


@register.simple_tag
def program_link(program: Program | None) -> SafeString:
    """A program as the reader may see it: a link, or “a private program” where the view passes nothing."""
    if program is None:
        return format_html('<span class="muted">{}</span>', _("a private program"))
    return format_html('<a class="link" href="{}" dir="auto">{}</a>', program.get_absolute_url(), program.name)


@register.simple_block_tag
def edited(content: str, row: Any, field: str, allowed: bool) -> SafeString:
    """A value that is edited where it stands, by a click or by ``e``; without a script its link opens the form.

    ``{% edited milestone "target_on" may_plan %}{{ milestone|target }}{% endedited %}``
    """
    if not allowed:
        return SafeString(content)  # rendered by the template already
    url = f"{row.get_absolute_url()}/edit?only={field}"
    return format_html(
        '<span class="slot" id="{}" data-slot>'
        '<a class="inline-edit" href="{}" hx-get="{}" hx-target="closest [data-slot]" hx-swap="innerHTML" data-edit>'
        '{}<span class="sr-only">({})</span>{}</a></span>',
        re.sub(r"\W+", "-", f"slot{url}"),
        url,
        url,
        SafeString(content),
        _("edit %(field)s") % {"field": row._meta.get_field(field).verbose_name},
        icon("pencil", "sm"),
    )


@register.filter
def control(field: forms.BoundField) -> SafeString:
    """A form field's control in the look of the house; the label, help and error come from components/field.html."""
    widget = field.field.widget
    if isinstance(widget, forms.DateInput) and widget.input_type == "text":
        widget.input_type = "date"
        widget.format = "%Y-%m-%d"
    if isinstance(widget, forms.NumberInput):
        # A browser's own field for numbers sends letters as nothing, which would empty the value without a word.
        widget.input_type = "text"
        widget.attrs = {name: said for name, said in widget.attrs.items() if name not in ("min", "max", "step")}
        widget.attrs.setdefault("inputmode", "numeric" if type(field.field) is forms.IntegerField else "decimal")
    if isinstance(widget, (forms.CheckboxInput, forms.CheckboxSelectMultiple, forms.RadioSelect)):
        return conditional_escape(field.as_widget())
    # A row of dashes says nothing, least of all when read aloud; what a form says itself stays.
    nothing, dashes = _("Choose…") if field.field.required else _("None"), str(BLANK_CHOICE_DASH[0][1])
    if isinstance(field.field, forms.ModelChoiceField):
        field.field.empty_label = nothing if field.field.empty_label == dashes else field.field.empty_label
    elif isinstance(field.field, forms.ChoiceField) and isinstance(widget, forms.Select):
        widget.choices = [(value, nothing if text == dashes else text) for value, text in widget.choices]
    attrs: dict[str, Any] = {"class": f"{widget.attrs.get('class', '')} input".strip()}
    if isinstance(widget, forms.Textarea):
        # Django's own default is ten rows, too many for a sentence or two.
        attrs["rows"] = 4 if str(widget.attrs.get("rows", "10")) == "10" else widget.attrs["rows"]
    return conditional_escape(field.as_widget(attrs=attrs))


@register.filter
def shape(field: forms.BoundField) -> str:
    """How a field is laid out: hidden, check, choices, wide or short."""
    widget = field.field.widget
    if widget.is_hidden:
        return "hidden"
    if isinstance(widget, forms.CheckboxInput):
        return "check"
    if isinstance(widget, (forms.CheckboxSelectMultiple, forms.RadioSelect)):
        return "choices"
    longest = getattr(field.field, "max_length", None) or 0
    wide = isinstance(widget, (forms.Textarea, forms.SelectMultiple)) or longest >= 200
    return "wide" if wide else "short"


PROGRAM_PAGES = (
    ("", lazy("Overview")),
    ("/roadmap", lazy("Roadmap")),
    ("/milestones", lazy("Milestones")),
    ("/risks", lazy("Risks")),
    ("/dependencies", lazy("Dependencies")),
    ("/kpis", lazy("KPIs")),
    ("/updates", lazy("Updates")),
    ("/sync", lazy("Sync")),
    ("/comments", lazy("Comments")),
    ("/decisions", lazy("Decisions")),
    ("/requirements", lazy("Requirements")),
    ("/phases", lazy("Phases")),
    ("/people", lazy("People")),
    ("/related", lazy("Related")),
    ("/changes", lazy("Changes")),
    ("/settings", lazy("Settings")),
)


def _reports_on(context: template.RequestContext, program: Program) -> bool:
    """Whether the reader may write the program's update, by what the frame has read of them."""
    user = context["request"].user
    if context["as_of"] or not is_there("/p/ANY/updates/new"):
        return False
    kinds = [Role.Kind.LEAD] if program.pk in context["forecast_run"]["led"] else []
    return Act.REPORT in acts_by(user, program, kinds)


@register.inclusion_tag("components/tabs.html", takes_context=True)
def program_tabs(context: template.RequestContext, program: Program, place: str = "") -> dict[str, Any]:
    """The pages of a program that exist, as tabs; ``place`` where the address does not say which of them this is."""
    here = program.get_absolute_url()
    path = context["request"].path
    found = [(here + end, label) for end, label in PROGRAM_PAGES if is_there(f"/p/ANY{end}")]
    # The longest address that leads here is the current one: /p/NA4/risks/new belongs to Risks.
    current = (
        f"{here}/{place}"
        if place
        else max((url for url, _ in found if path == url or path.startswith(f"{url}/")), key=len, default="")
    )
    return {
        "tabs": [{"label": label, "url": url, "current": url == current, "count": None} for url, label in found],
        "update_url": f"{here}/updates/new" if _reports_on(context, program) else "",
        "underline": True,
        "tabs_label": _("Program"),
    }
