"""The portfolio review: its meetings, and what people take home from them."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from rest_framework import serializers

from people.models import User
from programs.models import Program
from reports.models import Review, ReviewAction
from reports.reviews import services
from tpm.nouns import DAY, REFERENCE, Editable, Filters, In, Out, ProgramFilters, ProgramKey


class ReviewOut(Out[Review]):
    class Meta:
        model = Review
        fields = ["id", "held_on", "chair", "agenda", "notes", "version"]


class ReviewIn(In[Review]):
    class Meta:
        model = Review
        fields = ["held_on", "chair", "agenda", "notes"]
        extra_kwargs = {"chair": {"required": False}}


class ReviewsFilters(Filters):
    class Meta(Filters.Meta):
        model = Review
        fields = {"held_on": DAY, "chair": REFERENCE}


class Reviews(Editable[Review]):
    """Meetings about the portfolio, one a day at most. Everybody reads their agenda and notes."""

    queryset = Review.objects.all()
    out, new, change = ReviewOut, ReviewIn, ReviewIn
    filterset_class = ReviewsFilters
    sorts = {"held_on": "held_on"}
    default_sort = "-held_on"

    def add(self, user: User, fields: dict[str, Any]) -> Review:
        return services.hold_review(by=user, **fields)

    def alter(self, user: User, row: Review, fields: dict[str, Any]) -> Review:
        return services.change_review(review=row, by=user, **fields)

    def remove(self, user: User, row: Review) -> None:
        services.delete_review(review=row, by=user)


class ReviewActionOut(Out[ReviewAction]):
    program = serializers.CharField(source="program_key", read_only=True, allow_null=True)

    class Meta:
        model = ReviewAction
        fields = ["id", "review", "program", "text", "owner", "due_on", "done_on", "version"]


class ReviewActionChange(In[ReviewAction]):
    program = ProgramKey(queryset=Program.objects.all(), required=False, allow_null=True)

    class Meta:
        model = ReviewAction
        fields = ["program", "text", "owner", "due_on", "done_on"]


class ReviewActionIn(ReviewActionChange):
    class Meta:
        model = ReviewAction
        fields = ["review", *ReviewActionChange.Meta.fields]
        extra_kwargs = {"review": {"help_text": "Left out: the program's own sync agreed it."}}


class ReviewActionsFilters(ProgramFilters):
    class Meta(Filters.Meta):
        model = ReviewAction
        fields = {"review": REFERENCE, "owner": REFERENCE, "due_on": DAY, "done_on": DAY}


class ReviewActions(Editable[ReviewAction]):
    """What somebody does by a day, as a review agreed, or without one the program's own sync.

    Those of a private program are seen by those who see it.
    """

    queryset = ReviewAction.objects.annotate(program_key=F("program__key"))
    out, new, change = ReviewActionOut, ReviewActionIn, ReviewActionChange
    filterset_class = ReviewActionsFilters
    sorts = {"id": "id", "due_on": "due_on"}

    def add(self, user: User, fields: dict[str, Any]) -> ReviewAction:
        return services.take_action(by=user, **fields)

    def alter(self, user: User, row: ReviewAction, fields: dict[str, Any]) -> ReviewAction:
        return services.change_action(action=row, by=user, **fields)

    def remove(self, user: User, row: ReviewAction) -> None:
        services.drop_action(action=row, by=user)
