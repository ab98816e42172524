"""The posted shapes of communication plans and of their readers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from history.days import DayField
from history.forms import RecordForm
from people.forms import people, zone_field, zones
from people.models import SavedView, Team, User
from programs.models import Program
from reports.models import Plan, Subscription
from reports.models.plan import SECTIONS, WEEKDAYS

HOURS = [(hour, f"{hour:02}:00") for hour in range(24)]


def led(user: User) -> QuerySet[Program]:
    """Programs whose plan a person may change."""
    return Program.objects.visible_to(user) if user.is_admin else Program.objects.led_by(user)


class SectionsField(forms.MultipleChoiceField):
    """Sections of a letter, stored as their names with spaces between."""

    def clean(self, value: Any) -> Any:
        return " ".join(super().clean(value))

    def prepare_value(self, value: Any) -> Any:
        return value.split() if isinstance(value, str) else value


class PlanForm(RecordForm):
    """A plan's own fields; ``related`` holds those that live in rows of their own."""

    model = Plan
    names = (
        "name", "content", "program", "view", "audience", "enrols", "length", "without", "channel", "rhythm",
        "every_weeks", "starts_on", "weekday", "hour", "zone", "paused_from", "paused_until", "owner", "is_template",
    )  # fmt: skip

    content = forms.ChoiceField(
        choices=[choice for choice in Plan.Content.choices if choice[0] != Plan.Content.DAY], label=lazy("Tells of")
    )
    program = forms.ModelChoiceField(
        Program.objects.none(), required=False, help_text=lazy("When it tells of one program.")
    )
    programs = forms.ModelMultipleChoiceField(
        Program.objects.none(),
        required=False,
        label=lazy("Chosen programs"),
        help_text=lazy("When it tells of chosen programs."),
    )
    view = forms.ModelChoiceField(
        SavedView.objects.none(),
        required=False,
        label=lazy("Saved view"),
        help_text=lazy("When it tells of the programs of a saved view."),
    )
    teams = forms.ModelMultipleChoiceField(
        Team.objects.none(), required=False, help_text=lazy("Their members get it, as they come and go.")
    )
    without = SectionsField(
        choices=list(SECTIONS.items()), required=False, label=lazy("Leave out"), widget=forms.CheckboxSelectMultiple
    )
    weekday = forms.TypedChoiceField(coerce=int, choices=WEEKDAYS)
    hour = forms.TypedChoiceField(coerce=int, choices=HOURS)
    starts_on = DayField(
        required=False,
        label=lazy("Counted from the week of"),
        help_text=lazy("A day in the first week, when it comes every few weeks."),
    )
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
        chosen = [one.program_id for one in row.chosen.all()] if row else []
        teams = [one.team_id for one in row.team_links.all()] if row else []
        super().__init__(data, row=row, initial={"programs": chosen, "teams": teams} | (initial or {}))
        place, reach = self.names.index("view"), self.names.index("length")
        self.order_fields([*self.names[:place], "programs", *self.names[place:reach], "teams", *self.names[reach:]])
        if row:
            del self.fields["is_template"], self.fields["program"]
        elif not by.is_admin:
            del self.fields["is_template"]
        self.fields["every_weeks"].label = lazy("Every how many weeks")
        self._offer("program", led(by).order_by("name", "id"))
        offered = Q(pk__in=chosen) | Q(pk__in=Program.objects.open())
        self._offer("programs", Program.objects.visible_to(by).filter(offered).order_by("name", "id"))
        views = SavedView.objects.visible_to(by).filter(path="/")
        self._offer("view", views.by_name(by))
        self._offer("teams", Team.objects.order_by("name", "id"))
        self._offer("owner", people(row.owner if row else by))

    def _offer(self, name: str, rows: QuerySet[Any]) -> None:
        field = self.fields.get(name)
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = rows

    @property
    def related(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("programs", "teams")}


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
