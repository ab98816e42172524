"""What may be imported: the nouns in the order in which they are written, and the fields of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from metrics.models import KPI
from milestones.models import Dependency, Milestone
from programs.models import Precision, Program, RelatedLink
from risks.models import Risk


class Kind(Enum):
    """How the text of a cell is read."""

    TEXT = "text"
    DAY = "day"
    TARGET = "target"
    DAYS = "days"
    WORK = "work"
    LAG = "lag"
    WHOLE = "whole"
    NUMBER = "number"
    YES_NO = "yes_no"
    CHOICE = "choice"
    NAMES = "names"
    WEEKDAYS = "weekdays"
    PERSON = "person"


# What belongs into a cell, where neither choices nor another noun say it.
SAYS = {
    Kind.TEXT: lazy("text"),
    Kind.DAY: lazy("day"),
    Kind.TARGET: lazy("day or period"),
    Kind.DAYS: lazy("days, one a line or between separators"),
    Kind.WORK: lazy("working days; 4h and 30m are read too"),
    Kind.LAG: lazy("working days, negative for a lead"),
    Kind.WHOLE: lazy("whole number"),
    Kind.NUMBER: lazy("number"),
    Kind.YES_NO: lazy("yes or no"),
    Kind.WEEKDAYS: lazy("list of weekdays"),
    Kind.PERSON: lazy("e-mail address of a person"),
}


@dataclass(frozen=True)
class Field:
    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    choices: type[TextChoices] | None = None
    refers_to: str = ""

    @property
    def label(self) -> str:
        """The field in words: “Target”, “External key”."""
        return self.name.removesuffix("_on").replace("_", " ").capitalize()

    @property
    def says(self) -> str:
        """What belongs into a cell, for the page and for refusals."""
        if self.choices:
            return _("one of %(names)s") % {"names": ", ".join(self.choices.values)}
        if self.refers_to:
            form = _("list of %(nouns)s") if self.kind is Kind.NAMES else _("name or key, from %(nouns)s")
            return form % {"nouns": self.refers_to}
        return str(SAYS[self.kind])


@dataclass(frozen=True)
class Noun:
    name: str
    singular: str | Promise
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field | None:
        return next((field for field in self.fields if field.name == name), None)

    @property
    def required(self) -> list[str]:
        return [field.name for field in self.fields if field.required]


PROGRAM = Field("program", required=True, refers_to="programs")
EXTERNAL_KEY = Field("external_key")
NAME = Field("name", required=True)
NOTE = Field("note")
OWNER = Field("owner", Kind.PERSON)

NOUNS = {
    noun.name: noun
    for noun in (
        Noun(
            "calendars",
            lazy("calendar"),
            (NAME, Field("day_hours", Kind.NUMBER), Field("days_off", Kind.WEEKDAYS), Field("holidays", Kind.DAYS)),
        ),
        Noun(
            "teams",
            lazy("team"),
            (
                EXTERNAL_KEY,
                NAME,
                Field("area"),
                Field("capacity_days", Kind.NUMBER),
                Field("calendar", refers_to="calendars"),
            ),
        ),
        Noun(
            "programs",
            lazy("program"),
            (
                EXTERNAL_KEY,
                Field("key"),
                NAME,
                Field("summary"),
                Field("area"),
                Field("lead", Kind.PERSON),
                Field("sponsor", Kind.PERSON),
                Field("owning_team", refers_to="teams"),
                Field("partner_teams", Kind.NAMES, refers_to="teams"),
                Field("rank", Kind.WHOLE),
                Field("state", Kind.CHOICE, choices=Program.State),
                Field("target_on", Kind.TARGET),
                Field("target_precision", Kind.CHOICE, choices=Precision),
                Field("visibility", Kind.CHOICE, choices=Program.Visibility),
            ),
        ),
        Noun("workstreams", lazy("workstream"), (PROGRAM, NAME, Field("position", Kind.WHOLE))),
        Noun(
            "milestones",
            lazy("milestone"),
            (
                PROGRAM,
                EXTERNAL_KEY,
                NAME,
                Field("workstream", refers_to="workstreams"),
                Field("kind", Kind.CHOICE, choices=Milestone.Kind),
                Field("is_end", Kind.YES_NO),
                OWNER,
                Field("team", refers_to="teams"),
                Field("work_low", Kind.WORK),
                Field("work_likely", Kind.WORK),
                Field("work_high", Kind.WORK),
                Field("demand_days", Kind.NUMBER),
                Field("not_before_on", Kind.DAY),
                Field("target_on", Kind.TARGET),
                Field("target_precision", Kind.CHOICE, choices=Precision),
                Field("started_on", Kind.DAY),
                Field("remaining", Kind.WORK),
                Field("done_on", Kind.DAY),
                Field("cancelled_on", Kind.DAY),
                NOTE,
            ),
        ),
        Noun(
            "dependencies",
            lazy("dependency"),
            (
                Field("program", refers_to="programs"),
                Field("predecessor_program", refers_to="programs"),
                Field("predecessor", required=True),
                Field("successor_program", refers_to="programs"),
                Field("successor", required=True),
                EXTERNAL_KEY,
                Field("kind", Kind.CHOICE, choices=Dependency.Kind),
                Field("lag", Kind.LAG),
                Field("need_by_on", Kind.DAY),
                Field("promised_on", Kind.DAY),
                NOTE,
            ),
        ),
        Noun(
            "related_links",
            lazy("related link"),
            (
                PROGRAM,
                Field("other", required=True, refers_to="programs"),
                Field("kind", Kind.CHOICE, choices=RelatedLink.Kind),
            ),
        ),
        Noun(
            "risks",
            lazy("risk"),
            (
                PROGRAM,
                EXTERNAL_KEY,
                Field("title", required=True),
                Field("cause"),
                Field("event"),
                Field("effect"),
                Field("probability", Kind.NUMBER),
                Field("residual_probability", Kind.NUMBER),
                Field("likelihood_score", Kind.WHOLE),
                Field("impact_score", Kind.WHOLE),
                Field("response", Kind.CHOICE, choices=Risk.Response),
                Field("mitigation"),
                OWNER,
                Field("review_on", Kind.DAY),
                Field("raised_on", Kind.DAY),
                Field("closed_on", Kind.DAY),
                Field("closed_because"),
            ),
        ),
        Noun(
            "issues",
            lazy("issue"),
            (
                PROGRAM,
                EXTERNAL_KEY,
                Field("title", required=True),
                NOTE,
                OWNER,
                Field("raised_on", Kind.DAY),
                Field("due_on", Kind.DAY),
                Field("closed_on", Kind.DAY),
            ),
        ),
        Noun(
            "kpis",
            lazy("KPI"),
            (
                PROGRAM,
                EXTERNAL_KEY,
                NAME,
                Field("unit"),
                Field("direction", Kind.CHOICE, choices=KPI.Direction),
                Field("start_value", Kind.NUMBER),
                Field("start_on", Kind.DAY),
                Field("target_value", Kind.NUMBER),
                Field("target_on", Kind.DAY),
                Field("limit_value", Kind.NUMBER),
                OWNER,
                Field("cadence", Kind.CHOICE, choices=KPI.Cadence),
            ),
        ),
        Noun(
            "measurements",
            lazy("measurement"),
            (
                PROGRAM,
                Field("kpi", required=True),
                Field("on", Kind.DAY, required=True),
                Field("value", Kind.NUMBER, required=True),
                NOTE,
            ),
        ),
    )
}
