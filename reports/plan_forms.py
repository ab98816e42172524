"""The posted shapes of communication plans and of their readers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from history.days import DayField
from history.forms import RecordForm
from people.forms import people, zone_field, zones
from people.models import SavedView, Team, User
from programs.models import Program
from reports.letters import SECTIONS
from reports.models import Plan, Subscription
from reports.models.plan import WEEKDAYS

HOURS = [(hour, f"{hour:02}:00") for hour in range(24)]


def led(user: User) -> QuerySet[Program]:
    """Programs whose plan a person may change."""
    return Program.objects.visible_to(user) if user.is_admin else Program.objects.led_by(user)


class PlanForm(RecordForm):
    model = Plan
    names = (
        "name", "content", "program", "programs", "view", "audience", "enrols", "teams", "length", "without", "channel",
        "rhythm", "every_weeks", "starts_on", "weekday", "hour", "zone", "paused_from", "paused_until", "owner",
        "is_template",
    )  # fmt: skip

    content = forms.ChoiceField(
        choices=[choice for choice in Plan.Content.choices if choice[0] != Plan.Content.DAY], label=lazy("Tells of")
    )
    program = forms.ModelChoiceField(Program.objects.none(), required=False, help_text=lazy("Of one program."))
    programs = forms.ModelMultipleChoiceField(Program.objects.none(), required=False, label=lazy("Chosen programs"))
    view = forms.ModelChoiceField(
        SavedView.objects.none(), required=False, label=lazy("Saved view"), help_text=lazy("A view of the portfolio.")
    )
    teams = forms.ModelMultipleChoiceField(
        Team.objects.none(), required=False, help_text=lazy("Their members get it, as they come and go.")
    )
    without = forms.MultipleChoiceField(
        choices=list(SECTIONS.items()), required=False, label=lazy("Leave out"), widget=forms.CheckboxSelectMultiple
    )
    weekday = forms.TypedChoiceField(coerce=int, choices=WEEKDAYS)
    hour = forms.TypedChoiceField(coerce=int, choices=HOURS)
    starts_on = DayField(required=False, label=lazy("Counted from the week of"))
    zone = forms.ChoiceField(
        choices=lambda: [("", _("Each reader's own")), *zones()], required=False, label=lazy("Time zone")
    )
    paused_from = DayField(required=False)
    paused_until = DayField(required=False, help_text=lazy("The last day without a letter."))
    owner = forms.ModelChoiceField(User.objects.none(), required=False)

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        by: User,
        row: Plan | None = None,
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, row=row, initial=initial)
        if row:
            self.initial["without"] = row.without.split()
            self.initial["programs"] = [one.program_id for one in row.chosen.all()]
            self.initial["teams"] = [one.team_id for one in row.team_links.all()]
            del self.fields["is_template"], self.fields["program"]
        elif not by.is_admin:
            del self.fields["is_template"]
        self._offer("program", led(by).order_by("name", "id"))
        self._offer("programs", Program.objects.visible_to(by).open().order_by("name", "id"))
        views = SavedView.objects.visible_to(by).filter(path="/")
        self._offer("view", views.by_name(by))
        self._offer("teams", Team.objects.order_by("name", "id"))
        self._offer("owner", people(row.owner if row else by))

    def _offer(self, name: str, rows: QuerySet[Any]) -> None:
        field = self.fields.get(name)
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = rows

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if "without" in cleaned:
            cleaned["without"] = " ".join(cleaned["without"])
        return cleaned

    @property
    def changes(self) -> dict[str, Any]:
        """Sets are handed over as they are: the service compares them."""
        sets = {"programs", "teams"}
        given = {name: self.cleaned_data[name] for name in self.names if name in self.cleaned_data}
        if self.row is None:
            return given
        plain = {name: value for name, value in given.items() if name not in sets}
        stored = {
            name: getattr(self._base or self.row, f"{name}_id" if name in ("owner", "view") else name) for name in plain
        }
        changed = {
            name: value
            for name, value in plain.items()
            if (value.pk if hasattr(value, "pk") else value) != stored[name]
        }
        return changed | {name: value for name, value in given.items() if name in sets}


class OwnForm(RecordForm):
    """A reader's own hours; an empty field is the plan's."""

    model = Subscription
    names = ("weekday", "hour", "paused_until")

    weekday = forms.TypedChoiceField(
        coerce=int, empty_value=None, required=False, choices=[("", lazy("As planned")), *WEEKDAYS]
    )
    hour = forms.TypedChoiceField(
        coerce=int, empty_value=None, required=False, choices=[("", lazy("As planned")), *HOURS]
    )
    paused_until = DayField(
        required=False, label=lazy("Pause until"), help_text=lazy("No letter up to and on this day. Empty: no pause.")
    )


class AddReaderForm(forms.Form):
    def __init__(self, data: QueryDict | None = None, *, plan: Plan) -> None:
        super().__init__(data)
        present = Subscription.objects.filter(plan=plan, user__isnull=False, ended_at=None)
        others = people(None).exclude(pk__in=present.values("user"))
        self.fields["user"] = forms.ModelChoiceField(others, label=_("Person"))


class InviteForm(forms.Form):
    email = forms.EmailField(
        label=lazy("E-mail address"), help_text=lazy("They get one question, and nothing before they say yes.")
    )
    name = forms.CharField(max_length=120)
    time_zone = zone_field(lazy("The hour of their letter is in this zone."))


class WebhookForm(forms.Form):
    url = forms.URLField(
        label=lazy("Address"),
        assume_scheme="https",
        max_length=500,
        help_text=lazy("Begins with https://. A new secret is made."),
    )
