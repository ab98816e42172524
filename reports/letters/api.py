"""One's own letters."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from reports.models import Letter
from tpm.nouns import CHOICE, NUMBER, REFERENCE, Filters, Noun, Out


class LetterOut(Out[Letter]):
    class Meta:
        model = Letter
        fields = [
            "id",
            "subscription",
            "period",
            "state",
            "due_at",
            "sent_at",
            "error",
            "again_by",
            "again_at",
            "subject",
        ]


class LetterWhole(LetterOut):
    text = serializers.CharField(read_only=True)
    html = serializers.CharField(read_only=True)
    facts = serializers.JSONField(read_only=True)

    class Meta(LetterOut.Meta):
        fields = [*LetterOut.Meta.fields, "text", "html", "facts"]


class LettersFilters(Filters):
    class Meta(Filters.Meta):
        model = Letter
        fields = {
            "subscription": REFERENCE, "period": ["exact"], "state": CHOICE, "due_at": NUMBER, "sent_at": NUMBER,
        }  # fmt: skip


class Letters(Noun[Letter]):
    """One's own letters; their text, HTML and facts are shown one by one."""

    queryset = Letter.objects.all()
    out, whole = LetterOut, LetterWhole
    filterset_class = LettersFilters
    sorts = {"id": "id", "due_at": "due_at"}

    def get_queryset(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset()
        return rows.defer("text", "html", "facts") if self.action == "list" else rows
