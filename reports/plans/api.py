"""The communication plan and its readers."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from people.models import Team, User
from programs.models import Program
from reports.models import Plan, Subscription
from reports.plans import services
from reports.plans.unknown import send_again
from tpm.nouns import (
    CHOICE,
    REFERENCE,
    Editable,
    Filters,
    In,
    NoFields,
    Out,
    ProgramFilters,
    ProgramKey,
    Visible,
    VisibleList,
)

WRITTEN = [
    "name", "owner", "content", "view", "audience", "enrols", "length", "without", "channel", "rhythm", "every_weeks",
    "starts_on", "weekday", "hour", "zone", "paused_from", "paused_until", "escalate_days",
]  # fmt: skip


class PlanOut(Out[Plan]):
    program = serializers.SerializerMethodField()
    programs = serializers.SerializerMethodField()
    teams = serializers.SerializerMethodField()

    class Meta:
        model = Plan
        fields = [
            "id", "program", "programs", "teams", *WRITTEN, "is_template", "template", "begins_at", "ended_at",
            "version",
        ]  # fmt: skip

    def get_program(self, plan: Plan) -> str | None:
        return plan.program.key if plan.program else None

    def get_programs(self, plan: Plan) -> list[str]:
        return sorted(row.program.key for row in plan.chosen.all())

    def get_teams(self, plan: Plan) -> list[int]:
        return sorted(row.team_id for row in plan.team_links.all())


class PlanIn(In[Plan]):
    program = ProgramKey(queryset=Program.objects.all(), required=False, allow_null=True)
    programs = serializers.ListField(child=ProgramKey(queryset=Program.objects.all()), required=False, max_length=500)
    teams = VisibleList(queryset=Team.objects.all(), required=False)

    class Meta:
        model = Plan
        fields = ["program", "programs", "teams", "is_template", *WRITTEN]


class PlanChange(In[Plan]):
    programs = serializers.ListField(child=ProgramKey(queryset=Program.objects.all()), required=False, max_length=500)
    teams = VisibleList(queryset=Team.objects.all(), required=False)

    class Meta:
        model = Plan
        fields = ["programs", "teams", *WRITTEN]


class Invitation(serializers.Serializer[Any]):
    email = serializers.EmailField()
    name = serializers.CharField(max_length=120)
    time_zone = serializers.CharField(max_length=64)


class Address(serializers.Serializer[Any]):
    url = serializers.URLField(max_length=500)


class ReaderIn(serializers.Serializer[Any]):
    user = Visible(queryset=User.objects.filter(is_active=True))


class PlansFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = Plan
        fields = {
            "owner": REFERENCE, "content": CHOICE, "audience": CHOICE, "channel": CHOICE,
            "is_template": ["exact"], "ended_at": ["isnull"],
        }  # fmt: skip


class Plans(Editable[Plan]):
    """Who is told what, by which way and when. Deleting ends a plan: nothing more is promised."""

    queryset = Plan.objects.select_related("program").prefetch_related("chosen__program", "team_links")
    out, new, change = PlanOut, PlanIn, PlanChange
    filterset_class = PlansFilters
    shows_sets = True
    sorts = {"id": "id", "name": "name"}

    def add(self, user: User, fields: dict[str, Any]) -> Plan:
        return services.create_plan(by=user, at=timezone.now(), **fields)

    def alter(self, user: User, row: Plan, fields: dict[str, Any]) -> Plan:
        return services.change_plan(plan=row, by=user, at=timezone.now(), **fields)

    def remove(self, user: User, row: Plan) -> None:
        services.end_plan(plan=row, by=user, at=timezone.now())

    @action(detail=True, methods=["post"], url_path="readers", serializer_class=ReaderIn)
    def add_reader(self, request: Request, **kwargs: Any) -> Response:
        """Send a person its letters from now on; oneself, whoever sees the plan."""
        at = timezone.now()
        return self.act(request, lambda user, row, fields: services.subscribe(plan=row, by=user, at=at, **fields))

    @action(detail=True, methods=["post"], serializer_class=Invitation)
    def invite(self, request: Request, **kwargs: Any) -> Response:
        """Ask an outside address whether it wants the letters. It gets none before it says so by the signed link."""
        at = timezone.now()
        return self.act(request, lambda user, row, fields: services.invite(plan=row, by=user, at=at, **fields))

    @action(detail=True, methods=["post"], serializer_class=Address)
    def webhook(self, request: Request, **kwargs: Any) -> Response:
        """Set where the letters are posted to; the answer alone shows the secret that signs them."""
        row = self.locked(request, required=False)
        reader, secret = services.add_webhook(plan=row, by=self.user, at=timezone.now(), **self.taken(request))
        return Response({"reader": reader.pk, "secret": secret}, headers={"Cache-Control": "no-store"})

    @action(detail=True, methods=["post"], serializer_class=NoFields)
    def nudge(self, request: Request, **kwargs: Any) -> Response:
        """Ask whoever leads the plan's program for its update."""

        def ask(user: User, row: Plan, fields: dict[str, Any]) -> None:
            if row.program is None:
                raise serializers.ValidationError(_("Only a program's plan has somebody to ask."))
            services.nudge(program=row.program, by=user, at=timezone.now())

        return self.act(request, ask)


