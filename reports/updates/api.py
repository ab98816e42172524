"""What leads say each week: drafts, what they lack, what is published with its sources, and corrections."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from people.models import User
from programs.models import Program, Role
from programs.permissions import Act, require
from reports.models import Update
from reports.updates import services
from reports.updates.drafting.lines import prefilled
from reports.updates.drafting.sentences import Sentence, read, seen
from reports.updates.looking import drafted_in, look_over
from reports.updates.rules.lint import Level
from tpm.api import Endpoint
from tpm.nouns import (
    CHOICE,
    NUMBER,
    REFERENCE,
    Editable,
    Filters,
    In,
    NoFields,
    OfProgramOut,
    ProgramFilters,
    ProgramKey,
)

WRITTEN = ["health", "cause", "text", "ask", "path_to_green", "path_owner", "path_on"]


class FindingOut(serializers.Serializer[Any]):
    """What is missing, where, and what to do about it."""

    rule = serializers.CharField()
    level = serializers.ChoiceField(choices=Level.choices, help_text="An error stops publishing, a warning asks.")
    field = serializers.CharField()
    line = serializers.IntegerField(allow_null=True, help_text="In the text of the field, from 1.")
    text = serializers.CharField()
    advice = serializers.CharField()


class FindingsOut(serializers.Serializer[Any]):
    findings = FindingOut(many=True)


class SourceOut(serializers.Serializer[Any]):
    """One field of one record, before and at the moment of the facts; of a hidden program nothing."""

    kind = serializers.CharField()
    id = serializers.IntegerField()
    name = serializers.CharField()
    field = serializers.CharField()
    before = serializers.JSONField()
    after = serializers.JSONField()
    at = serializers.DateTimeField()
    before_at = serializers.CharField()
    run = serializers.IntegerField(allow_null=True, help_text="The forecast run that said so.")


class SentenceOut(serializers.Serializer[Any]):
    rule = serializers.CharField()
    text = serializers.CharField()
    sources = SourceOut(many=True)


def sourced(sentences: list[Sentence], viewer: User) -> list[dict[str, Any]]:
    """Sentences as the viewer may see their sources: one query."""
    named = {source.program for sentence in sentences for source in sentence.sources}
    visible = set(Program.objects.visible_to(viewer).filter(pk__in=named).values_list("pk", flat=True))
    return [SentenceOut(asdict(sentence)).data for sentence in seen(sentences, visible)]


class UpdateOut(OfProgramOut[Update]):
    class Meta:
        model = Update
        fields = [
            "id", "program", "author", *WRITTEN, "corrects", "correction", "begun_at", "published_at", "version",
        ]  # fmt: skip


class UpdateWhole(UpdateOut):
    sentences = serializers.SerializerMethodField(help_text="What of its text was drafted, with its sources.")

    class Meta(UpdateOut.Meta):
        fields = [*UpdateOut.Meta.fields, "sentences"]

    @extend_schema_field(SentenceOut(many=True))
    def get_sentences(self, update: Update) -> list[dict[str, Any]]:
        return sourced(read(update.sentences), self.context["request"].user)


class UpdateIn(In[Update]):
    program = ProgramKey(queryset=Program.objects.all())

    class Meta:
        model = Update
        fields = ["program", *WRITTEN]


class UpdateChange(In[Update]):
    class Meta:
        model = Update
        fields = [*WRITTEN, "correction"]


class Publishing(serializers.Serializer[Any]):
    accept_warnings = serializers.BooleanField(default=False, help_text="Publish although rules ask to look again.")


class UpdatesFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = Update
        fields = {
            "author": REFERENCE,
            "health": CHOICE,
            "corrects": REFERENCE,
            "published_at": [*NUMBER, "isnull"],
        }


class Updates(Editable[Update]):
    """What leads say each week. Creating begins a draft, which only those who may report see; publishing freezes it."""

    queryset = Update.objects.annotate(program_key=F("program__key"))
    out, whole, new, change = UpdateOut, UpdateWhole, UpdateIn, UpdateChange
    filterset_class = UpdatesFilters
    sorts = {"id": "id", "published_at": "published_at"}

    def get_queryset(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset()
        if self.user.is_admin:
            return rows
        led = Role.objects.filter(user=self.user, kind=Role.Kind.LEAD).values("program")
        return rows.filter(Q(published_at__isnull=False) | Q(program__lead=self.user) | Q(program__in=led))

    def add(self, user: User, fields: dict[str, Any]) -> Update:
        at = timezone.now()
        drafted = drafted_in(fields.get("text", ""), Update(program=fields["program"]), at)
        return services.begin_update(by=user, at=at, drafted=drafted, **fields)

    def alter(self, user: User, row: Update, fields: dict[str, Any]) -> Update:
        drafted = drafted_in(fields.get("text", ""), row, timezone.now())
        return services.change_update(update=row, by=user, drafted=drafted, **fields)

    def remove(self, user: User, row: Update) -> None:
        services.discard_update(update=row, by=user)

    @extend_schema(responses=FindingsOut)
    @action(detail=True, methods=["post"], serializer_class=NoFields)
    def lint(self, request: Request, **kwargs: Any) -> Response:
        """What a draft lacks, held against the facts and the rules of now. Nothing is saved."""
        row = self.find()
        require(self.user, Act.REPORT, row.program)
        self.taken(request)
        found = look_over(row, timezone.now()).found
        return Response({"findings": FindingOut(found, many=True).data})

    @action(detail=True, methods=["post"], serializer_class=Publishing)
    def publish(self, request: Request, **kwargs: Any) -> Response:
        """Publish a draft: freeze the facts it was written on, and append the lead's word to the program.

        Errors of the rules refuse it; so do warnings, unless they are accepted.
        """
        at = timezone.now()

        def call(user: User, row: Update, fields: dict[str, Any]) -> Update:
            if not fields["accept_warnings"] and row.published_at is None:
                require(user, Act.REPORT, row.program)
                services.refuse_warnings(row, at)
            return services.publish_update(update=row, by=user, at=at)

        return self.act(request, call)

    @action(detail=True, methods=["post"], serializer_class=NoFields)
    def correct(self, request: Request, **kwargs: Any) -> Response:
        """Begin a new version of a published update, on the same facts; the old one stays as it was said."""
        with transaction.atomic():
            row = self.locked(request, required=False)
            self.taken(request)
            response = self.created(services.begin_correction(update=row, by=self.user, at=timezone.now()))
            response["Location"] = response["Location"].replace(f"/{row.pk}/correct/", "/")
            return response


class DraftOut(serializers.Serializer[Any]):
    """What the rules would write now: sentences with their sources, as a text to begin with, and what it would lack."""

    since = serializers.DateTimeField(help_text="The moment that changes are counted from.")
    text = serializers.CharField(help_text="Markdown.")
    sentences = SentenceOut(many=True)
    findings = FindingOut(many=True)


class Draft(Endpoint):
    @extend_schema(operation_id="programs_update_draft", responses=DraftOut)
    def get(self, request: Request, key: str) -> Response:
        """The next update of a program as the rules draft it from what changed since the last one."""
        user: Any = request.user
        program = get_object_or_404(Program.objects.visible_to(user), key=key)
        require(user, Act.REPORT, program)
        last = program.updates.published().order_by("-published_at", "-id").first()
        update = Update(program=program, health=last.health if last else "")
        looked = look_over(update, timezone.now())
        answer = {
            "since": looked.facts["since"]["at"],
            "text": prefilled(looked.drafted),
            "sentences": sourced(looked.drafted, user),
            "findings": FindingOut(looked.found, many=True).data,
        }
        return Response(answer)
