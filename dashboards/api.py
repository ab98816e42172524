"""What people say, watch and are told of, and the search over all nouns."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from dashboards import inbox, subjects
from dashboards.context import organisation_and_zone
from dashboards.search import BY_NAME, NOUNS, search
from dashboards.subjects import Found
from forecasts.api.asking import only_known
from people.models import Job, User, Viewer
from people.search import MOST_CHARACTERS
from programs import talk
from programs.models import Comment, Notice, Subject, Watch
from tpm.api import Endpoint, QueryRefused
from tpm.nouns import (
    CHOICE,
    LARGEST_ID,
    NUMBER,
    REFERENCE,
    Creatable,
    Deletable,
    Editable,
    Filters,
    In,
    NoFields,
    Noun,
    OfProgramOut,
    ProgramFilters,
)

PROGRAM_KEY = {"program_key": F("program__key")}
MOST_HITS = 20
MOST_NOTICES = 50


def named(kind: str, subject_id: int, viewer: Viewer) -> Found:
    """The subject that a body names; a hidden one is as unknown as a missing one."""
    found = subjects.find(kind, subject_id, viewer)
    if found is None:
        raise ValidationError({"subject_id": ["There is no such record."]}, code="unknown")
    return found


class SubjectIn(serializers.Serializer[Any]):
    """A program, milestone, risk or published update, by kind and id."""

    kind = serializers.ChoiceField(choices=Subject.choices)
    subject_id = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)


# -- comments --------------------------------------------------------------------------------------------------------


class CommentOut(OfProgramOut[Comment]):
    class Meta:
        model = Comment
        fields = ["id", "program", "kind", "subject_id", "text", "by", "at", "edited_at", "version"]


class CommentChange(In[Comment]):
    class Meta:
        model = Comment
        fields = ["text"]


class CommentIn(SubjectIn):
    text = serializers.CharField(max_length=10_000)


class CommentsFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = Comment
        fields = {"kind": CHOICE, "subject_id": REFERENCE, "by": REFERENCE, "at": NUMBER}


class Comments(Editable[Comment]):
    """What people say about a program, a milestone, a risk or a published update. @ and a name tells who sees it.

    Everybody changes and deletes their own alone.
    """

    queryset = Comment.objects.annotate(**PROGRAM_KEY)
    out, new, change = CommentOut, CommentIn, CommentChange
    filterset_class = CommentsFilters
    sorts = {"id": "id", "at": "at"}

    def add(self, user: User, fields: dict[str, Any]) -> Comment:
        about = named(fields["kind"], fields["subject_id"], user)
        return talk.post_comment(program=about.program, by=user, at=timezone.now(), **fields)

    def alter(self, user: User, row: Comment, fields: dict[str, Any]) -> Comment:
        return talk.edit_comment(comment=row, text=fields.get("text", row.text), by=user, at=timezone.now())

    def remove(self, user: User, row: Comment) -> None:
        talk.delete_comment(comment=row, by=user)


# -- stars -----------------------------------------------------------------------------------------------------------


class WatchOut(OfProgramOut[Watch]):
    class Meta:
        model = Watch
        fields = ["id", "program", "kind", "subject_id", "at"]


class WatchesFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = Watch
        fields = {"kind": CHOICE, "subject_id": REFERENCE}


class Watches(Creatable[Watch], Deletable[Watch]):
    """What you watch: comments on it come to your inbox. Watching twice is no mistake; deleting ends it."""

    queryset = Watch.objects.annotate(**PROGRAM_KEY)
    out, new = WatchOut, SubjectIn
    filterset_class = WatchesFilters
    sorts = {"id": "id", "at": "at"}

    def add(self, user: User, fields: dict[str, Any]) -> Watch:
        about = named(fields["kind"], fields["subject_id"], user)
        return talk.watch(program=about.program, by=user, at=timezone.now(), **fields)

    def remove(self, user: User, row: Watch) -> None:
        talk.unwatch(kind=row.kind, subject_id=row.subject_id, by=user)


# -- the inbox -------------------------------------------------------------------------------------------------------


class NoticeOut(OfProgramOut[Notice]):
    class Meta:
        model = Notice
        fields = ["id", "program", "kind", "subject_id", "reason", "comment", "text", "by", "at", "read_at", "done_at"]


class NoticesFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = Notice
        fields = {
            "kind": CHOICE,
            "subject_id": REFERENCE,
            "reason": CHOICE,
            "at": NUMBER,
            "read_at": ["isnull"],
            "done_at": ["isnull"],
        }


class Notices(Noun[Notice]):
    """What you are told of: who names you, comments on what you watch, answers to hand-offs that you asked for."""

    queryset = Notice.objects.annotate(**PROGRAM_KEY)
    out = NoticeOut
    filterset_class = NoticesFilters
    sorts = {"id": "id", "at": "at"}
    default_sort = "-id"

    @action(detail=True, methods=["post"], serializer_class=NoFields)
    def read(self, request: Request, **kwargs: Any) -> Response:
        """Mark it as read."""
        at = timezone.now()
        return self.act(request, lambda user, row, fields: talk.read_notice(notice=row, at=at))

    @action(detail=True, methods=["post"], serializer_class=NoFields)
    def done(self, request: Request, **kwargs: Any) -> Response:
        """Put it away: it leaves the inbox."""
        at = timezone.now()
        return self.act(request, lambda user, row, fields: talk.finish_notice(notice=row, at=at))


class TodoOut(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=[(kind, label) for kind, (label, _) in inbox.LABELS.items()])
    title = serializers.CharField()
    program = serializers.CharField(source="program.key")
    url = serializers.CharField()
    due_on = serializers.DateField(allow_null=True)


class JobOut(serializers.Serializer[Any]):
    """Long work that you asked for; without an end it is under way."""

    id = serializers.IntegerField()
    title = serializers.CharField()
    url = serializers.CharField()
    asked_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    is_good = serializers.BooleanField()
    result = serializers.CharField()


class InboxOut(serializers.Serializer[Any]):
    unread = serializers.IntegerField()
    todos = TodoOut(many=True)
    jobs = JobOut(many=True)
    notices = NoticeOut(many=True)


class Inbox(Endpoint):
    @extend_schema(operation_id="inbox", responses=InboxOut)
    def get(self, request: Request) -> Response:
        """What waits for you, as it stands now, and the newest of what you are told of and have not put away."""
        only_known(request)
        reader: Any = request.user
        waiting = inbox.todos(reader, at=timezone.now(), zone=organisation_and_zone()[1])
        told = inbox.notices_of(reader, done=False).annotate(**PROGRAM_KEY)[:MOST_NOTICES]
        shown = [line.notice for line in inbox.lines(told, reader)]
        jobs = Job.objects.visible_to(reader).in_inbox()[:MOST_NOTICES]
        unread = Notice.objects.visible_to(reader).unread().count()
        return Response(InboxOut({"unread": unread, "todos": waiting, "jobs": jobs, "notices": shown}).data)


class InboxRead(Endpoint):
    @extend_schema(operation_id="inbox_read", request=NoFields, responses={204: None})
    def post(self, request: Request) -> Response:
        """Mark all that you are told of as read."""
        reader: Any = request.user
        talk.read_all(by=reader, at=timezone.now())
        return Response(status=204)


# -- search ----------------------------------------------------------------------------------------------------------


class HitOut(serializers.Serializer[Any]):
    noun = serializers.ChoiceField(choices=[(noun.name, noun.label) for noun in NOUNS])
    id = serializers.IntegerField()
    key = serializers.CharField(help_text="Such as R-104, where the noun has one.")
    title = serializers.CharField()
    detail = serializers.CharField()
    url = serializers.CharField()


class Search(Endpoint):
    @extend_schema(
        operation_id="search",
        responses=inline_serializer("SearchOut", {"data": HitOut(many=True)}),
        parameters=[
            OpenApiParameter("q", OpenApiTypes.STR, description="Words, or a key such as R-104 or NA4.", required=True),
            OpenApiParameter("noun", OpenApiTypes.STR, description="Only of this noun.", enum=list(BY_NAME)),
        ],
    )
    def get(self, request: Request) -> Response:
        """What you may see of all nouns and what holds these words, the noun of the best hit first: 20 a noun."""
        only_known(request, "q", "noun")
        asked, only = request.query_params.get("q", ""), request.query_params.get("noun")
        if "\0" in asked:
            raise QueryRefused({"q": "Null characters are not allowed."})
        if len(asked) > MOST_CHARACTERS:
            raise QueryRefused({"q": f"At most {MOST_CHARACTERS} characters."})
        if only is not None and only not in BY_NAME:
            raise QueryRefused({"noun": f"One of {', '.join(BY_NAME)}."})
        groups = search(request.user, asked, most=MOST_HITS, nouns=(BY_NAME[only],) if only else NOUNS)
        hits = [
            {
                "noun": hit.noun.name,
                "id": hit.pk,
                "key": hit.key,
                "title": hit.title,
                "detail": hit.detail,
                "url": hit.url,
            }
            for group in groups
            for hit in group.hits
        ]
        return Response({"data": HitOut(hits, many=True).data})
