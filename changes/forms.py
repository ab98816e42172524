"""The posted shape of a program that starts with a plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from changes.plans import Item, Plan, WorkingDays, plan_of, refuse_far
from changes.templates import Template
from history.days import DayField
from history.forms import RecordForm
from people.forms import people
from people.models import Team, User
from programs.forms import KeyField
from programs.models import Program

START, TARGET = "start", "target"


class StartForm(RecordForm):
    """A program's name and key, the day that its plan is counted from, and what each milestone is called.

    ``plan`` is what would be created: of an unbound or faulty form, as it stood when the page was opened.
    """

    model = Program
    names = ("name", "key", "lead", "owning_team", "visibility")
    counted_from: ClassVar = ((START, lazy("the day it starts")), (TARGET, lazy("its target, backwards")))
    key = KeyField(max_length=16, help_text=lazy("Short and for good, such as NA4: it stands in every link."))
    counted = forms.ChoiceField(choices=counted_from, widget=forms.RadioSelect, initial=START, label=lazy("Count from"))
    day = DayField(label=lazy("That day"))
    phases = forms.BooleanField(required=False, initial=True, label=lazy("With phases and what their gates ask for"))
    risks = forms.BooleanField(required=False, initial=True, label=lazy("With risks and the days that they may cost"))

    def __init__(
        self,
        data: QueryDict | None,
        *,
        first: Plan,
        counted_on: Callable[[str, date], Plan],
        by: User,
        today: date,
        **initial: Any,
    ) -> None:
        """``counted_on`` lays the first plan out on other days: counted from its start or its target, and which day."""
        super().__init__(data, initial={"lead": by.pk, "day": today} | initial)
        self.first, self.counted_on, self.today = first, counted_on, today
        self.fields["lead"] = forms.ModelChoiceField(people(None), required=False)
        self.fields["owning_team"] = forms.ModelChoiceField(Team.objects.order_by("name", "id"), required=False)
        self.fields["lead"].help_text = _("Answers for it, and changes everything in it.")
        self.order_fields([*self.names, "counted", "day", "phases", "risks"])
        for item in self.first.items:
            self.fields[f"item-{item.code}"] = forms.CharField(
                max_length=200,
                required=item.is_end,
                initial=item.name,
                label=_("Name of “%(name)s”") % {"name": item.name},
            )
        if not self.first.gates:
            del self.fields["phases"]
        if not self.first.threats:
            del self.fields["risks"]

    def clean_day(self) -> date:
        day: date = self.cleaned_data["day"]
        refuse_far(day, self.today)
        return day

    @property
    def head(self) -> list[forms.BoundField]:
        """The fields of the program itself."""
        return [field for field in self.visible_fields() if not field.name.startswith("item-")]

    @property
    def lines(self) -> list[tuple[str, list[tuple[Item, forms.BoundField]]]]:
        """The fields of its milestones by workstream, each with what it would be."""
        lines: dict[str, list[tuple[Item, forms.BoundField]]] = {}
        for item in self.counted_plan.items:
            lines.setdefault(item.stream, []).append((item, self[f"item-{item.code}"]))
        return list(lines.items())

    @cached_property
    def counted_plan(self) -> Plan:
        """The plan on the days that the form names, under its first names."""
        given = getattr(self, "cleaned_data", {})
        if not (given.get("day") and given.get("counted")):
            return self.first
        plan = self.counted_on(given["counted"], given["day"])
        day = self.fields["day"]
        if given["counted"] == TARGET and isinstance(day, DayField) and day.precision:
            plan = replace(plan, target_precision=day.precision)
        return plan

    @property
    def plan(self) -> Plan:
        """What to create."""
        given = self.cleaned_data
        names = {name.removeprefix("item-"): text for name, text in given.items() if name.startswith("item-")}
        return self.counted_plan.chosen(names, gates=bool(given.get("phases")), threats=bool(given.get("risks")))


class TemplateForm(StartForm):
    def __init__(self, data: QueryDict | None = None, *, template: Template, by: User, today: date) -> None:
        days = WorkingDays()

        def counted_on(counted: str, day: date) -> Plan:
            return template.lay_out(days, **{f"{counted}_on": day})

        super().__init__(data, first=counted_on(START, today), counted_on=counted_on, by=by, today=today)


class CopyForm(StartForm):
    def __init__(self, data: QueryDict | None = None, *, program: Program, by: User, today: date) -> None:
        first = plan_of(program)

        def counted_on(counted: str, day: date) -> Plan:
            begins = first.start_on if counted == START else first.target_on
            return first.moved(day - begins) if begins else first

        given = {name: getattr(program, name) for name in ("name", "owning_team", "visibility")}
        given["day"] = first.start_on or today
        super().__init__(data, first=first, counted_on=counted_on, by=by, today=today, **given)
        if not self.first.target_on:
            self.fields["counted"].choices = self.counted_from[:1]  # type: ignore[attr-defined]
