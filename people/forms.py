"""The posted shapes of people, teams, calendars, tokens and the organisation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from history.days import DayField
from history.forms import RecordForm
from people.models import (
    MINUTES_OF_DAY,
    WEEKDAYS,
    AccessToken,
    Organisation,
    SavedView,
    Team,
    User,
    WorkingCalendar,
)

REGIONS = (
    "Africa",
    "America",
    "Antarctica",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)
HOURS = re.compile(r"(\d{1,2})(?::([0-5]\d)|([.,]\d{1,2}))?\s*h?")
MOST_HOLIDAYS = 500
TOKEN_DAYS = 90


def people(current: User | None) -> QuerySet[User]:
    """Whom a field may name: active people, and whoever stands there now."""
    return User.objects.filter(Q(is_active=True) | Q(pk=current.pk if current else None)).order_by("name", "id")


@cache
def zones() -> list[tuple[str | Promise, list[tuple[str, str]]]]:
    """All time zones, by region, as a select offers them."""
    known = sorted(available_timezones())
    groups: list[tuple[str | Promise, list[str]]] = [(lazy("Universal"), ["UTC"])]
    groups += [(region, [name for name in known if name.startswith(f"{region}/")]) for region in REGIONS]
    listed = {name for _region, names in groups for name in names}
    groups.append((lazy("Other"), [name for name in known if name not in listed]))
    return [
        (region, [(name, name.removeprefix(f"{region}/").replace("_", " ")) for name in names])
        for region, names in groups
    ]


def zone_field(help_text: Any) -> forms.ChoiceField:
    return forms.ChoiceField(choices=zones, label=lazy("Time zone"), initial="UTC", help_text=help_text)


class HoursField(forms.Field):
    """Working time of a day, typed as hours (“8”, “7.5”, “7:30”) and kept in minutes."""

    default_error_messages = {"hours": lazy("Write hours from 0 to 24: 8, 7.5 or 7:30.")}

    def to_python(self, value: Any) -> int:
        if isinstance(value, int):
            return value
        text = str(value or "").strip()
        if not text:
            return 0
        found = HOURS.fullmatch(text)
        if not found:
            raise ValidationError(self.error_messages["hours"], code="hours")
        part = Decimal((found[3] or ".0").replace(",", "."))
        minutes = int(found[1]) * 60 + int(found[2] or 0) + round(part * 60)
        if minutes > MINUTES_OF_DAY:
            raise ValidationError(self.error_messages["hours"], code="hours")
        return minutes

    def prepare_value(self, value: Any) -> Any:
        """Minutes as hours: 480 as “8”, 450 as “7:30”."""
        if not isinstance(value, int):
            return value
        return f"{value // 60}:{value % 60:02}" if value % 60 else str(value // 60)


class HolidaysField(forms.CharField):
    """Days off, one a line: the day, then its name."""

    widget = forms.Textarea(attrs={"rows": "8"})

    def to_python(self, value: Any) -> Any:
        days: dict[date, str] = {}
        errors = []
        lines = [line.strip() for line in str(value or "").splitlines()]
        for number, line in enumerate(lines, 1):
            if not line:
                continue
            day, _space, name = line.partition(" ")
            try:
                on = date.fromisoformat(day)
            except ValueError:
                errors.append(_("Line %(number)s: begin with a day such as 2026-12-25.") % {"number": number})
                continue
            if on in days:
                errors.append(_("Line %(number)s: %(on)s stands there twice.") % {"number": number, "on": on})
            elif len(name.strip()) > 120:
                errors.append(_("Line %(number)s: a name has at most 120 characters.") % {"number": number})
            days[on] = name.strip()
        if len(days) > MOST_HOLIDAYS:
            errors.append(_("A calendar has at most %(most)s holidays.") % {"most": MOST_HOLIDAYS})
        if errors:
            raise ValidationError(errors, code="holidays")
        return sorted(days.items())

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        return "\n".join(f"{on.isoformat()} {name}".rstrip() for on, name in value)


class ProfileForm(RecordForm):
    model = User
    names = ("name", "time_zone", "appearance")
    time_zone = zone_field(lazy("Moments on pages and the hour of your letter are in this zone."))


class PersonForm(RecordForm):
    """A person as an administrator adds or changes them; without an account of one's own, nobody signs in."""

    model = User
    names = ("name", "email", "time_zone", "is_admin", "is_active")
    time_zone = zone_field("")

    def __init__(self, data: QueryDict | None = None, *, row: User | None = None) -> None:
        super().__init__(data, row=row)
        self.fields["email"].label = _("E-mail")
        self.fields["email"].help_text = _("They sign in with it.")
        self.fields["is_admin"].label = _("Administrator")
        self.fields["is_admin"].help_text = _("Sees every program, private ones too, and changes everything.")
        self.fields["is_active"].label = _("May sign in")
        self.fields["is_active"].help_text = _("What they lead and own stays theirs.")
        if row is None:
            del self.fields["is_active"]


