"""The posted shapes of pages that cross apps."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _

from milestones.forms import cause_field
from people.models import User
from programs.forms import ProgramForm
from programs.models import Program


class ProgramChangeForm(ProgramForm):
    """A program that stands; where its target was promised before, a move of it needs a cause."""

    def __init__(self, data: QueryDict | None = None, *, by: User, row: Program) -> None:
        super().__init__(data, by=by, row=row)
        if row.target_on and not self.fields["target_on"].disabled:
            self.fields["cause"] = cause_field(_("Needed when the target moves."))
            self.fields["note"] = forms.CharField(
                max_length=500, required=False, label=_("What happened"), help_text=_("Kept with the move.")
            )
            after = self.names.index("target_precision") + 1
            self.order_fields([*self.names[:after], "cause", "note", *self.names[after:]])

    @property
    def move(self) -> dict[str, Any]:
        """Why the target moves, where that was asked."""
        return {name: self.cleaned_data[name] for name in ("cause", "note") if name in self.fields}
