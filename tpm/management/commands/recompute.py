"""Compute forecasts and derived health now, without waiting for the sweep."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

import forecasts.services
import people.services
from programs.models import Program


class Command(BaseCommand):
    help = "Compute forecasts and derived health of programs that are behind, or of all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="compute all programs again, also those up to date")

    def handle(self, *args: Any, **options: Any) -> None:
        at = timezone.now()
        today = people.services.today(at)
        again = options["all"]
        wanted = Program.objects.values_list("pk", flat=True) if again else forecasts.services.behind(today=today)
        judged = forecasts.services.bring_up_to_date(program_ids=list(wanted), today=today, at=at, again=again)
        self.stdout.write(f"{len(judged)} programs brought up to date.")
