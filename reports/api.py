"""One's own subscription to the weekly letter, and one's letters."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from people.models import User
from reports import services
from reports.models import Letter, Subscription
from tpm.nouns import CHOICE, NUMBER, Editable, Filters, In, NoFields, Noun, Out


class SubscriptionOut(Out[Subscription]):
    class Meta:
        model = Subscription
        fields = ["id", "weekday", "hour", "begins_at", "ended_at", "version"]


class SubscriptionIn(In[Subscription]):
    class Meta:
        model = Subscription
        fields = ["weekday", "hour"]


class Subscriptions(Editable[Subscription]):
    """One's own weekly letter: a weekday (0 is Monday) and an hour in one's own zone. Deleting ends it."""

    queryset = Subscription.objects.all()
    out, new, change = SubscriptionOut, SubscriptionIn, SubscriptionIn

    def add(self, user: User, fields: dict[str, Any]) -> Subscription:
        return services.subscribe(user=user, by=user, at=timezone.now(), **fields)

    def alter(self, user: User, row: Subscription, fields: dict[str, Any]) -> Subscription:
        whole = {"weekday": row.weekday, "hour": row.hour} | fields
        return services.change_subscription(subscription=row, by=user, at=timezone.now(), **whole)

    def remove(self, user: User, row: Subscription) -> None:
        services.end_subscription(subscription=row, by=user, at=timezone.now())

    @action(detail=True, methods=["post"], url_path="send-now", serializer_class=NoFields)
    def send_now(self, request: Request, **kwargs: Any) -> Response:
        """Write an extra letter now; it is sent within the minute."""
        at = timezone.now()
        return self.act(request, lambda user, row, fields: services.send_now(subscription=row, by=user, at=at))


class LetterOut(Out[Letter]):
    class Meta:
        model = Letter
        fields = ["id", "week", "state", "due_at", "sent_at", "error", "subject"]


class LetterWhole(LetterOut):
    text = serializers.CharField(read_only=True)
    html = serializers.CharField(read_only=True)

    class Meta(LetterOut.Meta):
        fields = [*LetterOut.Meta.fields, "text", "html"]


class LettersFilters(Filters):
    class Meta(Filters.Meta):
        model = Letter
        fields = {"week": ["exact"], "state": CHOICE, "due_at": NUMBER, "sent_at": NUMBER}


class Letters(Noun[Letter]):
    """One's own letters; their text and HTML are shown one by one."""

    queryset = Letter.objects.all()
    out, whole = LetterOut, LetterWhole
    filterset_class = LettersFilters
    sorts = {"id": "id", "due_at": "due_at"}

    def get_queryset(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset()
        return rows.defer("text", "html") if self.action == "list" else rows
