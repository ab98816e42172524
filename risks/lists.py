"""Lists of the RAID log: issues, assumptions and decisions, of one program or of all.

Risks stand beside their forecast, in ``dashboards/risks.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from django.db.models import F, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from people import lists
from people.lists import Listing, Shape
from people.models import Viewer
from people.pages import SignedIn, day_of
from programs.models import Program
from programs.pages import find_program, looks_back, program_crumbs
from programs.permissions import Act, editable, may
from risks.models import Assumption, Decision, Issue

NEW = {
    "risk": lazy("New risk"),
    "issue": lazy("New issue"),
    "assumption": lazy("New assumption"),
    "decision": lazy("New decision"),
}


def log_page(request: SignedIn, key: str | None, noun: str, title: str) -> tuple[Program | None, dict[str, Any]]:
    """The program a list is of, or None for all, and what every list of the log shows."""
    program = find_program(request, key) if key else None
    base = program.get_absolute_url() if program else ""
    may_edit = program is not None and may(request.user, Act.EDIT, program)
    return program, {
        "program": program,
        "place": "decisions" if noun == "decision" else "risks",
        "title": title,
        "crumbs": program_crumbs(program) if program else [],
        "base": base,
        "logs": [
            {"label": label, "url": f"{base}/{path}", "current": request.path == f"{base}/{path}"}
            for label, path in ((_("Risks"), "risks"), (_("Issues"), "issues"), (_("Assumptions"), "assumptions"))
        ]
        if noun != "decision"
        else [],
        "may_edit": may_edit,
        "primary_url": f"{base}/{noun}s/new" if may_edit else None,
        "primary_label": str(NEW[noun]),
    }


# -- issues ----------------------------------------------------------------------------------------------------------

ISSUES = Shape(
    name="issues",
    noun=lazy("issue"),
    filters={
        "q": lists.words(lazy("Words in title, program or owner"), "title", "program__name", "owner__name"),
        "program": lists.program(),
        "owner": lists.person(lazy("Owner")),
        "due": lists.due(lazy("Due"), "due_on"),
        "milestone": lists.related(lazy("Milestone"), "milestone", lazy("No milestone")),
    },
    sorts={
        "due": (lazy("Due"), F("due_on")),
        "raised": (lazy("Raised"), F("raised_on")),
        "title": (lazy("Issue"), F("title")),
        "owner": (lazy("Owner"), F("owner__name")),
        "milestone": (lazy("Milestone"), F("milestone__name")),
        "closed": (lazy("Closed"), F("closed_on")),
    },
    sort="due",
    columns=[
        (lazy("Issue"), lambda row: row.title),
        (lazy("Program"), lambda row: row.program.name),
        (lazy("Owner"), lambda row: row.owner and row.owner.name),
        (lazy("Raised"), lambda row: row.raised_on),
        (lazy("Due"), lambda row: row.due_on),
        (lazy("Milestone"), lambda row: row.milestone and row.milestone.name),
        (lazy("Closed"), lambda row: row.closed_on),
        (lazy("Note"), lambda row: row.note or None),
    ],
)


@require_safe
@looks_back
def issues(request: SignedIn, key: str | None = None) -> HttpResponse:
    program, context = log_page(request, key, "issue", _("Issues"))
    day = day_of(request)
    visible = Issue.objects.visible_to(request.user)
    if program:
        visible = visible.filter(program=program)
    kinds = {
        "open": (_("Open"), Q(closed_on=None)),
        "overdue": (_("Past their day"), Q(closed_on=None, due_on__lt=day)),
        "mine": (_("Mine"), Q(closed_on=None, owner=request.user)),
        "closed": (_("Closed"), Q(closed_on__isnull=False)),
    }
    listing = Listing(request, ISSUES, visible, kinds, day, program=program)
    rows = listing.ordered(listing.wanted.select_related("program", "owner", "milestone"))
    if listing.format:
        return listing.file(rows)
    page = listing.page(rows)
    context |= listing.context(page) | {
        "editable": editable(request.user, [row.program for row in page]),
        "sub": _("What has happened and wants an answer by a day. One open past its day lowers the program's health."),
        "today": day,
        "empty_heading": _("No open issues"),
        "empty_text": _("An issue has happened already: say who answers it and by when."),
    }
    return render(request, "risks/issues.html", context)


# -- assumptions -----------------------------------------------------------------------------------------------------

ASSUMPTIONS = Shape(
    name="assumptions",
    noun=lazy("assumption"),
    filters={
        "q": lists.words(lazy("Words in text, program or owner"), "text", "program__name", "owner__name"),
        "program": lists.program(),
        "owner": lists.person(lazy("Owner")),
        "due": lists.due(lazy("Look again"), "expires_on"),
        "state": lists.one_of(lazy("State"), "state", Assumption.State.choices),
    },
    sorts={
        "due": (lazy("Look again by"), F("expires_on")),
        "text": (lazy("Assumption"), F("text")),
        "owner": (lazy("Owner"), F("owner__name")),
        "state": (lazy("State"), F("state")),
    },
    sort="due",
    columns=[
        (lazy("Assumption"), lambda row: row.text),
        (lazy("Program"), lambda row: row.program.name),
        (lazy("Owner"), lambda row: row.owner and row.owner.name),
        (lazy("Look again by"), lambda row: row.expires_on),
        (lazy("State"), lambda row: row.get_state_display()),
    ],
)


@require_safe
@looks_back
def assumptions(request: SignedIn, key: str | None = None) -> HttpResponse:
    program, context = log_page(request, key, "assumption", _("Assumptions"))
    day = day_of(request)
    visible = Assumption.objects.visible_to(request.user)
    if program:
        visible = visible.filter(program=program)
    is_open = Q(state=Assumption.State.OPEN)
    kinds = {
        "open": (_("Open"), is_open),
        "expired": (_("Past their day"), is_open & Q(expires_on__lt=day)),
        "settled": (_("Settled"), ~is_open),
    }
    listing = Listing(request, ASSUMPTIONS, visible, kinds, day, program=program)
    rows = listing.ordered(listing.wanted.select_related("program", "owner"))
    if listing.format:
        return listing.file(rows)
    page = listing.page(rows)
    context |= listing.context(page) | {
        "editable": editable(request.user, [row.program for row in page]),
        "sub": _("Held true until somebody looks again."),
        "today": day,
        "empty_heading": _("No open assumptions"),
        "empty_text": _("Write down what the plan takes for granted, and the day by which somebody checks it."),
    }
    return render(request, "risks/assumptions.html", context)


# -- decisions -------------------------------------------------------------------------------------------------------

DECISIONS = Shape(
    name="decisions",
    noun=lazy("decision"),
    filters={
        "q": lists.words(
            lazy("Words in question, answer, program or decider"),
            "question",
            "answer",
            "program__name",
            "decider__name",
        ),
        "program": lists.program(),
        "decider": lists.person(lazy("Decider"), "decider"),
        "due": lists.due(lazy("Decide by"), "decide_by_on"),
        "objective": lists.related(lazy("Objective"), "objective", lazy("No objective"), text="title"),
    },
    sorts={
        "turn": (lazy("Turn"), F("decide_by_on")),
        "due": (lazy("Decide by"), F("decide_by_on")),
        "id": (lazy("ID"), F("pk")),
        "question": (lazy("Question"), F("question")),
        "decider": (lazy("Decider"), F("decider__name")),
        "decided": (lazy("Decided"), F("decided_on")),
    },
    sort="turn",
    columns=[
        (lazy("ID"), lambda row: row.reference),
        (lazy("Question"), lambda row: row.question),
        (lazy("Program"), lambda row: row.program.name),
        (lazy("Decider"), lambda row: row.decider and row.decider.name),
        (lazy("Raised"), lambda row: row.raised_on),
        (lazy("Decide by"), lambda row: row.decide_by_on),
        (lazy("Decided"), lambda row: row.decided_on),
        (lazy("Answer"), lambda row: row.answer or None),
    ],
    keeps=("by",),
)


@require_safe
@looks_back
def decisions(request: SignedIn, key: str | None = None) -> HttpResponse:
    """What waits for the reader first, then for others, by day or by who decides."""
    program, context = log_page(request, key, "decision", _("Decisions"))
    day, viewer = day_of(request), request.user
    visible = Decision.objects.visible_to(viewer)
    if program:
        visible = visible.filter(program=program)
    waiting = Q(decided_on=None)
    kinds = {
        "waiting": (_("Waiting"), waiting),
        "overdue": (_("Past their day"), waiting & Q(decide_by_on__lt=day)),
        "mine": (_("Mine to decide"), waiting & Q(decider=viewer)),
        "decided": (_("Decided"), ~waiting),
    }
    listing = Listing(request, DECISIONS, visible, kinds, day, program=program)
    is_decided, in_turn = listing.shown == "decided", listing.sort.endswith("turn")
    by_decider = request.GET.get("by") == "decider"
    rows = listing.wanted.select_related("program", "decider")
    rows = rows.by_turn(viewer, newest=is_decided, by_decider=by_decider) if in_turn else listing.ordered(rows)
    if listing.format:
        return listing.file(rows)
    page = listing.page(rows)
    mine = visible.waiting().filter(decider=viewer)
    first = mine.order_by(F("decide_by_on").asc(nulls_last=True), "id").first()
    grouped = in_turn and not is_decided
    context |= listing.context(page) | {
        "sub": _("Questions that somebody answers by a day, and what followed from the answers."),
        "lines": _under_headings(page, viewer, by_decider=by_decider) if grouped else [("", list(page))],
        "mine": {"count": mine.count(), "overdue": mine.overdue(day).count(), "first": first} if first else None,
        "editable": editable(viewer, [row.program for row in page]),
        "by_decider": by_decider,
        "grouped": grouped,
        "today": day,
        "empty_heading": _("No decision is waiting"),
        "empty_text": _("Ask a question with its options, name who decides, and by when."),
    }
    return render(request, "risks/decisions.html", context)


def _under_headings(page: Iterable[Decision], viewer: Viewer, *, by_decider: bool) -> list[tuple[str, list[Decision]]]:
    """Rows in their order, each run under whom it waits for."""

    def heading(row: Decision) -> str:
        if row.decider_id == viewer.pk:
            return _("Waiting for you")
        if not by_decider:
            return _("Waiting for others")
        return _("Waiting for %(name)s") % {"name": row.decider.name} if row.decider else _("Nobody is named")

    return [(name, list(run)) for name, run in groupby(page, heading)]
