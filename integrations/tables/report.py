"""What an import did, or would do: a line for each row, and the counts of each noun."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from integrations.tables.nouns import NOUNS
from integrations.tables.reading import Refusal


class Outcome(TextChoices):
    CREATED = "created", lazy("Created")
    UPDATED = "updated", lazy("Updated")
    UNCHANGED = "unchanged", lazy("Unchanged")
    SKIPPED = "skipped", lazy("Skipped")
    REFUSED = "refused", lazy("Refused")


@dataclass(frozen=True)
class Line:
    noun: str
    outcome: str
    file: str = ""
    row: int | None = None
    name: str = ""
    column: str = ""
    value: str = ""
    reason: str = ""

    @property
    def place(self) -> str:
        row = _("row %(row)s") % {"row": self.row} if self.row else ""
        column = _("column %(column)s") % {"column": self.column} if self.column else ""
        return ", ".join(part for part in (self.file, row, column) if part)


@dataclass
class Report:
    lines: list[Line] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    written: bool = False

    def refuse(self, refusal: Refusal) -> None:
        """Note a file that cannot be read."""
        self.lines.append(
            Line(
                noun="files",
                outcome=Outcome.REFUSED,
                file=refusal.file,
                row=refusal.row,
                column=refusal.column,
                value=refusal.value,
                reason=refusal.reason,
            )
        )

    @property
    def refused(self) -> list[Line]:
        return [line for line in self.lines if line.outcome == Outcome.REFUSED]

    @property
    def changing(self) -> bool:
        return any(line.outcome in (Outcome.CREATED, Outcome.UPDATED) for line in self.lines)

    def counts(self) -> dict[str, dict[str, int]]:
        """Rows by noun and outcome."""
        counts = {noun: dict.fromkeys(Outcome.values, 0) for noun in [*NOUNS, "files"]}
        refused = set()
        for line in self.lines:
            if line.outcome == Outcome.REFUSED:
                refused.add((line.noun, line.file, line.row))  # a row with two wrong cells is one row
            else:
                counts[line.noun][line.outcome] += 1
        for noun, _file, _row in refused:
            counts[noun][Outcome.REFUSED] += 1
        return counts

    def as_json(self, most_lines: int | None = None) -> dict[str, Any]:
        """For storing: counts of all lines, and the lines themselves, those that want a look first."""
        order = [Outcome.REFUSED, Outcome.SKIPPED, Outcome.UPDATED, Outcome.CREATED, Outcome.UNCHANGED]
        lines = sorted(self.lines, key=lambda line: order.index(Outcome(line.outcome)))
        return {
            "counts": self.counts(),
            "warnings": self.warnings,
            "written": self.written,
            "all_lines": len(lines),
            "lines": [asdict(line) for line in lines[:most_lines]],
        }


def in_words(counts: dict[str, dict[str, int]]) -> Iterable[str]:
    """``319 programs created``, and so on."""
    for noun, outcomes in counts.items():
        said = ", ".join(f"{number} {Outcome(outcome).label.lower()}" for outcome, number in outcomes.items() if number)
        if said:
            yield f"{noun.replace('_', ' ')}: {said}"
