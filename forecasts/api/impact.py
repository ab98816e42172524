"""What edits of the plan would move, before they are sent."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from forecasts.api.asking import only_known
from forecasts.impact import NOT_SIMULATED, Edits, impact_of
from milestones.api import MILESTONE_FIELDS
from milestones.models import Dependency, Milestone
from milestones.services import NOT_PLAN_FIELDS
from people.services import today
from tpm.api import Endpoint
from tpm.nouns import In, Visible

MOST_EDITS = 50


class MilestoneEdit(In[Milestone]):
    milestone = Visible(queryset=Milestone.objects.select_related("program__lead"))

    class Meta:
        model = Milestone
        fields = ["milestone", *(name for name in MILESTONE_FIELDS if name not in NOT_PLAN_FIELDS), "target_precision"]


class NewLink(In[Dependency]):
    class Meta:
        model = Dependency
        fields = ["predecessor", "successor", "kind", "lag"]


class HandOffEdit(In[Dependency]):
    dependency = Visible(
        queryset=Dependency.objects.select_related("predecessor__program__lead", "successor__program__lead")
    )

    class Meta:
        model = Dependency
        fields = ["dependency", "need_by_on", "promised_on", "agreement"]


class EditsIn(serializers.Serializer[Any]):
    milestones = serializers.ListField(child=MilestoneEdit(), required=False, max_length=MOST_EDITS)
    links = serializers.ListField(child=NewLink(), required=False, max_length=MOST_EDITS, help_text="Links that come.")
    unlinked = serializers.ListField(
        child=Visible(queryset=Dependency.objects.select_related("successor__program__lead")),
        required=False,
        max_length=MOST_EDITS,
        help_text="Ids of links that go.",
    )
    hand_offs = serializers.ListField(
        child=HandOffEdit(),
        required=False,
        max_length=MOST_EDITS,
        help_text="Other days of hand-offs, and answers to them.",
    )

    def edits(self) -> Edits:
        given = self.validated_data
        changes = [(fields.pop("milestone"), fields) for fields in given.get("milestones", [])]
        links = [Dependency(**fields) for fields in given.get("links", [])]
        days = [(fields.pop("dependency"), fields) for fields in given.get("hand_offs", [])]
        if not (changes or links or days or given.get("unlinked")):
            raise ValidationError(_("Say what would change: milestones, links, unlinked or hand-offs."), code="nothing")
        return Edits(changes, links, given.get("unlinked", []), days)


class MovedOut(serializers.Serializer[Any]):
    milestone = serializers.IntegerField(source="milestone.pk")
    name = serializers.CharField(source="milestone.name")
    before_on = serializers.DateField(allow_null=True, help_text="P80 as it stands.")
    after_on = serializers.DateField(allow_null=True, help_text="P80 with the edits.")
    days = serializers.IntegerField(allow_null=True, help_text="Later is positive.")
    due_before_on = serializers.DateField(allow_null=True, help_text="Its target as it stands; of what is edited.")
    due_after_on = serializers.DateField(allow_null=True)
    late_days = serializers.IntegerField(allow_null=True, help_text="From that target to P80 after; of what is edited.")
    chance_before = serializers.FloatField(allow_null=True, help_text="Of its target.")
    chance_after = serializers.FloatField(allow_null=True)


class MovesOut(serializers.Serializer[Any]):
    program = serializers.CharField(source="program.key")
    milestones = MovedOut(many=True)


class BrokenOut(serializers.Serializer[Any]):
    dependency = serializers.IntegerField(source="link.pk")
    giver = serializers.IntegerField(source="giver.pk", default=None, help_text="Null in a private program.")
    receiver = serializers.IntegerField(source="receiver.pk", default=None, help_text="Null in a private program.")
    why = serializers.ChoiceField(
        ["needed", "promised", "unsure"],
        help_text="Which day that is; unsure: the giver's P80 is after its new promise.",
    )
    due_on = serializers.DateField(help_text="Needed or promised by, whichever is earlier.")
    expected_on = serializers.DateField()
    late_days = serializers.IntegerField()
    agrees = serializers.IntegerField(source="agrees.pk", default=None, help_text="Who must agree, if not you.")


class ImpactOut(serializers.Serializer[Any]):
    programs = MovesOut(many=True)
    edited = MovedOut(many=True)
    hidden = serializers.IntegerField(help_text="Milestones of private programs that move.")
    hidden_days = serializers.IntegerField(allow_null=True, help_text="The farthest of them.")
    hand_offs = BrokenOut(source="broken", many=True, help_text="What would come too late, and did not.")
    past = serializers.ListField(
        child=serializers.CharField(),
        help_text="Fields with a day that is over: a start that holds nothing back, a target that nothing meets.",
    )
    reason = serializers.ChoiceField(["", *NOT_SIMULATED], help_text="Why nothing was simulated.")


class WhatIf(Endpoint):
    @extend_schema(operation_id="what_if", request=EditsIn, responses=ImpactOut)
    def post(self, request: Request) -> Response:
        """What would move at P80 if these edits were made now, in which programs, and who must agree.

        Nothing is saved. Fields of a milestone that are left out stay as they are.
        """
        only_known(request)
        sent = EditsIn(data=request.data, context={"request": request})
        sent.is_valid(raise_exception=True)
        by: Any = request.user  # signed in: ``SignedInWithScope`` lets nobody else through
        impact = impact_of(sent.edits(), by=by, today=today(timezone.now()))
        return Response(ImpactOut(impact).data)
