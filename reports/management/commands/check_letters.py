"""Compute every number of sent letters again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reports.letters.checker import check_all
from reports.models import Letter


class Command(BaseCommand):
    help = "Compute every number of all sent letters again; fails where one differs from what was sent."

    def handle(self, *args: Any, **options: Any) -> None:
        letters = Letter.objects.filter(state=Letter.State.SENT).exclude(facts=None).defer("html").order_by("id")
        found = check_all(letters.iterator(chunk_size=100))
        for difference in found.differences:
            self.stderr.write(str(difference))
        self.stdout.write(
            f"{letters.count()} letters, {found.numbers} numbers with sources, {len(found.differences)} differences."
        )
        if found.differences:
            raise CommandError("What was sent does not agree with its sources.")
