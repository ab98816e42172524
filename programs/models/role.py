"""Who does what in a program: roles that people have, and slots that are to be filled."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as lazy

from history.models import Record
from history.past import VISIBLE
from history.tracker import track
from people.models import Team, User
from programs.models.program import OfProgramQuerySet, Program


# Of programs that the reader does not see today, nobody has a role in the past.
@track(past={"user_id": f"CASE WHEN e.program_id = ANY({VISIBLE}) THEN e.user_id END"})
class Role(models.Model):
    """What a person may do in a program (programs/permissions.py)."""

    class Kind(models.TextChoices):
        LEAD = "lead", lazy("Lead")
        CONTRIBUTOR = "contributor", lazy("Contributor")
        VIEWER = "viewer", lazy("Viewer")

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="roles")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="roles")
    kind = models.CharField(lazy("role"), max_length=12, choices=Kind.choices)

    objects = OfProgramQuerySet["Role"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "user"],
                name="role_once",
                violation_error_message=lazy("This person has a role in the program already."),
                violation_error_code="user",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.kind}"


@track()
class Slot(Record):
    """A role that the program needs filled: by a person, or open."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="slots")
    title = models.CharField(max_length=120)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="slots")
    person = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="slots")
    agreed_on = models.DateField(null=True, blank=True)

    objects = OfProgramQuerySet["Slot"].as_manager()

    def __str__(self) -> str:
        return self.title
