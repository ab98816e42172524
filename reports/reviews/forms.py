"""The shape of a posted review, and of what it agreed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _

from history.forms import RecordForm
from people.forms import people
from people.models import User
from programs.models import Program
from reports.models import Review, ReviewAction


class ReviewForm(RecordForm):
    model = Review
    names = ("held_on", "chair", "agenda", "notes")

    def __init__(
        self, data: QueryDict | None = None, *, row: Review | None = None, initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, row=row, initial=initial)
        self.fields["chair"] = forms.ModelChoiceField(people(row.chair if row else None))
        self.fields["agenda"].help_text = _("A line a point. Everybody in the organisation reads it, and the notes.")
        self.order_fields([*self.names])


class ReviewActionForm(RecordForm):
    model = ReviewAction
    names = ("text", "owner", "due_on", "program", "done_on")

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        viewer: User,
        row: ReviewAction | None = None,
        of_program: bool = False,
    ) -> None:
        """``of_program`` is for what a program's own sync agreed: it names no other."""
        super().__init__(data, row=row)
        self.fields["text"].label = _("What is to be done")
        self.fields["owner"] = forms.ModelChoiceField(people(row.owner if row else None))
        programs = Program.objects.visible_to(viewer).order_by("name", "id")
        self.fields["program"] = forms.ModelChoiceField(programs, required=False)
        if row is None:
            del self.fields["done_on"]
        if of_program:
            del self.fields["program"]
        self.order_fields([*self.names])
