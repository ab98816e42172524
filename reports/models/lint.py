"""How strictly updates are looked over before they are published."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from people.models import User


class LintPolicy(models.Model):
    """What each rule does: stop publishing, ask, or nothing. Rows are added, never changed: the newest counts.

    ``levels`` names the rules whose level is another one than they ship with.
    """

    version = models.PositiveIntegerField(primary_key=True)
    levels = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="lint_policies")
    reason = models.CharField(lazy("why"), max_length=500)

    class Meta:
        verbose_name = lazy("version of the update rules")
        constraints = [
            models.CheckConstraint(
                condition=~Q(reason=""),
                name="lint_policy_with_reason",
                violation_error_message=lazy("Say why the rules change."),
                violation_error_code="reason",
            )
        ]

    def __str__(self) -> str:
        return _("update rules v%(version)s") % {"version": self.version}
