"""What the reader changed, and taking it back; and programs that start with a plan."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

import risks.services
from changes import catalogue, services
from changes.plans import Plan, WorkingDays, plan_of, refuse_far
from history.models import ChangeSet
from milestones import api as milestones
from people.models import User
from people.services import today
from programs.models import Program
from tpm.api import Endpoint
from tpm.nouns import NUMBER, Deletable, Filters, In, NoFields, Noun, Out


class ChangeSetOut(Out[ChangeSet]):
    reason = serializers.CharField(source="told", read_only=True)
    undone_by = serializers.SerializerMethodField(help_text="The act that took it back.")

    class Meta:
        model = ChangeSet
        fields = ["id", "at", "reason", "undoes", "undone_by"]

    def get_undone_by(self, row: ChangeSet) -> int | None:
        undoing: ChangeSet | None = getattr(row, "undone_by", None)
        return undoing.pk if undoing else None


class ChangeSetFilters(Filters):
    class Meta(Filters.Meta):
        model = ChangeSet
        fields = {"at": NUMBER}


class ChangeSets(Noun[ChangeSet]):
    """The reader's own acts, each of which can be taken back as a whole within a day."""

    queryset = ChangeSet.objects.filter(parent=None)
    out = ChangeSetOut
    filterset_class = ChangeSetFilters
    sorts = {"id": "id", "at": "at"}
    default_sort = "-id"

    def get_queryset(self) -> QuerySet[Any]:
        return ChangeSet.objects.filter(parent=None, by_id=self.user.pk).select_related("undone_by")

    @action(detail=True, methods=["post"], serializer_class=NoFields)
    def undo(self, request: Request, **kwargs: Any) -> Response:
        """Take back all that this act wrote: 204. Refused where others have changed the same or built on it."""
        services.undo(change_set=self.find(), by=self.user, at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


# -- programs that start with a plan ---------------------------------------------------------------------------------


class StepOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    workstream = serializers.CharField()
    days = serializers.ListField(child=serializers.IntegerField(), help_text="Work at best, likely, at worst.")
    after = serializers.ListField(child=serializers.CharField(), help_text="Codes of the milestones it waits for.")
    is_end = serializers.BooleanField()


class TemplateOut(serializers.Serializer[Any]):
    template = serializers.CharField()
    name = serializers.CharField()
    summary = serializers.CharField()
    working_days = serializers.IntegerField(help_text="From its start to its target.")
    milestones = StepOut(many=True)


class Templates(Endpoint):
    @extend_schema(operation_id="program_templates", responses=TemplateOut(many=True))
    def get(self, request: Request) -> Response:
        """Templates of programs, each with the milestones that it begins with."""
        found = [
            {
                "template": template.slug,
                "name": template.name,
                "summary": template.summary,
                "working_days": template.length,
                "milestones": [
                    {
                        "code": step.code,
                        "name": step.name,
                        "workstream": stream,
                        "days": list(step.days),
                        "after": list(step.after),
                        "is_end": step.code == template.end,
                    }
                    for stream, step in template.steps
                ],
            }
            for template in catalogue.TEMPLATES
        ]
        return Response(found)


class Copying(In[Program]):
    """Count from the day it starts or back from its target; ``names`` are other names by code, "" leaves one out."""

    start_on = serializers.DateField(required=False)
    target_on = serializers.DateField(required=False)
    names = serializers.DictField(child=serializers.CharField(max_length=200, allow_blank=True), required=False)
    phases = serializers.BooleanField(default=True)
    risks = serializers.BooleanField(default=True)

    class Meta:
        model = Program
        fields = [
            "key", "name", "summary", "area", "lead", "owning_team", "visibility", "start_on", "target_on", "names",
            "phases", "risks",
        ]  # fmt: skip

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("start_on" in attrs) == ("target_on" in attrs):
            raise serializers.ValidationError({"start_on": [_("Give either the day it starts or its target.")]})
        return attrs

    def validate_start_on(self, day: date) -> date:
        refuse_far(day, today(timezone.now()))
        return day

    validate_target_on = validate_start_on


class Starting(Copying):
    template = serializers.ChoiceField([(template.slug, template.name) for template in catalogue.TEMPLATES])

    class Meta(Copying.Meta):
        fields = ["template", *Copying.Meta.fields]


class Programs(milestones.Programs, Deletable[Program]):
    """Programs, by key. They can begin with the plan of a template or of another program."""

    def remove(self, user: User, row: Program) -> None:
        risks.services.delete_program(program=row, by=user)

    @action(detail=False, methods=["post"], url_path="from-template", serializer_class=Starting)
    def from_template(self, request: Request, **kwargs: Any) -> Response:
        """Create a program with the milestones, links, phases and risks of a template: 201, one change-set."""
        fields = self.taken(request)
        template = catalogue.find(fields.pop("template"))
        if template is None:
            raise exceptions.NotFound
        counted = {name: fields.pop(name) for name in ("start_on", "target_on") if name in fields}
        plan = template.lay_out(WorkingDays(), **counted)
        return self._start(plan, fields, f"Start from “{template.name}”")

    @action(detail=True, methods=["post"], serializer_class=Copying)
    def copy(self, request: Request, **kwargs: Any) -> Response:
        """Create a program with this one's plan, its days moved, as visible as this one is unless you say otherwise.

        Hand-offs, people and what is done stay behind.
        """
        program = self.find()
        fields = {"visibility": program.visibility} | self.taken(request)
        plan = plan_of(program)
        begins, day = (plan.start_on, fields.pop("start_on", None))
        if day is None:
            begins, day = plan.target_on, fields.pop("target_on")
            if begins is None:
                raise serializers.ValidationError({"target_on": [_("This program has no target: give start_on.")]})
        return self._start(plan.moved(day - begins) if begins else plan, fields, "Copy a program")

    def _start(self, plan: Plan, fields: dict[str, Any], reason: str) -> Response:
        plan = plan.chosen(fields.pop("names", {}), gates=fields.pop("phases"), threats=fields.pop("risks"))
        row = services.start_program(plan=plan, by=self.user, today=today(timezone.now()), reason=reason, **fields)
        answer = self.created(row)
        answer["Location"] = self.request.build_absolute_uri(reverse("api:programs-detail", args=[row.key]))
        return answer
