"""Work as people type it."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from milestones.forms import WorkField


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [
        ("10", 4800),
        ("2w", 4800),
        ("4 h", 240),
        ("1.5", 720),
        ("1,5 days", 720),
        ("30 min", 30),
        ("30m", 30),
        ("0", 0),
        ("", None),
    ],
)
def test_days_are_meant_unless_a_unit_says_otherwise(typed: str, minutes: int | None) -> None:
    assert WorkField(required=False).clean(typed) == minutes


@pytest.mark.parametrize("typed", ["-1", "soon", "1e9", "10 x", "1.2.3", "9" * 40])
def test_what_is_no_work_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        WorkField(required=False).clean(typed)


@pytest.mark.parametrize(("typed", "minutes"), [("-2", -960), ("−4h", -240), ("+1w", 2400)])
def test_a_lag_may_be_negative(typed: str, minutes: int) -> None:
    assert WorkField(signed=True).clean(typed) == minutes


@given(st.integers(-1_000_000, 1_000_000))
def test_what_is_shown_means_the_same_when_typed_back(minutes: int) -> None:
    field = WorkField(signed=True)
    assert field.clean(field.prepare_value(minutes)) == minutes