class TeamForm(RecordForm):
    model = Team
    names = ("name", "area", "capacity_days", "calendar", "limits_work")

    def __init__(self, data: QueryDict | None = None, *, row: Team | None = None) -> None:
        super().__init__(data, row=row)
        self.fields["area"].help_text = _("The part of the organisation it belongs to.")
        self.fields["capacity_days"].help_text = _("What the team can deliver a week, all members together.")
        self.fields["calendar"] = forms.ModelChoiceField(
            WorkingCalendar.objects.order_by("name", "id"),
            required=False,
            label=_("Working calendar"),
            empty_label=_("The organisation's calendar"),
        )
        self.order_fields([*self.names])


class MembersForm(forms.Form):
    members = forms.ModelMultipleChoiceField(
        User.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, label=lazy("Members")
    )

    def __init__(self, data: QueryDict | None = None, *, team: Team) -> None:
        present = list(team.memberships.values_list("user_id", flat=True))
        super().__init__(data, initial={"members": present})
        offered = User.objects.filter(Q(is_active=True) | Q(pk__in=present)).order_by("name", "id")
        self.fields["members"].queryset = offered  # type: ignore[attr-defined]


class OrganisationForm(RecordForm):
    model = Organisation
    names = ("name", "time_zone", "calendar")
    time_zone = zone_field(lazy("It says which day is today, for every forecast and due day."))

    def __init__(self, data: QueryDict | None = None, *, row: Organisation) -> None:
        super().__init__(data, row=row)
        self.fields["calendar"] = forms.ModelChoiceField(
            WorkingCalendar.objects.order_by("name", "id"),
            label=_("Working calendar"),
            help_text=_("For work of teams without a calendar of their own."),
        )
        self.order_fields([*self.names])


class CalendarForm(RecordForm):
    model = WorkingCalendar
    names = ("name", *WEEKDAYS)
    monday = HoursField(required=False, initial=480, help_text=lazy("Working hours: 8, 7.5 or 7:30; 0 is a day off."))
    tuesday = HoursField(required=False, initial=480)
    wednesday = HoursField(required=False, initial=480)
    thursday = HoursField(required=False, initial=480)
    friday = HoursField(required=False, initial=480)
    saturday = HoursField(required=False, initial=0)
    sunday = HoursField(required=False, initial=0)
    holidays = HolidaysField(
        required=False, help_text=lazy("One a line, the day first: 2026-12-25 Christmas. Nobody works on these days.")
    )

    def __init__(self, data: QueryDict | None = None, *, row: WorkingCalendar | None = None) -> None:
        free: Iterable[tuple[date, str]] = row.holidays.order_by("on").values_list("on", "name") if row else []
        super().__init__(data, row=row, initial={"holidays": list(free)})


class TokenForm(forms.Form):
    name = forms.CharField(
        max_length=120, label=lazy("What it is for"), help_text=lazy("Such as “capacity sheet, nightly”.")
    )
    scopes = forms.MultipleChoiceField(
        label=lazy("It may"),
        choices=[
            (AccessToken.Scope.READ, lazy("Read what you may see")),
            (AccessToken.Scope.WRITE, lazy("Write what you may")),
        ],
        initial=[AccessToken.Scope.READ],
        widget=forms.CheckboxSelectMultiple,
    )
    expires_on = DayField(label=lazy("Ends on"), help_text=lazy("The last day on which it works."))

    def __init__(self, data: QueryDict | None = None, *, today: date) -> None:
        super().__init__(data, initial={"expires_on": today + timedelta(days=TOKEN_DAYS)})


class ViewForm(RecordForm):
    """A saved view as its owner changes it."""

    model = SavedView
    names: ClassVar[tuple[str, ...]] = ("name", "query", "is_shared")

    def __init__(
        self, data: QueryDict | None = None, *, row: SavedView | None = None, initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, row=row, initial=initial)
        self.fields["is_shared"].help_text = _(
            "Everyone finds it in the list of views, and sees in it what they may see."
        )


class NewViewForm(ViewForm):
    """The page that is looked at, to be kept under a name."""

    names = ("name", "is_shared", "path", "query")

    def __init__(self, data: QueryDict | None = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        for name in ("path", "query"):
            self.fields[name].widget = forms.HiddenInput()


class SetUpForm(forms.Form):
    """The first page of a new installation: the organisation, and who administers it."""

    organisation = forms.CharField(max_length=120, label=lazy("Organisation"))
    time_zone = zone_field(lazy("It says which day is today."))
    name = forms.CharField(max_length=120, label=lazy("Your name"))
    email = forms.EmailField(
        label=lazy("Your e-mail address"),
        help_text=lazy("You sign in with it."),
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    password = forms.CharField(
        label=lazy("Password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=lazy("At least 10 characters."),
    )
    again = forms.CharField(
        max_length=200,
        strip=False,
        label=lazy("Password again"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("password") and cleaned.get("again") and cleaned["password"] != cleaned["again"]:
            self.add_error("again", _("The two passwords differ."))
        return cleaned
