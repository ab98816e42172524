"""Compute every number of published updates again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reports.models import Update
from reports.updates.checker import check_all


class Command(BaseCommand):
    help = "Compute every number of all published updates again; fails where one differs from what was published."

    def handle(self, *args: Any, **options: Any) -> None:
        updates = list(Update.objects.published().order_by("id"))
        found = check_all(updates)
        for difference in found.differences:
            self.stderr.write(str(difference))
        self.stdout.write(
            f"{len(updates)} updates, {found.numbers} numbers with sources, {found.own} in a lead's own words, "
            f"{len(found.differences)} differences."
        )
        if found.differences:
            raise CommandError("What was published does not agree with its sources.")
