"""Programs that have to do with each other."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as lazy

from history.tracker import track
from people.models import Viewer
from programs.models.program import Program


class RelatedLinkQuerySet(models.QuerySet["RelatedLink"]):
    def visible_to(self, viewer: Viewer) -> Self:
        """Links whose two programs the viewer may see."""
        programs = Program.objects.visible_to(viewer)
        return self.filter(program__in=programs, other__in=programs)


@track()
class RelatedLink(models.Model):
    """Two programs that have to do with each other without waiting for each other: never part of the network.

    An imported link may name its own program, where the source does.
    """

    class Kind(models.TextChoices):
        SEE_ALSO = "see_also", lazy("see also")
        REPLACES = "replaces", lazy("replaces")
        SUPERSEDED_BY = "superseded_by", lazy("superseded by")

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="related_links")
    other = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="related_links_here")
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.SEE_ALSO)

    objects = RelatedLinkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "other", "kind"],
                name="related_once",
                violation_error_message=lazy("These programs are linked like this already."),
                violation_error_code="other",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.program_id} {self.kind} {self.other_id}"
