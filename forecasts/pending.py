"""Which programs a new forecast is on its way for: what theirs was computed from, beside what there is now."""

from __future__ import annotations

from django.db.models import BooleanField, Func, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from forecasts.models import ProgramHealth
from forecasts.state import WHOLE_UP_TO
from programs.models import Program


class ReadOtherwise(Func):
    """Whether one of the plans that a run read has changed since. A larger run is not computed anew as a whole."""

    template = """(
        SELECT count(*) <= %(most)s AND bool_or(p.id IS NULL OR coalesce(v.plan_revision, 0) <> r.value::integer)
        FROM jsonb_each_text(%(expressions)s) r
        LEFT JOIN programs_program p ON p.id = r.key::bigint
        LEFT JOIN programs_revision v ON v.program_id = p.id
    )"""
    output_field = BooleanField()


def edited(programs: QuerySet[Program]) -> QuerySet[Program]:
    """Those that were themselves changed since, or were never judged; without a row of revisions, never changed."""
    newest = ProgramHealth.objects.filter(program=OuterRef("pk")).order_by("-day")
    rows = programs.annotate(judged=Subquery(newest.values("revision")[:1]))
    return rows.filter(Q(judged=None) | ~Q(judged=Coalesce("revisions__revision", 0)))


def awaited(programs: QuerySet[Program]) -> QuerySet[Program]:
    """Those that were changed since, or hang together with one that was."""
    newest = ProgramHealth.objects.filter(program=OuterRef("pk")).order_by("-day")
    judged = newest.values(otherwise=ReadOtherwise("run__revisions", most=WHOLE_UP_TO))
    return programs.annotate(otherwise=Subquery(judged[:1])).filter(
        Q(otherwise=True) | Q(pk__in=edited(programs).values("pk"))
    )