class SubscriptionOut(Out[Subscription]):
    class Meta:
        model = Subscription
        fields = [
            "id", "plan", "user", "email", "name", "time_zone", "weekday", "hour", "paused_until", "confirmed_at",
            "begins_at", "ended_at", "version",
        ]  # fmt: skip


class SubscriptionIn(In[Subscription]):
    plan = Visible(queryset=Plan.objects.all(), required=False)

    class Meta:
        model = Subscription
        fields = ["plan", "weekday", "hour"]


class SubscriptionChange(In[Subscription]):
    class Meta:
        model = Subscription
        fields = ["weekday", "hour", "paused_until"]


class UnknownLetter(serializers.Serializer[Any]):
    period = serializers.CharField(max_length=16, help_text="The letter's, such as 2026-W47.")


class SubscriptionsFilters(Filters):
    class Meta(Filters.Meta):
        model = Subscription
        fields = {"plan": REFERENCE, "user": REFERENCE, "ended_at": ["isnull"]}


class Subscriptions(Editable[Subscription]):
    """What one gets, and the readers of plans that one keeps; without a plan, the weekly letter. Deleting ends it."""

    queryset = Subscription.objects.all()
    out, new, change = SubscriptionOut, SubscriptionIn, SubscriptionChange
    filterset_class = SubscriptionsFilters

    def add(self, user: User, fields: dict[str, Any]) -> Subscription:
        return services.subscribe(user=user, by=user, at=timezone.now(), **fields)

    def alter(self, user: User, row: Subscription, fields: dict[str, Any]) -> Subscription:
        return services.change_subscription(subscription=row, by=user, at=timezone.now(), **fields)

    def remove(self, user: User, row: Subscription) -> None:
        services.end_subscription(subscription=row, by=user, at=timezone.now())

    @action(detail=True, methods=["post"], url_path="send-now", serializer_class=NoFields)
    def send_now(self, request: Request, **kwargs: Any) -> Response:
        """Write an extra letter now; it is sent within the minute."""
        at = timezone.now()
        return self.act(request, lambda user, row, fields: services.send_now(subscription=row, by=user, at=at))

    @action(detail=True, methods=["post"], url_path="send-again", serializer_class=UnknownLetter)
    def send_again(self, request: Request, **kwargs: Any) -> Response:
        """Send once more a letter of which nobody knows whether it arrived: its reader may get it twice."""

        def again(user: User, row: Subscription, fields: dict[str, Any]) -> None:
            letter = row.letters.filter(period=fields["period"]).first()
            if letter is None:
                raise ValidationError({"period": [_("There is no letter of this period.")]}, code="period")
            send_again(letter=letter, by=user, at=timezone.now())

        return self.act(request, again)
