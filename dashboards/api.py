"""What people say, watch and are told of, and the search over all nouns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from dashboards import inbox, promises, subjects
from dashboards.search import BY_NAME, NOUNS, search
from dashboards.subjects import Found
from forecasts.api.asking import only_known
from people.hours import Span, clock, shared_hours, spans
from people.models import Job, Team, User, Viewer
from people.search import MOST_CHARACTERS
from people.services import organisation_zone, read_jobs, today
from programs import talk
from programs.models import Comment, Notice, Program, Subject, Watch
from programs.views.members import at_work
from tpm.api import Endpoint, QueryRefused, link_header
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
        raise ValidationError({"subject_id": [_("There is no such record.")]}, code="unknown")
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
    program = serializers.CharField(
        source="program.key", default=None, allow_null=True, help_text="Null: an action of a review, of no program."
    )
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
    read_at = serializers.DateTimeField(allow_null=True)


class InboxOut(serializers.Serializer[Any]):
    unread = serializers.IntegerField(help_text="Notices, and jobs that have ended.")
    todos = TodoOut(many=True, help_text="At most 30 of each noun, what is due first.")
    jobs = JobOut(many=True)
    notices = NoticeOut(many=True, help_text="At most 50, as jobs.")
    next = serializers.URLField(allow_null=True, help_text="The next page, where any of these has more.")


class Inbox(Endpoint):
    @extend_schema(
        operation_id="inbox",
        parameters=[OpenApiParameter("page", OpenApiTypes.INT, description="From 1; `next` names the next.")],
        responses=InboxOut,
    )
    def get(self, request: Request) -> Response:
        """What waits for you, as it stands now, and the newest of what you are told of and have not put away."""
        only_known(request, "page")
        reader: Any = request.user
        asked = request.query_params.get("page", "1")
        if not re.fullmatch("[1-9][0-9]{0,3}", asked):
            raise QueryRefused({"page": _("A page is a number from 1.")})
        page = inbox.Part(int(asked))
        waiting = inbox.todos(reader, at=timezone.now(), zone=organisation_zone(), part=page)
        told = page.of(inbox.notices_of(reader, done=False).annotate(**PROGRAM_KEY), MOST_NOTICES)
        jobs = page.of(Job.objects.visible_to(reader).in_inbox(), MOST_NOTICES)
        following = request.build_absolute_uri(f"?page={page.number + 1}") if page.goes_on else None
        before = request.build_absolute_uri(f"?page={page.number - 1}") if page.number > 1 else None
        unread = Notice.objects.visible_to(reader).unread().count() + Job.objects.visible_to(reader).unread().count()
        shown = {
            "unread": unread,
            "todos": waiting,
            "jobs": jobs,
            "notices": [line.notice for line in inbox.lines(told, reader)],
            "next": following,
        }
        return Response(InboxOut(shown).data, headers=link_header(following, before))


class InboxRead(Endpoint):
    @extend_schema(operation_id="inbox_read", request=NoFields, responses={204: None})
    def post(self, request: Request) -> Response:
        """Mark all that you are told of, and what came of your jobs, as read."""
        reader: Any = request.user
        at = timezone.now()
        talk.read_all(by=reader, at=at)
        read_jobs(by=reader, at=at)
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
            raise QueryRefused({"q": _("Null characters are not allowed.")})
        if len(asked) > MOST_CHARACTERS:
            raise QueryRefused({"q": _("At most %(count)s characters.") % {"count": MOST_CHARACTERS}})
        if only is not None and only not in BY_NAME:
            raise QueryRefused({"noun": _("One of %(names)s.") % {"names": ", ".join(BY_NAME)}})
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


# -- figures of a program, a team, a person --------------------------------------------------------------------------

NOTHING_HERE = lazy("There is nothing here, or nothing that you may see.")


class SpanOut(serializers.Serializer[Any]):
    start = serializers.CharField(help_text="Of the reader's day, such as 15:00.")
    end = serializers.CharField()


class PersonHoursOut(serializers.Serializer[Any]):
    user = serializers.IntegerField()
    name = serializers.CharField()
    time_zone = serializers.CharField()
    at_work = SpanOut(many=True)


class SharedHoursOut(serializers.Serializer[Any]):
    program = serializers.CharField()
    zone = serializers.CharField(help_text="The reader's, in which all hours are.")
    in_words = serializers.CharField()
    shared = SpanOut(many=True)
    people = PersonHoursOut(many=True)


class SharedHours(Endpoint):
    @extend_schema(operation_id="programs_shared_hours", responses=SharedHoursOut)
    def get(self, request: Request, key: str) -> Response:
        """When all who work on a program are at work, by the clocks of today; empty with fewer than two people."""
        only_known(request)
        reader: Any = request.user
        rows = Program.objects.visible_to(reader).select_related("lead", "sponsor")
        program = rows.filter(key=key).first()
        if program is None:
            raise exceptions.NotFound(NOTHING_HERE)
        people = at_work(program, program.roles.select_related("user"), program.slots.select_related("person"))
        found = shared_hours(people, reader, timezone.now())

        def told(some: Sequence[Span]) -> list[dict[str, str]]:
            return [{"start": clock(start), "end": clock(end)} for start, end in some]

        return Response(
            {
                "program": program.key,
                "zone": reader.time_zone,
                "in_words": found.in_words if found else "",
                "shared": told(spans(found.slots)) if found else [],
                "people": [
                    {
                        "user": day.user.pk,
                        "name": day.user.name,
                        "time_zone": day.user.time_zone,
                        "at_work": told(day.spans),
                    }
                    for day in (found.days if found else [])
                ],
            }
        )


class PromiseOut(serializers.Serializer[Any]):
    dependency = serializers.IntegerField()
    giver = serializers.CharField(allow_null=True, help_text="Key of the program; null where you may not see it.")
    receiver = serializers.CharField(allow_null=True)
    milestone = serializers.IntegerField(allow_null=True, help_text="What is given.")
    promised_on = serializers.DateField()
    need_by_on = serializers.DateField(allow_null=True)


class PromisesOut(serializers.Serializer[Any]):
    team = serializers.IntegerField()
    in_words = serializers.CharField()
    kept = serializers.IntegerField()
    late = serializers.IntegerField()
    late_days = serializers.IntegerField(help_text="Of all that came late, together.")
    ahead = serializers.IntegerField()
    overdue = serializers.IntegerField()
    open = PromiseOut(many=True)


class Promises(Endpoint):
    @extend_schema(operation_id="teams_promises", responses=PromisesOut)
    def get(self, request: Request, pk: int) -> Response:
        """What a team promised to other programs and how it kept it, by the programs that you see; 20 of the open."""
        only_known(request)
        team = Team.objects.filter(pk=pk).first()
        if team is None:
            raise exceptions.NotFound(NOTHING_HERE)
        found = promises.record_of(team, request.user, today(timezone.now()))
        still_open = [
            {
                "dependency": link.row.pk,
                "giver": link.predecessor.program.key if link.predecessor else None,
                "receiver": link.successor.program.key if link.successor else None,
                "milestone": link.predecessor.pk if link.predecessor else None,
                "promised_on": link.row.promised_on,
                "need_by_on": link.row.need_by_on,
            }
            for link in found.open
        ]
        counts = {name: getattr(found, name) for name in ("kept", "late", "late_days", "ahead", "overdue", "in_words")}
        return Response(PromisesOut({"team": team.pk, **counts, "open": still_open}).data)
