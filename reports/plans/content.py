"""Which programs a plan tells of: all, one, chosen ones, or those of a saved view of the portfolio."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _

from people.models import SavedView
from programs.models import Program
from reports.models import Plan

# Filters of the portfolio page that say something of the program itself, and the fields they read.
FILTERS = {
    "lead": "lead",
    "owner": "lead",
    "sponsor": "sponsor",
    "team": "owning_team",
    "objective": "objectives",
    "area": "area",
}
# What orders or names rows but chooses none.
HARMLESS = frozenset({"sort", "group", "page"})
NONE, ME = "none", "me"


def programs_of(plan: Plan) -> frozenset[int] | None:
    """The programs that a plan tells of, whoever reads; None for all."""
    match plan.content:
        case Plan.Content.PROGRAM if plan.program_id:
            return frozenset({plan.program_id})
        case Plan.Content.CHOSEN:
            return frozenset(plan.chosen.values_list("program", flat=True))
        case Plan.Content.VIEW if plan.view:
            rows = Program.objects.filter(condition(plan.view)).order_by()
            return frozenset(rows.values_list("pk", flat=True))
    return None


def condition(view: SavedView) -> Q:
    """The programs of a saved view, as far as its address chooses by what a program is; “me” is who saved it."""
    chosen = Q()
    for name, value in QueryDict(view.query).items():
        if name in HARMLESS:
            continue
        if view.path != "/" or name not in FILTERS:
            raise ValidationError(
                {
                    "view": [
                        _("A plan cannot choose by “%(name)s”: it takes %(names)s.")
                        % {"name": name[:40], "names": ", ".join(FILTERS)}
                    ]
                },
                code="filter",
            )
        column = FILTERS[name]
        if column == "area":
            chosen &= Q(area="" if value == NONE else str(value))
        elif value == NONE:
            chosen &= Q(**{column: None})
        elif value == ME and column in ("lead", "sponsor"):
            chosen &= Q(**{column: view.owner_id})
        elif str(value).isdecimal():
            chosen &= Q(**{column: int(str(value))})
        else:
            raise ValidationError(
                {"view": [_("“%(value)s” is no %(name)s.") % {"value": str(value)[:40], "name": name}]}, code="filter"
            )
    if view.path != "/":
        raise ValidationError({"view": [_("Choose a saved view of the portfolio.")]}, code="filter")
    return chosen
