"""Risks from tables: their probabilities before and after mitigation, and what is refused of them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from risks.models import Risk
from tests.integrations.conftest import Import

Write = Callable[[str, str], Path]
PROGRAMS = "key,name\nNA4,Region NA-4\n"


def test_both_probabilities_are_imported(run_import: Import, table: Write) -> None:
    risks = "program,title,probability,residual_probability\nNA4,Switchgear late,0.6,0.2\nNA4,Optics fail,0.3,\n"
    result = run_import(table("programs.csv", PROGRAMS), table("risks.csv", risks))
    assert result.of("risks") == {"created": 2}
    found = dict(Risk.objects.values_list("title", "residual_probability"))
    assert found == {"Switchgear late": Decimal("0.2"), "Optics fail": None}


@pytest.mark.parametrize(
    ("cells", "column", "says"),
    [
        ("1.5,", "probability", "A probability lies between 0 and 1: write 0.6 for 60 per cent."),
        ("60,", "probability", "A probability lies between 0 and 1: write 0.6 for 60 per cent."),
        ("-0.2,", "probability", "between 0 and 1"),
        ("NaN,", "probability", "out of any range"),
        ("60%,", "probability", "Write a plain number, such as 12 or 0.5."),
        ("0.3,0.4", "residual_probability", "at most the probability itself"),
        (",0.4", "residual_probability", "Give the probability first"),
    ],
)
def test_impossible_probabilities_are_refused(
    run_import: Import, table: Write, cells: str, column: str, says: str
) -> None:
    risks = f"program,title,probability,residual_probability\nNA4,Late,{cells}\n"
    result = run_import(table("programs.csv", PROGRAMS), table("risks.csv", risks))
    assert result.of("risks") == {"refused": 1}
    assert f"column {column}" in result.said
    assert says in result.said
    assert not Risk.objects.exists()
