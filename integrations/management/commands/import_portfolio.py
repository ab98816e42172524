"""Import tables of programs, milestones, dependencies and more (docs/import.md)."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from integrations.tables import importing, mapping, reading
from integrations.tables.reading import MOST_BYTES, Refusal
from integrations.tables.report import Outcome, Report, in_words
from milestones.models import SlipCause
from people.models import User
from people.services import today

MOST_SHOWN = 50


class Command(BaseCommand):
    # Checking every address of the site takes longer than refusing a bad file.
    requires_system_checks: list[str] = []
    help = "Import tables (CSV, Excel, JSON) of programs, milestones, dependencies and more. All or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="DIR_OR_FILE")
        parser.add_argument("--mapping", type=Path, help="which column goes where (docs/import.md)")
        parser.add_argument("--by", metavar="EMAIL", help="the administrator who imports; the first one if left out")
        parser.add_argument("--cause", metavar="NAME", help="why promised dates move, where the import moves some")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen and write nothing")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        report = Report()
        tables: list[reading.Table] = []
        now = timezone.now()
        plan = None
        try:
            if options["mapping"]:
                plan = mapping.parse(_mapping_text(options["mapping"]), str(options["mapping"].name))
            for path in reading.table_files(options["paths"]):
                if plan and options["paths"] != [path] and not mapping.names_file(plan, path.name):
                    continue
                try:
                    with path.open("rb") as source:
                        tables += reading.read(path.name, source)
                except Refusal as refusal:
                    report.refuse(refusal)
        except Refusal as refusal:
            report.refuse(refusal)
        if not report.refused:
            report = importing.run(
                tables=tables,
                mapping=plan or mapping.own_columns(tables),
                by=_importer(options["by"]),
                at=now,
                today=today(now),
                report=report,
                cause=_cause(options["cause"]),
                dry_run=options["dry_run"],
            )
        self._say(report, options)
        if report.refused:
            raise SystemExit(1)

    def _say(self, report: Report, options: dict[str, Any]) -> None:
        for warning in report.warnings:
            self.stderr.write(f"Note: {warning}")
        for line in report.refused[:MOST_SHOWN]:
            value = f" (found: {line.value!r})" if line.value else ""
            self.stderr.write(f"Refused: {line.place}: {line.reason}{value}")
        if len(report.refused) > MOST_SHOWN:
            self.stderr.write(f"… and {len(report.refused) - MOST_SHOWN} more.")
        skipped: dict[tuple[str, str], list[str]] = {}
        for line in report.lines:
            if line.outcome == Outcome.SKIPPED:
                skipped.setdefault((line.file, line.reason), []).append(str(line.row))
        for (file, reason), rows in list(skipped.items())[:MOST_SHOWN]:
            many = f"rows {', '.join(rows[:8])}{' …' if len(rows) > 8 else ''}"
            self.stderr.write(f"Skipped: {file}, {many if len(rows) > 1 else f'row {rows[0]}'}: {reason}")
        for line_in_words in in_words(report.counts()):
            self.stdout.write(line_in_words)
        if report.refused:
            self.stdout.write("Nothing was written. Mend what is refused and import again.")
        elif options["dry_run"]:
            self.stdout.write("A dry run: nothing was written.")
        elif not report.written:
            self.stdout.write("Everything is here already: nothing was written.")
        if options["json"]:
            self.stdout.write(json.dumps(report.counts()))


def _mapping_text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES // 64:
            raise Refusal("This is too long for a mapping.", file=path.name)
        return path.read_text(encoding="utf-8-sig")
    except OSError as missing:
        raise Refusal("The mapping cannot be read. Check the path.", file=str(path)) from missing
    except UnicodeDecodeError as broken:
        raise Refusal("The mapping is not UTF-8 text.", file=path.name) from broken


def _importer(email: str | None) -> User:
    administrators = User.objects.filter(is_admin=True, is_active=True)
    if email:
        found = administrators.filter(email__iexact=email).first()
        if found is None:
            raise CommandError(f"No active administrator has the address {email}.")
        return found
    first = administrators.order_by("id").first()
    if first is None:
        raise CommandError(
            "Nobody may import yet: there is no administrator. Create one with ./run manage create_user."
        )
    return first


def _cause(name: str | None) -> SlipCause | None:
    if not name:
        return None
    found = SlipCause.objects.filter(name__iexact=name, retired_on=None).first()
    if found is None:
        known = ", ".join(
            SlipCause.objects.filter(retired_on=None).order_by("position", "id").values_list("name", flat=True)
        )
        raise CommandError(
            f"There is no cause “{name}”. Choose one of: {known or 'none yet, add one in the settings'}."
        )
    return found
