"""Running an import as the command does, with the result as counts."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.core.management import call_command

from people.services import create_user, set_up_organisation
from tests.reports.conftest import portfolio as portfolio

MAPPINGS = Path(__file__).resolve().parents[2] / "docs" / "mappings"


@dataclass(frozen=True)
class Result:
    """What an import said: counts by noun and outcome, and its notes and refusals."""

    counts: dict[str, dict[str, int]]
    said: str
    code: int

    def of(self, noun: str) -> dict[str, int]:
        return {outcome: number for outcome, number in self.counts[noun].items() if number}

    @property
    def refused(self) -> int:
        return sum(outcomes["refused"] for outcomes in self.counts.values())


Import = Callable[..., Result]


@pytest.fixture
def run_import(db: None) -> Import:
    """Import files as the only administrator."""
    set_up_organisation(name="Infrastructure")
    create_user(email="ada@example.com", name="Ada Admin", password=None, by=None, is_admin=True)

    def run(*paths: Path, **options: object) -> Result:
        out, err = io.StringIO(), io.StringIO()
        code = 0
        try:
            call_command("import_portfolio", *map(str, paths), json=True, stdout=out, stderr=err, **options)
        except SystemExit as refused:
            code = int(str(refused.code))
        return Result(json.loads(out.getvalue().splitlines()[-1]), err.getvalue(), code)

    return run


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a small table: ``table("programs.csv", "key,name\\nNA4,Region")``."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return write
