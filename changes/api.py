"""What the reader changed, and taking it back."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from changes import services
from history.models import ChangeSet
from tpm.nouns import NUMBER, Filters, NoFields, Noun, Out


class ChangeSetOut(Out[ChangeSet]):
    class Meta:
        model = ChangeSet
        fields = ["id", "at", "reason"]


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
        return ChangeSet.objects.filter(parent=None, by_id=self.user.pk)

    @action(detail=True, methods=["post"], serializer_class=NoFields)
    def undo(self, request: Request, **kwargs: Any) -> Response:
        """Take back all that this act wrote: 204. Refused where others have changed the same or built on it."""
        services.undo(change_set=self.find(), by=self.user, at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
